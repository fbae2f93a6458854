//! Columns aligned with tabs, cell by cell as the original's tables are.

use std::fmt;

/// Width in characters of one tab stop.
const TAB: usize = 8;

/// Rows of cells. Printed, each cell but a row's last is followed by as many tabs as its column needs (at least
/// one), so that columns line up on a terminal and scripts can split at runs of tabs.
#[derive(Debug, Default, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new() -> Table {
        Table::default()
    }

    /// Adds a row. Control characters are escaped: cells hold what images say of themselves, which must neither break
    /// the table nor command the terminal.
    pub fn row<I>(&mut self, cells: I)
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.rows.push(cells.into_iter().map(|cell| plain(&cell.into())).collect());
    }

    /// True if no row was added.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Column widths in characters: the widest cell and one more, rounded up to a tab stop.
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                let width = (cell.chars().count() + 1).div_ceil(TAB) * TAB;
                match widths.get_mut(column) {
                    Some(known) => *known = width.max(*known),
                    None => widths.push(width),
                }
            }
        }
        widths
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                f.write_str(cell)?;
                if column + 1 < row.len() {
                    for _ in 0..(widths[column] - cell.chars().count()).div_ceil(TAB) {
                        f.write_str("\t")?;
                    }
                }
            }
            f.write_str("\n")?;
        }
        Ok(())
    }
}

/// Text without control characters: each is written as its escape.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { plain.extend(c.escape_default()) } else { plain.push(c) }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn cells_cannot_command_the_terminal() {
        let mut table = Table::new();
        table.row(["a:1\u{1b}[31m\n\tb", "\u{9b}2J"]);
        assert_eq!(table.to_string(), "a:1\\u{1b}[31m\\n\\tb\t\\u{9b}2J\n");
    }

    #[test]
    fn columns_line_up_on_tab_stops() {
        let mut table = Table::new();
        table.row(["UUID", "APP", "STATE"]);
        table.row(["5bc080ca", "redis", "running"]);
        table.row(["", "a-longer-name", ""]);
        assert_eq!(
            table.to_string(),
            "UUID\t\tAPP\t\tSTATE\n5bc080ca\tredis\t\trunning\n\t\ta-longer-name\t\n"
        );
    }
}
