//! The command line: one word a line; and the rules of configure for what it says.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use rkt_build::{cli, configure};

/// Any words are understood or refused, and any options are configured or refused, with something said about it.
pub fn run(data: &[u8]) {
    let words = data.split(|byte| *byte == b'\n').map(|word| OsString::from_vec(word.to_vec()));
    // The rules are asked even where the words were wrong: both are told together.
    let (invocation, _) = cli::parse(data.first() == Some(&b'-'), words);
    let flavor = |name: &str| configure::facts::FlavorFacts {
        name: name.to_owned(),
        image: format!("coreos.com/rkt/stage1-{name}"),
        arches: Vec::new(),
        works: true,
    };
    let facts = configure::HostFacts {
        current_dir: "/src".into(),
        machine: "x86_64-unknown-linux-gnu".to_owned(),
        flavors: ["coreos", "kvm", "src", "host", "fly"].map(flavor).into(),
        programs: ["cargo", "rustc", "cc"].map(|name| (name.to_owned(), Some(name.into()))).into(),
        rust: Some(configure::facts::RustFacts {
            version: "1.95.0".to_owned(),
            targets: vec!["x86_64-unknown-linux-gnu".to_owned()],
        }),
        ..configure::HostFacts::default()
    };
    match configure::check(&invocation.options, &facts).config {
        Ok(config) => {
            assert!(config.directories.entries().iter().all(|(_, path)| path.is_absolute()));
            assert!(!configure::summary::render(&config).is_empty());
        }
        Err(errors) => assert!(!errors.is_empty()),
    }
}
