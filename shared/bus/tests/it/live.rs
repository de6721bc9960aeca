//! What is told beside the streams.

use testkit::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_is_heard_by_whoever_listens_then_and_kept_by_nobody() {
    let house = House::start().await;
    let (teller, listener) = (house.bus("teller").await, house.bus("listener").await);
    let subject = || "assay.live.one".to_owned();
    assert!(teller.tell(subject(), b"too early".to_vec()).await);
    teller.ping().await.unwrap();
    let mut ear = listener.listen(subject()).await.unwrap();
    assert!(
        teller
            .tell("assay.live.other".into(), b"not for us".to_vec())
            .await
    );
    assert!(teller.tell(subject(), b"heard".to_vec()).await);
    assert_eq!(ear.next().await.unwrap(), "heard");
}
