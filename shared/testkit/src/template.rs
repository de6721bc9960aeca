//! Owns the migrated cluster that every test's database is a copy of.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use servers::folder::{self, DataFolder};
use servers::postgres::{
    Durability, PostgresSettings, PrivatePostgres, cluster_folder, major_version,
};
use tokio::runtime;

use crate::room::Gate;

/// Clients that a test's Postgres lets in at a time: five services' pools, and the test's own.
pub(crate) const CONNECTIONS_MAX: u16 = 100;
/// Raised when the way a template is made changes.
const FORM: u32 = 1;

/// Copies the template's cluster into a room, building the template first if there is none for
/// this state of the migrations. The caller is inside the gate, shared.
pub(crate) fn copy_into(room: &Arc<DataFolder>, base: &Path, gate: &Gate) {
    let template = path(base);
    if !is_complete(&template) {
        gate.leave();
        gate.enter_alone();
        // Another test may have built it while this one waited.
        if !is_complete(&template) {
            remove_all(base);
            build(&template);
        }
        gate.leave();
        gate.enter();
    }
    let from = marked_cluster(&template).expect("the template is complete");
    let to = cluster_folder(room).expect("a place for the cluster");
    // Keeps owners and modes, on Linux and macOS.
    let copied = Command::new("cp").arg("-a").arg(&from).arg(&to).status();
    let copied = copied.expect("the program cp");
    assert!(
        copied.success(),
        "cannot copy {} to {}",
        from.display(),
        to.display()
    );
}

fn path(base: &Path) -> PathBuf {
    let major = major_version().expect("a Postgres (deploy/local/prerequisites installs it)");
    let state = env!("MIGRATIONS_STATE");
    base.join(format!("template-{FORM}-{major}-{state}"))
}

/// The mark is written last, and says where the cluster lies.
fn marked_cluster(template: &Path) -> Option<PathBuf> {
    let cluster = fs::read_to_string(template.join("complete")).ok()?;
    Some(PathBuf::from(cluster))
}

fn is_complete(template: &Path) -> bool {
    marked_cluster(template).is_some_and(|cluster| cluster.join("PG_VERSION").exists())
}

/// Removes half-built templates and those of other states. Nobody copies now: the gate is ours.
fn remove_all(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("template-") {
            folder::remove(&entry.path()).expect("an old template goes");
        }
    }
}

fn build(template: &Path) {
    let template = template.to_owned();
    // The migration harness needs a multi-thread runtime, and the test may have another kind.
    let build = move || {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(migrate(&template));
    };
    let built = thread::spawn(build).join();
    built.expect("the template of the test database is built");
}

async fn migrate(template: &Path) {
    let data = DataFolder::open(template).expect("the template's folder");
    let settings = PostgresSettings::new(Durability::ForTests, CONNECTIONS_MAX);
    let mut postgres = PrivatePostgres::start(&data, settings)
        .await
        .expect("the template's Postgres");
    store::migrate::up(&postgres.owner_url())
        .await
        .expect("the migrations run");
    postgres
        .stop()
        .await
        .expect("the template's Postgres stops");
    let cluster = cluster_folder(&data).expect("the template's cluster");
    let cluster = cluster.to_str().expect("a path in UTF-8");
    fs::write(template.join("complete"), cluster).expect("the template's mark");
}
