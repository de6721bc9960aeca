//! Owns what a comparison could not see: the first few reasons, and how many there are.

/// Most reasons that are kept in words.
const REASONS_MAX: usize = 3;

/// What a comparison could not see.
#[derive(Debug, Default)]
pub(crate) struct Shortfall {
    reasons: Vec<String>,
    further: usize,
}

impl Shortfall {
    pub(crate) fn add(&mut self, reason: String) {
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(reason);
        } else {
            self.further += 1;
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.reasons.is_empty()
    }

    /// In words, if there is any.
    pub(crate) fn text(&self) -> Option<String> {
        if self.is_none() {
            return None;
        }
        let mut text = self.reasons.join("; ");
        if self.further > 0 {
            text = format!("{text}; and {} more", self.further);
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_reasons_are_told_and_many_are_counted() {
        let mut shortfall = Shortfall::default();
        assert_eq!(shortfall.text(), None);
        shortfall.add("a".to_owned());
        assert_eq!(shortfall.text().as_deref(), Some("a"));
        for reason in ["b", "c", "d", "e"] {
            shortfall.add(reason.to_owned());
        }
        assert_eq!(shortfall.text().as_deref(), Some("a; b; c; and 2 more"));
    }
}
