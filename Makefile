# Forwards to rkt-build. V, BUILDDIR and DESTDIR reach it through the environment, `-j` through make's job server.
# GO_TEST_FUNC_ARGS='-run NAME' chooses functional tests.

srcdir := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))
tool = '$(srcdir)/scripts/tool' rkt-build

export BUILDDIR DESTDIR V

all:
	+@$(tool) build --srcdir='$(srcdir)'

install uninstall clean:
	+@$(tool) $@

distclean:
	+@$(tool) clean --all

check:
	+@'$(srcdir)/tests/run'

functional-check:
	+@$(tool) check --functional-only -- $(GO_TEST_FUNC_ARGS)

.PHONY: all install uninstall check functional-check clean distclean
.NOTPARALLEL:
