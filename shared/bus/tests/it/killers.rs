//! Messages that take the whole process down: they end in `DEAD`, and nobody else does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bus::topology::ConsumerSpec;
use testkit::wait;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::world::{World, outgoing};

const ACK_WAIT: Duration = Duration::from_millis(300);
/// Deaths after which the test gives up: each killer's 20, and those that they have in common.
const DEATHS_MAX: usize = 100;

/// Starts the mortal consumer, and starts it again each time it dies.
fn keep_alive(world: &World, mode: &str, consumer: &ConsumerSpec, file: &Path) -> Immortal {
    let (user, password) = world.house.nats().credentials();
    let arguments = [
        world.house.nats().url(),
        user,
        password,
        mode.to_owned(),
        consumer.durable.to_owned(),
        ACK_WAIT.as_millis().to_string(),
        file.display().to_string(),
    ];
    let task = tokio::spawn(async move {
        for _ in 0..DEATHS_MAX {
            let ended = start(&arguments).wait().await.unwrap();
            // By SIGABRT, not by an error of its own.
            assert_eq!(ended.code(), None, "{ended}");
        }
        panic!("it died {DEATHS_MAX} times");
    });
    Immortal(task)
}

struct Immortal(JoinHandle<()>);

impl Drop for Immortal {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn start(arguments: &[String]) -> Child {
    Command::new(mortal())
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Cargo builds the examples of a package along with its tests.
fn mortal() -> PathBuf {
    let mut folder = std::env::current_exe().unwrap();
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    folder.join("examples/mortal")
}

/// Lets the consumer meet killers among neighbours, published in this order; each neighbour must
/// be handled, and the killers alone must end in `DEAD`.
async fn only_killers_die(mode: &str, texts: &[String]) {
    let world = World::start().await;
    let consumer = world.consumer("a", ACK_WAIT).await;
    let file = world.house.folder("mortal").join("handled");
    let all: Vec<_> = texts.iter().map(|text| outgoing("a", text)).collect();
    world.bus.publish_batch(&all).await.unwrap();
    let immortal = keep_alive(&world, mode, consumer, &file);
    wait::until("the queue is empty", async || {
        assert!(!immortal.0.is_finished(), "it does not live any more");
        match world.messages(consumer.stream).await {
            0 => Ok(()),
            left => Err(format!("{left} messages are left")),
        }
    })
    .await;
    let (killers, neighbours): (BTreeSet<_>, BTreeSet<_>) = texts
        .iter()
        .cloned()
        .partition(|text| text.starts_with("kill"));
    let handled = std::fs::read_to_string(&file).unwrap_or_default();
    let handled: BTreeSet<String> = handled.lines().map(ToOwned::to_owned).collect();
    assert_eq!(handled, neighbours);
    let mut dead = BTreeSet::new();
    for place in 1..=world.messages("DEAD").await {
        let letter = world.bus.dead_letter(place).await.unwrap().unwrap();
        assert_eq!(letter.deliveries, bus::pace::DELIVERIES_MAX + 1);
        let reason = &letter.reason;
        assert!(reason.contains("delivered 21 times"), "{reason}");
        assert_eq!(letter.header("ce-type"), Some("test.v1"));
        assert_eq!(letter.payload, letter.message_id);
        assert!(letter.first_at < letter.died_at, "{letter:?}");
        dead.insert(String::from_utf8(letter.payload.to_vec()).unwrap());
    }
    assert_eq!(dead, killers);
}

fn texts(neighbours: usize, killers: &[usize]) -> Vec<String> {
    let text = |place| match killers.contains(&place) {
        true => format!("kill-{place}"),
        false => format!("neighbour-{place}"),
    };
    (0..neighbours + killers.len()).map(text).collect()
}

#[tokio::test]
async fn two_killers_in_one_batch_end_dead_and_each_of_their_neighbours_is_handled() {
    only_killers_die("batches", &texts(300, &[70, 200])).await;
}

#[tokio::test]
async fn a_killer_among_single_messages_ends_dead_and_each_of_its_neighbours_is_handled() {
    only_killers_die("each", &texts(40, &[9])).await;
}
