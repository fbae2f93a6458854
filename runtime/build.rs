//! Fixes the defaults of `rkt` at compile time.
//!
//! `rkt-build` hands them over in the environment; a plain `cargo build` gets the defaults of `./configure`
//! with the fly flavor. They become `env!` values of the crate, and one JSON text for the ELF note.

use std::env;
use std::process::exit;

/// Environment variable, its key in the note, and its value when the variable is not set.
const DEFAULTS: [(&str, &str, &str); 6] = [
    ("RKT_DEFAULT_STAGE1_NAME", "stage1-name", "coreos.com/rkt/stage1-fly"),
    ("RKT_DEFAULT_STAGE1_VERSION", "stage1-version", env!("CARGO_PKG_VERSION")),
    ("RKT_DEFAULT_STAGE1_LOCATION", "stage1-location", ""),
    ("RKT_DEFAULT_STAGE1_FILE", "stage1-file", "stage1-fly.aci"),
    ("RKT_DEFAULT_STAGE1_IMAGES_DIR", "stage1-images-dir", "/usr/local/lib/rkt/stage1-images"),
    ("RKT_FEATURES", "features", "-TPM -SDJOURNAL"),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let mut note = format!("{{\"version\":{}", quoted(env!("CARGO_PKG_VERSION")));
    for (variable, key, default) in DEFAULTS {
        println!("cargo::rerun-if-env-changed={variable}");
        let value = match env::var(variable) {
            Ok(value) => value,
            Err(env::VarError::NotPresent) => default.to_owned(),
            Err(env::VarError::NotUnicode(_)) => fail(variable, "is not UTF-8"),
        };
        if value.chars().any(char::is_control) {
            fail(variable, "holds a control character");
        }
        println!("cargo::rustc-env={variable}={value}");
        note += &[",", &quoted(key), ":", &quoted(&value)].concat();
    }
    note.push('}');
    println!("cargo::rustc-env=RKT_DEFAULTS_NOTE={note}");
}

/// A JSON string. Control characters have been refused, so two escapes are enough.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

fn fail(variable: &str, why: &str) -> ! {
    eprintln!("the environment variable {variable} {why}: correct or unset it");
    exit(1)
}
