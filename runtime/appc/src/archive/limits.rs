//! How much an archive may ask of its reader.

/// Limits of a reader. The defaults let every image in use pass; each can be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Entries.
    pub entries: u64,
    /// Bytes of the uncompressed archive.
    pub bytes: u64,
    /// Bytes of one path or link target.
    pub path: usize,
    /// Components of one path.
    pub depth: usize,
    /// Bytes of all names together: they are kept in memory.
    pub names: u64,
    /// Bytes of the manifest.
    pub manifest: u64,
    /// Bytes of one extension header (PAX records, GNU long names).
    pub extension: u64,
    /// Uncompressed bytes that may come of one compressed byte, beyond [`Limits::free_bytes`].
    pub ratio: u64,
    /// Uncompressed bytes that need no justification by [`Limits::ratio`]. Deflate reaches 1032 to 1 on zeros only, so
    /// that an image may hold a gigabyte of sparse disk for nothing, and more where there is other content, while a
    /// bomb ends here.
    pub free_bytes: u64,
    /// Bytes of memory that a decoder may take.
    pub decoder_memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 1_000_000,
            bytes: 64 << 30,
            path: 4095,
            depth: 256,
            names: 256 << 20,
            manifest: 4 << 20,
            extension: 1 << 20,
            ratio: 200,
            free_bytes: 1 << 30,
            decoder_memory: 128 << 20,
        }
    }
}
