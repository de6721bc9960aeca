//! Owns what is told of a run while it runs: bounded and lossy, so that nobody who follows can
//! hold it up.

use std::time::Duration;

use bus::connect::Bus;
use contract::job::VerificationRequested;
use contract::live::{LiveEvent, LiveNote, subject};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::timeout;

use crate::journal;
use crate::judge::Ending;
use crate::sandbox::output::{Heard, Listener};

/// Events that wait for whoever tells them on; what comes beyond is lost.
const EVENTS_MAX: usize = 256;
/// Pieces of a step's output that wait; what comes beyond is lost.
const HEARD_MAX: usize = 64;
/// How long what was printed is gathered before it is told, in milliseconds.
const GATHER_MS: u64 = 100;
/// Most bytes that are told at once; what comes beyond, in one gathering, is lost.
const GATHERED_BYTES_MAX: usize = 64 * 1024;

/// Tells what happens in a run.
#[derive(Clone, Debug)]
pub(crate) struct Telling(Option<Sender<LiveEvent>>);

impl Telling {
    /// One that tells, and where it is heard.
    pub(crate) fn channel() -> (Self, Receiver<LiveEvent>) {
        let (sender, receiver) = mpsc::channel(EVENTS_MAX);
        (Self(Some(sender)), receiver)
    }

    /// One that nobody hears.
    pub(crate) fn nobody() -> Self {
        Self(None)
    }

    pub(crate) fn step_began(&self, step: usize, name: &str) {
        let (step, name) = (number(step), name.to_owned());
        self.tell(LiveEvent::StepBegan { step, name });
    }

    pub(crate) fn step_ended(&self, step: usize, ending: Ending, wall_ms: u64) {
        self.tell(LiveEvent::StepEnded {
            step: number(step),
            exit_code: ending.exit_code,
            signal: ending.signal,
            limit: ending.limit.map(|limit| limit.to_string()),
            wall_ms,
        });
    }

    /// Runs a box, and tells what it prints.
    pub(crate) async fn hear<T, F: Future<Output = T>>(
        &self,
        run: impl FnOnce(Option<Listener>) -> F,
    ) -> T {
        if self.0.is_none() {
            return run(None).await;
        }
        let (listener, heard) = mpsc::channel(HEARD_MAX);
        // The box's end is the listener's: then the second of the two ends as well.
        let (outcome, ()) = tokio::join!(run(Some(listener)), self.tell_on(heard));
        outcome
    }

    async fn tell_on(&self, mut heard: Receiver<Heard>) {
        let mut gathering = Gathering::default();
        loop {
            let Some(first) = heard.recv().await else {
                break;
            };
            gathering.add(&first);
            let more = async {
                while let Some(next) = heard.recv().await {
                    gathering.add(&next);
                }
            };
            let _ = timeout(Duration::from_millis(GATHER_MS), more).await;
            self.tell_printed(gathering.take_lines());
        }
        self.tell_printed(gathering.take_rest());
    }

    fn tell_printed(&self, gathered: Option<(Vec<u8>, u64)>) {
        if let Some((bytes, missed_bytes)) = gathered {
            let text = journal::printed(&bytes);
            self.tell(LiveEvent::Printed { text, missed_bytes });
        }
    }

    fn tell(&self, event: LiveEvent) {
        if let Some(sender) = &self.0 {
            // Whoever does not keep up finds a number left out.
            let _ = sender.try_send(event);
        }
    }
}

/// Tells whoever follows the attempt what happens in its run, until the run has ended. What is lost
/// on the way is in the log that is kept.
pub(crate) async fn carry(bus: &Bus, job: &VerificationRequested, mut events: Receiver<LiveEvent>) {
    let mut number = 0;
    while let Some(event) = events.recv().await {
        let note = LiveNote {
            attempt: job.attempt,
            request: job.request,
            try_number: job.try_number,
            number,
            event,
        };
        number += 1;
        let payload = serde_json::to_vec(&note).unwrap_or_default();
        if !bus.tell(subject(job.attempt), payload).await {
            metrics::counter!("assay_live_notes_lost_total").increment(1);
        }
    }
}

fn number(step: usize) -> u32 {
    u32::try_from(step).unwrap_or(u32::MAX)
}

/// What was printed and not yet told.
#[derive(Debug, Default)]
struct Gathering {
    bytes: Vec<u8>,
    missed: u64,
    /// How many bytes the step had printed after the last piece.
    until: u64,
}

impl Gathering {
    fn add(&mut self, heard: &Heard) {
        self.missed += heard.at.saturating_sub(self.until);
        self.until = heard.at + heard.bytes.len() as u64;
        let room = GATHERED_BYTES_MAX.saturating_sub(self.bytes.len());
        let kept = &heard.bytes[..heard.bytes.len().min(room)];
        self.bytes.extend_from_slice(kept);
        self.missed += (heard.bytes.len() - kept.len()) as u64;
    }

    /// The whole lines; the last one waits for its end, unless there is no room for it.
    fn take_lines(&mut self) -> Option<(Vec<u8>, u64)> {
        let end = self.bytes.iter().rposition(|&byte| byte == b'\n');
        let end = match end {
            Some(end) => end + 1,
            None if self.bytes.len() >= GATHERED_BYTES_MAX => self.bytes.len(),
            None => return None,
        };
        let rest = self.bytes.split_off(end);
        let lines = std::mem::replace(&mut self.bytes, rest);
        Some((lines, std::mem::take(&mut self.missed)))
    }

    fn take_rest(&mut self) -> Option<(Vec<u8>, u64)> {
        if self.bytes.is_empty() && self.missed == 0 {
            return None;
        }
        let rest = std::mem::take(&mut self.bytes);
        Some((rest, std::mem::take(&mut self.missed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(at: u64, text: &str) -> Heard {
        let bytes = text.as_bytes().to_vec();
        Heard { at, bytes }
    }

    #[test]
    fn whole_lines_are_told_and_what_was_missed_is_counted() {
        let mut gathering = Gathering::default();
        gathering.add(&heard(0, "one\ntw"));
        assert_eq!(gathering.take_lines(), Some((b"one\n".to_vec(), 0)));
        assert_eq!(gathering.take_lines(), None);
        gathering.add(&heard(10, "o\n"));
        assert_eq!(gathering.take_lines(), Some((b"two\n".to_vec(), 4)));
        assert_eq!(gathering.take_rest(), None);
        let much = "a".repeat(GATHERED_BYTES_MAX + 3);
        gathering.add(&heard(12, &much));
        let (told, missed) = gathering.take_lines().unwrap();
        assert_eq!((told.len(), missed), (GATHERED_BYTES_MAX, 3));
    }

    #[tokio::test]
    async fn what_a_box_prints_is_told_in_its_order() {
        let (telling, mut events) = Telling::channel();
        telling.step_began(1, "unit");
        let outcome = telling
            .hear(async |listener| {
                let listener = listener.unwrap();
                listener.send(heard(0, "a\n== b")).await.unwrap();
                7
            })
            .await;
        assert_eq!(outcome, 7);
        drop(telling);
        let mut told = Vec::new();
        while let Some(event) = events.recv().await {
            told.push(event);
        }
        let printed = |text: &str| LiveEvent::Printed {
            text: text.into(),
            missed_bytes: 0,
        };
        assert_eq!(told[1..], [printed("a\n"), printed(" == b")]);
    }
}
