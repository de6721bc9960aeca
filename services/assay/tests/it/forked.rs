//! A log that was forked stays a forked one, whatever is opened after it.

use std::fs;
use std::path::{Path, PathBuf};

use auditor::epoch::{self, Cause};
use contract::time::now;
use objects::store::Objects;
use process::settings::service::Service;
use testkit::house::House;
use testkit::program::Said;
use tlog::bundle;
use tlog::checkpoint;
use tlog::edge::Edge;
use tlog::hash::Hash;
use tlog::key::SigningKey;
use tlog::tile::{Kind, Tile};

use crate::proven::python;
use crate::site::{ORIGIN, Site};

/// Leaves of the first epoch: a full tile, and a few.
const LEAVES: u64 = 300;
/// The leaf that a fork has otherwise.
const FORGED: usize = 17;

/// A site with a log of one epoch, its checkpoint kept; nobody runs.
struct Forked {
    site: Site,
    key: String,
    recorded: u64,
}

impl Forked {
    async fn make() -> Self {
        let mut site = Site::furnish(House::start().await, "").await;
        site.start_one(Service::Auditor);
        let key = fs::read_to_string(site.folder().join("log-verifier")).unwrap();
        let key = key.trim().to_owned();
        let mut made = Self {
            site,
            key,
            recorded: 0,
        };
        made.record(LEAVES).await;
        made.site.until_log_published(1, LEAVES).await;
        made.site.stop(Service::Auditor).await;
        fs::copy(made.epoch(1).join("checkpoint"), made.kept()).unwrap();
        made
    }

    fn log(&self) -> PathBuf {
        self.site.folder().join("objects/log")
    }

    fn epoch(&self, number: u64) -> PathBuf {
        self.log().join(number.to_string())
    }

    fn kept(&self) -> PathBuf {
        self.site.folder().join("kept")
    }

    /// Records entries as a service does.
    async fn record(&mut self, count: u64) {
        let numbers = self.recorded..self.recorded + count;
        self.site.record_entries(numbers).await;
        self.recorded += count;
    }

    /// Opens the next epoch, as a restore does, and has the auditor publish it.
    async fn next_epoch(&mut self) -> u64 {
        let store = self.site.house.store("assay_auditor", 1);
        let mut conn = store.connection().await.unwrap();
        let objects = Objects::open_folder(&self.site.folder().join("objects")).unwrap();
        let cause = Cause {
            reason: "a restore",
            actor: "operator",
            at: now(),
        };
        let opened = epoch::open(&mut conn, &objects, ORIGIN, &[], cause)
            .await
            .unwrap();
        self.record(2).await;
        self.site.start_one(Service::Auditor);
        let size = 1 + opened.queued_again + 2;
        self.site.until_log_published(opened.epoch, size).await;
        self.site.until_ready(Service::Auditor).await;
        self.site.stop(Service::Auditor).await;
        let actions = self.site.log_entries_are_by_the_schema().await;
        assert!(actions.iter().all(|action| action == epoch::ACTION) && !actions.is_empty());
        opened.epoch
    }

    /// Checks the published files; `more` is given beside.
    async fn mirror(&self, more: &[&str]) -> Said {
        let mirror = self.log().display().to_string();
        let check = ["verify-log", "--mirror", &mirror, "--key", &self.key];
        self.site.assay(&[&check, more].concat()).await
    }

    /// The same by the checker in Python; gives its exit code.
    fn by_python(&self, more: &[&str]) -> Option<i32> {
        let mirror = self.log().display().to_string();
        let check = ["mirror", &mirror, "--key", &self.key];
        python(&[&check, more].concat())
    }

    async fn is_tampered(&self, more: &[&str], words: &str) {
        let said = self.mirror(more).await;
        assert_eq!(said.code, Some(1), "{more:?}: {said:?}");
        assert!(said.out.contains(words), "{more:?}: {said:?}");
    }
}

/// Makes a fork of the first epoch with the log's own key: an entry is another one, and all that
/// follows from it.
fn fork(forked: &Forked) {
    let folder = forked.epoch(1);
    let said = checkpoint::said(&fs::read_to_string(folder.join("checkpoint")).unwrap()).unwrap();
    let mut edge = Edge::new();
    let put = |name: &str, bytes: &[u8]| {
        assert_ne!(fs::read(folder.join(name)).unwrap(), bytes, "{name}");
        fs::write(folder.join(name), bytes).unwrap();
    };
    for index in 0..said.size.div_ceil(256) {
        let tile = Tile::of_count(Kind::Entries, index, said.size).unwrap();
        let bytes = fs::read(folder.join(tile.to_string())).unwrap();
        let mut forged = Vec::new();
        for (place, entry) in bundle::entries(&bytes, tile.width())
            .unwrap()
            .iter()
            .enumerate()
        {
            let mut entry = str::from_utf8(entry).unwrap().to_owned();
            if index == 0 && place == FORGED {
                entry = entry.replace("success", "failure");
            }
            bundle::push(&mut forged, entry.as_bytes()).unwrap();
            for made in edge.push(Hash::of_leaf(entry.as_bytes())) {
                put(&made.tile.to_string(), &made.bytes);
            }
        }
        if index == 0 {
            put(&tile.to_string(), &forged);
        }
    }
    let above = edge
        .partials()
        .into_iter()
        .filter(|made| made.tile.kind() == Kind::Hashes(1));
    above.for_each(|made| put(&made.tile.to_string(), &made.bytes));
    let signer = fs::read_to_string(forked.site.folder().join("log-signing")).unwrap();
    let signer: SigningKey = signer.trim().parse().unwrap();
    let root = edge.root();
    let note = checkpoint::sign(&checkpoint::Checkpoint { root, ..said }, &signer).unwrap();
    put("checkpoint", note.as_bytes());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, to).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_epoch_that_was_forked_stays_tampered_and_the_newest_goes_on() {
    let mut forked = Forked::make().await;
    assert_eq!(forked.next_epoch().await, 2);
    for more in [&[][..], &["--ledger"][..]] {
        let said = forked.mirror(more).await;
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    assert_eq!(forked.by_python(&[]), Some(0));
    let honest = forked.site.folder().join("honest");
    copy(&forked.epoch(1), &honest);
    fork(&forked);
    let forged = fs::read(forked.epoch(1).join("checkpoint")).unwrap();
    let kept = forked.kept().display().to_string();
    for turn in 0..3 {
        forked
            .is_tampered(
                &[],
                "epoch 1: a leaf from 0 to 299 is not the one that was signed",
            )
            .await;
        forked
            .is_tampered(&["--ledger"], "the database has another entry")
            .await;
        forked.is_tampered(&["--since", &kept], "epoch 1").await;
        assert_eq!(forked.by_python(&[]), Some(1));
        // The ledger itself is as it was signed.
        let said = forked.site.assay(&["verify-log", "--ledger"]).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        // Neither a leader that begins anew nor one more epoch makes it good, or is held up by it.
        if turn == 0 {
            forked.record(1).await;
            forked.site.start_one(Service::Auditor);
            forked.site.until_log_published(2, 4).await;
            forked.site.stop(Service::Auditor).await;
        } else if turn == 1 {
            assert_eq!(forked.next_epoch().await, 3);
        }
        let there = fs::read(forked.epoch(1).join("checkpoint")).unwrap();
        assert_eq!(
            there, forged,
            "it stays as it is, for whoever looks into it"
        );
    }
    fs::remove_dir_all(forked.epoch(1)).unwrap();
    copy(&honest, &forked.epoch(1));
    let said = forked.mirror(&["--ledger", "--since", &kept]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(forked.by_python(&["--since", &kept]), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_is_not_made_good_by_an_epoch_that_follows_it() {
    let mut forked = Forked::make().await;
    fork(&forked);
    // Nothing is signed beside it; the way out is a new epoch, which follows what is published.
    forked.site.start_one(Service::Auditor);
    forked
        .site
        .until_not_ready(Service::Auditor, "has another root than the ledger's")
        .await;
    forked.site.stop(Service::Auditor).await;
    assert_eq!(forked.next_epoch().await, 2);
    let kept = forked.kept().display().to_string();
    forked
        .is_tampered(&["--since", &kept], "epoch 1: a leaf from 0 to 299")
        .await;
    assert_eq!(forked.by_python(&["--since", &kept]), Some(1));
    forked
        .is_tampered(&["--ledger"], "epoch 1: leaf 17: the database has another")
        .await;
    let said = forked.site.assay(&["verify-log"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_files_were_all_lost_is_good_again_by_the_same_checkpoints() {
    let mut forked = Forked::make().await;
    forked.next_epoch().await;
    let note = forked.epoch(2).join("checkpoint");
    let before = fs::read(&note).unwrap();
    fs::remove_dir_all(forked.log()).unwrap();
    assert_eq!(forked.mirror(&[]).await.code, Some(2));
    assert_eq!(forked.by_python(&[]), Some(2));
    forked.site.start_one(Service::Auditor);
    forked.site.until_log_published(2, 3).await;
    forked.site.until_ready(Service::Auditor).await;
    assert_eq!(fs::read(&note).unwrap(), before);
    let kept = forked.kept().display().to_string();
    let said = forked.mirror(&["--ledger", "--since", &kept]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(forked.by_python(&["--since", &kept]), Some(0));
    forked.site.stop(Service::Auditor).await;
}
