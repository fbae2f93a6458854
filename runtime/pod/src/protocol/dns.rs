//! Who writes an app's `/etc/resolv.conf` and `/etc/hosts`.

use super::words::words;
use std::fmt;
use std::str::FromStr;

words! {
    /// Where `/etc/resolv.conf` comes from.
    ResolvMode {
        /// From the host.
        Host = "host",
        /// From what stage0 wrote.
        Stage0 = "stage0",
        /// It is left alone.
        None = "none",
        /// As the flavor thinks best.
        #[default]
        Default = "default",
    }
}

words! {
    /// Where `/etc/hosts` comes from.
    HostsMode {
        /// From the host.
        Host = "host",
        /// From what stage0 wrote.
        Stage0 = "stage0",
        /// As the flavor thinks best.
        #[default]
        Default = "default",
    }
}

/// Both modes, as `resolv=R,hosts=H`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DnsConfMode {
    /// Where `/etc/resolv.conf` comes from.
    pub resolv: ResolvMode,
    /// Where `/etc/hosts` comes from.
    pub hosts: HostsMode,
}

impl DnsConfMode {
    /// Whether nothing is asked for.
    pub fn is_default(self) -> bool {
        self == DnsConfMode::default()
    }
}

impl fmt::Display for DnsConfMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "resolv={},hosts={}", self.resolv, self.hosts)
    }
}

impl FromStr for DnsConfMode {
    type Err = String;

    fn from_str(text: &str) -> Result<DnsConfMode, String> {
        let mut mode = DnsConfMode::default();
        for pair in text.split(',').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("resolv", value)) => {
                    mode.resolv = ResolvMode::parse(value)
                        .ok_or_else(|| format!("\"{value}\" for resolv: host, stage0, none or default"))?;
                }
                Some(("hosts", value)) => {
                    mode.hosts = HostsMode::parse(value)
                        .ok_or_else(|| format!("\"{value}\" for hosts: host, stage0 or default"))?;
                }
                _ => return Err(format!("\"{pair}\": expected resolv=MODE or hosts=MODE")),
            }
        }
        Ok(mode)
    }
}
