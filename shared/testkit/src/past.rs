//! Owns a past: attempts that were judged before the test begins, as many as it likes, written by
//! plain SQL.

use crate::house::House;

/// An id that begins with the time, as all of ours do: what looks for lost work relies on it.
fn new_id(days_ago: u32) -> String {
    format!(
        "(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint \
         - {days_ago} * 86400000::bigint), 12, '0') \
         || substr(replace(gen_random_uuid()::text, '-', ''), 13))::uuid"
    )
}

/// What the attempts came to.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    /// The repository: each past has one of its own.
    pub repository: &'static str,
    /// The lab's short name; it is made where it is missing. Empty: the first lab that there is.
    pub lab: &'static str,
    /// `pass`, `fail`, an error's cause, or empty for no result.
    pub result: &'static str,
    /// How many there are.
    pub attempts: u32,
    /// How many hours ago they were received.
    pub hours_ago: u32,
    /// Whether their trees are preserved.
    pub preserved: bool,
    /// How many days ago their ids were made.
    pub made_days_ago: u32,
}

impl Default for Past {
    fn default() -> Self {
        Self {
            repository: "github:someone/else",
            lab: "",
            result: "fail",
            attempts: 1,
            hours_ago: 1,
            preserved: true,
            made_days_ago: 0,
        }
    }
}

impl Past {
    /// Writes it: one session and one delivery with all of it.
    pub async fn write(&self, house: &House) {
        let Self {
            repository,
            lab,
            result,
            attempts,
            hours_ago,
            preserved,
            made_days_ago,
        } = self;
        let new_id = new_id(*made_days_ago);
        let (word, cause) = match *result {
            "" | "pass" | "fail" => (*result, ""),
            cause => ("error", cause),
        };
        let sql = format!(
            "CREATE TEMP TABLE the AS SELECT gen_random_uuid() AS session, \
                 gen_random_uuid() AS delivery, {new_id} AS push, \
                 gen_random_uuid() AS snapshot, now() - interval '{hours_ago} h' AS at, \
                 version.id AS version, lab.id AS lab FROM lab_version AS version \
                 JOIN lab ON lab.id = version.lab_id WHERE '{lab}' IN ('', slug) \
                 ORDER BY number LIMIT 1; \
             INSERT INTO lab_session (id, lab_id, lab_version_id, repository, opened_by, \
                 recorded_at) SELECT session, lab, version, '{repository}', 'test', at FROM the; \
             INSERT INTO delivery_receipt SELECT delivery, 'github', delivery::text, 'd', \
                 delivery, 1, at FROM the; \
             INSERT INTO delivery SELECT delivery, 'github', 'push', 'd', 1, 'k', 't', delivery, \
                 1, at, at FROM the; \
             INSERT INTO push SELECT push, delivery, 'd', '{repository}', 'refs/heads/main', \
                 'branch', NULL, lpad('1', 40, '0'), false, 1, NULL, at, at FROM the; \
             INSERT INTO lab_attempt SELECT {new_id}, session, push, delivery, \
                 lpad(to_hex(n), 40, '0'), 'main', NULL, NULL, NULL, at + n * interval '1 ms', \
                 'payload', 't', at FROM the, generate_series(1, {attempts}) AS n; \
             CREATE TEMP TABLE asked AS SELECT {new_id} AS id, attempt.id AS attempt \
                 FROM lab_attempt AS attempt JOIN the ON lab_session_id = session \
                 WHERE '{word}' <> ''; \
             INSERT INTO verification_request SELECT id, 'push:' || push, attempt, version, \
                 'live', 't', at FROM asked, the; \
             INSERT INTO verification_attempt (id, request_id, try_number, token, result, cause, \
                 points, points_max, steps, limits, peaks, snapshot_digest, lab_version_digest, \
                 runner, worker, started_at, finished_at, recorded_at) \
                 SELECT gen_random_uuid(), id, 1, 1, '{word}', nullif('{cause}', ''), 0, 1, '[]', \
                 '{{}}', '{{}}', 'd', 'd', 'r', 'w', at, at, at FROM asked, the; \
             INSERT INTO snapshot SELECT snapshot, session, encode(sha256('tree'), 'hex'), 1, 1, \
                 'b', at FROM the WHERE {preserved}; \
             INSERT INTO attempt_snapshot SELECT attempt.id, snapshot.id, NULL, at FROM the \
                 JOIN lab_attempt AS attempt ON attempt.lab_session_id = session \
                 JOIN snapshot ON snapshot.lab_session_id = session; \
             DROP TABLE the, asked; ANALYZE"
        );
        if !lab.is_empty() {
            house.sql(&lab_sql(lab)).await;
        }
        house.sql(&sql).await;
    }
}

/// Makes a lab with a version, where it is missing.
fn lab_sql(lab: &str) -> String {
    format!(
        "INSERT INTO lab SELECT gen_random_uuid(), '{lab}', now() ON CONFLICT DO NOTHING; \
         INSERT INTO command SELECT gen_random_uuid(), 'lab-publish', 'o', '{{}}', 'accepted', \
             NULL, NULL, now(); \
         INSERT INTO lab_version SELECT gen_random_uuid(), lab.id, 1, 'd', 't', '{{}}', 'c', \
             'l', 0, 0, (SELECT id FROM command LIMIT 1), now() FROM lab WHERE slug = '{lab}' \
             ON CONFLICT DO NOTHING"
    )
}
