//! Where the problems of one document come together.

use super::{Problem, Severity, Table, TableReader};
use std::cell::{Cell, RefCell};

/// More problems of one document help nobody, and a document of `MAX_DOCUMENT` bytes can have millions.
const MAX_PROBLEMS: usize = 1000;

/// Collects the problems of one document.
#[derive(Debug)]
pub struct Reader {
    file: String,
    problems: RefCell<Vec<Problem>>,
    errors: Cell<usize>,
    left_out: Cell<usize>,
}

impl Reader {
    /// `file` as the operator named it.
    pub fn new(file: &str) -> Self {
        Self { file: file.into(), problems: RefCell::default(), errors: Cell::new(0), left_out: Cell::new(0) }
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
            self.left_out.set(self.left_out.get() + 1);
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
        if self.left_out.get() > 0 {
            let what = format!("and {} more problems, which are not listed", self.left_out.get());
            let severity = if self.errors.get() > 0 { Severity::Error } else { Severity::Warning };
            problems.push(Problem { severity, ..Problem::error(&self.file, 0, what) });
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
    fn millions_of_problems_become_a_thousand() {
        let reader = Reader::new("f");
        for n in 0..MAX_PROBLEMS {
            reader.warn(1, "", n.to_string(), "");
        }
        // What is left out counts all the same: a document with an error is never taken for sound.
        reader.error(2, "", "wrong", "");
        let problems = reader.into_problems();
        assert_eq!(problems.len(), MAX_PROBLEMS + 1);
        assert!(problems[MAX_PROBLEMS].is_error() && problems[MAX_PROBLEMS].what.starts_with("and 1 more"), "{:?}", problems[MAX_PROBLEMS]);
    }
}
