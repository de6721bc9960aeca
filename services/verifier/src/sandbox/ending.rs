//! Owns the reading of a box's end: exit code, signal, and the limit that stopped it. No IO.

use lab::spec::Limits;

use crate::judge::Ending;
use crate::limit::Limit;

/// A shell's exit code for a command that signal n ended is this plus n.
pub(super) const SIGNAL_BASE: i32 = 128;
const SIGNAL_MAX: i32 = 64;
const SIGXCPU: i32 = 24;
const SIGXFSZ: i32 = 25;
/// Part of the limit that must have been used for the kernel's signal to be believed: anybody can
/// send it to himself. The kernel counts by ticks what `/proc` counts exactly, and on a loaded
/// machine the two differ by a fifth and more.
const CPU_USED_MIN: f64 = 0.5;

/// Why the supervisor stopped waiting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// The box ended by itself.
    Itself,
    /// It exceeded a limit.
    At(Limit),
}

/// How the box ended. `exit_code` is the first process's, a shell.
/// `measured` is a limit that it was found to have run into.
pub(super) fn ending(
    stop: Stop,
    exit_code: i32,
    cpu_ms: u64,
    measured: Option<Limit>,
    limits: &Limits,
) -> Ending {
    let cpu_ms_max = u64::from(limits.cpu_seconds) * 1_000;
    let used = cpu_ms as f64 / cpu_ms_max as f64;
    let signals = SIGNAL_BASE + 1..=SIGNAL_BASE + SIGNAL_MAX;
    let signal = signals
        .contains(&exit_code)
        .then(|| exit_code - SIGNAL_BASE);
    let limit = match (stop, signal) {
        (Stop::At(limit), _) => {
            return Ending {
                limit: Some(limit),
                ..Ending::default()
            };
        }
        (Stop::Itself, _) if measured.is_some() => measured,
        // The kernel bounds each process; all together are counted here, after the fact.
        (Stop::Itself, _) if cpu_ms > cpu_ms_max => Some(Limit::Cpu),
        (Stop::Itself, Some(SIGXCPU)) if used >= CPU_USED_MIN => Some(Limit::Cpu),
        (Stop::Itself, Some(SIGXFSZ)) => Some(Limit::Disk),
        (Stop::Itself, _) => None,
    };
    Ending {
        exit_code: if signal.is_none() {
            Some(exit_code)
        } else {
            None
        },
        signal,
        limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_that_stopped_a_box_is_named() {
        let limits = Limits {
            cpu_seconds: 2,
            ..Limits::default()
        };
        for (stop, code, cpu_ms, expected) in [
            (Stop::Itself, 0, 10, (Some(0), None, None)),
            (Stop::Itself, 127, 10, (Some(127), None, None)),
            (Stop::Itself, 128, 10, (Some(128), None, None)),
            (Stop::Itself, 129, 10, (None, Some(1), None)),
            (Stop::Itself, 139, 10, (None, Some(11), None)),
            (Stop::Itself, 192, 10, (None, Some(64), None)),
            (Stop::Itself, 193, 10, (Some(193), None, None)),
            (Stop::Itself, 152, 1_000, (None, Some(24), Some(Limit::Cpu))),
            (Stop::Itself, 152, 999, (None, Some(24), None)),
            (Stop::Itself, 152, 10, (None, Some(24), None)),
            (Stop::Itself, 137, 3_000, (None, Some(9), Some(Limit::Cpu))),
            (Stop::Itself, 0, 2_000, (Some(0), None, None)),
            (Stop::Itself, 0, 2_001, (Some(0), None, Some(Limit::Cpu))),
            (Stop::Itself, 153, 10, (None, Some(25), Some(Limit::Disk))),
            (
                Stop::At(Limit::Wall),
                137,
                10,
                (None, None, Some(Limit::Wall)),
            ),
            (
                Stop::At(Limit::Output),
                0,
                9_000,
                (None, None, Some(Limit::Output)),
            ),
        ] {
            let ending = ending(stop, code, cpu_ms, None, &limits);
            let told = (ending.exit_code, ending.signal, ending.limit);
            assert_eq!(told, expected, "{stop:?} {code} {cpu_ms}");
        }
    }

    #[test]
    fn a_box_that_ran_into_a_limit_is_not_well_even_when_it_says_so() {
        let limits = Limits::default();
        let ended = ending(Stop::Itself, 0, 10, Some(Limit::Memory), &limits);
        assert_eq!(
            (ended.exit_code, ended.limit),
            (Some(0), Some(Limit::Memory))
        );
        let ended = ending(Stop::Itself, 137, 10, Some(Limit::Memory), &limits);
        assert_eq!((ended.signal, ended.limit), (Some(9), Some(Limit::Memory)));
    }
}
