//! How fast images are written and read: `cargo run --release -p appc --features archive --example throughput [MIB]`.

use std::convert::Infallible;
use std::error::Error;
use std::time::Instant;

use appc::archive::{AciWriter, Entry, EntryKind, Limits, WriteCompression, WriteOptions, read_aci};

const MANIFEST: &str = r#"{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/a"}"#;
/// Files of this size, about what libraries have.
const FILE: usize = 256 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let mib: u64 = std::env::args().nth(1).map_or(Ok(256), |text| text.parse())?;
    let files = mib * 4;
    let content = content();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for (name, compression) in
        [("plain", WriteCompression::None), ("gzip", WriteCompression::Gzip { level: 6 })]
    {
        let start = Instant::now();
        let mut writer = AciWriter::new(Vec::new(), WriteOptions { compression, threads });
        writer.manifest(MANIFEST.as_bytes(), 0)?;
        for number in 0..files {
            let entry = Entry::new(
                format!("rootfs/{number:08}"),
                EntryKind::File { size: content.len() as u64 },
                0o644,
                0,
            );
            writer.entry(&entry, &mut content.as_slice())?;
        }
        let (bytes, written) = writer.finish()?;
        let wrote = start.elapsed().as_secs_f64();
        let start = Instant::now();
        read_aci(bytes.as_slice(), &Limits::default(), None, |_, _| Ok::<(), Infallible>(()))?;
        let read = start.elapsed().as_secs_f64();
        let size = f64::from(u32::try_from(mib)?);
        let (out, rate) = (written.file_size >> 20, (size / wrote, size / read));
        println!("{name}: {mib} MiB into {out} MiB; written {:.0} MiB/s, read {:.0} MiB/s", rate.0, rate.1);
    }
    Ok(())
}

/// Bytes that compress to three quarters, about as programs do.
fn content() -> Vec<u8> {
    let mut state = 0_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0] & 0x3f
    };
    std::iter::repeat_with(next).take(FILE).collect()
}
