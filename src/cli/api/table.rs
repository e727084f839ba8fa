//! Rows under a head, in columns.

use super::output::line;

/// A longer cell is cut: a table is read down as well as across.
const MAX_CELL: usize = 60;

#[derive(Debug)]
pub(in crate::cli) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(in crate::cli) fn new(head: &[&'static str]) -> Self {
        Self { head: head.to_vec(), rows: Vec::new() }
    }

    /// One cell a column; an empty one is shown as `-`.
    pub(in crate::cli) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().map(|cell| match cell.as_str() {
            "" => "-".to_owned(),
            text => cut(&line(text)),
        });
        self.rows.push(cells.collect());
    }

    /// As `row`, with nothing cut and empty cells left empty.
    pub(in crate::cli) fn whole_row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| line(&cell)).collect());
    }

    /// The head in capitals, then the rows; the last column has any length.
    pub(in crate::cli) fn lines(&self) -> Vec<String> {
        let mut widths: Vec<usize> = self.head.iter().map(|head| head.len()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let put = |cells: &mut dyn Iterator<Item = String>| {
            let mut text = String::new();
            for (cell, width) in cells.zip(&widths) {
                text += &cell;
                text.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 3));
            }
            text.trim_end().to_owned()
        };
        let mut lines = vec![put(&mut self.head.iter().map(|head| head.to_uppercase()))];
        lines.extend(self.rows.iter().map(|row| put(&mut row.iter().cloned())));
        lines
    }

    pub(in crate::cli) fn text(&self) -> String {
        self.lines().iter().flat_map(|line| [line, "\n"]).collect()
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_CELL) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["name", "region", "note"]);
        table.row(["fra1", "eu", "ü"].map(String::from));
        table.row(["a-long-name", "", ""].map(String::from));
        assert_eq!(table.text(), "NAME          REGION   NOTE\nfra1          eu       ü\na-long-name   -        -\n");
    }

    #[test]
    fn no_cell_breaks_the_table() {
        let mut table = Table::new(&["name", "note"]);
        table.row(["a\nb".to_owned(), "x".repeat(1000)]);
        let lines = table.lines();
        assert_eq!(lines.len(), 2);
        assert!(lines[1].starts_with("a\\u{a}b   x") && lines[1].ends_with("x…"), "{}", lines[1]);
    }
}
