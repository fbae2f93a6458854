//! The pod's network, as far as there is one: the host's, or none.

use crate::failure::Failure;
use crate::{pod_dir, system};
use pod::layout;
use pod::protocol::NetList;
use std::path::Path;

/// The network that is the host's.
const HOST: &str = "host";
/// The network with nothing but a loopback interface.
const NONE: &str = "none";

/// Fails for networks that cannot be made.
pub(super) fn check(net: &NetList) -> Result<(), Failure> {
    if net.is_empty() || net.contains(HOST) {
        return Ok(());
    }
    let others: Vec<&str> =
        net.nets().iter().map(|net| net.name.as_str()).filter(|name| *name != NONE).collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "networks are not part of this version of rkt yet, so there is no network \"{}\"",
        others.join("\", \"")
    ))
    .hint("--net=host shares the host's network, --net=none gives the pod a loopback interface only"))
}

/// Leaves the host's network if the pod must not see it. What is started from here on is in the pod's.
pub(super) fn set_up(dir: &Path, net: &NetList) -> Result<(), Failure> {
    if net.is_empty() || net.contains(HOST) {
        return Ok(());
    }
    system::unshare_network().map_err(|error| {
        Failure::new(format!("cannot make a network namespace with a loopback interface: {error}"))
    })?;
    let path = dir.join(layout::NET_INFO);
    pod_dir::write(&path, b"null\n")
}

#[cfg(test)]
mod tests {
    use super::check;
    use pod::protocol::NetList;

    #[test]
    fn host_and_none_are_there() {
        for (text, there) in [
            ("", true),
            ("host", true),
            ("none", true),
            ("default", false),
            ("none,lan:a=b", false),
            ("host,lan", true),
        ] {
            assert_eq!(check(&NetList::parse(text).expect(text)).is_ok(), there, "{text}");
        }
    }
}
