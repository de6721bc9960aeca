//! Backups, and what comes of them: made, checked, torn, refused, and restored into nothing.

use std::fs;
use std::path::Path;

use process::settings::service::Service;
use sample::lab::{PASSING, make_lab};
use sample::repository::Clock;
use serde_json::{Value, json};

use crate::kept::{Kept, lose_all, refused, silent};
use crate::site::Site;

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_restored_into_nothing_and_the_log_goes_on_in_a_new_epoch() {
    let mut site = Site::start().await;
    let lab = make_lab(&site.forge, "labs/kept", Clock::Fixed)
        .await
        .unwrap();
    site.assay_ok(&["lab", "publish", &lab.clone_url()]).await;
    let kept = Kept::of(&site).await;
    let said = site
        .assay_ok(&["backup", "check", kept.shelf.to_str().unwrap()])
        .await;
    assert!(said.contains("good:"), "{said}");
    let told = "SELECT count(*) FROM audit_entry WHERE action = 'ledger-backed-up' \
                AND entry::jsonb ->> 'user.name' = 'operator' \
                AND entry::jsonb ? 'assay.backup.leaves'";
    assert_eq!(site.house.number(told).await, 1);
    site.stop_all().await;
    let before = site.house.rows("SELECT * FROM lab_version").await;
    lose_all(&site).await;

    let said = kept.restore(&site, &[]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.out
            .contains("the log goes on as assay.test/log/epoch-2"),
        "{said:?}"
    );
    assert!(
        said.out.contains("NOTHING NEWER THAN THE BACKUP IS KNOWN"),
        "{said:?}"
    );
    assert_eq!(site.house.rows("SELECT * FROM lab_version").await, before);
    let steps = "SELECT count(*) FROM restore_step";
    assert_eq!(site.house.number(steps).await, 5);

    site.start_all().await;
    lab.commit("main", "A new state", PASSING).await.unwrap();
    site.assay_ok(&["lab", "publish", &lab.clone_url()]).await;
    site.stop_all().await;
    let said = site.assay(&["verify-log", "--ledger"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let again = kept.restore(&site, &[]).await;
    refused(
        again,
        &[
            "the database is not empty",
            "Nothing is restored over what is there",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_or_damaged_backup_is_recognised_and_nothing_is_restored_from_it() {
    let site = silent().await;
    let kept = Kept::of(&site).await;
    let second = kept.again(&site).await;
    fs::remove_file(second.join("manifest.json")).unwrap();
    let shelf = kept.shelf.to_str().unwrap();
    let said = site.assay(&["backup", "check", shelf]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.out.contains("TORN") && said.out.contains("good:"),
        "{said:?}"
    );
    let torn = site
        .assay(&["restore", "--from", second.to_str().unwrap()])
        .await;
    refused(torn, &["is torn", "Use another one"]).await;

    site.house.lose_database().await;
    let first = &kept.all()[0];
    let dump = first.join("ledger.dump");
    let mut bytes = fs::read(&dump).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&dump, bytes).unwrap();
    let said = site
        .assay(&["backup", "check", first.to_str().unwrap()])
        .await;
    assert_eq!(said.code, Some(1), "{said:?}");
    refused(
        kept.restore(&site, &[]).await,
        &["is damaged", "ledger.dump"],
    )
    .await;
    assert_eq!(tables(&site).await, 0, "nothing was touched");
}

async fn tables(site: &Site) -> i64 {
    let query = "SELECT count(*) FROM pg_tables \
                 WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    site.house.number(query).await
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_lie_apart_from_the_backup_and_another_key_is_no_key_to_it() {
    let site = silent().await;
    let shelf = site.folder().join("backups");
    let to = shelf.to_str().unwrap();
    refused(
        site.assay(&["backup", "--to", to]).await,
        &["where do the keys go?"],
    )
    .await;
    let inside = shelf.join("keys");
    let together = site
        .assay(&["backup", "--to", to, "--keys-to", inside.to_str().unwrap()])
        .await;
    refused(together, &["lie in one another"]).await;

    let kept = Kept::of(&site).await;
    for secret in secrets_of(site.folder()) {
        assert!(!holds(&kept.shelf, &secret), "a key is in the backup");
        assert!(holds(&kept.keys, &secret), "a key was not kept");
    }
    lose_all(&site).await;
    let pseudonym = site.folder().join("pseudonym");
    let good = fs::read(&pseudonym).unwrap();
    fs::write(&pseudonym, "another key, of just as many byte").unwrap();
    let other = kept.restore(&site, &[]).await;
    refused(other, &["privacy.pseudonym_key_file is another key"]).await;
    fs::remove_file(&pseudonym).unwrap();
    let missing = kept.restore(&site, &[]).await;
    refused(
        missing,
        &["privacy.pseudonym_key_file cannot be read", "--keys-from"],
    )
    .await;
    let said = kept
        .restore(&site, &["--keys-from", kept.keys.to_str().unwrap()])
        .await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(fs::read(&pseudonym).unwrap(), good);
}

/// What is secret in a site's folder.
fn secrets_of(folder: &Path) -> Vec<Vec<u8>> {
    ["log-signing", "pseudonym", "privacy-master", "webhook"]
        .map(|name| fs::read(folder.join(name)).unwrap())
        .to_vec()
}

/// Whether some file below a folder holds these bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => holds(&path, bytes),
            false => fs::read(path)
                .unwrap()
                .windows(bytes.len())
                .any(|found| found == bytes),
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_newer_program_and_a_store_that_is_not_empty_are_refused() {
    let site = silent().await;
    let kept = Kept::of(&site).await;
    let folder = &kept.all()[0];
    site.house.lose_database().await;
    let strange = site.folder().join("objects/labs/strange");
    fs::create_dir_all(&strange).unwrap();
    fs::write(strange.join("object"), "a stranger's").unwrap();
    let not_empty = kept.restore(&site, &[]).await;
    refused(
        not_empty,
        &["is not empty: it has labs/strange/object", "--keep-objects"],
    )
    .await;
    assert_eq!(tables(&site).await, 0, "nothing was touched");

    let manifest = folder.join("manifest.json");
    let mut newer: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    newer["migrations"]
        .as_array_mut()
        .unwrap()
        .push(json!("99991231235959"));
    newer["assay"] = json!("99.0.0");
    fs::write(&manifest, newer.to_string()).unwrap();
    let newer = kept.restore(&site, &["--keep-objects"]).await;
    refused(
        newer,
        &[
            "its ledger is at 99991231235959",
            "assay 99.0.0 or a newer one",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_while_a_restore_is_unfinished_and_giving_it_again_finishes_it() {
    let site = silent().await;
    let kept = Kept::of(&site).await;
    lose_all(&site).await;
    let said = kept.restore(&site, &[]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    // As a restore leaves it that is killed before what was erased is erased again.
    site.house
        .sql(
            "ALTER TABLE restore_step DISABLE TRIGGER ALL; \
             DELETE FROM restore_step WHERE step IN ('erasures', 'finished'); \
             ALTER TABLE restore_step ENABLE TRIGGER ALL; \
             ALTER TABLE restore_step ENABLE ALWAYS TRIGGER refuse_row_change; \
             ALTER TABLE restore_step ENABLE ALWAYS TRIGGER refuse_truncate",
        )
        .await;
    for service in Service::ALL {
        if service == Service::WebhookIngest {
            // It has no ledger: what it accepts waits in the queue.
            continue;
        }
        let said = site.run_to_end(service).await;
        refused(said, &["is being restored", "give `assay restore` again"]).await;
    }
    refused(site.assay(&["migrate"]).await, &["is being restored"]).await;
    let to = kept.shelf.to_str().unwrap();
    let backup = site
        .assay(&["backup", "--to", to, "--keys-elsewhere"])
        .await;
    refused(backup, &["is being restored"]).await;

    let said = kept.restore(&site, &[]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("going on with the restore"), "{said:?}");
    let unfinished = "SELECT count(*) FROM restore_unfinished";
    assert_eq!(site.house.number(unfinished).await, 0);
    let restores = "SELECT count(*) FROM restore";
    assert_eq!(site.house.number(restores).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_backups_go_with_the_objects_that_only_they_had() {
    let site = silent().await;
    let objects = site.folder().join("objects/bodies/one");
    fs::create_dir_all(&objects).unwrap();
    fs::write(objects.join("first"), "first").unwrap();
    let kept = Kept::of(&site).await;
    fs::remove_file(objects.join("first")).unwrap();
    fs::write(objects.join("second"), "second").unwrap();
    kept.again(&site).await;
    let shared = kept.shelf.join("objects/bodies/one");
    assert!(shared.join("first").exists() && shared.join("second").exists());

    let shelf = kept.shelf.to_str().unwrap();
    site.assay_ok(&["backup", "prune", shelf, "--keep", "1"])
        .await;
    assert_eq!(kept.all().len(), 1);
    assert!(!shared.join("first").exists() && shared.join("second").exists());
    site.assay_ok(&["backup", "check", shelf]).await;
}
