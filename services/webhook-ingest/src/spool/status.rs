//! Owns what the spool says of itself.

/// What the spool holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Status {
    /// Deliveries that wait.
    pub(crate) records: u64,
    /// Bytes that its files take, those for a person to look at included.
    pub(crate) bytes: u64,
    /// When the oldest of them was appended, in microseconds since 1970.
    pub(crate) oldest_micros: Option<u64>,
    /// Why the last delivery that came was not taken.
    pub(crate) refusing: Option<String>,
}

impl Status {
    /// The age of the oldest delivery, in whole seconds.
    pub(crate) fn age_seconds(&self, now_micros: u64) -> u64 {
        let age = |oldest| now_micros.saturating_sub(oldest) / 1_000_000;
        self.oldest_micros.map_or(0, age)
    }

    /// What `/ready` says of it.
    pub(crate) fn note(&self, now_micros: u64) -> Option<String> {
        (self.records > 0).then(|| {
            let (records, bytes) = (self.records, self.bytes);
            let age = self.age_seconds(now_micros);
            format!("{records} deliveries wait, {bytes} bytes, the oldest for {age} s")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_spool_has_nothing_to_say_and_no_age() {
        let status = Status::default();
        assert_eq!((status.note(7), status.age_seconds(7)), (None, 0));
    }

    #[test]
    fn ages_are_whole_seconds_and_a_clock_that_went_back_makes_none() {
        for (now, age) in [(5_000_000, 2), (4_999_999, 1), (3_000_000, 0), (0, 0)] {
            let status = Status {
                records: 2,
                bytes: 9,
                oldest_micros: Some(3_000_000),
                refusing: None,
            };
            assert_eq!(status.age_seconds(now), age);
            let note = format!("2 deliveries wait, 9 bytes, the oldest for {age} s");
            assert_eq!(status.note(now), Some(note));
        }
    }
}
