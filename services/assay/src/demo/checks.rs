//! Owns what the demo checks: each thing said, and whether it held.

use crate::say::say;

/// The checks so far.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    held: usize,
    failed: Vec<String>,
}

impl Checks {
    /// Says what is checked and whether it holds.
    pub(crate) fn that(&mut self, what: &str, holds: bool) {
        if holds {
            self.held += 1;
            say!("    ok      {what}");
        } else {
            self.failed.push(what.to_owned());
            say!("    FAILED  {what}");
        }
    }

    /// Whether there were checks, and all of them held.
    pub(crate) fn all_held(&self) -> bool {
        self.failed.is_empty() && self.held > 0
    }

    /// The last word.
    pub(crate) fn conclude(&self) {
        let all = self.held + self.failed.len();
        if self.all_held() {
            say!("\nAll {all} checks held.\n");
            return;
        }
        say!("\n{} of {all} checks FAILED:", self.failed.len());
        for what in &self.failed {
            say!("  - {what}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Checks;

    #[test]
    fn no_check_at_all_is_no_success() {
        let mut checks = Checks::default();
        assert!(!checks.all_held());
        checks.that("one", true);
        assert!(checks.all_held());
        checks.that("two", false);
        assert!(!checks.all_held());
    }
}
