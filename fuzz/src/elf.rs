//! Programs, libraries and scripts, and the configuration of their loaders.

use std::io::ErrorKind;
use std::path::{Component, Path};

use elf::memory::MemoryRoot;
use elf::{
    Closure, ClosureError, Content, Entry, Nss, Object, Priority, Request, Root, Search, closure, limits,
};

/// A program that needs `liba.so`, which is only where the configuration says it is.
const PROGRAM: &[u8] = include_bytes!("../corpus/elf/program");

/// The bytes are read as one file, and searched as all files of a tree; whatever is found is there, and found again.
pub fn run(data: &[u8]) {
    let mut root = MemoryRoot::new();
    root.file("/bin/fixed", PROGRAM).file("/bin/program", data);
    root.file("/etc/ld.so.conf", data).file("/etc/ld-musl-x86_64.path", data).file("/etc/sub/a.conf", data);
    root.file("/conf/liba.so", data).link("/lib64/liba.so", "../conf/liba.so");
    root.link("/usr/lib", "/lib64")
        .link("/usr/lib64", "lib64")
        .link("/lib64/ld-linux-x86-64.so.2", "liba.so");
    let mut bytes = data;
    match Content::read(&mut bytes) {
        Ok(Content::Elf(object)) => {
            check(&object);
            for name in object.needed.iter().take(4) {
                add(&mut root, &Path::new("/lib64").join(name), data);
            }
            object.interpreter.iter().for_each(|path| add(&mut root, path, data));
        }
        Ok(Content::Script(script)) => add(&mut root, &script.interpreter, PROGRAM),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let search = Search { extra: vec!["/extra".into()], follow: Priority::Suggested, nss: Nss::All };
    for path in ["/bin/program", "/bin/fixed", "/lib64/liba.so"] {
        let ask = || closure(&root, &[Request::file(path, "fuzzing")], &search);
        match ask() {
            Ok(found) => {
                resolve(&root, &found);
                let again = ask().expect("found before");
                assert_eq!(again.files(), found.files());
                assert_eq!(again.links(), found.links());
            }
            Err(error) => {
                if let ClosureError::Missing(misses) = &error {
                    assert!(!misses.is_empty());
                }
                assert!(!error.to_string().is_empty());
            }
        }
    }
}

fn add(root: &mut MemoryRoot, path: &Path, data: &[u8]) {
    let clean = |part| matches!(part, Component::RootDir | Component::Normal(_));
    let free = path.ancestors().all(|above| {
        path.is_absolute()
            && path.components().all(clean)
            && matches!(root.look(above), Ok(None | Some(Entry::Directory)))
    });
    // What is a directory stays one.
    if free && matches!(root.look(path), Ok(None)) {
        root.file(path, data);
    }
}

fn check(object: &Object) {
    let texts = [&object.soname, &object.rpath, &object.runpath];
    for text in object.needed.iter().chain(texts.into_iter().flatten()) {
        let bytes = text.as_encoded_bytes();
        assert!(bytes.len() <= limits::MAX_STRING && !bytes.contains(&0));
    }
    assert!(object.needed.len() <= limits::MAX_NEEDED);
    assert!(object.dlopen.len() <= limits::MAX_DLOPEN);
    assert!(object.dlopen.iter().all(|one| (1..=limits::MAX_ALTERNATIVES).contains(&one.soname.len())));
    assert!(object.machine.fits(object.machine));
}

/// Files are files, and links say what the closure says.
fn resolve(root: &MemoryRoot, found: &Closure) {
    for file in found.files() {
        assert_eq!(root.look(file).expect("a clean path"), Some(Entry::File));
        let mut byte = [0];
        let read = root.open(file).and_then(|mut file| file.read_at(&mut byte, 0));
        assert!(!matches!(read.map_err(|error| error.kind()), Err(ErrorKind::NotFound)));
    }
    for link in found.links() {
        assert_eq!(root.look(&link.path).expect("a clean path"), Some(Entry::Link(link.target.clone())));
    }
    assert!(found.objects.is_sorted_by(|one, two| one.path < two.path));
}
