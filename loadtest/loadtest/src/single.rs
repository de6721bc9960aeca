//! Owns one push at a time: a real commit, fetched and run in a box, from the send to its result.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use contract::time;
use sample::delivery::{Push, sign};
use sample::lab::make_learner;
use sample::repository::{Change, Clock, Repository};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use witness::account::Account;
use witness::programs::Programs;
use witness::verdict;

use crate::cli::Common;
use crate::drain::drain;
use crate::figures::Figure;
use crate::figures::summary::in_short;
use crate::house::House;
use crate::latency::Latencies;
use crate::ledger::Ledger;
use crate::orders::{BAD, settle};
use crate::sender::Sender;
use crate::target::Target;
use crate::traffic::{Delivery, Kind};

/// How long one push may take, in seconds.
const RESULT_SECS_MAX: u64 = 60;
/// Between two looks for a result, in milliseconds; its own time is in its row. Each look takes half a
/// millisecond of what is measured.
const LOOK_MS: u64 = 20;
/// Pushes before those that count: the first one opens a session and warms up what is cold.
const WARM_UP: u64 = 3;

/// Sends one push after the other, each when the one before it has its result.
///
/// # Errors
/// A house that does not get ready, or a push without a result.
pub async fn single(count: u64, common: &Common) -> Result<u8> {
    if common.elsewhere.url.is_some() {
        bail!("somebody else's house has no repository of ours: leave --url out");
    }
    let house = House::start(Programs::find()?).await?;
    let lab = house.publish_boxed().await?;
    let learner = make_learner(&house.forge, &lab, "course-1/intro-1", Clock::System).await?;
    std::fs::create_dir_all(&common.out).context("make the folder of the reports")?;
    let target = house.target();
    let account = Account::begin(&common.out.join("sent.jsonl"));
    let sender = Arc::new(Sender::new(account, &target.url)?);
    let url = target
        .ledger
        .as_ref()
        .context("a house of ours has a ledger")?;
    let ledger = Ledger::connect(url).await?;
    let mut latencies = Latencies::new()?;
    for number in 0..count + WARM_UP {
        let delivery = commit(&learner, &target, number).await?;
        let forge_id = delivery.forge_id.clone();
        let sent = time::now();
        if !sender.send(delivery, None).await {
            bail!("push {number} was not accepted");
        }
        let verified = result_of(&ledger, &forge_id).await?;
        if number >= WARM_UP {
            let taken = (verified - sent).to_std().unwrap_or_default();
            latencies.note(Duration::ZERO, taken)?;
        }
    }
    // The last result is there before its leaf is.
    let limit = Duration::from_secs(RESULT_SECS_MAX);
    let drained = drain(&target, count + WARM_UP, limit, &CancellationToken::new()).await?;
    if !drained.is_done {
        bail!("not done after {RESULT_SECS_MAX} s: {}", drained.seen);
    }
    let verdict = verdict::ask(&house.programs().checker, sender.account.path(), url).await?;
    let all = latencies.all();
    println!(
        "{count} pushes, one at a time, to their result from a box: p50 {} ms, p90 {} ms, p99 {} ms, \
         longest {} ms",
        in_short(all.p50),
        in_short(all.p90),
        in_short(all.p99),
        in_short(all.max)
    );
    print!("{}", verdict.table);
    let figures = [
        Figure::measured("single.push-to-result.p50", all.p50, "ms"),
        Figure::measured("single.push-to-result.p99", all.p99, "ms"),
    ];
    let compared = settle(&figures, common)?;
    Ok(if verdict.is_good { compared } else { BAD })
}

async fn commit(learner: &Repository, target: &Target, number: u64) -> Result<Delivery> {
    let before = learner.head("main").await?;
    let text = format!("{number}\n");
    let change = [Change::File(b"push.txt", text.as_bytes())];
    let after = learner.commit("main", "Push", &change).await?;
    let push = Push {
        branch: "main",
        before: Some(&before),
        after: Some(&after),
    };
    let payload = push.payload(learner).await?;
    let forge_id = format!("single-{number}");
    let signed = sign("push", &forge_id, &payload, &target.secret);
    let line = json!({
        "source": target.source, "provider": "github", "forge_delivery": forge_id,
        "event": "push", "body_sha256": hex::encode(Sha256::digest(&signed.body)),
        "expect": "recorded",
        "pushes": [{
            "repository": format!("{}:{}", target.source, learner.full_name()),
            "ref": "refs/heads/main", "before": before, "after": after, "commits": [after],
            "enrolled": true, "result": "pass",
        }],
    });
    Ok(Delivery {
        kind: Kind::Push,
        forge_id,
        signed,
        line,
        commits: 1,
    })
}

async fn result_of(ledger: &Ledger, forge_id: &str) -> Result<contract::time::Timestamp> {
    let until = Instant::now() + Duration::from_secs(RESULT_SECS_MAX);
    loop {
        if let Some(verified) = ledger.verified(forge_id).await? {
            return Ok(verified);
        }
        if Instant::now() > until {
            bail!("the push {forge_id} has no result after {RESULT_SECS_MAX} s");
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}
