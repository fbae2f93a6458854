//! From a flavor to the tree and the manifest of its image.

use appc::{AC_VERSION, AcIdentifier, Annotation, Extra, ImageManifest, Label};

use super::fault::Fault;
use super::{Flavor, PlacedLayer};
use crate::image::layer::{Context, Item};
use crate::image::{Content, Entry, Kind, Origin, Tree};

/// What the annotations of a stage1 image begin with.
const ANNOTATION: &str = "coreos.com/rkt/stage1";

impl Flavor {
    /// The tree of the image, with this static executable in it. All faults of all layers are told.
    pub fn tree(&self, stage1: &Content) -> Result<Tree, Vec<Fault>> {
        let mut tree = Tree::default();
        let mut faults = Vec::new();
        for placed in &self.layers {
            match placed.layer.items(&Context { folder: &placed.folder, stage1 }) {
                Ok(items) => items.into_iter().for_each(|item| faults.extend(put(&mut tree, placed, item))),
                Err(error) => faults.push(Fault::new(&placed.place, error.to_string())),
            }
        }
        // An entry point can be missing only because its layer is wrong; then that is the thing to say.
        if faults.is_empty() {
            faults.extend(self.entry_points.iter().filter_map(|(name, path)| {
                let runs = tree.follow(path).is_some_and(|(_, entry)| {
                    matches!(entry.kind, Kind::File(_)) && entry.mode.bits() & 0o111 == 0o111
                });
                (!runs).then(|| {
                    let what =
                        format!("the entry point {name} = \"{path}\" is not an executable file of the image");
                    Fault::new(format!("the flavor {}", self.name), what)
                        .hint("name it in a layer, or correct [entry-points]")
                })
            }));
        }
        if faults.is_empty() { Ok(tree) } else { Err(faults) }
    }

    /// The manifest of the image: labels and annotations in the order of the original.
    pub fn manifest(&self, version: &str, arch: &str) -> Result<ImageManifest, Fault> {
        let identifier = |text: &str| {
            AcIdentifier::new(text)
                .map_err(|error| Fault::new(format!("the flavor {}", self.name), error.to_string()))
        };
        let labels = [("version", version), ("arch", arch), ("os", "linux")]
            .into_iter()
            .map(|(name, value)| Ok(Label::new(identifier(name)?, value)))
            .collect::<Result<_, Fault>>()?;
        let mut annotations = Vec::new();
        for (name, path) in &self.entry_points {
            annotations
                .push(Annotation::new(identifier(&format!("{ANNOTATION}/{name}"))?, path.to_string_lossy()));
        }
        let version = self.interface_version.to_string();
        annotations.push(Annotation::new(identifier(&format!("{ANNOTATION}/interface-version"))?, version));
        Ok(ImageManifest {
            ac_version: AC_VERSION,
            name: self.image_name.clone(),
            labels,
            app: None,
            annotations,
            dependencies: Vec::new(),
            path_whitelist: Vec::new(),
            extra: Extra::new(),
        })
    }
}

fn put(tree: &mut Tree, placed: &PlacedLayer, item: Item) -> Option<Fault> {
    let replace = placed.layer.replaces().contains(&item.path);
    let origin = Origin {
        flavor: placed.flavor.clone(),
        layer: placed.number,
        kind: placed.layer.kind(),
        input: item.input,
    };
    let entry = Entry { kind: item.kind, mode: item.mode, origin };
    let error = tree.insert(item.path, entry, replace).err()?;
    Some(
        Fault::new(&placed.place, error.to_string())
            .hint("a layer that replaces what an earlier one brings says so with replaces = [\"/path\"]"),
    )
}
