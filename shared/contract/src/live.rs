//! Owns what is told of a verification while it runs. It may be lost on its way: it is no message
//! of a stream, nobody acts on it, and the log that is kept at the end has all of it.

use serde::{Deserialize, Serialize};

use crate::ids::{AttemptId, RequestId};

/// Something that happened in a run, for whoever follows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LiveNote {
    /// The attempt.
    pub attempt: AttemptId,
    /// The request.
    pub request: RequestId,
    /// Counts the request's tries, from 1.
    pub try_number: u32,
    /// Counts the notes of a try, from 0: a number that is left out was lost.
    pub number: u64,
    /// What happened.
    pub event: LiveEvent,
}

/// What can happen in a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LiveEvent {
    /// A step begins.
    StepBegan {
        /// Its number, from 1.
        step: u32,
        /// Its name in `lab.toml`.
        name: String,
    },
    /// A step has printed something.
    Printed {
        /// It, made harmless.
        text: String,
        /// Bytes before it that nobody kept up with.
        missed_bytes: u64,
    },
    /// A step has ended.
    StepEnded {
        /// Its number, from 1.
        step: u32,
        /// The exit code; `None` when it did not exit by itself.
        exit_code: Option<i32>,
        /// The signal that ended it, if one did.
        signal: Option<i32>,
        /// The limit that stopped it, if one did.
        limit: Option<String>,
        /// Wall time in milliseconds.
        wall_ms: u64,
    },
}

/// The subject of an attempt's notes. Outside every stream: one who follows an attempt is sent its
/// notes and no other's.
pub fn subject(attempt: AttemptId) -> String {
    format!("assay.live.{attempt}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_written_as_its_readers_know_it() {
        let note = LiveNote {
            attempt: AttemptId::from_uuid(uuid::Uuid::nil()),
            request: RequestId::from_uuid(uuid::Uuid::nil()),
            try_number: 1,
            number: 2,
            event: LiveEvent::Printed {
                text: "ok".into(),
                missed_bytes: 0,
            },
        };
        let nil = "00000000-0000-0000-0000-000000000000";
        let text = format!(
            "{{\"attempt\":\"{nil}\",\"request\":\"{nil}\",\"try_number\":1,\"number\":2,\
             \"event\":{{\"kind\":\"printed\",\"text\":\"ok\",\"missed_bytes\":0}}}}"
        );
        assert_eq!(serde_json::to_string(&note).unwrap(), text);
        assert_eq!(serde_json::from_str::<LiveNote>(&text).unwrap(), note);
        assert_eq!(subject(note.attempt), format!("assay.live.{nil}"));
    }
}
