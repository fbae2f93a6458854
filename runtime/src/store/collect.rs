//! Removing what nothing uses any more.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use appc::ImageId;

use super::Store;
use super::error::StoreError;
use super::tree::TreeStoreId;

/// What removing several things has done.
#[derive(Debug)]
pub struct Collected<T> {
    /// What is gone.
    pub removed: Vec<T>,
    /// What is gone from the index but left files behind, and what could not be removed.
    pub failed: Vec<StoreError>,
}

impl<T> Default for Collected<T> {
    fn default() -> Self {
        Collected { removed: Vec::new(), failed: Vec::new() }
    }
}

impl Store {
    /// Removes the trees that are not in `used`. The caller holds the exclusive prepare lock, so that no pod begins to
    /// use one meanwhile.
    pub fn collect_trees(&self, used: &BTreeSet<TreeStoreId>) -> Result<Collected<TreeStoreId>, StoreError> {
        let mut collected = Collected::default();
        for id in self.trees().list()? {
            if used.contains(&id) {
                continue;
            }
            match self.trees().remove(&id) {
                Ok(()) => collected.removed.push(id),
                Err(error) => collected.failed.push(error),
            }
        }
        Ok(collected)
    }

    /// Removes the images that were last used longer ago than `grace` and are not in `used`, longest unused first.
    pub fn collect_images(
        &self,
        grace: Duration,
        used: &BTreeSet<ImageId>,
    ) -> Result<Collected<ImageId>, StoreError> {
        let mut images = self.list()?;
        images.sort_by_key(|image| image.last_used);
        let now = SystemTime::now();
        let mut collected = Collected::default();
        for image in images {
            let age = now.duration_since(image.last_used).unwrap_or_default();
            if age < grace || used.contains(&image.id) {
                continue;
            }
            match self.remove(&image.id) {
                Ok(stale) => {
                    collected.failed.extend(stale);
                    collected.removed.push(image.id);
                }
                Err(error) => collected.failed.push(error),
            }
        }
        Ok(collected)
    }
}
