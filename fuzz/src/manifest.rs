//! Image and pod manifests.

use appc::{ImageManifest, PodManifest};

/// What can be read can be written, and is then read as the same.
pub fn run(data: &[u8]) {
    if let Ok(manifest) = ImageManifest::parse(data) {
        let text = manifest.to_json();
        let again = ImageManifest::parse(text.as_bytes()).expect("what was written is read");
        assert_eq!(again, manifest);
        assert_eq!(again.to_json(), text);
        for isolator in manifest.app.iter().flat_map(|app| &app.isolators) {
            isolator.parsed().expect("a manifest that was read has good isolators");
        }
    }
    if let Ok(manifest) = PodManifest::parse(data) {
        manifest.check().expect("a manifest that was read is good");
        let text = manifest.to_json();
        let again = PodManifest::parse(text.as_bytes()).expect("what was written is read");
        assert_eq!(again, manifest);
        assert_eq!(again.to_json(), text);
    }
}
