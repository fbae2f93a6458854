//! Rebuilding the index from the images that are there.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use appc::{ImageId, ImageManifest};

use super::error::StoreError;
use super::index::{self, ImageRow, Index, Opened};
use super::layout::Layout;
use super::{nanos_of, tree};

/// Makes the index from the images that are stored, in the place of a missing or damaged one, unless another rkt has
/// done so already. Standard error says what this means.
///
/// `seen`: device and inode of the file that was found damaged.
pub(super) fn rebuild(
    layout: &Layout,
    seen: (u64, u64),
    damage: Option<&rusqlite::Error>,
) -> Result<Index, StoreError> {
    let db_dir = layout.db();
    let _lock = index::lock_dir(&db_dir)?;
    let mut aside = None;
    match Index::open(&db_dir)? {
        Opened::Ready(index) if damage.is_none() || index.place() != seen => return Ok(index),
        Opened::Missing => {}
        Opened::Ready(_) | Opened::Damaged(_) => {
            let stamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            aside = Some(index::move_aside(&db_dir, stamp)?);
        }
    }
    let (rows, passed_over) = collect(layout);
    let index = Index::create(&db_dir, &rows)?;
    if let Some(aside) = aside {
        let why = damage.map(|error| format!(" ({error})")).unwrap_or_default();
        eprintln!("image: the image index was damaged{why}: rebuilt it from {} stored images", rows.len());
        eprintln!("image: the damaged one is kept as {}", aside.display());
    } else if layout.db().join("ql.db").exists() {
        eprintln!(
            "image: took over {} images of the original rkt in {}",
            rows.len(),
            layout.data().display()
        );
        eprintln!(
            "image: what only its database ql.db knew is lost: import times, which images were fetched as the latest \
             version, and how long remote images may be cached"
        );
    } else if !rows.is_empty() {
        eprintln!("image: there was no image index: rebuilt it from {} stored images", rows.len());
    }
    if passed_over > 0 {
        eprintln!(
            "image: {passed_over} images without archive or with an unreadable manifest were passed over"
        );
    }
    Ok(index)
}

/// The images that are there, and how many were passed over because a part is missing.
fn collect(layout: &Layout) -> (Vec<ImageRow>, u32) {
    let mut rows = Vec::new();
    let mut passed_over = 0;
    for dir in read_names(&layout.manifests()) {
        for name in read_names(&layout.manifests().join(dir)) {
            let Ok(id) = name.parse::<ImageId>() else { continue };
            match row_of(layout, &id) {
                Some(row) => rows.push(row),
                None => passed_over += 1,
            }
        }
    }
    (rows, passed_over)
}

fn row_of(layout: &Layout, id: &ImageId) -> Option<ImageRow> {
    let blob = fs::metadata(layout.blob(id)).ok()?;
    let manifest: ImageManifest = serde_json::from_slice(&fs::read(layout.manifest(id)).ok()?).ok()?;
    Some(ImageRow {
        id: *id,
        name: manifest.name.to_string(),
        import_time: blob.modified().map_or(0, nanos_of),
        latest: false,
        size: blob.len(),
        tree_size: tree::stored_size(layout, id),
    })
}

/// Names in a directory that are text; nothing if it cannot be read.
fn read_names(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}
