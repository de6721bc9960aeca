//! Every process dies again and again, and so do the servers, while pushes come in: nothing that
//! was answered 2xx is lost (promise P1), and nothing takes effect twice (P2).

use std::time::Duration;

use process::settings::service::Service;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use testkit::wait;

use crate::flood::{COMMITS, DELIVERIES, deliveries, post_all};
use crate::site::Site;

/// Longest time between the begin of a wave of deliveries and the death in it, and between that and
/// the new start, in milliseconds.
const MOMENT_MS_MAX: u64 = 300;
/// How often each service dies.
const DEATHS_OF_EACH: usize = 2;

/// Who dies in a wave of deliveries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Death {
    Of(Service),
    OfNats,
    OfPostgres,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_answered_is_lost_or_done_twice_whoever_dies() {
    let seed: u64 = rand::thread_rng().r#gen();
    println!("the seed of this run's deaths is {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let mut site = Site::start().await;
    let (lab, _) = site.publish_lab().await;
    let (deliveries, judged) = deliveries(&site, &lab, &mut dice).await;

    let mut deaths = vec![Death::OfNats, Death::OfPostgres];
    deaths.extend(Service::ALL.map(Death::Of).repeat(DEATHS_OF_EACH));
    deaths.shuffle(&mut dice);
    let size = deliveries.len().div_ceil(deaths.len());
    for (death, wave) in deaths.into_iter().zip(deliveries.chunks(size)) {
        let wave = tokio::spawn(post_all(
            site.client.clone(),
            site.hooks_url(),
            wave.to_vec(),
        ));
        let mut moment = || Duration::from_millis(dice.gen_range(0..MOMENT_MS_MAX));
        // Not waiting for anything: the moment of a death is chosen by chance.
        tokio::time::sleep(moment()).await;
        let pause = moment();
        println!("{death:?} dies for {pause:?}");
        die(&mut site, death, pause).await;
        wave.await.expect("every delivery is answered");
    }
    is_all_there(&site).await;
    is_judged_right(&site, &judged).await;
    site.stop_all().await;
    let log = site.assay_ok(&["verify-log"]).await;
    assert!(log.contains(" 0 entries waiting"), "{log}");
}

async fn die(site: &mut Site, death: Death, pause: Duration) {
    match death {
        Death::Of(service) => {
            site.kill(service);
            tokio::time::sleep(pause).await;
            site.start_one(service);
        }
        Death::OfNats => {
            site.house.nats_mut().kill().await.expect("a kill");
            tokio::time::sleep(pause).await;
            site.house.nats_mut().start_again().await.expect("a start");
        }
        Death::OfPostgres => {
            site.house.postgres_mut().kill().await.expect("a kill");
            tokio::time::sleep(pause).await;
            site.house
                .postgres_mut()
                .start_again()
                .await
                .expect("a start");
        }
    }
}

/// Everything is recorded once, and every head has a result, be it one that says that it is to be
/// tried again.
async fn is_all_there(site: &Site) {
    let count = async |what: &str| site.house.number(what).await;
    let (all, attempts) = (signed(DELIVERIES), signed(DELIVERIES * COMMITS));
    let deliveries = "SELECT count(*) FROM delivery";
    let open = "SELECT count(*) FROM verification_request AS request WHERE NOT EXISTS \
                (SELECT FROM verification_attempt WHERE request_id = request.id)";
    // What a process held when it died is given to somebody else after half a minute.
    for (what, query, number) in [
        ("every delivery is recorded", deliveries, all),
        ("every head has a result", open, 0),
    ] {
        wait::until(what, async || {
            let seen = count(query).await;
            (seen == number).then_some(()).ok_or(seen.to_string())
        })
        .await;
    }
    for (query, number) in [
        ("SELECT count(*) FROM delivery_receipt", all),
        ("SELECT count(*) FROM delivery_conflict", 0),
        ("SELECT count(*) FROM push", all),
        ("SELECT count(*) FROM verification_request", all),
        ("SELECT count(*) FROM lab_attempt", attempts),
        (
            "SELECT count(DISTINCT commit_sha) FROM lab_attempt",
            attempts,
        ),
        (
            "SELECT count(*) FROM lab_attempt WHERE listed <> 'payload'",
            0,
        ),
        (
            "SELECT count(*) FROM (SELECT FROM lab_attempt GROUP BY delivery_id \
             HAVING count(*) <> 3) AS odd",
            0,
        ),
        (
            "SELECT count(*) FROM verification_request WHERE cause NOT LIKE 'push:%'",
            0,
        ),
        (
            "SELECT count(*) FROM audit_entry WHERE action = 'delivery-recorded'",
            all,
        ),
    ] {
        assert_eq!(count(query).await, number, "{query}");
    }
    site.misses_nothing(0).await;
}

/// Real heads were judged by what is in them; the others could not be, and are nobody's failure.
async fn is_judged_right(site: &Site, judged: &[(String, &'static str)]) {
    for (head, result) in judged {
        let results = format!(
            "SELECT result.result, count(*) FROM verification_result AS result \
             JOIN verification_request AS request ON request.id = result.request_id \
             JOIN lab_attempt AS attempt ON attempt.id = request.lab_attempt_id \
             WHERE attempt.commit_sha = '{head}' GROUP BY result.result"
        );
        let rows = site.house.rows(&results).await;
        assert_eq!(
            rows,
            [format!(r#"{{"result":"{result}","count":1}}"#)],
            "{head}"
        );
    }
    let others = "SELECT result, cause, count(*) FROM verification_result \
                  WHERE result NOT IN ('pass', 'fail') GROUP BY result, cause";
    let count = DELIVERIES - judged.len();
    let wanted = format!(r#"{{"result":"error","cause":"source-unavailable","count":{count}}}"#);
    assert_eq!(site.house.rows(others).await, [wanted]);
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).expect("a count of this test")
}
