//! Text of systemd unit files.

pub(crate) mod dialect;
pub(crate) mod escape;

use std::fmt::Write as _;

/// A section of a unit file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// `[Unit]`
    Unit,
    /// `[Service]`
    Service,
    /// `[Socket]`
    Socket,
}

impl Section {
    fn name(self) -> &'static str {
        match self {
            Section::Unit => "Unit",
            Section::Service => "Service",
            Section::Socket => "Socket",
        }
    }
}

/// A unit file that is being put together. Sections are written in the order in which they are first
/// used, directives in the order in which they are added, as the original writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Unit(Vec<(Section, &'static str, String)>);

impl Unit {
    /// Adds a directive. The value must have no line break; values from outside go through [`escape`].
    pub(crate) fn add(
        &mut self,
        section: Section,
        name: &'static str,
        value: impl Into<String>,
    ) -> &mut Self {
        self.0.push((section, name, value.into()));
        self
    }

    /// Adds a directive to `[Unit]`.
    pub(crate) fn unit(&mut self, name: &'static str, value: impl Into<String>) -> &mut Self {
        self.add(Section::Unit, name, value)
    }

    /// Adds a directive to `[Service]`.
    pub(crate) fn service(&mut self, name: &'static str, value: impl Into<String>) -> &mut Self {
        self.add(Section::Service, name, value)
    }

    /// Adds a directive to `[Socket]`.
    pub(crate) fn socket(&mut self, name: &'static str, value: impl Into<String>) -> &mut Self {
        self.add(Section::Socket, name, value)
    }

    /// Requires another unit and starts after it.
    pub(crate) fn needs(&mut self, other: &str) -> &mut Self {
        self.unit("Requires", other).unit("After", other)
    }

    /// The file's content.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        let mut written: Vec<Section> = Vec::new();
        for (section, ..) in &self.0 {
            if written.contains(section) {
                continue;
            }
            if !written.is_empty() {
                text.push('\n');
            }
            written.push(*section);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "[{}]", section.name());
            for (_, name, value) in self.0.iter().filter(|(of, ..)| of == section) {
                let _ = writeln!(text, "{name}={value}");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[test]
    fn directives_are_grouped_by_section() {
        let mut unit = Unit::default();
        unit.unit("Description", "x").service("Type", "oneshot").unit("After", "y").service("User", "0");
        assert_eq!(unit.to_text(), "[Unit]\nDescription=x\nAfter=y\n\n[Service]\nType=oneshot\nUser=0\n");
    }
}
