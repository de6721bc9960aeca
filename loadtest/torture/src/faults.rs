//! Does what is not a kill: to wires, servers, clocks of processes, and streams.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bus::outgoing::Outgoing;
use rustix::process::Signal;
use testkit::wire::{Act, Moment, Wire};
use tokio::process::Command;

use crate::deck::traps::{Link, Trap};
use crate::deck::{Card, Fault};
use crate::driver::Driver;
use crate::ground::Ground;
use crate::kills::part;
use crate::redeliver;
use crate::seat::{ROSTER, Seat, Who};
use crate::tally::Tally;

/// Longest time that a fault lasts, in milliseconds.
const LASTS_MS_MAX: u64 = 2_500;
/// How long a trap waits for its message, in milliseconds.
const TRAP_MS_MAX: u64 = 3_000;
/// What a slow wire makes each message late by, in milliseconds.
const SLOW_MS: u64 = 40;
/// A stop that is longer than the ack wait (30 s), in seconds.
const STOP_LONG_SECS: u64 = 35;
/// How long a statement of a side connection may take, in seconds.
const STATEMENT_SECS_MAX: u64 = 30;

/// Ends what the services' connections are doing.
const END_BACKENDS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE usename LIKE 'assay\\_%' AND usename <> current_user";
/// Locks in the other order than a writer does, which Postgres ends by failing one of the two.
const DEADLOCK: &str = "BEGIN; LOCK TABLE push IN SHARE ROW EXCLUSIVE MODE; SELECT pg_sleep(1); \
    LOCK TABLE delivery_receipt IN SHARE ROW EXCLUSIVE MODE; SELECT pg_sleep(0.2); COMMIT";

/// What the faults are done to.
#[derive(Clone, Debug)]
pub struct Hand {
    /// The house.
    pub ground: Arc<Ground>,
    /// Who posts.
    pub driver: Arc<Driver>,
    /// What was done.
    pub tally: Arc<Tally>,
}

impl Hand {
    /// Carries one fault out, and says in the account what it was. One that could not be done is
    /// noted as such.
    pub async fn play(&self, card: Card<Fault>) {
        let lasts = part(card.lasts, LASTS_MS_MAX);
        let name = name(&card.what);
        match self.carry_out(card.what, lasts).await {
            Ok(true) => self.tell(&name),
            Ok(false) => self.tell(&format!("no occasion: {name}")),
            Err(error) => {
                eprintln!("{name}: {error:#}");
                self.tell(&format!("not done: {name}"));
            }
        }
    }

    fn tell(&self, what: &str) {
        self.driver.account.fault(what);
        self.tally.add(what);
    }

    async fn carry_out(&self, fault: Fault, lasts: Duration) -> Result<bool> {
        let ground = &self.ground;
        match fault {
            Fault::Lose(trap, act, who) => return Ok(lose(ground.seat(who), trap, act).await),
            Fault::Cut(who, link) => wire(ground.seat(who), link).cut(),
            Fault::Hold(who, link) => {
                let wire = wire(ground.seat(who), link);
                wire.hold();
                tokio::time::sleep(lasts).await;
                wire.release();
            }
            Fault::Slow(who, link) => {
                let wire = wire(ground.seat(who), link);
                wire.slow(Duration::from_millis(SLOW_MS));
                tokio::time::sleep(lasts).await;
                wire.slow(Duration::ZERO);
            }
            Fault::Stop(who) => return Ok(stop(ground.seat(who), lasts).await),
            Fault::StopLong(who) => {
                let lasts = Duration::from_secs(STOP_LONG_SECS);
                return Ok(stop(ground.seat(who), lasts).await);
            }
            Fault::KillNats => kill_nats(ground, lasts).await?,
            Fault::KillNatsMidBatch => return self.kill_nats_mid_batch(lasts).await,
            Fault::WipeNats => self.wipe_nats(lasts).await?,
            Fault::KillPostgres => {
                let mut house = ground.house().await;
                house.postgres_mut().kill().await?;
                tokio::time::sleep(lasts).await;
                house.postgres_mut().start_again().await?;
            }
            Fault::EndBackends => statement(ground, END_BACKENDS).await?,
            Fault::Deadlock => statement(ground, DEADLOCK).await.or_else(a_deadlock)?,
            Fault::ExhaustConnections => {
                statement(ground, "ALTER DATABASE assay CONNECTION LIMIT 0").await?;
                let ended = statement(ground, END_BACKENDS).await;
                tokio::time::sleep(lasts).await;
                statement(ground, "ALTER DATABASE assay CONNECTION LIMIT -1").await?;
                ended?;
            }
            Fault::Poison => self.poison().await?,
        }
        Ok(true)
    }

    async fn kill_nats_mid_batch(&self, lasts: Duration) -> Result<bool> {
        let seat = self.ground.seat(ROSTER[0]);
        let moment = Moment::Published("assay.delivery.");
        let sprung = seat.nats.lay(moment, Act::Hold);
        let limit = Duration::from_millis(TRAP_MS_MAX);
        let sprung = matches!(tokio::time::timeout(limit, sprung).await, Ok(Ok(())));
        let killed = kill_nats(&self.ground, lasts).await;
        seat.lose_wires();
        killed.map(|()| sprung)
    }

    /// Takes the broker's disk away, and plays the operator and the forge after it: the topology
    /// is applied again, and what the ledger does not have is sent again.
    async fn wipe_nats(&self, lasts: Duration) -> Result<()> {
        {
            let mut house = self.ground.house().await;
            house.nats_mut().kill().await?;
            let log = house.nats().log();
            let store = log.parent().context("the folder of NATS")?.join("store");
            std::fs::remove_dir_all(&store).context("remove the data of NATS")?;
            tokio::time::sleep(lasts).await;
            house.nats_mut().start_again().await?;
        }
        self.ground.assay(&["topology", "apply"]).await?;
        let sent = redeliver::what_is_missing(&self.ground, &self.driver).await?;
        println!("the data of NATS was removed: the forge sends {sent} deliveries again");
        Ok(())
    }

    /// Puts messages into streams that no handler can understand.
    async fn poison(&self) -> Result<()> {
        let bus = self.ground.house().await.bus("torture").await;
        for (stream, subject) in [
            ("DELIVERIES", "assay.delivery.github"),
            ("JOBS", "assay.job.snapshot.live"),
            ("JOBS", "assay.job.verify.bulk"),
        ] {
            let number = self.tally.beginning("poison") + self.tally.beginning("one poison");
            let id = format!("poison-{}-{number}", subject.replace('.', "-"));
            let kind = "dev.assay.nonsense.v1";
            let body = "{\"this is\":\"nothing\"".into();
            let message = Outgoing::raw("torture", kind, subject.to_owned(), &id, body)?;
            bus.publish_raw(message)
                .await
                .context("publish a poison message")?;
            self.driver.account.poison(stream, &id);
            self.tally.add("one poison message");
        }
        Ok(())
    }
}

async fn kill_nats(ground: &Ground, lasts: Duration) -> Result<()> {
    let mut house = ground.house().await;
    house.nats_mut().kill().await?;
    tokio::time::sleep(lasts).await;
    house.nats_mut().start_again().await?;
    Ok(())
}

async fn lose(seat: &Seat, trap: Trap, act: Act) -> bool {
    let sprung = wire(seat, trap.link).lay(trap.moment, act);
    let limit = Duration::from_millis(TRAP_MS_MAX);
    matches!(tokio::time::timeout(limit, sprung).await, Ok(Ok(())))
}

async fn stop(seat: &Seat, lasts: Duration) -> bool {
    seat.spare(true);
    let stopped = seat.signal(Signal::STOP).await;
    tokio::time::sleep(lasts).await;
    let went_on = seat.signal(Signal::CONT).await;
    seat.spare(false);
    stopped && went_on
}

fn wire(seat: &Seat, link: Link) -> &Wire {
    match link {
        Link::Nats => &seat.nats,
        Link::Postgres => &seat.postgres,
    }
}

/// Runs a statement on a side connection, as the ledger's owner.
pub(crate) async fn statement(ground: &Ground, statement: &str) -> Result<()> {
    let mut psql = Command::new("psql");
    psql.args([
        ground.owner_url(),
        "--quiet",
        "--no-psqlrc",
        "-v",
        "ON_ERROR_STOP=1",
    ]);
    let running = psql.args(["-c", statement]).kill_on_drop(true).output();
    let limit = Duration::from_secs(STATEMENT_SECS_MAX);
    let said = tokio::time::timeout(limit, running).await;
    let said = said.context("wait for a statement")?.context("run psql")?;
    if !said.status.success() {
        bail!("{}", String::from_utf8_lossy(&said.stderr).trim());
    }
    Ok(())
}

/// Which of the two Postgres fails is its choice.
fn a_deadlock(error: anyhow::Error) -> Result<()> {
    if error.to_string().contains("deadlock detected") {
        return Ok(());
    }
    Err(error)
}

/// What a fault is called in reports.
fn name(fault: &Fault) -> String {
    let on = |who: &Who, link: &Link| match link {
        Link::Nats => format!("{} to NATS", who.service),
        Link::Postgres => format!("{} to Postgres", who.service),
    };
    match fault {
        Fault::Lose(trap, _, who) => format!("lost: {} of {}", trap.name, who.service),
        Fault::Cut(who, link) => format!("cut: {}", on(who, link)),
        Fault::Hold(who, link) => format!("held: {}", on(who, link)),
        Fault::Slow(who, link) => format!("slow: {}", on(who, link)),
        Fault::Stop(who) => format!("SIGSTOP {}", who.service),
        Fault::StopLong(who) => format!("SIGSTOP {} beyond the ack wait", who.service),
        Fault::KillNats => "SIGKILL nats-server".to_owned(),
        Fault::KillNatsMidBatch => "SIGKILL nats-server in a batch".to_owned(),
        Fault::WipeNats => "nats-server's data removed".to_owned(),
        Fault::KillPostgres => "SIGKILL Postgres".to_owned(),
        Fault::EndBackends => "Postgres ends every connection".to_owned(),
        Fault::Deadlock => "deadlock in Postgres".to_owned(),
        Fault::ExhaustConnections => "no connection to Postgres is to be had".to_owned(),
        Fault::Poison => "poison messages".to_owned(),
    }
}
