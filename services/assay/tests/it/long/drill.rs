//! The drill: a house is backed up and goes on, then everything is gone, and comes back. What was
//! erased since is erased before anything serves, the log goes on where others saw it end, and what
//! was accepted is taken in once.

mod made;

use std::fs;
use std::path::{Path, PathBuf};

use process::settings::service::Service;
use proofs::files::Folder;
use proofs::mirror;
use proofs::pinned::Pinned;
use proofs::watch::Kept as Note;
use sample::hooks_api::HooksApi;
use sample::lab::{FAILING, PASSING, make_learner};
use sample::repository::{Change, Clock};
use serde_json::Value;
use testkit::house::House;
use testkit::wait;
use witness::account::Account;

use crate::kept::{Kept, lose_all};
use crate::long::drill::made::{copy, made, published, until_published};
use crate::made_again::{until_judged_once, with_api};
use crate::push::LEARNER;
use crate::reconcile::until_number;
use crate::site::Site;

/// The repository of the person who is erased, and the person.
const OTHER: &str = "course-2026/intro-bob";
const OTHER_LOGIN: &str = "example-other";
/// How many verifications have a result.
const JUDGED: &str = "SELECT count(*) FROM verification_attempt";
/// The deliveries that the forge made. Beside them there may be a push that reconciler saw in the
/// forge's refs before the forge had sent its delivery again: that has no effect of its own.
const SENT: &str = "SELECT count(*) FROM delivery WHERE event <> 'assay-ref-found'";
/// Whom the order erased: who pushed, and who wrote what nobody else pushed.
const ERASED: &str = "SELECT count(*) FROM erasure";
/// Every stream, as a broker loses them.
const STREAMS: [&str; 6] = ["DELIVERIES", "JOBS", "COMMANDS", "AUDIT", "FACTS", "DEAD"];

/// What a house had before it was lost, as others saw it.
struct Seen {
    /// A copy of the published log, made by somebody else.
    mirror: PathBuf,
    /// The records of erasures, copied from beside the objects.
    erasures: PathBuf,
    /// The last checkpoint, and one from before.
    newest: String,
    old: String,
    /// The commits that were pushed since the backup: recorded and lost, and only accepted.
    recorded: String,
    accepted: String,
    /// How many were erased.
    erased: i64,
    /// The proof of an attempt that is lost.
    proof: PathBuf,
    /// What was sent and answered, for the checker.
    account: Account,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_but_not_the_broker_comes_back_by_a_mirror_of_the_log() {
    let api = HooksApi::start().await.unwrap();
    let (more, _token) = with_api(&api);
    let mut site = Site::furnish(House::start().await, &more).await;
    let (kept, seen) = live_and_lose(&mut site, &api).await;
    let mirror = seen.mirror.to_str().unwrap().to_owned();
    let said = kept.restore(&site, &["--last-checkpoint", &mirror]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!said.out.contains("NOTHING NEWER"), "{said:?}");
    comes_back(&mut site, &seen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_with_the_broker_comes_back_by_a_note_and_records_of_erasures() {
    let api = HooksApi::start().await.unwrap();
    let (more, _token) = with_api(&api);
    let mut site = Site::furnish(House::start().await, &more).await;
    let (kept, seen) = live_and_lose(&mut site, &api).await;
    for stream in STREAMS {
        site.house.remove_stream(stream).await;
    }
    site.house.apply_topology().await;
    let note = site.folder().join("kept-note");
    fs::write(&note, &seen.newest).unwrap();
    let (note, records) = (note.to_str().unwrap(), seen.erasures.to_str().unwrap());
    let said = kept
        .restore(&site, &["--last-checkpoint", note, "--erasures", records])
        .await;
    assert_eq!(said.code, Some(0), "{said:?}");
    comes_back(&mut site, &seen).await;
}

/// A house lives, is backed up, lives on, and is lost.
async fn live_and_lose(site: &mut Site, api: &HooksApi) -> (Kept, Seen) {
    site.start_all().await;
    let (lab, learner) = site.publish_lab().await;
    let hook = api.add_hook(LEARNER, &site.hooks_url());
    let account = Account::begin(&site.folder().join("sent.jsonl"));
    let first = made(&learner, FAILING, None).await;
    first.post(site, &account, LEARNER, "fail").await;
    until_number(site, "the first is judged", JUDGED, 1).await;
    let other = make_learner(&site.forge, &lab, OTHER, Clock::Fixed)
        .await
        .unwrap();
    let of_other = made(&other, PASSING, Some(OTHER_LOGIN)).await;
    of_other.post(site, &account, OTHER, "pass").await;
    until_number(site, "the other's is judged", JUDGED, 2).await;
    until_published(site).await;
    let old = published(site);
    let kept = Kept::of(site).await;

    let recorded = made(&learner, PASSING, None).await;
    assert_eq!(api.deliver(hook, &recorded.signed).await, 202);
    recorded.note_delivered(&account, LEARNER, "pass");
    until_judged_once(site, &recorded.after).await;
    let person = format!("github:{OTHER_LOGIN}");
    site.assay_ok(&["privacy", "erase", &person, "--reason", "it was asked for"])
        .await;
    let records = site.folder().join("objects/erasures");
    wait::until("the erasure's record is kept", async || {
        records.is_dir().then_some(()).ok_or("not yet".to_owned())
    })
    .await;
    until_published(site).await;
    let seen_of = |name: &str| site.folder().join("elsewhere").join(name);
    let (mirror, erasures) = (seen_of("log"), seen_of("erasures"));
    copy(&site.folder().join("objects/log"), &mirror);
    copy(&records, &erasures);
    let newest = published(site);

    let proof = proves(site, &recorded.after).await;

    let erased = site.house.number(ERASED).await;
    assert!(erased > 0);

    // Accepted, and nobody takes it in before everything is gone.
    site.stop(Service::AttemptWriter).await;
    let accepted = made(&learner, &[Change::File(b"notes.txt", b"!\n")], None).await;
    assert_eq!(api.deliver(hook, &accepted.signed).await, 202);
    accepted.note_delivered(&account, LEARNER, "pass");
    for service in Service::ALL {
        if service != Service::AttemptWriter {
            site.stop(service).await;
        }
    }
    lose_all(site).await;
    let seen = Seen {
        mirror,
        erasures,
        newest,
        old,
        recorded: recorded.after,
        accepted: accepted.after,
        account,
        erased,
        proof,
    };
    (kept, seen)
}

/// Proves that the attempt of a commit is in the log.
async fn proves(site: &Site, commit: &str) -> PathBuf {
    let attempt = format!("SELECT id FROM lab_attempt WHERE commit_sha = '{commit}'");
    let row: Value = serde_json::from_str(&site.house.rows(&attempt).await[0]).unwrap();
    let proof = site.folder().join("lost.tlog-proof");
    let file = proof.to_str().unwrap();
    site.assay_ok(&["prove", row["id"].as_str().unwrap(), "-o", file])
        .await;
    proof
}

/// What must hold after a restore, before anything serves and after.
async fn comes_back(site: &mut Site, seen: &Seen) {
    let house = &site.house;
    assert_eq!(house.number(ERASED).await, seen.erased);
    let key = "SELECT count(*) FROM privacy.person_key k JOIN erasure e \
               ON e.principal_id = k.owner_id";
    assert_eq!(
        house.number(key).await,
        0,
        "the erased person's key is gone again"
    );
    let body = "SELECT count(*) FROM privacy.named_in_body b JOIN erasure e USING (principal_id)";
    assert_eq!(house.number(body).await, 0, "and what was received of it");
    let said = tlog::checkpoint::said(&seen.newest).unwrap();
    let linked = "SELECT previous_size FROM log_epoch WHERE epoch = 2";
    assert_eq!(
        house.number(linked).await,
        i64::try_from(said.size).unwrap()
    );
    let attempts = "SELECT count(*) FROM lab_attempt";
    assert_eq!(
        house.number(attempts).await,
        2,
        "what was recorded since is not there yet"
    );

    site.start_all().await;
    site.assay_ok(&["reconcile", "--source", "github"]).await;
    for commit in [&seen.recorded, &seen.accepted] {
        until_judged_once(site, commit).await;
    }
    until_number(
        site,
        "each push once",
        "SELECT count(*) FROM verification_attempt",
        4,
    )
    .await;
    assert_eq!(site.house.number(SENT).await, 4);
    site.misses_nothing(0).await;
    until_published(site).await;
    site.stop_all().await;
    let said = site.assay(&["verify-log", "--ledger"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    agrees_with_all_that_was_seen(site, seen).await;
    assert_eq!(site.house.number(ERASED).await, seen.erased);
}

/// Whoever has files alone, and pinned the first key, finds one log in two epochs, and what was
/// seen before the loss at the beginning of it.
async fn agrees_with_all_that_was_seen(site: &Site, seen: &Seen) {
    let key = fs::read_to_string(site.folder().join("log-verifier")).unwrap();
    let pinned = Pinned::new("assay.test/log", key.trim().parse().unwrap()).unwrap();
    let notes = [("old", &seen.old), ("newest", &seen.newest)].map(|(name, note)| Note {
        name: name.to_owned(),
        note: note.clone(),
    });
    // The published log as it is now: where the first epoch was lost, its mirror is put beside it.
    let together = site.folder().join("together");
    copy(&seen.mirror, &together);
    copy(&site.folder().join("objects/log/2"), &together.join("2"));
    let checked = mirror::check(&Folder::new(&together), &pinned, &notes, &mut ()).await;
    let checked = checked.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((checked.epochs.len(), checked.kept), (2, 2), "{checked:?}");
    let proof = seen.proof.to_str().unwrap();
    site.assay_ok(&["check-proof", proof, "--key", key.trim()])
        .await;
    strangers_agree(site, seen, &together, key.trim()).await;
}

/// The checker, which shares no code with the house, holds what was answered against the ledger;
/// and another, in another language, the files of the log.
async fn strangers_agree(site: &Site, seen: &Seen, mirror: &Path, key: &str) {
    site.the_checker_agrees(&seen.account).await;
    let checker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/check/assay_check.py");
    let said = std::process::Command::new("python3")
        .arg(checker)
        .arg("mirror")
        .arg(mirror)
        .args(["--origin", "assay.test/log", "--key", key])
        .output()
        .unwrap();
    assert!(said.status.success(), "{said:?}");
}
