//! Publishing labs.

use objects::reader::SnapshotReader;
use sample::forge::LoopbackForge;
use sample::lab::LAB_TOML;
use sample::repository::{Change, Clock, Repository};

use crate::office::{Office, publish};

#[tokio::test]
async fn a_lab_is_published_as_a_version_whose_tree_can_be_read_back() {
    let office = Office::open().await;
    let command = office.publish_lab().await;
    assert_eq!(command["outcome"], "accepted", "{command}");
    assert_eq!(command["actor"], "operator");
    let result = &command["result"];
    assert_eq!(
        (&result["slug"], &result["number"], &result["new"]),
        (&"calculator".into(), &1.into(), &true.into())
    );
    assert_eq!(
        result["commit"],
        office.world.lab.head("main").await.unwrap()
    );
    assert_eq!(result["files"], 4);

    let lab = result["lab"].as_str().unwrap().parse().unwrap();
    let reader = SnapshotReader::of_lab(office.objects.clone(), lab);
    let digest = result["digest"].as_str().unwrap().parse().unwrap();
    let manifest = reader.manifest(digest).await.unwrap();
    for (_, blob) in manifest.blobs() {
        assert_eq!(reader.blob(blob).await.unwrap().len() as u64, blob.bytes);
    }
    let rows = office
        .house
        .rows("SELECT title, spec #> '{session,enrol}' AS enrol, files FROM lab_version")
        .await;
    let expected =
        r#"{"title":"A calculator in the shell","enrol":["github:course-*/intro-*"],"files":4}"#;
    assert_eq!(rows, [expected]);
    let audited = office
        .house
        .rows("SELECT action, entry FROM audit_entry JOIN ledger_pending ON audit_entry_id = id")
        .await;
    assert_eq!(audited.len(), 1);
    for table in [
        "\\\"command\\\"",
        "\\\"lab\\\"",
        "\\\"lab_version\\\"",
        "lab-published",
    ] {
        assert!(audited[0].contains(table), "{table}: {audited:?}");
    }
    office.close().await;
}

#[tokio::test]
async fn the_same_tree_is_the_same_version_and_another_tree_the_next_one() {
    let office = Office::open().await;
    let first = office.publish_lab().await["result"].clone();
    let again = office.publish_lab().await["result"].clone();
    assert_eq!(
        (&again["version"], &again["number"], &again["new"]),
        (&first["version"], &1.into(), &false.into())
    );
    let change = [Change::File(b"README.md", b"Better words.\n")];
    office
        .world
        .lab
        .commit("main", "Reword", &change)
        .await
        .unwrap();
    // By its folder this time: an operator may name one.
    let request = publish(office.world.lab.folder().to_str().unwrap(), Some("main"));
    office.bus.publish(&request).await.unwrap();
    let next = office.command(&request).await["result"].clone();
    assert_eq!(
        (&next["lab"], &next["number"], &next["new"]),
        (&first["lab"], &2.into(), &true.into())
    );
    assert_eq!(office.house.number("SELECT count(*) FROM lab").await, 1);
    office.close().await;
}

#[tokio::test]
async fn a_command_that_is_delivered_twice_has_one_effect() {
    let office = Office::open().await;
    let request = publish(&office.world.lab.clone_url(), None);
    office.bus.publish(&request).await.unwrap();
    let first = office.command(&request).await;
    for _ in 0..3 {
        office.say_again(&request).await;
    }
    office.settled("snapshot-builder").await;
    assert_eq!(office.command(&request).await, first);
    assert_eq!(
        office
            .house
            .number("SELECT count(*) FROM audit_entry")
            .await,
        1
    );
    office.close().await;
}

#[tokio::test]
async fn many_who_publish_one_lab_at_once_make_one_version() {
    let office = Office::open().await;
    let url = office.world.lab.clone_url();
    let requests: Vec<_> = (0..6).map(|_| publish(&url, None)).collect();
    for request in &requests {
        office.bus.publish(request).await.unwrap();
    }
    let mut new = 0;
    for request in &requests {
        let result = office.command(request).await["result"].clone();
        assert_eq!(result["number"], 1);
        new += u32::from(result["new"] == true);
    }
    assert_eq!(new, 1);
    office.close().await;
}

/// Labs with something wrong in them.
async fn make_bad_labs(forge: &LoopbackForge) -> [Repository; 3] {
    let empty = forge.create("course/no-toml", Clock::Fixed).await.unwrap();
    empty
        .commit("main", "Nothing", &[Change::File(b"a", b"a")])
        .await
        .unwrap();
    let odd = forge.create("course/odd", Clock::Fixed).await.unwrap();
    let mistake = LAB_TOML.replace("wall_seconds = 20", "wall_seconds = 0");
    let mistake = [Change::File(b"lab.toml", mistake.as_bytes())];
    odd.commit("main", "Mistake", &mistake).await.unwrap();
    let bare = forge.create("course/bare", Clock::Fixed).await.unwrap();
    for (branch, change) in [
        ("main", Change::File(b"lab.toml", LAB_TOML.as_bytes())),
        ("link", Change::Symlink(b"lab.toml", b"other")),
        ("bytes", Change::File(b"lab.toml", b"\xff\0")),
    ] {
        bare.commit(branch, branch, &[change]).await.unwrap();
    }
    [empty, odd, bare]
}

#[tokio::test]
async fn what_cannot_be_published_is_refused_with_the_reason() {
    let office = Office::open().await;
    let forge = &office.world.forge;
    let [empty, odd, bare] = make_bad_labs(forge).await.map(|lab| lab.clone_url());
    let nothing = format!("{}/course/nothing.git", forge.url());
    let nowhere = "1".repeat(40);
    let cases = [
        (empty.as_str(), None, "there is no lab.toml"),
        (&odd, None, "lab.toml:"),
        (&bare, None, "tests/run.sh"),
        (&bare, Some("link"), "no ordinary file"),
        (&bare, Some("bytes"), "no UTF-8"),
        (&bare, Some("nowhere"), "no such branch, tag or commit"),
        (&bare, Some(nowhere.as_str()), "no such commit"),
        (&nothing, None, "no such repository"),
        ("http://127.0.0.1:1/a/b.git", None, "cannot be reached"),
        ("http://me:secret@127.0.0.1:1/a/b.git", None, "credentials"),
        ("/nowhere/at/all", None, "there is no git repository"),
        ("ext::sh -c 'touch /tmp/x'", None, "expected a URL"),
        ("", None, "1 to 1024 bytes"),
    ];
    for (location, reference, reason) in cases {
        let request = publish(location, reference);
        office.bus.publish(&request).await.unwrap();
        let command = office.command(&request).await;
        assert_eq!(
            command["outcome"], "refused",
            "{location} {reference:?}: {command}"
        );
        assert!(
            command["reason"].as_str().unwrap().contains(reason),
            "{reason}: {command}"
        );
        assert!(!command.to_string().contains("secret"), "{command}");
    }
    assert_eq!(office.house.number("SELECT count(*) FROM lab").await, 0);
    assert_eq!(office.dead_letters().await, 0);
    let refusals = "SELECT count(*) FROM audit_entry WHERE action = 'lab-refused'";
    let refused = office.house.number(refusals).await;
    assert_eq!(refused, i64::try_from(cases.len()).unwrap());
    office.close().await;
}

#[tokio::test]
async fn an_actor_that_the_subject_does_not_name_publishes_nothing() {
    let office = Office::open().await;
    let request = publish(&office.world.lab.clone_url(), None);
    let payload = serde_json::to_vec(&request).unwrap().into();
    let kind = <contract::command::LabPublishRequested as contract::message::Message>::KIND;
    let subject = "assay.command.lab-publish.somebody-else".to_owned();
    let forged = bus::outgoing::Outgoing::raw("office", kind, subject, "forged", payload).unwrap();
    office.bus.publish_raw(forged).await.unwrap();
    office.settled("snapshot-builder").await;
    assert_eq!(office.dead_letters().await, 1);
    assert_eq!(office.house.number("SELECT count(*) FROM command").await, 0);
    office.close().await;
}
