//! Owns the self-check: known programs with known ends, run as learners' are. A verifier that one
//! of them surprises must not judge anybody.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;

use lab::spec::Limits;

use crate::judge::Ending;
use crate::limit::Limit;
use crate::sandbox::account::Account;
use crate::sandbox::{BoxOutcome, BoxedStep, Sandbox};
use report::harmless;

/// The least that a lab may set, but for time: a loaded machine is no broken one.
const LIMITS: Limits = Limits {
    wall_seconds: 60,
    cpu_seconds: 30,
    memory_mib: 32,
    processes: 8,
    disk_mib: 1,
    output_kib: 16,
};
/// Longest word of a surprise that is kept, in characters.
const SAID_CHARS_MAX: usize = 200;

/// A program with a known end.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Known {
    /// What must happen.
    name: &'static str,
    command: String,
    wall_seconds: u32,
    ending: Ending,
    says: &'static str,
}

impl Sandbox {
    /// Runs the known programs in the slot's folder.
    ///
    /// # Errors
    /// The first one that ended otherwise than it must, and how.
    pub async fn check(&self, slot: u16) -> Result<(), String> {
        let bait = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        bait.set_nonblocking(true)
            .map_err(|error| error.to_string())?;
        let port = bait.local_addr().map_err(|error| error.to_string())?.port();
        let host = self.scratch.etc().join("passwd").display().to_string();
        for known in known(port, &host, self.is_bounded()) {
            let outcome = self.run_known(&known, slot).await?;
            let said = String::from_utf8_lossy(&outcome.stdout);
            if outcome.ending != known.ending || said != known.says {
                let said = harmless::line(&String::from_utf8_lossy(&outcome.log), SAID_CHARS_MAX);
                let name = known.name;
                return Err(format!("{name}: {:?}, {said:?}", outcome.ending));
            }
        }
        match bait.accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            _ => Err("a box reached the machine's network".into()),
        }
    }

    async fn run_known(&self, known: &Known, slot: u16) -> Result<BoxOutcome, String> {
        let told = |problem: &dyn std::error::Error| {
            let source = problem.source().map(|source| format!(": {source}"));
            format!("{}: {problem}{}", known.name, source.unwrap_or_default())
        };
        let folder = self.folder(slot, Account::of_slot(slot));
        let folder = Arc::new(folder.map_err(|error| told(&error))?);
        let limits = Limits {
            wall_seconds: known.wall_seconds,
            ..LIMITS
        };
        let step = BoxedStep {
            folder: &folder,
            command: &known.command,
            limits: &limits,
        };
        self.run(step).await.map_err(|error| told(&error))
    }
}

fn known(port: u16, host: &str, is_bounded: bool) -> Vec<Known> {
    let exits = |code| Ending {
        exit_code: Some(code),
        ..Ending::default()
    };
    let stopped = |limit| Ending {
        limit: Some(limit),
        ..Ending::default()
    };
    let known = |name, command: &str, ending| Known {
        name,
        command: command.into(),
        wall_seconds: LIMITS.wall_seconds,
        ending,
        says: "",
    };
    let mut all = vec![
        Known {
            says: "well\n",
            ..known("must pass", "echo well", exits(0))
        },
        known("must fail", "exit 7", exits(7)),
        known(
            "must not reach the network",
            &format!("bash -c 'exec 9<>/dev/tcp/127.0.0.1/{port}' 2>/dev/null || exit 3"),
            exits(3),
        ),
        known(
            "must not see the host",
            &format!("cat '{host}' /etc/shadow /proc/1/root{host} 2>/dev/null || exit 3"),
            exits(3),
        ),
        Known {
            wall_seconds: 1,
            ..known("must time out", "sleep 60", stopped(Limit::Wall))
        },
    ];
    if is_bounded {
        // It keeps the last line, which never ends.
        let hog = "head -c 400000000 /dev/zero | tail -n 1 > /dev/null; sleep 60";
        all.push(known("must run out of memory", hog, stopped(Limit::Memory)));
    }
    all
}
