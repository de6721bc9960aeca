//! Owns the story: the same steps that a course's operator, a learner and a forge would take.

use anyhow::Context as _;
use auditor::prove;
use auditor::verify::Depth;
use contract::ids::{AuditEntryId, CommandId};
use contract::result::TestOutcome;
use contract::time::now;
use process::settings::Settings;
use reqwest::StatusCode;
use sample::delivery::sign;
use sample::lab::{EXPECTED_TESTS, FAILING, PASSING};
use serde_json::Value;
use store::pool::Connection;
use store::view::status::{self, Status};
use store::view::timeline::Timeline;
use tlog::key::VerifyingKey;
use uuid::Uuid;

use crate::cli::Who;
use crate::command::{Outcome, send};
use crate::context::Context;
use crate::demo::checks::Checks;
use crate::demo::forge::{Forge, LEARNER};
use crate::demo::post::{PostOffice, Posted};
use crate::demo::{show, watch};
use crate::up::house::Endpoints;
use crate::up::overlay::SOURCE;
use crate::{lab, log, trace};

/// The story and those in it.
pub(crate) struct Story<'a> {
    context: Context,
    forge: &'a Forge,
    post: PostOffice<'a>,
    checks: &'a mut Checks,
    key: VerifyingKey,
}

impl<'a> Story<'a> {
    pub(crate) fn new(
        settings: Settings,
        endpoints: &Endpoints,
        forge: &'a Forge,
        checks: &'a mut Checks,
    ) -> anyhow::Result<Self> {
        let context = Context::with(settings);
        let key = log::verifying_key(&context, None)?;
        Ok(Self {
            context,
            forge,
            post: PostOffice::new(forge, endpoints),
            checks,
            key,
        })
    }

    pub(crate) async fn tell(mut self) -> anyhow::Result<()> {
        let mut ledger = self.context.reader().await?;
        self.publish_and_enrol().await?;
        let first = self.passing_push(&mut ledger).await?;
        self.failing_push(&mut ledger).await?;
        self.repeat(&mut ledger, &first).await?;
        self.forgery(&mut ledger, &first).await?;
        self.whole_log(&mut ledger).await
    }

    async fn publish_and_enrol(&mut self) -> anyhow::Result<()> {
        show::chapter(1, "The operator publishes a lab and enrols a learner");
        let who = Who {
            actor: "operator".parse()?,
        };
        let published = lab::publish(&self.context, self.forge.lab.clone_url(), None, &who).await?;
        let Outcome::Accepted(version) = published else {
            anyhow::bail!("the lab was not published: {published:?}");
        };
        show::line(&format!(
            "lab {}, version {}, digest {}",
            text(&version["slug"]),
            version["number"],
            text(&version["digest"])
        ));
        self.checks
            .that("the lab's version 1 is published", version["number"] == 1);
        let starting = self.forge.learner.head("main").await?.parse()?;
        let command = CommandId::new();
        let order = contract::command::SessionOpenRequested {
            command,
            actor: who.actor,
            lab: text(&version["slug"]).parse()?,
            repository: format!("{SOURCE}:{LEARNER}").parse()?,
            starting: Some(starting),
        };
        let opened = send(&self.context, command, &order).await?;
        let Outcome::Accepted(session) = opened else {
            anyhow::bail!("the session was not opened: {opened:?}");
        };
        show::line(&format!(
            "session {} for {}",
            text(&session["session"]),
            order.repository
        ));
        self.checks.that(
            "the learner's session is open",
            session["session"].is_string(),
        );
        Ok(())
    }

    async fn passing_push(&mut self, ledger: &mut Connection) -> anyhow::Result<Posted> {
        show::chapter(2, "The learner pushes a commit that does what the lab asks");
        let (post, checks) = (&self.post, &mut *self.checks);
        let mut posted = post.push(checks, "Write add and subtract", PASSING).await?;
        let seen = watch::follow(ledger, posted.id).await?;
        posted.said = trace::events(&seen);
        let proofs = self.proofs(ledger, &seen).await?;
        show::way(&seen, text(&posted.receipt["digest"]), &proofs);
        let checks = &mut *self.checks;
        checks.that("one push brought one attempt", seen.attempts.len() == 1);
        let kept = seen.attempts.first().is_some_and(|attempt| {
            attempt.snapshot_digest.is_some() && attempt.snapshot_files.unwrap_or(0) > 0
        });
        checks.that("its tree is preserved", kept);
        let result = seen.verifications.last().context("a result")?;
        checks.that(
            "the result is pass, with all points",
            result.result == "pass" && result.points == result.points_max && result.points > 0,
        );
        for name in EXPECTED_TESTS {
            let passed = tests(&seen)
                .iter()
                .any(|(test, o)| test == name && *o == TestOutcome::Passed);
            checks.that(&format!("the test {name:?} passed"), passed);
        }
        checks.that(
            "every log entry of it has a proof that checks",
            !proofs.is_empty() && proofs.iter().all(|(_, _, holds)| *holds),
        );
        checks.that(
            "the trace id of the receipt is the ledger's",
            text(&posted.receipt["trace_id"]) == seen.delivery.trace_id,
        );
        Ok(posted)
    }

    async fn failing_push(&mut self, ledger: &mut Connection) -> anyhow::Result<()> {
        show::chapter(3, "The learner pushes a commit with a mistake");
        let (post, checks) = (&self.post, &mut *self.checks);
        let posted = post.push(checks, "Break subtract", FAILING).await?;
        let seen = watch::follow(ledger, posted.id).await?;
        let proofs = self.proofs(ledger, &seen).await?;
        show::way(&seen, text(&posted.receipt["digest"]), &proofs);
        let result = seen.verifications.last().context("a result")?;
        self.checks
            .that("the result is fail, not error", result.result == "fail");
        let failed: Vec<_> = tests(&seen)
            .into_iter()
            .filter(|(_, outcome)| *outcome == TestOutcome::Failed)
            .map(|(name, _)| name)
            .collect();
        self.checks.that(
            "the failed test is named: \"subtracts\"",
            failed == ["subtracts"],
        );
        Ok(())
    }

    async fn repeat(&mut self, ledger: &mut Connection, first: &Posted) -> anyhow::Result<()> {
        show::chapter(4, "The forge sends the first delivery again");
        let before = counted(ledger).await?;
        let (status, receipt) = self.post.send(&first.signed).await?;
        show::line(&format!(
            "{status}: duplicate {}, delivery {}",
            receipt["duplicate"],
            text(&receipt["delivery"])
        ));
        self.checks.that(
            "it is answered 202 as a duplicate",
            status == StatusCode::ACCEPTED && receipt["duplicate"] == true,
        );
        self.checks.that(
            "it names the same delivery",
            receipt["delivery"] == first.receipt["delivery"],
        );
        // The repeat itself is on the record: its log entry says that the ledger has seen it.
        let mut said = first.said.clone();
        watch::until(
            ledger,
            first.id,
            "the repeat's log entry",
            &mut said,
            |seen| {
                seen.entries
                    .iter()
                    .any(|entry| entry.action == "delivery-repeated")
            },
        )
        .await?;
        let after = counted(ledger).await?;
        self.checks.that(
            "nothing new is in the ledger; the log says that it was repeated",
            after == before,
        );
        Ok(())
    }

    async fn forgery(&mut self, ledger: &mut Connection, first: &Posted) -> anyhow::Result<()> {
        show::chapter(5, "Somebody without the secret sends a delivery");
        let before = counted(ledger).await?;
        let payload: Value = serde_json::from_slice(&first.signed.body)?;
        let forged = sign(
            "push",
            &Uuid::now_v7().to_string(),
            &payload,
            b"not the secret",
        );
        let (status, answer) = self.post.send(&forged).await?;
        show::line(&format!("{status}: {}", text(&answer["detail"])));
        self.checks
            .that("it is answered 401", status == StatusCode::UNAUTHORIZED);
        let queued = self.context.bus().await?.stream_states().await?;
        let waiting = queued.iter().find(|stream| stream.name == "DELIVERIES");
        self.checks.that(
            "nothing was queued",
            waiting.is_some_and(|s| s.messages == 0),
        );
        let after = counted(ledger).await?;
        self.checks
            .that("nothing new is in the ledger", after == before);
        Ok(())
    }

    async fn whole_log(&mut self, ledger: &mut Connection) -> anyhow::Result<()> {
        show::chapter(6, "An auditor recomputes the whole log from the database");
        let report = auditor::verify::verify(ledger, &self.key, Depth::Rows, now()).await?;
        show::line(&format!(
            "{}: {} leaves and {} signed checkpoints, {} ledger rows as they were logged",
            report.verdict, report.leaves, report.checkpoints, report.rows
        ));
        show::line(&format!("checked with the key {}", self.key.as_str()));
        self.checks.that(
            "the log is intact, and so is each row that it covers",
            report.verdict.exit_code() == 0 && report.rows > 0,
        );
        Ok(())
    }

    /// For each entry: its leaf, the checkpoint's size, and whether the proof checks.
    async fn proofs(
        &self,
        ledger: &mut Connection,
        seen: &Timeline,
    ) -> anyhow::Result<Vec<(i64, u64, bool)>> {
        let mut proofs = Vec::new();
        for entry in &seen.entries {
            let index = entry.leaf_index.unwrap_or(-1);
            let id = AuditEntryId::from_uuid(entry.id);
            match prove::prove(ledger, None, id, &self.key).await {
                Ok(proven) => proofs.push((index, proven.checkpoint.size, true)),
                Err(error) => {
                    show::line(&format!("proof of leaf {index}: {error}"));
                    proofs.push((index, 0, false));
                }
            }
        }
        Ok(proofs)
    }
}

/// What the ledger holds, without the log: a repeat is on the log, and nowhere else.
async fn counted(ledger: &mut Connection) -> anyhow::Result<Status> {
    let status = status::status(ledger).await?;
    Ok(Status {
        leaves: 0,
        pending: 0,
        ..status
    })
}

fn tests(seen: &Timeline) -> Vec<(String, TestOutcome)> {
    let last = seen.verifications.last();
    let steps = last.map(show::steps).unwrap_or_default();
    steps
        .into_iter()
        .flat_map(|s| s.tests)
        .map(|t| (t.name, t.outcome))
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
