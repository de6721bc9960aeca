//! Carries out what the command line asks for; gives the exit code.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use sample::forge::LoopbackForge;
use tokio_util::sync::CancellationToken;
use witness::dice::Seed;
use witness::programs::Programs;

use crate::cli::{Cli, Common, Order};
use crate::compare::worse;
use crate::figures::{self, Figure, summary};
use crate::fleet;
use crate::house::House;
use crate::machine;
use crate::ramp::Ramp;
use crate::replay;
use crate::report::Report;
use crate::report::table;
use crate::run::{Load, Pace, Run};
use crate::schedule::Schedule;
use crate::target::Target;
use crate::template::Template;
use crate::traffic::Traffic;

/// All is well.
pub const OK: u8 = 0;
/// Something is lost, doubled, wrong or not done.
pub const BAD: u8 = 1;
/// It could not be tried.
pub const UNABLE: u8 = 2;
/// It is worse than the baseline.
pub const WORSE: u8 = 3;
/// The folder that benches hand their figures over in.
const FIGURES: &str = "ASSAY_BENCH_FIGURES";

/// Carries out what is asked for. The first interrupt ends the sending; what was sent is waited for
/// and checked.
///
/// # Errors
/// What stands in the way.
pub async fn carry_out(cli: Cli, stop: &CancellationToken) -> Result<u8> {
    for left in (1..cli.order.tries()).rev() {
        let before = machine::processors();
        let Done { exit, stolen } = once(cli.order.clone(), stop).await?;
        let stolen = stolen.unwrap_or_else(|| machine::processors().stolen_since(before));
        // What is lost or worse is not measured away.
        if exit != OK || !machine::is_disturbed(stolen) || stop.is_cancelled() {
            return Ok(exit);
        }
        println!("others had {stolen:.1} % of the processors' time: again, {left} times at most");
    }
    Ok(once(cli.order, stop).await?.exit)
}

/// What came of an order.
struct Done {
    /// The exit code.
    exit: u8,
    /// How much of the processors' time others had while it was measured, in percent; `None` where all
    /// of the time counts.
    stolen: Option<f64>,
}

impl From<u8> for Done {
    fn from(exit: u8) -> Self {
        Self { exit, stolen: None }
    }
}

async fn once(order: Order, stop: &CancellationToken) -> Result<Done> {
    let done = match order {
        Order::Burst { count, common } => {
            work("burst", Pace::By(Schedule::AtOnce { count }), &common, stop).await?
        }
        Order::Steady {
            rate,
            seconds,
            common,
        } => work("steady", steady(rate, seconds as f64)?, &common, stop).await?,
        Order::Soak {
            rate,
            hours,
            common,
        } => work("soak", steady(rate, hours * 3_600.0)?, &common, stop).await?,
        Order::Ramp {
            from,
            to,
            step_seconds,
            p99_ms,
            common,
        } => {
            let ramp = Ramp {
                from,
                to,
                step_secs: step_seconds,
                p99_ms,
            };
            work("ramp", Pace::Rising(ramp), &common, stop).await?
        }
        Order::Deadline {
            count,
            seconds,
            common,
        } => {
            let lasts = Duration::from_secs(seconds);
            let pace = Pace::By(Schedule::Deadline { count, lasts });
            work("deadline", pace, &common, stop).await?
        }
        Order::Replay {
            file,
            speed,
            common,
        } => repeat(&file, speed, &common, stop).await?,
        Order::Single { count, common } => crate::single::single(count, &common).await?.into(),
        Order::Idle { seconds, common } => crate::idle::idle(seconds, &common).await?.into(),
        Order::Fleet(order) => fleet::cli::carry_out(order, stop).await?.into(),
        Order::Limits { count, common } => crate::limits::limits(count, &common).await?.into(),
        Order::Growth {
            attempts,
            count,
            postgres,
            common,
        } => crate::growth::growth(attempts, count, postgres, &common)
            .await?
            .into(),
        Order::Summary { figures, out } => summarize(&figures, &out)?.into(),
        Order::EmptyHandler => crate::limits::empty::serve().await?.into(),
    };
    Ok(done)
}

fn steady(rate: f64, seconds: f64) -> Result<Pace> {
    if !(rate > 0.0 && rate.is_finite() && seconds > 0.0 && seconds.is_finite()) {
        bail!("a rate and a time are above zero");
    }
    let lasts = Duration::from_secs_f64(seconds);
    Ok(Pace::By(Schedule::Steady { rate, lasts }))
}

/// A house that is sent to: one of our own, or somebody else's.
pub(crate) struct Ground {
    /// Ours, if it is.
    pub(crate) house: Option<House>,
    /// Where to send.
    pub(crate) target: Target,
    /// What bodies are written from.
    pub(crate) template: Template,
    /// The checker.
    pub(crate) programs: Option<Programs>,
}

impl Ground {
    /// Finds the house that is named, or starts one.
    pub(crate) async fn lay(common: &Common) -> Result<Self> {
        if let Some(target) = common.elsewhere.target()? {
            let folder = tempfile::tempdir().context("make a folder")?;
            let forge = LoopbackForge::start(folder.path()).await?;
            let template = Template::make(&forge).await?;
            forge.stop().await?;
            // Who is given a ledger is told when nobody can look into it.
            let programs = match &target.ledger {
                Some(_) => Some(Programs::find()?),
                None => None,
            };
            return Ok(Self {
                house: None,
                target,
                template,
                programs,
            });
        }
        Self::with(House::start(Programs::find()?).await?).await
    }

    /// Has a house of ours publish what is pushed to.
    pub(crate) async fn with(house: House) -> Result<Self> {
        house.publish_unchecked().await?;
        Ok(Self {
            target: house.target(),
            template: Template::make(&house.forge).await?,
            programs: Some(house.programs().clone()),
            house: Some(house),
        })
    }

    /// The traffic of a run against it.
    pub(crate) fn traffic(&self, common: &Common) -> Traffic {
        Traffic {
            seed: Seed(common.seed),
            bodies: common.bodies,
            shares: common.shares(),
            repositories: common.repositories,
            source: self.target.source.clone(),
            secret: self.target.secret.clone(),
            enrolled: self.house.is_some(),
            template: self.template.clone(),
        }
    }
}

async fn work(
    name: &'static str,
    pace: Pace,
    common: &Common,
    stop: &CancellationToken,
) -> Result<Done> {
    let ground = Ground::lay(common).await?;
    let load = Load::Made(Box::new(ground.traffic(common)));
    run(name, (load, pace), &ground, common, stop).await
}

async fn repeat(
    file: &Path,
    speed: f64,
    common: &Common,
    stop: &CancellationToken,
) -> Result<Done> {
    if !(speed > 0.0 && speed.is_finite()) {
        bail!("a speed is above zero");
    }
    let ground = Ground::lay(common).await?;
    let signed = (
        ground.target.source.as_str(),
        ground.target.secret.as_slice(),
    );
    let (moments, deliveries) = replay::read(file, signed, speed)?;
    let (load, pace) = (
        Load::Recorded(deliveries),
        Pace::By(Schedule::Recorded(moments)),
    );
    run("replay", (load, pace), &ground, common, stop).await
}

async fn run(
    name: &'static str,
    (load, pace): (Load, Pace),
    ground: &Ground,
    common: &Common,
    stop: &CancellationToken,
) -> Result<Done> {
    let run = Run {
        name,
        command: std::env::args().collect::<Vec<_>>().join(" "),
        seed: common.seed,
        load,
        pace,
        connections: common.connections,
        drain_max: Duration::from_secs(common.drain_seconds),
        shows: !common.quiet,
        out: common.out.clone(),
    };
    let report = run
        .carry_out(&ground.target, ground.programs.as_ref(), stop)
        .await?;
    report.write(&common.out)?;
    println!("{}", table::of(&report));
    println!("the report is in {}", common.out.display());
    if report.counts.get("answered well") == Some(&0) {
        bail!(
            "nothing was answered as it must be: is anybody at {}?",
            ground.target.url
        );
    }
    let figures = renamed(&report, common.bench.as_deref());
    let compared = settle(&figures, common)?;
    Ok(Done {
        exit: if report.is_good { compared } else { BAD },
        stolen: Some(report.stolen_percent),
    })
}

/// A report's figures, under other names where they are asked for.
fn renamed(report: &Report, name: Option<&str>) -> Vec<Figure> {
    let mut figures = report.figures();
    if let Some(name) = name {
        for figure in &mut figures {
            let own = figure.id.split_once('.').map_or("", |(_, own)| own);
            figure.id = format!("{name}.{own}");
        }
    }
    figures
}

/// Keeps figures, compares them, and hands them over, as the command line asks for.
pub(crate) fn settle(measured: &[Figure], common: &Common) -> Result<u8> {
    let mut exit = OK;
    if let Some(file) = &common.compare {
        let found = worse(&figures::read(file)?, measured, common.noise_percent);
        for worse in &found {
            println!("worse than {}: {worse}", file.display());
        }
        match found.is_empty() {
            true => println!("nothing is worse than {}", file.display()),
            false => exit = WORSE,
        }
    }
    if let Some(file) = &common.baseline {
        figures::write(file, measured)?;
    }
    if let Some(name) = &common.bench
        && let Some(folder) = std::env::var_os(FIGURES)
    {
        let file = Path::new(&folder).join(format!("loadtest-{name}.json"));
        figures::write(&file, measured)?;
    }
    Ok(exit)
}

fn summarize(folder: &Path, out: &Path) -> Result<u8> {
    let handed_over = match folder.is_dir() {
        true => summary::collect(folder)?,
        false => Vec::new(),
    };
    let rows = summary::summarize(&handed_over);
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).context("make the folder of the summary")?;
    }
    let text = serde_json::to_string_pretty(&rows).context("write the summary")?;
    std::fs::write(out, text + "\n").with_context(|| format!("write {}", out.display()))?;
    println!("{}", summary::table(&rows));
    println!("the summary is in {}", out.display());
    Ok(OK)
}
