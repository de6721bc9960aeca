//! Owns the question whether a stream takes a subject.

use super::StreamSpec;

impl StreamSpec {
    /// Whether a message of this subject is stored here. A subject that is a pattern itself is none.
    pub fn takes(&self, subject: &str) -> bool {
        let is_word = |token: &str| !token.is_empty() && !["*", ">"].contains(&token);
        let fits = |pattern: &&str| {
            let (mut asked, mut given) = (pattern.split('.'), subject.split('.'));
            loop {
                match (asked.next(), given.next()) {
                    (None, None) => return true,
                    (Some(asked), Some(given)) if is_word(given) => {
                        if asked != "*" && asked != given {
                            return false;
                        }
                    }
                    _ => return false,
                }
            }
        };
        self.subjects.iter().any(fits)
    }
}

#[cfg(test)]
mod tests {
    use crate::topology::STREAMS;

    #[test]
    fn a_stream_takes_what_its_subjects_say_and_no_pattern() {
        for (stream, subject, takes) in [
            ("DELIVERIES", "assay.delivery.github", true),
            ("DELIVERIES", "assay.delivery", false),
            ("DELIVERIES", "assay.delivery.github.x", false),
            ("DELIVERIES", "assay.delivery.*", false),
            ("DELIVERIES", "assay.delivery.", false),
            ("DELIVERIES", "", false),
            ("JOBS", "assay.job.verify.live", true),
            ("JOBS", "assay.job.other.live", false),
        ] {
            let spec = STREAMS.iter().find(|spec| spec.name == stream).unwrap();
            assert_eq!(spec.takes(subject), takes, "{stream} {subject}");
        }
    }
}
