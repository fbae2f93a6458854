//! Which flavors there are, and loading one with what it extends.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::fault::{Fault, Source};
use super::file::{self, FlavorFile};
use super::{Flavor, PlacedLayer};
use crate::image::Folder;
use crate::image::folder::Compiled;
use crate::store::digest::Digest;

/// The flavors compiled in: names and files.
const COMPILED: &[(&str, Compiled)] = include!(concat!(env!("OUT_DIR"), "/flavors.rs"));

/// The name of a flavor's file.
const FILE: &str = "flavor.toml";

/// How long a chain of `extends` may be.
const MAX_CHAIN: usize = 8;

/// What there is to say about a flavor before it is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlavorInfo {
    /// Its name.
    pub name: String,
    /// One line about it.
    pub summary: String,
    /// The ACI architectures that it can be built for; empty for all.
    pub arches: Vec<String>,
    /// Its file, or that it is compiled in.
    pub place: String,
}

/// The flavors that can be built: those compiled in and those in `dir`, sorted by name.
pub fn known(dir: Option<&Path>) -> Result<Vec<FlavorInfo>, Vec<Fault>> {
    let mut infos = Vec::new();
    let mut faults = Vec::new();
    for (name, folder) in folders(dir).map_err(|fault| vec![fault])? {
        match read(&name, &folder) {
            Ok((FlavorFile { head, .. }, _)) if head.image.is_some() => infos.push(FlavorInfo {
                place: folder.place(FILE),
                name,
                summary: head.summary,
                arches: head.arches,
            }),
            Ok(_) => {}
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(infos) } else { Err(faults) }
}

/// Loads a flavor with what it extends.
pub fn load(name: &str, dir: Option<&Path>) -> Result<Flavor, Vec<Fault>> {
    let folders = folders(dir).map_err(|fault| vec![fault])?;
    let mut chain: Vec<(String, Folder, FlavorFile, Digest)> = Vec::new();
    let mut next = Some((name.to_owned(), None));
    while let Some((name, named_in)) = next {
        let place = named_in.unwrap_or_else(|| format!("the flavor {name}"));
        let Some(folder) = folders.get(&name) else {
            let names: Vec<_> = folders.keys().map(String::as_str).collect();
            let fault = Fault::new(place, format!("there is no flavor named {name}"));
            return Err(vec![fault.hint(format!("known are {}", names.join(", ")))]);
        };
        if chain.len() >= MAX_CHAIN || chain.iter().any(|(earlier, ..)| *earlier == name) {
            return Err(vec![Fault::new(place, "the flavors extend each other in a circle, or too deep")]);
        }
        let (file, digest) = read(&name, folder)?;
        next = file.head.extends.clone().map(|base| (base, Some(folder.place(FILE))));
        chain.push((name, folder.clone(), file, digest));
    }
    let place = chain[0].1.place(FILE);
    let (summary, arches) = (chain[0].2.head.summary.clone(), chain[0].2.head.arches.clone());
    let (mut image, mut entry_points) = (None, file::EntryPoints::default());
    let (mut layers, mut files) = (Vec::new(), Vec::new());
    for (name, folder, file, digest) in chain.into_iter().rev() {
        files.push((name.clone(), digest));
        image = file.head.image.or(image);
        entry_points = file.head.entry_points.over(entry_points);
        layers.extend(file.layers.into_iter().enumerate().map(|(index, (layer, place))| PlacedLayer {
            layer,
            flavor: name.clone(),
            number: index + 1,
            place,
            folder: folder.clone(),
        }));
    }
    let Some(image) = image else {
        let fault = Fault::new(place, "the flavor has no [image], so it can only be extended by others");
        return Err(vec![fault.hint("choose one of the flavors that extend it")]);
    };
    let entry_points = entry_points.list();
    if !entry_points.iter().any(|(name, _)| *name == "run") {
        let fault = Fault::new(place, "the flavor has no entry point named run");
        return Err(vec![fault.hint("add run = \"/…\" below [entry-points]")]);
    }
    Ok(Flavor {
        name: name.to_owned(),
        summary,
        arches,
        image_name: image.name,
        interface_version: image.interface_version,
        entry_points,
        layers,
        files,
    })
}

/// Checks the text of one flavor file by itself, without what it extends. `place` is what messages call it.
pub fn check(place: &str, text: &str) -> Result<(), Vec<Fault>> {
    file::parse(Source { place, text }).map(|_| ())
}

fn read(name: &str, folder: &Folder) -> Result<(FlavorFile, Digest), Vec<Fault>> {
    let place = folder.place(FILE);
    let text = match folder.text(FILE) {
        Ok(Some(text)) => text,
        Ok(None) => {
            let fault = Fault::new(place, format!("the flavor {name} has no {FILE}"));
            return Err(vec![fault.hint("write it, or take the folder away")]);
        }
        Err(error) => {
            let fault = Fault::new(place, format!("the flavor cannot be read: {}", error.why()));
            return Err(vec![fault.hint("write it as a plain text file")]);
        }
    };
    let file = file::parse(Source { place: &place, text: &text })?;
    Ok((file, Digest::of(text.as_bytes())))
}

/// The folders of all flavors by name; one on disk goes before one compiled in.
fn folders(dir: Option<&Path>) -> Result<BTreeMap<String, Folder>, Fault> {
    let mut folders = BTreeMap::new();
    for (name, files) in COMPILED {
        let folder = Folder::Compiled { name: format!("flavors/{name}"), files };
        folders.insert((*name).to_owned(), folder);
    }
    let Some(dir) = dir else { return Ok(folders) };
    let failed = |error: io::Error| {
        Fault::new(dir.display().to_string(), format!("the folder of flavors cannot be read: {error}"))
            .hint("correct --with-flavors-dir; it names the folder that holds <flavor>/flavor.toml")
    };
    let top = dir.canonicalize().map_err(failed)?;
    for entry in fs::read_dir(&top).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        // A README or a hidden folder beside the flavors is nobody's fault.
        if name.starts_with('.') || !path.is_dir() {
            continue;
        }
        let place = path.display().to_string();
        if !is_name(name) {
            return Err(Fault::new(place, "this is no name for a flavor")
                .hint("use lower-case letters, digits and - . _ , beginning with a letter or digit"));
        }
        // A link to another flavor beside it is fine, one that leads out of the folder is not.
        let real = path.canonicalize().map_err(failed)?;
        if !real.starts_with(&top) {
            return Err(Fault::new(place, "the link leads out of the folder of flavors")
                .hint("copy the flavor into the folder, or name its own folder with --with-flavors-dir"));
        }
        folders.insert(name.to_owned(), Folder::Disk(real));
    }
    Ok(folders)
}

fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flavor_compiled_in_can_be_loaded() {
        let infos = known(None).unwrap();
        assert!(infos.iter().any(|info| info.name == "fly"));
        for info in infos {
            let flavor = load(&info.name, None).unwrap();
            assert_eq!(flavor.file_name(), format!("stage1-{}.aci", info.name));
        }
    }

    #[test]
    fn the_entry_points_of_fly_are_those_of_the_original() {
        let fly = load("fly", None).unwrap();
        assert_eq!(fly.image_name.as_str(), "coreos.com/rkt/stage1-fly");
        assert_eq!(fly.interface_version, 5);
        let names: Vec<_> = fly.entry_points.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["run", "enter", "gc", "stop"]);
    }

    #[test]
    fn names_are_plain() {
        assert!(is_name("fly") && is_name("my-1.0_x"));
        for bad in ["", "Fly", "-x", "..", "a/b", "a b"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
