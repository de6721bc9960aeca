//! Pushes are linked by what they say of a ref, in whatever order they arrive.

use contract::name::Repository;
use store::view::refs::{PushLink, RefHead, heads_of, links_of};
use testkit::house::House;

const MAIN: &str = "refs/heads/main";

/// A ref's life, one push after another: `""` is no commit.
const STORIES: &[(&str, &[&str], Option<&str>, i64)] = &[
    (
        "one push to a ref that was there",
        &["a", "b"],
        Some("b"),
        0,
    ),
    (
        "a ref that is made and grows",
        &["", "a", "b", "c"],
        Some("c"),
        0,
    ),
    (
        "forced back and on again",
        &["a", "b", "c", "b", "d"],
        Some("d"),
        0,
    ),
    ("there and back again", &["", "a", "b", "a"], Some("a"), 0),
    (
        "there, back, and there",
        &["", "a", "b", "a", "b"],
        Some("b"),
        0,
    ),
    ("deleted", &["a", "b", ""], None, 0),
    ("made and deleted", &["", "a", ""], None, 0),
    ("deleted and made again", &["", "a", "", "b"], Some("b"), 0),
    (
        "deleted and made again as it was",
        &["", "a", "", "a"],
        Some("a"),
        0,
    ),
];

/// Some orders of so many things: forwards, backwards, and two that are neither.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let forwards: Vec<usize> = (0..count).collect();
    let mut backwards = forwards.clone();
    backwards.reverse();
    let odd_first = |first: usize| {
        let (odd, even): (Vec<_>, Vec<_>) = (0..count).partition(|n| n % 2 == first);
        [odd, even].concat()
    };
    vec![forwards, backwards, odd_first(0), odd_first(1)]
}

struct Refs {
    house: House,
    repository: Repository,
}

impl Refs {
    async fn start() -> Self {
        Self {
            house: House::with_postgres().await,
            repository: "github:a/none".parse().unwrap(),
        }
    }

    /// Begins with a repository of which nothing is known.
    fn turn_to(&mut self, name: &str) {
        self.repository = format!("github:a/{name}").parse().unwrap();
    }

    /// Records a push that arrives as the `place`th.
    async fn push(&self, ref_name: &str, kind: &str, before: &str, after: &str, place: usize) {
        let repository = &self.repository;
        self.house
            .sql(&format!(
                "WITH ids AS (SELECT gen_random_uuid() AS id), receipt AS ( \
                     INSERT INTO delivery_receipt \
                     SELECT id, 's', id::text, 'd', id, 1, now() FROM ids), made AS ( \
                     INSERT INTO delivery SELECT id, 's', 'push', 'd', 1, 'k', 't', id, 1, now(), \
                         now() FROM ids) \
                 INSERT INTO push SELECT gen_random_uuid(), id, 'd', '{repository}', \
                     '{ref_name}', '{kind}', nullif('{before}', ''), nullif('{after}', ''), false, \
                     0, NULL, timestamptz '2026-01-05' + interval '{place} s', now() FROM ids"
            ))
            .await;
    }

    async fn heads(&self) -> Vec<RefHead> {
        let store = self.house.store("assay_reader", 1);
        let conn = &mut store.connection().await.unwrap();
        heads_of(conn, &self.repository).await.unwrap()
    }

    async fn links(&self) -> Vec<PushLink> {
        let store = self.house.store("assay_reader", 1);
        let conn = &mut store.connection().await.unwrap();
        links_of(conn, &self.repository, MAIN, 100).await.unwrap()
    }
}

#[tokio::test]
async fn a_refs_head_is_found_in_whatever_order_its_pushes_arrive() {
    let mut refs = Refs::start().await;
    for (at, (story, life, head, gaps)) in STORIES.iter().enumerate() {
        for (order_at, order) in orders(life.len() - 1).into_iter().enumerate() {
            refs.turn_to(&format!("{at}-{order_at}"));
            for (place, step) in order.iter().enumerate() {
                refs.push(MAIN, "branch", life[*step], life[step + 1], place)
                    .await;
            }
            let heads = refs.heads().await;
            assert_eq!(heads.len(), 1, "{story}: {heads:?}");
            assert_eq!(heads[0].head_sha.as_deref(), *head, "{story}, {order:?}");
            assert_eq!(heads[0].gaps, *gaps, "{story}, {order:?}");
        }
    }
}

#[tokio::test]
async fn a_push_is_linked_to_its_neighbours_in_whatever_order_they_arrive() {
    let mut refs = Refs::start().await;
    let life = ["", "a", "b", "c"];
    for (at, order) in orders(3).into_iter().enumerate() {
        refs.turn_to(&format!("{at}"));
        for (place, step) in order.iter().enumerate() {
            refs.push(MAIN, "branch", life[*step], life[step + 1], place)
                .await;
        }
        let links = refs.links().await;
        let by_after = |after: &str| {
            let found = links.iter().find(|l| l.after_sha.as_deref() == Some(after));
            found.unwrap()
        };
        let [a, b, c] = ["a", "b", "c"].map(by_after);
        assert_eq!((a.predecessor_id, a.successor_id), (None, Some(b.push_id)));
        let around = (Some(a.push_id), Some(c.push_id));
        assert_eq!((b.predecessor_id, b.successor_id), around, "{order:?}");
        assert_eq!((c.predecessor_id, c.successor_id), (Some(b.push_id), None));
        assert!(links.iter().all(|link| !link.unmatched), "{links:?}");
    }
}

#[tokio::test]
async fn a_ref_that_comes_back_links_each_push_to_the_one_just_before_it() {
    let mut refs = Refs::start().await;
    refs.turn_to("cycle");
    let life = ["", "a", "b", "a", "b", "a"];
    for place in 0..5 {
        refs.push(MAIN, "branch", life[place], life[place + 1], place)
            .await;
    }
    let mut links = refs.links().await;
    links.reverse();
    for pair in links.windows(2) {
        assert_eq!(pair[1].predecessor_id, Some(pair[0].push_id));
        assert_eq!(pair[0].successor_id, Some(pair[1].push_id));
    }
}

#[tokio::test]
async fn a_push_that_never_reached_us_is_a_gap_until_it_does() {
    let mut refs = Refs::start().await;
    refs.turn_to("gap");
    refs.push(MAIN, "branch", "a", "b", 0).await;
    refs.push(MAIN, "branch", "c", "d", 1).await;
    refs.push(MAIN, "branch", "e", "f", 2).await;
    let head = refs.heads().await.remove(0);
    assert_eq!((head.head_sha.as_deref(), head.gaps), (Some("f"), 2));
    refs.push(MAIN, "branch", "b", "c", 3).await;
    assert_eq!(refs.heads().await[0].gaps, 1);
    refs.push(MAIN, "branch", "d", "e", 4).await;
    let head = refs.heads().await.remove(0);
    assert_eq!((head.head_sha.as_deref(), head.gaps), (Some("f"), 0));
    let unmatched = refs.links().await.into_iter().filter(|l| l.unmatched);
    let unmatched: Vec<_> = unmatched.map(|link| link.before_sha.unwrap()).collect();
    // Where the ref was when we first heard of it.
    assert_eq!(unmatched, ["a"]);
}

#[tokio::test]
async fn a_push_that_two_hooks_send_leads_to_the_same_head() {
    let mut refs = Refs::start().await;
    refs.turn_to("twice");
    for (place, (before, after)) in [("", "a"), ("", "a"), ("a", "b")].iter().enumerate() {
        refs.push(MAIN, "branch", before, after, place).await;
    }
    assert_eq!(refs.heads().await[0].head_sha.as_deref(), Some("b"));
}

#[tokio::test]
async fn each_ref_of_a_repository_has_its_own_head() {
    let mut refs = Refs::start().await;
    refs.turn_to("refs");
    refs.push(MAIN, "branch", "", "a", 0).await;
    refs.push("refs/heads/other", "branch", "", "a", 1).await;
    refs.push("refs/heads/other", "branch", "a", "", 2).await;
    // What an annotated tag was before is its object, not its commit.
    refs.push("refs/tags/v1", "tag", "", "a", 3).await;
    refs.push("refs/tags/v1", "tag", "o", "b", 4).await;
    let heads = refs.heads().await;
    let said: Vec<_> = heads
        .iter()
        .map(|head| (&*head.ref_name, head.head_sha.as_deref(), head.gaps))
        .collect();
    assert_eq!(
        said,
        [
            (MAIN, Some("a"), 0),
            ("refs/heads/other", None, 0),
            ("refs/tags/v1", Some("b"), 0)
        ]
    );
}
