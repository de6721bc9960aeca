//! Owns the names of a log's epochs: each epoch is a log of its own, with a name that follows from
//! the first one's.

/// The number of a log's first epoch.
pub const FIRST: u64 = 1;

/// The longest that an epoch's name is longer than the first one's, in bytes.
pub const SUFFIX_BYTES_MAX: usize = "/epoch-18446744073709551615".len();

/// The origin of an epoch: the first has the log's own name `base`, any other `<base>/epoch-<n>`.
pub fn origin(base: &str, epoch: u64) -> String {
    match epoch {
        FIRST => base.to_owned(),
        _ => format!("{base}/epoch-{epoch}"),
    }
}

/// Which epoch of the log `base` an origin names, if it names one.
pub fn number(base: &str, origin: &str) -> Option<u64> {
    if origin == base {
        return Some(FIRST);
    }
    let number = origin.strip_prefix(base)?.strip_prefix("/epoch-")?;
    let epoch = number.parse().ok().filter(|epoch| *epoch > FIRST)?;
    // One way to write each number.
    (self::origin(base, epoch) == origin).then_some(epoch)
}

/// The log's own name, by the origin of any of its epochs.
pub fn base(origin: &str) -> &str {
    match origin.rsplit_once("/epoch-") {
        Some((base, _)) if number(base, origin).is_some() => base,
        _ => origin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_one_name_and_the_name_says_which_epoch() {
        for (epoch, name) in [
            (1, "log.example/lab"),
            (2, "log.example/lab/epoch-2"),
            (u64::MAX, "log.example/lab/epoch-18446744073709551615"),
        ] {
            assert_eq!(origin("log.example/lab", epoch), name);
            assert_eq!(number("log.example/lab", name), Some(epoch));
            assert_eq!(base(name), "log.example/lab");
        }
        for other in [
            "log.example/la",
            "log.example/lab/epoch-1",
            "log.example/lab/epoch-0",
            "log.example/lab/epoch-02",
            "log.example/lab/epoch-+2",
            "log.example/lab/epoch-18446744073709551616",
            "log.example/lab/epoch-",
            "log.example/lab/2",
        ] {
            assert_eq!(number("log.example/lab", other), None, "{other}");
        }
    }
}
