//! Where the problems of one document come together.

use super::{Problem, Table, TableReader};
use std::cell::{Cell, RefCell};

/// More problems of one document help nobody; they are only counted.
const MAX_PROBLEMS: usize = 10_000;

/// Collects the problems of one document.
#[derive(Debug)]
pub struct Reader {
    file: String,
    problems: RefCell<Vec<Problem>>,
    errors: Cell<usize>,
    dropped: Cell<usize>,
}

impl Reader {
    /// `file` as the operator named it.
    pub fn new(file: &str) -> Self {
        Self { file: file.into(), problems: RefCell::default(), errors: Cell::new(0), dropped: Cell::new(0) }
    }

    pub fn file(&self) -> &str {
        &self.file
    }

    pub fn push(&self, problem: Problem) {
        self.errors.set(self.errors.get() + usize::from(problem.is_error()));
        let mut problems = self.problems.borrow_mut();
        if problems.len() < MAX_PROBLEMS {
            problems.push(problem);
        } else {
            self.dropped.set(self.dropped.get() + 1);
        }
    }

    /// `path` and `hint` may be empty.
    pub fn error(&self, line: u32, path: &str, what: impl Into<String>, hint: impl Into<String>) {
        self.push(Problem::error(&self.file, line, what).at(path).hint(hint));
    }

    pub fn warn(&self, line: u32, path: &str, what: impl Into<String>, hint: impl Into<String>) {
        self.push(Problem::warning(&self.file, line, what).at(path).hint(hint));
    }

    /// Grows when something is found to be wrong: compare before and after to know whether an object is sound.
    pub fn errors(&self) -> usize {
        self.errors.get()
    }

    /// In the order of the lines.
    pub fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line);
        if self.dropped.get() > 0 {
            problems.push(Problem::error(&self.file, 0, format!("and {} more problems", self.dropped.get())));
        }
        problems
    }

    pub fn root<'a>(&'a self, table: &'a Table) -> TableReader<'a> {
        TableReader::new(self, table, 1, String::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_bounded_and_counted() {
        let reader = Reader::new("f");
        for line in (1..=MAX_PROBLEMS as u32 + 2).rev() {
            reader.error(line, "", "x", "");
        }
        assert_eq!(reader.errors(), MAX_PROBLEMS + 2);
        let problems = reader.into_problems();
        assert!(problems[..MAX_PROBLEMS].is_sorted_by_key(|problem| problem.line));
        assert_eq!(problems[MAX_PROBLEMS].to_string(), "f: and 2 more problems");
    }
}
