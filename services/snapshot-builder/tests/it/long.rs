//! What takes minutes: a blob of 10 GB that is really there.

mod forgotten;

use snapshot_builder::limits::Limits;

use crate::hostile::{Siege, caches};
use crate::world::sha;

/// Ten gigabytes.
const BLOB_BYTES: u64 = 10 * 1024 * 1024 * 1024;

#[tokio::test]
async fn ten_gigabytes_are_left_out_by_a_forge_that_can_and_cut_off_where_it_cannot() {
    let siege = Siege::begin().await;
    let learner = &siege.world.learner;
    let blob = learner.zeros(BLOB_BYTES).await.unwrap();
    let tree = learner.raw_tree(&[("100644", b"large", &blob)]).await;
    let commit = learner.raw_commit(&tree.unwrap(), &[], b"large\n").await;
    let commit = sha(&commit.unwrap());
    learner.point("refs/heads/large", commit.as_str()).unwrap();
    let refused = siege.build(&siege.world.caches, learner, &commit).await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "large has more than 33554432 bytes, and the forge left it out"
    );

    siege.world.forge.never_filter();
    let limits = Limits {
        git: git::program::Bounds {
            cpu_seconds_max: 2,
            ..git::program::Bounds::default()
        },
        ..Limits::default()
    };
    let hasty = caches(&siege, "hasty", limits);
    let refused = siege.build(&hasty, learner, &commit).await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the repository takes more processor time to unpack than the 2 s of a fetch"
    );
}
