//! Gzip in parallel, with the same bytes for any number of threads.
//!
//! The stream is cut into blocks of a fixed size, each of which becomes a gzip member of its own. Readers of the format
//! take members one after the other, the original's among them.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::mem;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Uncompressed bytes of one member. Part of the file format: changing it changes the bytes of every image.
const MEMBER: usize = 1 << 20;
/// No name, no time, no system: the bytes that the original's images begin with.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

type Packed = io::Result<Vec<u8>>;

/// A block to be compressed and where the result goes.
struct Job {
    block: Vec<u8>,
    result: SyncSender<Packed>,
}

/// Compresses what is written to it. Holds at most a few blocks for each thread.
pub(super) struct GzipWriter<W> {
    out: W,
    block: Vec<u8>,
    /// Compressed bytes that have gone out.
    written: u64,
    members: u64,
    engine: Engine,
}

enum Engine {
    Inline(Box<Packer>),
    Threads(Pool),
}

struct Pool {
    /// None once the last block has been handed out.
    jobs: Option<SyncSender<Job>>,
    /// Results in the order of the blocks.
    waiting: VecDeque<Receiver<Packed>>,
    limit: usize,
    workers: Vec<JoinHandle<()>>,
}

impl<W: Write> GzipWriter<W> {
    /// `level` is 0 to 9; one thread or none means the caller's.
    pub(super) fn new(out: W, level: u32, threads: usize) -> Self {
        let engine = if threads <= 1 {
            Engine::Inline(Box::new(Packer::new(level)))
        } else {
            Engine::Threads(Pool::new(level, threads))
        };
        Self { out, block: Vec::with_capacity(MEMBER), written: 0, members: 0, engine }
    }

    /// Compresses what is left; the output and the number of its bytes.
    pub(super) fn finish(mut self) -> io::Result<(W, u64)> {
        // a file needs at least one member; but no empty one behind others
        if !self.block.is_empty() || self.members == 0 {
            self.send_block()?;
        }
        if let Engine::Threads(pool) = &mut self.engine {
            pool.jobs = None;
            while let Some(result) = pool.waiting.pop_front() {
                let packed = receive(&result)?;
                self.written += packed.len() as u64;
                self.out.write_all(&packed)?;
            }
        }
        Ok((self.out, self.written))
    }

    fn send_block(&mut self) -> io::Result<()> {
        self.members += 1;
        let packed = match &mut self.engine {
            Engine::Inline(packer) => {
                let member = packer.pack(&self.block);
                self.block.clear();
                member?
            }
            Engine::Threads(pool) => {
                let block = mem::replace(&mut self.block, Vec::with_capacity(MEMBER));
                match pool.send(block)? {
                    Some(packed) => packed,
                    None => return Ok(()),
                }
            }
        };
        self.written += packed.len() as u64;
        self.out.write_all(&packed)
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(MEMBER - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == MEMBER {
            self.send_block()?;
        }
        Ok(taken)
    }

    /// Does not cut a block short: that would change the bytes.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn receive(result: &Receiver<Packed>) -> Packed {
    result.recv().unwrap_or_else(|_| Err(io::Error::other("a compressing thread ended early")))
}

impl Pool {
    fn new(level: u32, threads: usize) -> Self {
        let (sender, receiver) = sync_channel::<Job>(threads);
        let receiver = Arc::new(Mutex::new(receiver));
        let work = move |receiver: &Mutex<Receiver<Job>>| {
            let mut packer = Packer::new(level);
            loop {
                // the lock is held while waiting: it is another waiting thread at most that is kept out
                let job = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(Job { block, result }) = job else { return };
                // nobody waits if the writer was dropped; then the next receive ends this thread
                let _ = result.send(packer.pack(&block));
            }
        };
        let workers = (0..threads)
            .filter_map(|_| {
                let receiver = Arc::clone(&receiver);
                std::thread::Builder::new().name("gzip".to_owned()).spawn(move || work(&receiver)).ok()
            })
            .collect();
        Self { jobs: Some(sender), waiting: VecDeque::new(), limit: 2 * threads, workers }
    }

    /// Hands a block out; when enough are under way, returns the oldest result.
    fn send(&mut self, block: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        let gone = || io::Error::other("no compressing thread could be started");
        if self.workers.is_empty() {
            return Err(gone());
        }
        let oldest = if self.waiting.len() >= self.limit { self.waiting.pop_front() } else { None };
        let packed = oldest.map(|result| receive(&result)).transpose()?;
        let (result, receiver) = sync_channel(1);
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(Job { block, result }).map_err(|_| gone())?;
        self.waiting.push_back(receiver);
        Ok(packed)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs = None;
        self.waiting.clear();
        for worker in self.workers.drain(..) {
            // a thread that panicked has already failed the write that waited for it
            let _ = worker.join();
        }
    }
}

/// Makes members.
struct Packer {
    deflate: Compress,
}

impl Packer {
    fn new(level: u32) -> Self {
        Self { deflate: Compress::new(Compression::new(level.min(9)), false) }
    }

    fn pack(&mut self, block: &[u8]) -> Packed {
        // deflate adds at most 5 bytes for 16 KiB of what it cannot compress
        let mut out = Vec::with_capacity(block.len() + block.len() / 1024 + 128);
        out.extend_from_slice(&HEADER);
        self.deflate.reset();
        loop {
            let done = usize::try_from(self.deflate.total_in()).map_err(io::Error::other)?;
            let rest = block.get(done..).unwrap_or_default();
            match self.deflate.compress_vec(rest, &mut out, FlushCompress::Finish)? {
                Status::StreamEnd => break,
                Status::Ok | Status::BufError => out.reserve(64 << 10),
            }
        }
        let mut crc = Crc::new();
        crc.update(block);
        out.extend_from_slice(&crc.sum().to_le_bytes());
        out.extend_from_slice(&crc.amount().to_le_bytes());
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::MultiGzDecoder;

    use super::*;

    /// Bytes that compress to about half.
    fn noise(size: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8 & 0x0f
        };
        std::iter::repeat_with(next).take(size).collect()
    }

    fn packed(data: &[u8], threads: usize, piece: usize) -> Vec<u8> {
        let mut writer = GzipWriter::new(Vec::new(), 6, threads);
        for part in data.chunks(piece) {
            writer.write_all(part).unwrap();
        }
        let (out, written) = writer.finish().unwrap();
        assert_eq!(out.len() as u64, written);
        out
    }

    #[test]
    fn bytes_do_not_depend_on_threads_or_on_how_they_are_written() {
        for size in [0, 1, MEMBER - 1, MEMBER, MEMBER + 1, 3 * MEMBER] {
            let data = noise(size);
            let want = packed(&data, 1, 4096);
            for (threads, piece) in [(0, 1 << 24), (1, 77_777), (2, 4096), (3, 1 << 24), (16, 1 << 20)] {
                assert_eq!(packed(&data, threads, piece), want, "{size} bytes, {threads} threads");
            }
            let mut back = Vec::new();
            MultiGzDecoder::new(want.as_slice()).read_to_end(&mut back).unwrap();
            assert!(back == data, "{size} bytes");
            assert_eq!(want[..10], HEADER);
        }
    }

    #[test]
    fn a_failing_output_is_reported_and_ends_the_threads() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut writer = GzipWriter::new(Full, 1, 4);
        let result = writer.write_all(&noise(20 * MEMBER));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
