//! The defaults that `rkt` gets when it is compiled, and those that a ready-made `rkt` has.

use std::collections::BTreeMap;
use std::path::Path;

use crate::configure::Config;
use crate::failure::Problem;
use crate::recipe::elf::Executable;

/// Environment variable that `rkt`'s build reads, the same value's key in the ELF note, and what it is.
const DEFAULTS: [(&str, &str, &str); 6] = [
    ("RKT_DEFAULT_STAGE1_NAME", "stage1-name", "default stage1 name"),
    ("RKT_DEFAULT_STAGE1_VERSION", "stage1-version", "default stage1 version"),
    ("RKT_DEFAULT_STAGE1_LOCATION", "stage1-location", "default stage1 location"),
    ("RKT_DEFAULT_STAGE1_FILE", "stage1-file", "file name of the default stage1"),
    ("RKT_DEFAULT_STAGE1_IMAGES_DIR", "stage1-images-dir", "stage1 images directory"),
    ("RKT_FEATURES", "features", "features"),
];

/// The values, by environment variable.
pub fn environment(config: &Config) -> BTreeMap<String, String> {
    let sign = |on| if on { '+' } else { '-' };
    let stage1 = &config.default_stage1;
    let values = [
        stage1.name.clone(),
        stage1.version.clone(),
        stage1.location.clone().unwrap_or_default(),
        stage1.file.clone().unwrap_or_default(),
        stage1.images_directory.display().to_string(),
        format!("{}TPM {}SDJOURNAL", sign(config.features.tpm), sign(config.features.sdjournal)),
    ];
    DEFAULTS.iter().zip(values).map(|((variable, ..), value)| ((*variable).to_owned(), value)).collect()
}

/// Compares the note of a ready-made `rkt` with the configuration; each value that differs is a problem.
pub fn check_note(path: &Path, executable: &Executable, config: &Config) -> Vec<Problem> {
    let place = path.display().to_string();
    let note = executable
        .note
        .as_deref()
        .and_then(|note| serde_json::from_str::<BTreeMap<String, String>>(note).ok());
    let Some(note) = note else {
        return vec![
            Problem::new("this rkt does not tell its defaults (it has no readable .note.rkt)")
                .at(place)
                .hint("build it from the sources of this version, or leave --with-rkt-executable out"),
        ];
    };
    let wanted = environment(config);
    let rows = DEFAULTS.iter().map(|(variable, key, name)| (*key, *name, wanted[*variable].as_str()));
    rows.chain([("version", "version", config.version.as_str())])
        .filter_map(|(key, name, wanted)| {
            let found = note.get(key).map_or("", String::as_str);
            (found != wanted).then(|| {
                Problem::new(format!("this rkt has the {name} '{found}', the configuration says '{wanted}'"))
                    .at(&place)
                    .hint("configure as that rkt was built, or build rkt with this configuration")
            })
        })
        .collect()
}
