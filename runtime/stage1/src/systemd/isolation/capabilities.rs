//! Which capabilities an app keeps.

use super::list;
use crate::failure::Failure;
use appc::IsolatorValue;

/// In the order of their numbers.
const ALL: &str = include_str!("data/capabilities.txt");
const DEFAULT: &str = include_str!("data/default-capabilities.txt");

/// The bounding set of an app: a retain set as it is, else the default less the remove sets.
///
/// # Errors
/// When there are both kinds, or a name that no kernel has: left out, it would be taken away silently.
pub(crate) fn bounding_set(isolators: &[IsolatorValue]) -> Result<Vec<String>, Failure> {
    let mut retained: Option<Vec<String>> = None;
    let mut removed: Vec<&str> = Vec::new();
    for isolator in isolators {
        match isolator {
            IsolatorValue::CapabilitiesRetain(set) => {
                let retained = retained.get_or_insert_default();
                retained
                    .extend(set.iter().filter(|name| !retained.contains(*name)).cloned().collect::<Vec<_>>());
            }
            IsolatorValue::CapabilitiesRemove(set) => removed.extend(set.iter().map(String::as_str)),
            _ => {}
        }
    }
    let unknown: Vec<&str> = retained
        .iter()
        .flatten()
        .map(String::as_str)
        .chain(removed.iter().copied())
        .filter(|name| number(name).is_none())
        .collect();
    if !unknown.is_empty() {
        return Err(Failure::new(format!("there is no capability {}", unknown.join(", ")))
            .hint("names are written as capabilities(7) does: CAP_NET_BIND_SERVICE"));
    }
    match retained {
        Some(_) if !removed.is_empty() => {
            Err(Failure::new("a set of capabilities to retain and one to remove exclude each other"))
        }
        Some(set) => Ok(set),
        None => Ok(list(DEFAULT).filter(|name| !removed.contains(name)).map(str::to_owned).collect()),
    }
}

/// The number of a capability.
pub(crate) fn number(name: &str) -> Option<usize> {
    list(ALL).position(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::{bounding_set, number};
    use appc::IsolatorValue::{CapabilitiesRemove, CapabilitiesRetain};

    fn names(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn sets() {
        assert_eq!(bounding_set(&[]).expect("default").len(), 14);
        let removed = bounding_set(&[CapabilitiesRemove(names("CAP_KILL CAP_BPF"))]).expect("removed");
        assert!(removed.len() == 13 && !removed.contains(&"CAP_KILL".to_owned()));
        let retained =
            bounding_set(&[CapabilitiesRetain(names("CAP_SYS_ADMIN CAP_KILL"))]).expect("retained");
        assert_eq!(retained, ["CAP_SYS_ADMIN", "CAP_KILL"]);
        assert!(bounding_set(&[CapabilitiesRetain(names("CAP_NONE"))]).is_err());
        let both = [CapabilitiesRetain(names("CAP_KILL")), CapabilitiesRemove(names("CAP_BPF"))];
        assert!(bounding_set(&both).is_err());
    }

    #[test]
    fn numbers_are_the_kernel_s() {
        for (name, expected) in [("CAP_CHOWN", 0), ("CAP_SYS_ADMIN", 21), ("CAP_CHECKPOINT_RESTORE", 40)] {
            assert_eq!(number(name), Some(expected), "{name}");
        }
    }
}
