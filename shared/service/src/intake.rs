//! Owns the intake of work into a stream: shut from a part of the stream's bounds on, so that those
//! who empty it can go on.

use bus::brim::INTAKE_PERCENT_MAX;
use bus::connect::Bus;
use process::dependency::Dependency;
use process::health::{Health, Part};
use tokio_util::sync::CancellationToken;

/// Whether a stream takes more work in. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    bus: Bus,
    stream: &'static str,
    room: Dependency,
}

impl Intake {
    /// The intake into `stream`, for which this part of `/ready` speaks.
    pub fn new(bus: Bus, stream: &'static str, part: Part) -> Self {
        let room = Dependency::new(part);
        Self { bus, stream, room }
    }

    /// Ready while there is room.
    pub fn part(&self) -> &Part {
        self.room.part()
    }

    /// Looks at the stream now and then, until `stop` is cancelled.
    pub async fn watch(&self, stop: &CancellationToken) {
        let look = async || match self.bus.fullness(self.stream).await {
            Ok(percent) => judge(self.stream, percent),
            Err(error) => Err(error.to_string()),
        };
        self.room.watch(stop, look).await;
    }
}

/// The intake into `JOBS`, as the part `jobs`.
pub fn into_jobs(bus: &Bus, health: &Health) -> Intake {
    Intake::new(bus.clone(), "JOBS", health.part("jobs"))
}

fn judge(stream: &str, percent: u64) -> Result<(), String> {
    if percent < INTAKE_PERCENT_MAX {
        return Ok(());
    }
    Err(format!(
        "{stream} is {percent} % full: nothing more is taken in until it is less than \
         {INTAKE_PERCENT_MAX} %"
    ))
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn nothing_more_is_taken_in_from_four_fifths_on() {
        assert_eq!(judge("JOBS", 79), Ok(()));
        let said = judge("JOBS", 80).unwrap_err();
        assert!(said.contains("JOBS is 80 % full"), "{said}");
    }
}
