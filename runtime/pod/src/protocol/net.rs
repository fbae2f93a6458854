//! Which networks a pod is in: the value of `--net`.

use std::fmt;

/// One network of a pod, with arguments for its plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Net {
    /// Name of the network; `all` and `host` have a meaning of their own.
    pub name: String,
    /// `KEY=VALUE;KEY=VALUE`, or nothing.
    pub args: String,
}

/// The networks of a pod in the order given: `name[:args],…`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetList(Vec<Net>);

/// A list of networks that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNet {
    /// A name is missing.
    #[error("a network without a name in \"{0}\"")]
    Empty(String),
    /// A network is named twice.
    #[error("found duplicate netname \"{0}\"")]
    Duplicate(String),
    /// `all` and `host` take no arguments.
    #[error("network \"{0}\" does not take arguments")]
    Arguments(String),
}

impl NetList {
    /// What is meant when the user says nothing: the network `default`.
    pub fn default_net() -> NetList {
        NetList(vec![Net { name: "default".to_owned(), args: String::new() }])
    }

    /// Only the host's network.
    pub fn host() -> NetList {
        NetList(vec![Net { name: "host".to_owned(), args: String::new() }])
    }

    /// Reads one value of `--net`; an empty one is an empty list.
    ///
    /// # Errors
    /// [`InvalidNet`].
    pub fn parse(text: &str) -> Result<NetList, InvalidNet> {
        let mut list = NetList::default();
        list.add(text)?;
        Ok(list)
    }

    /// Adds the networks of a further value of `--net`.
    ///
    /// # Errors
    /// [`InvalidNet`]; the list then holds what came before the wrong item.
    pub fn add(&mut self, text: &str) -> Result<(), InvalidNet> {
        if text.is_empty() {
            return Ok(());
        }
        for item in text.split(',') {
            let (name, args) = item.split_once(':').unwrap_or((item, ""));
            if name.is_empty() {
                return Err(InvalidNet::Empty(text.to_owned()));
            }
            if self.contains(name) {
                return Err(InvalidNet::Duplicate(name.to_owned()));
            }
            if matches!(name, "all" | "host") && item.contains(':') {
                return Err(InvalidNet::Arguments(name.to_owned()));
            }
            self.0.push(Net { name: name.to_owned(), args: args.to_owned() });
        }
        Ok(())
    }

    /// The networks in the order given.
    pub fn nets(&self) -> &[Net] {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a network of this name is in the list.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|net| net.name == name)
    }

    /// Whether the pod gets a network namespace of its own.
    pub fn is_contained(&self) -> bool {
        !self.is_empty() && !self.contains("host")
    }

    /// Whether the pod has its own namespace with nothing but the loopback device.
    pub fn is_none(&self) -> bool {
        self.contains("none")
    }
}

impl fmt::Display for NetList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, net) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            f.write_str(&net.name)?;
            if !net.args.is_empty() {
                write!(f, ":{}", net.args)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidNet, NetList};

    #[test]
    fn lists_survive_text_and_keep_their_order() {
        for text in ["", "host", "default", "b,a", "net:IP=1.2.3.4;X=y,default", "n:a:b"] {
            assert_eq!(NetList::parse(text).expect(text).to_string(), text);
        }
        let mut list = NetList::parse("a").expect("one");
        list.add("b:x=y").expect("two");
        assert_eq!(list.to_string(), "a,b:x=y");
        assert!(list.is_contained() && !list.is_none());
        assert!(!NetList::host().is_contained() && !NetList::default().is_contained());
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(NetList::parse("a,b,a:x"), Err(InvalidNet::Duplicate("a".into())));
        assert_eq!(NetList::parse("host:x"), Err(InvalidNet::Arguments("host".into())));
        assert_eq!(NetList::parse("all:"), Err(InvalidNet::Arguments("all".into())));
        assert_eq!(NetList::parse("a,,b"), Err(InvalidNet::Empty("a,,b".into())));
        assert_eq!(NetList::parse(":x"), Err(InvalidNet::Empty(":x".into())));
    }
}
