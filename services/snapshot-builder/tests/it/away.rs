//! What the service stands on goes away: nothing is lost, nothing dies of it, and nobody is blamed.

use std::path::PathBuf;

use contract::job::{PreservedTree, SnapshotRequested};
use contract::result::ErrorCause;
use rustix::fs::{CWD, RenameFlags};
use sample::forge::LoopbackForge;
use sample::lab::PASSING;
use serde_json::json;
use testkit::wait;

use crate::office::Office;
use crate::world::sha;

impl Office {
    /// A push of one commit that bears a request.
    async fn push(&self) -> SnapshotRequested {
        let session = self.session().await;
        let one = self.world.learner.commit("main", "One", PASSING).await;
        let one = sha(&one.unwrap());
        self.record_push(&session, "branch", None, &[&one], json!(null))
            .await
    }

    async fn until_not_ready(&self, part: &str, why: &str) {
        wait::until(&format!("{part} is not ready"), async || {
            let report = self.health.report();
            let reason = report.parts.get(part).and_then(|part| part.reason.clone());
            match reason.as_deref() {
                Some(reason) if reason.contains(why) => Ok(()),
                _ => Err(format!("{report:?}")),
            }
        })
        .await;
    }

    /// The message is in its queue, and nothing came of it.
    async fn holds_the_message(&self) {
        let states = self.bus.stream_states().await.unwrap();
        let jobs = states.iter().find(|state| state.name == "JOBS").unwrap();
        assert_eq!(jobs.messages, 1);
        assert!(self.verifications(0).await.is_empty());
    }

    /// The tree is preserved in the end, and no letter was written.
    async fn ends_well(self) {
        let asked = self.verifications(1).await;
        assert!(
            matches!(asked[0].tree, PreservedTree::Kept { .. }),
            "{asked:?}"
        );
        self.settled("snapshot-builder-live").await;
        assert_eq!(self.dead_letters().await, 0);
        self.close().await;
    }
}

/// Puts something that no right of root's gets past where a folder was; gives the way back. Both at
/// one moment: whoever found nothing there meanwhile would make a folder.
fn take_away(place: PathBuf) -> impl FnOnce() {
    let aside = place.with_extension("aside");
    std::fs::write(&aside, "in the way").unwrap();
    let exchange = move || {
        let flags = RenameFlags::EXCHANGE;
        rustix::fs::renameat_with(CWD, &aside, CWD, &place, flags).unwrap();
    };
    exchange();
    exchange
}

#[tokio::test]
async fn caches_that_cannot_be_written_are_an_outage_and_the_push_is_preserved_after_it() {
    let office = Office::open().await;
    let job = office.push().await;
    let mend = take_away(office.house.folder("caches"));
    office.bus.publish(&job).await.unwrap();
    office.until_not_ready("git", "cache").await;
    office.holds_the_message().await;
    mend();
    office.ends_well().await;
}

#[tokio::test]
async fn objects_that_cannot_be_written_are_an_outage_and_the_push_is_preserved_after_it() {
    let office = Office::open().await;
    let job = office.push().await;
    let mend = take_away(office.house.folder("objects"));
    office.bus.publish(&job).await.unwrap();
    office.until_not_ready("objects", "").await;
    office.holds_the_message().await;
    mend();
    office.ends_well().await;
}

#[tokio::test]
async fn objects_in_whose_place_an_empty_folder_lies_are_away_and_not_missing() {
    let office = Office::open().await;
    let job = office.push().await;
    let (place, aside) = (office.house.folder("objects"), office.house.folder("aside"));
    std::fs::rename(&place, aside.join("objects")).unwrap();
    std::fs::create_dir(&place).unwrap();
    office.bus.publish(&job).await.unwrap();
    office
        .until_not_ready("objects", "is not the one that was opened")
        .await;
    office.holds_the_message().await;
    // Nothing was written into it: it would have been lost to the objects.
    std::fs::remove_dir(&place).unwrap();
    std::fs::rename(aside.join("objects"), &place).unwrap();
    office.ends_well().await;
}

#[tokio::test]
async fn a_forge_that_is_away_kills_no_message_and_is_told_to_the_verifier() {
    let mut office = Office::open().await;
    let job = office.push().await;
    let elsewhere = LoopbackForge::start(&office.house.folder("elsewhere")).await;
    let forge = std::mem::replace(&mut office.world.forge, elsewhere.unwrap());
    forge.stop().await.unwrap();
    office.bus.publish(&job).await.unwrap();
    let asked = office.verifications(1).await;
    let PreservedTree::Missing { cause, .. } = &asked[0].tree else {
        panic!("{asked:?}")
    };
    assert_eq!(*cause, ErrorCause::SourceUnavailable);
    office.settled("snapshot-builder-live").await;
    assert_eq!(office.dead_letters().await, 0);
    office.close().await;
}
