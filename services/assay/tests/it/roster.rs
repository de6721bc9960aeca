//! A class list opens its sessions once.

use crate::site::Site;

#[tokio::test(flavor = "multi_thread")]
async fn a_class_list_opens_each_session_once_and_one_with_a_mistake_opens_none() {
    let mut site = Site::start().await;
    let _published = site.publish_lab().await;
    let list = site.folder().join("class.csv");
    let path = list.display().to_string();
    let lab = "calculator";
    let import = ["roster", "import", &path, "--lab", lab];

    std::fs::write(
        &list,
        "name,repository\nA. Person,github:octo/one\nB. Person,none\n",
    )
    .unwrap();
    let refused = site.assay(&import).await;
    assert_eq!(refused.code, Some(64), "{refused:?}");
    assert!(
        refused.err.contains("line 3: ") && !refused.err.contains("Person"),
        "{refused:?}"
    );

    std::fs::write(
        &list,
        "name,repository\nA. Person,github:octo/one\nB. Person,github:octo/two\n",
    )
    .unwrap();
    let plan = site
        .assay_ok(&["roster", "import", &path, "--lab", lab, "--plan"])
        .await;
    assert!(
        plan.contains("2 sessions to be opened, 0 there before"),
        "{plan}"
    );
    let done = site.assay_ok(&import).await;
    assert!(
        done.contains("2 sessions opened, 0 there before, 0 refused"),
        "{done}"
    );
    let again = site.assay_ok(&import).await;
    assert!(
        again.contains("0 sessions opened, 2 there before, 0 refused"),
        "{again}"
    );
    site.stop_all().await;
}
