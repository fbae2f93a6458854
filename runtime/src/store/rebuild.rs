//! Rebuilding the index from the images that are there.

use std::fs;
use std::io;
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
    let (rows, passed_over) = collect(layout)?;
    let index = Index::create(&db_dir, &rows)?;
    if let Some(aside) = aside {
        let why = damage.map(|error| format!(" ({error})")).unwrap_or_default();
        eprintln!("image: the image index was damaged{why}: rebuilt it from {} stored images", rows.len());
        eprintln!("image: the damaged one is kept as {}", aside.display());
    } else if layout.original_index().exists() {
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

/// The images that are there, and how many were passed over because a part is missing or makes no sense.
///
/// What cannot be read for another reason is an error: an image that the index does not know is a leftover, which the
/// next cleaning removes.
fn collect(layout: &Layout) -> Result<(Vec<ImageRow>, u32), StoreError> {
    let mut rows = Vec::new();
    let mut passed_over = 0;
    for dir in read_names(&layout.manifests())? {
        for name in read_names(&layout.manifests().join(dir))? {
            let Ok(id) = name.parse::<ImageId>() else { continue };
            match row_of(layout, &id)? {
                Some(row) => rows.push(row),
                None => passed_over += 1,
            }
        }
    }
    Ok((rows, passed_over))
}

fn row_of(layout: &Layout, id: &ImageId) -> Result<Option<ImageRow>, StoreError> {
    let (blob_path, manifest_path) = (layout.blob(id), layout.manifest(id));
    let Some(blob) = present(&blob_path, fs::metadata(&blob_path))? else { return Ok(None) };
    let Some(json) = present(&manifest_path, fs::read(&manifest_path))? else { return Ok(None) };
    let Ok(manifest) = ImageManifest::parse(&json) else { return Ok(None) };
    Ok(Some(ImageRow {
        id: *id,
        name: manifest.name.to_string(),
        import_time: blob.modified().map_or(0, nanos_of),
        latest: false,
        size: blob.len(),
        tree_size: tree::stored_size(layout, id),
    }))
}

/// Names in a directory that are text; none if it is not there or is no directory.
fn read_names(dir: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for entry in present(dir, fs::read_dir(dir))?.into_iter().flatten() {
        let entry = entry.map_err(|source| StoreError::io("cannot read", dir, source))?;
        names.extend(entry.file_name().into_string());
    }
    Ok(names)
}

/// Nothing if the path does not exist.
fn present<T>(path: &Path, result: io::Result<T>) -> Result<Option<T>, StoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(source) => Err(StoreError::io("cannot read", path, source)),
    }
}
