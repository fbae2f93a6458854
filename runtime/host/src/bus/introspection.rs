//! What an object on a bus says of itself: a small document in XML.

/// Whether an interface in the document of an object lists all of these methods. Interfaces of its
/// children do not count.
pub fn has_methods(document: &str, interface: &str, methods: &[&str]) -> bool {
    let mut found = vec![false; methods.len()];
    let mut inside = false;
    let mut depth = 0_usize;
    for tag in Tags(document) {
        match (tag.kind, tag.name) {
            (Kind::Start, "node") => depth += 1,
            (Kind::End, "node") => depth = depth.saturating_sub(1),
            (Kind::Start, "interface") => {
                inside = depth == 1 && tag.attribute("name") == Some(interface);
            }
            (Kind::End, "interface") => inside = false,
            (Kind::Start | Kind::Empty, "method") if inside => {
                let name = tag.attribute("name");
                if let Some(at) = methods.iter().position(|method| name == Some(method)) {
                    found[at] = true;
                }
            }
            _ => {}
        }
    }
    found.iter().all(|found| *found)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Start,
    End,
    Empty,
}

#[derive(Debug)]
struct Tag<'a> {
    kind: Kind,
    name: &'a str,
    rest: &'a str,
}

impl<'a> Tag<'a> {
    /// The value of an attribute. Names on a bus need no escapes, so none are undone.
    fn attribute(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.rest;
        while let Some((key, after)) = rest.split_once('=') {
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, after) = after[1..].split_once(quote)?;
            if key.trim() == name {
                return Some(value);
            }
            rest = after;
        }
        None
    }
}

/// The tags of a document; comments, declarations and text are passed over.
struct Tags<'a>(&'a str);

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            let (_, after) = self.0.split_once('<')?;
            if let Some(comment) = after.strip_prefix("!--") {
                self.0 = comment.split_once("-->")?.1;
                continue;
            }
            let end = end_of_tag(after)?;
            let inner = &after[..end];
            self.0 = &after[end + 1..];
            if inner.starts_with(['!', '?']) {
                continue;
            }
            let (kind, inner) = if let Some(inner) = inner.strip_prefix('/') {
                (Kind::End, inner)
            } else if let Some(inner) = inner.strip_suffix('/') {
                (Kind::Empty, inner)
            } else {
                (Kind::Start, inner)
            };
            let end = inner.find(|c: char| c.is_ascii_whitespace()).unwrap_or(inner.len());
            return Some(Tag { kind, name: &inner[..end], rest: &inner[end..] });
        }
    }
}

/// Where the `>` is that is not in quotes.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::has_methods;

    #[test]
    fn methods_of_the_interface_itself() {
        let table = [
            (
                r#"<node><interface name="i"><method name="a"/><method name="b"></method></interface></node>"#,
                true,
            ),
            (
                "<!DOCTYPE node PUBLIC \"-//x>\" 'y'>\n<?xml v='1'?><node name='/'>\n <interface\n name = 'i' >\n  <method x='1' name='b'>\n<arg/></method><method name=\"a\" /></interface></node>",
                true,
            ),
            (r#"<node><interface name="i"><method name="a"/></interface></node>"#, false),
            (
                r#"<node><interface name="i"><method name="a"/></interface><interface name="j"><method name="b"/></interface></node>"#,
                false,
            ),
            (
                r#"<node><interface name="i"/><interface name="j"><method name="a"/><method name="b"/></interface></node>"#,
                false,
            ),
            (
                r#"<node><node><interface name="i"><method name="a"/><method name="b"/></interface></node></node>"#,
                false,
            ),
            (
                r#"<node><node name="c"/><interface name="i"><method name="a"/><method name="b"/></interface></node>"#,
                true,
            ),
            (
                r#"<node><!-- <interface name="i"><method name="a"/><method name="b"/></interface> --></node>"#,
                false,
            ),
            (r#"<node><interface name="i"><signal name="a"/><method name="b"/></interface></node>"#, false),
            (r#"<node><interface name="i"><method name="a><method name="b"/></interface></node>"#, false),
            ("<node><!-- ", false),
            ("<", false),
            ("", false),
        ];
        for (document, expected) in table {
            assert_eq!(has_methods(document, "i", &["a", "b"]), expected, "{document}");
        }
    }
}
