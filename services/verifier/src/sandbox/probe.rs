//! Owns the trial: one box, made as every other, that looks at itself from inside.

use std::sync::Arc;

use lab::spec::Limits;

use crate::judge::Ending;
use crate::sandbox::error::{CannotSandbox, SandboxError};
use crate::sandbox::scratch::RunFolder;
use crate::sandbox::{BoxedStep, Sandbox};
use report::harmless;

/// The namespaces that a box must have of its own.
const NAMESPACES: [&str; 6] = ["user", "net", "pid", "mnt", "ipc", "uts"];
/// The least that a lab may ask for, but for time: a loaded machine is no broken one.
const LIMITS: Limits = Limits {
    wall_seconds: 60,
    cpu_seconds: 30,
    memory_mib: 32,
    processes: 8,
    disk_mib: 1,
    output_kib: 16,
};
/// Says each namespace, then each descriptor beyond the three, then whether it can write where it
/// must and nowhere else.
const SCRIPT: &str = r#"
for name in user net pid mnt ipc uts; do echo "$name $(readlink /proc/self/ns/$name)"; done
for fd in /proc/$$/fd/*; do
    fd=${fd##*/}
    if [ "$fd" -gt 2 ] && [ -e "/proc/$$/fd/$fd" ]; then echo "descriptor $fd"; fi
done
if touch /usr/probe /etc/probe /probe 2>/dev/null; then echo "writable system"; fi
touch /work/probe /tmp/probe && echo done
"#;

pub(super) async fn probe(sandbox: &Sandbox, folder: &Arc<RunFolder>) -> Result<(), CannotSandbox> {
    let step = BoxedStep {
        folder,
        command: SCRIPT,
        limits: &LIMITS,
    };
    let outcome = sandbox.run(step).await.map_err(|error| refused(&error))?;
    let said = String::from_utf8_lossy(&outcome.log);
    let clean = Ending {
        exit_code: Some(0),
        ..Ending::default()
    };
    if outcome.ending != clean {
        let reason = format!("{:?}: {}", outcome.ending, harmless::line(&said, 300));
        let advice = "the trial box must run a shell within the least limits";
        return Err(CannotSandbox::Refused { reason, advice });
    }
    let outside = |name: &str| std::fs::read_link(format!("/proc/self/ns/{name}")).ok();
    let shared = NAMESPACES.into_iter().find(|name| {
        let outside = outside(name).map(|link| format!("{name} {}", link.display()));
        let inside = said.lines().find(|line| line.starts_with(name));
        inside.is_none() || inside.map(str::to_owned) == outside
    });
    if let Some(name) = shared {
        return Err(CannotSandbox::Open(format!(
            "it shares the {name} namespace"
        )));
    }
    match said.lines().nth(NAMESPACES.len()) {
        Some("done") => Ok(()),
        other => Err(CannotSandbox::Open(harmless::line(
            other.unwrap_or("it is silent"),
            200,
        ))),
    }
}

fn refused(error: &SandboxError) -> CannotSandbox {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    let reason = format!("{error}{}", source.unwrap_or_default());
    let is_forbidden = ["ermission", "No space left", "ENOSPC"];
    let advice = if is_forbidden.iter().any(|word| reason.contains(word)) {
        "unprivileged user namespaces must be allowed: see the sysctls \
         kernel.unprivileged_userns_clone, user.max_user_namespaces and, on Ubuntu, \
         kernel.apparmor_restrict_unprivileged_userns; in a container, its seccomp profile"
    } else {
        "check bubblewrap, and that every folder on the way to the scratch folder lets others pass"
    };
    CannotSandbox::Refused { reason, advice }
}
