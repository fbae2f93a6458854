//! Capabilities of this process.

use rustix::thread::CapabilitySet;
use std::io;

/// The capabilities that this kernel has and this process does not (its effective set), by their names:
/// `CAP_SYS_RESOURCE`. Those that are younger than the names that we know are left out.
///
/// # Errors
/// When the kernel does not tell.
pub fn missing() -> io::Result<Vec<String>> {
    let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap")?;
    let last = last.trim().parse().ok().filter(|last| *last < u64::BITS);
    let last =
        last.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "cap_last_cap is no capability"))?;
    let effective = rustix::thread::capabilities(None)?.effective;
    Ok(names(missing_of(effective, last)))
}

fn missing_of(effective: CapabilitySet, last: u32) -> CapabilitySet {
    let of_kernel = CapabilitySet::from_bits_truncate(u64::MAX >> (u64::BITS - 1 - last));
    of_kernel.difference(effective)
}

fn names(set: CapabilitySet) -> Vec<String> {
    set.iter_names().map(|(name, _)| format!("CAP_{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{missing, missing_of, names};
    use rustix::thread::CapabilitySet;

    #[test]
    fn what_the_kernel_has_and_the_process_has_not() {
        let all = CapabilitySet::all();
        let some = all.difference(CapabilitySet::SYS_RESOURCE);
        assert_eq!(names(missing_of(some, 40)), ["CAP_SYS_RESOURCE"]);
        assert_eq!(names(missing_of(all, 40)), [""; 0]);
        // A kernel without CAP_BPF and its like.
        assert!(!names(missing_of(CapabilitySet::empty(), 37)).contains(&"CAP_BPF".to_owned()));
        assert_eq!(names(missing_of(CapabilitySet::empty(), 0)), ["CAP_CHOWN"]);
        assert_eq!(missing_of(CapabilitySet::empty(), 63), CapabilitySet::all());
    }

    #[test]
    fn the_mask_of_this_process_agrees() {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
        let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
        let count = mask.count_ones() as usize + missing().unwrap().len();
        let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap();
        assert_eq!(count, last.trim().parse::<usize>().unwrap() + 1);
    }
}
