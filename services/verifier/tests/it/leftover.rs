//! A verifier that was killed may leave a box that was never finished; the next one ends it.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use testkit::wait;
use verifier::sandbox::account::Account;
use verifier::sandbox::{Bounding, Sandbox, Site};

use crate::bench::scratch;
use crate::bench::site;

/// A box that waits to be told to go on, for as long as its input is open.
fn waiting_box(folder: &Path) -> Child {
    let mut command = Command::new("/usr/bin/bwrap");
    command.args([
        "--block-fd",
        "0",
        "--ro-bind",
        "/usr",
        "/usr",
        "--ro-bind-try",
    ]);
    command.arg(folder.join("slot-0")).args(["/work", "true"]);
    command.stdin(Stdio::piped()).spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn boxes_that_a_killed_verifier_left_in_the_folder_are_ended_and_no_others() {
    let (own, others) = (scratch(), scratch());
    let mut left = waiting_box(&own.path().canonicalize().unwrap());
    let mut stranger = waiting_box(&others.path().canonicalize().unwrap());
    let site = Site {
        // A leftover is ended whether or not limits can be enforced.
        bounding: Bounding::DangerouslyWaived,
        ..site(own.path())
    };
    Sandbox::probe(site, Account::of_slot(0)).await.unwrap();
    let status = wait::until("the leftover box ends", async || {
        let ended = left.try_wait().unwrap();
        ended.ok_or_else(|| "it runs".to_owned())
    })
    .await;
    assert_eq!(status.signal(), Some(9));
    assert_eq!(
        stranger.try_wait().unwrap(),
        None,
        "it is another verifier's"
    );
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}
