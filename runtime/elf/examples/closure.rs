//! How long the closure of what a pod needs of the host takes, beside `ldd` on the same files:
//! `cargo run --release -p rkt-elf --example closure [FILE]…`.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rkt_elf::host::HostRoot;
use rkt_elf::{Nss, Request, Search};

const FILES: &[&str] = &[
    "/usr/lib/systemd/systemd",
    "/usr/lib/systemd/systemd-journald",
    "/usr/bin/systemctl",
    "/usr/bin/systemd-sysusers",
    "/usr/lib/systemd/systemd-shutdown",
];
const ROUNDS: u32 = 21;

fn main() -> Result<(), Box<dyn Error>> {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        // Before /usr and / were merged the same was in /lib and /bin.
        for file in FILES {
            let file = if Path::new(file).exists() { file } else { file.trim_start_matches("/usr") };
            files.push(file.to_owned());
        }
    }
    let requests: Vec<Request> = files.iter().map(|file| Request::file(file, "the measurement")).collect();
    for (name, nss) in [("plain", Nss::None), ("with name service", Nss::All)] {
        let search = Search { nss, ..Search::default() };
        let run = || rkt_elf::closure(&HostRoot::host()?, &requests, &search).map_err(Box::<dyn Error>::from);
        let found = run()?;
        let (files, links) = (found.files().len(), found.links().len());
        let time = median(|| run().map(drop))?;
        println!("{name}: {files} files, {links} links in {:.2} ms", time.as_secs_f64() * 1e3);
    }
    let ldd = || -> Result<(), Box<dyn Error>> {
        for file in &files {
            let out = Command::new("ldd").arg(file).output()?;
            if !out.status.success() {
                return Err(format!("ldd {file}: {}", out.status).into());
            }
        }
        Ok(())
    };
    println!("ldd: {:.2} ms", median(ldd)?.as_secs_f64() * 1e3);
    Ok(())
}

/// The median time, since a machine is busy with other things now and then.
fn median(run: impl Fn() -> Result<(), Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
