//! The defaults compiled into `rkt`: which stage1 image it runs pods with, and where it looks for it.
//!
//! `build.rs` takes them from the environment that `rkt-build` sets. Trust follows the compiled images
//! directory, so the same values can be read from the executable without running it: they are the JSON
//! text of an ELF note in the section `.note.rkt` (name `rkt`, type 1).

/// Name of the default stage1 image (an AC identifier).
pub const STAGE1_NAME: &str = env!("RKT_DEFAULT_STAGE1_NAME");
/// Version label of the default stage1 image.
pub const STAGE1_VERSION: &str = env!("RKT_DEFAULT_STAGE1_VERSION");
/// Where the default stage1 image is when the store has none: an absolute path, a URL, or empty.
pub const STAGE1_LOCATION: &str = env!("RKT_DEFAULT_STAGE1_LOCATION");
/// File name that is looked for in the directory of the `rkt` executable; may be empty.
pub const STAGE1_FILE: &str = env!("RKT_DEFAULT_STAGE1_FILE");
/// The stage1 images directory, an absolute path. Images in it are trusted without a signature.
pub const STAGE1_IMAGES_DIR: &str = env!("RKT_DEFAULT_STAGE1_IMAGES_DIR");
/// What was switched on or off at compile time, such as `-TPM +SDJOURNAL`.
pub const FEATURES: &str = env!("RKT_FEATURES");

/// All of the above as one JSON object, the text of the ELF note.
pub const NOTE: &str = env!("RKT_DEFAULTS_NOTE");

mod note {
    #![expect(
        unsafe_code,
        reason = "a section name can only be given with an unsafe attribute; the linker \
              gathers this section and nothing of ours reads it"
    )]

    use super::NOTE;

    const SIZE: usize = NOTE.len().next_multiple_of(4);

    /// An ELF note: three words, then the name and the description, each padded to four bytes.
    #[repr(C, align(4))]
    struct Note {
        name_size: u32,
        text_size: u32,
        kind: u32,
        name: [u8; 4],
        text: [u8; SIZE],
    }

    const fn padded(text: &str) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        let mut at = 0;
        while at < text.len() {
            bytes[at] = text.as_bytes()[at];
            at += 1;
        }
        bytes
    }

    #[expect(clippy::cast_possible_truncation, reason = "a few hundred bytes")]
    #[used]
    #[unsafe(link_section = ".note.rkt")]
    static RKT: Note =
        Note { name_size: 4, text_size: NOTE.len() as u32, kind: 1, name: *b"rkt\0", text: padded(NOTE) };
}
