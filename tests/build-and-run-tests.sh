#!/bin/sh
# Configures, builds and tests one flavor, below builds/, as the script of this name of rkt 1.30 did: root is needed, git, rsync and
# sudo are not.
set -eu

usage() {
    cat <<'USAGE'
usage: tests/build-and-run-tests.sh -f FLAVOR [-cdjuvx] [-s VERSION] [-r REVISION]

  -f FLAVOR    coreos, host, kvm, none, src or fly; none: no image, the default one is from elsewhere
  -s VERSION   version of systemd, with -f src
  -r REVISION  revision of systemd's repository, with -f src
  -j           build only, no tests
  -c           remove what was built, at the end
  -v           show every command
  -d           build although no commit changed anything: always so here, nothing looks at commits
  -x           with -c, clear the machine of leftovers of tests: nothing to do here, tests leave none
  -u           show this
USAGE
}
wrong() {
    echo "build-and-run-tests: $1" >&2
    usage >&2
    exit 2
}

cd "$(dirname "$0")/.."
flavor= version= revision= clean= jobs_only= verbose=
while getopts :f:s:r:cdjuvx letter; do
    case $letter in
    f) flavor=$OPTARG ;;
    s) version=$OPTARG ;;
    r) revision=$OPTARG ;;
    c) clean=yes ;;
    j) jobs_only=yes ;;
    v) verbose=3 ;;
    d | x) ;;
    u) usage && exit 0 ;;
    :) wrong "-$OPTARG needs a value" ;;
    *) wrong "-$OPTARG is not known" ;;
    esac
done
shift $((OPTIND - 1))
[ $# = 0 ] || wrong "unexpected word \"$1\""
case $flavor in
coreos | host | kvm | none | src | fly) ;;
'') wrong "-f is missing" ;;
*) wrong "unknown flavor \"$flavor\"" ;;
esac
[ "$flavor" = src ] || [ -z "$version$revision" ] || wrong "-s and -r go with -f src only"

BUILDDIR=$PWD/builds/build-rkt-$flavor${version:+-$version}
export BUILDDIR
[ -z "$verbose" ] || export V="$verbose"
set -- --enable-tpm=auto --enable-insecure-go
if [ "$flavor" = none ]; then
    set -- "$@" --with-stage1-default-name=example.com/some-stage1-for-rkt --with-stage1-default-version=0.0.1
else
    set -- "$@" --enable-functional-tests --with-stage1-flavors="$flavor" --with-stage1-default-flavor="$flavor"
fi
[ -z "$version" ] || set -- "$@" --with-stage1-systemd-version="$version"
[ -z "$revision" ] || set -- "$@" --with-stage1-systemd-revision="$revision"
./configure "$@"
make -j"$(getconf _NPROCESSORS_ONLN)"
status=0
[ -n "$jobs_only" ] || scripts/tool rkt-build check || status=$?
[ -z "$clean" ] || make distclean
exit "$status"
