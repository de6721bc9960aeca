//! Looks at Postgres: each role that this machine has the password of, the server, its clock, the
//! migrations.

use contract::time::{self, Timestamp};
use process::settings::Settings;
use process::settings::postgres::Role;
use process::settings::service::Service;
use store::pool::Store;
use store::view::server::{ServerRow, server};

use crate::doctor::finding::{Finding, clock, full};
use crate::doctor::machine::chain;

/// Major versions that the migrations suit.
const MAJORS: std::ops::RangeInclusive<i64> = 15..=18;

/// Looks at everything of the ledger that these services need.
pub(super) async fn look(settings: &Settings, services: &[Service]) -> Vec<Finding> {
    let mut roles: Vec<Role> = services.iter().filter_map(|each| each.role()).collect();
    roles.push(Role::Reader);
    let (mut findings, mut asked) = (Vec::new(), None);
    for role in roles {
        let (finding, row) = enter(settings, role).await;
        findings.push(finding);
        asked = asked.or(row);
    }
    if let Some((row, before, after)) = asked {
        findings.extend(judge(&row, before, after));
    }
    findings
}

/// What one role sees, and when it looked.
type Seen = (ServerRow, Timestamp, Timestamp);

/// Enters as a role; looks at the migrations as well.
async fn enter(settings: &Settings, role: Role) -> (Finding, Option<Seen>) {
    let check = "postgres.role";
    let url = match settings.postgres_url(role) {
        Ok(url) => url,
        // Each machine has the passwords of its own services alone.
        Err(error) => return (Finding::skipped(check, format!("{role}: {error}")), None),
    };
    let opened = url.expose_str().map(|url| Store::open(url, 1));
    let Some(Ok(store)) = opened else {
        let said = format!("{role}: postgres.url cannot be read");
        let mend = "mend postgres.url: postgres://{role}@host:5432/assay";
        return (Finding::bad(check, said, mend), None);
    };
    let mut conn = match store.connection().await {
        Ok(conn) => conn,
        Err(error) => {
            let said = format!("{role} cannot enter: {}", chain(&error));
            return (Finding::bad(check, said, ENTER), None);
        }
    };
    let before = time::now();
    let row = match server(&mut conn).await {
        Ok(row) => row,
        Err(error) => {
            let said = format!("{role}: {}", chain(&error));
            return (Finding::bad(check, said, ENTER), None);
        }
    };
    let after = time::now();
    drop(conn);
    if row.privileged {
        let said =
            format!("{role} may do more than it must: the ledger's rules do not hold for it");
        let mend = format!(
            "take from it what the migrations did not give: ALTER ROLE {role} NOSUPERUSER \
             NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS; REVOKE its memberships and rights"
        );
        return (Finding::bad(check, said, mend), None);
    }
    let finding = match store::migrate::check(&store).await {
        Ok(()) => Finding::good(check, format!("{role} enters, and the schema is ours")),
        Err(error) => Finding::bad(
            "postgres.schema",
            format!("{role}: {}", chain(&error)),
            "run `assay migrate`, before new services start",
        ),
    };
    (finding, Some((row, before, after)))
}

const ENTER: &str = "is Postgres running, is postgres.url its address; has `assay migrate` made the \
                     roles, and deploy/postgres/passwords.sql given them the passwords of the files?";

/// What the server is; `before` and `after` are around its clock.
fn judge(row: &ServerRow, before: Timestamp, after: Timestamp) -> Vec<Finding> {
    let said = format!("Postgres {}", row.version);
    let version = if MAJORS.contains(&row.major) {
        Finding::good("postgres.version", said)
    } else {
        let (first, last) = (MAJORS.start(), MAJORS.end());
        let mend = format!("use Postgres {first} to {last}");
        Finding::bad("postgres.version", said, mend)
    };
    let durable = if row.durable {
        Finding::good("postgres.durable", "what is committed is on the disk")
    } else {
        let said = "it commits before it syncs: a power cut loses what was acked";
        let mend = "set fsync, full_page_writes and synchronous_commit on";
        Finding::bad("postgres.durable", said, mend)
    };
    let early = (before - row.clock).to_std().unwrap_or_default();
    let late = (row.clock - after).to_std().unwrap_or_default();
    let number = |count: i64| u64::try_from(count).unwrap_or_default();
    let used = (number(row.connections), number(row.connections_max));
    let mend = "raise max_connections, or lower postgres.pool_size: each process takes that many";
    let mut findings = vec![
        version,
        durable,
        clock("postgres.clock", "Postgres", early.max(late)),
        full("postgres.room", "connections", used, mend),
    ];
    if row.standby {
        let mend = "let postgres.url name the server that takes writes";
        let said = "this server only follows another one";
        findings.push(Finding::bad("postgres.standby", said, mend));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::State;

    #[test]
    fn each_way_in_which_a_server_will_not_do_is_found() {
        let at: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        let good = ServerRow {
            major: 17,
            version: "17.2".to_owned(),
            clock: at,
            durable: true,
            connections_max: 100,
            connections: 10,
            standby: false,
            privileged: false,
        };
        let off = std::time::Duration::from_secs(60);
        for (row, bad) in [
            (good.clone(), None),
            (
                ServerRow {
                    major: 14,
                    ..good.clone()
                },
                Some("postgres.version"),
            ),
            (
                ServerRow {
                    major: 19,
                    ..good.clone()
                },
                Some("postgres.version"),
            ),
            (
                ServerRow {
                    durable: false,
                    ..good.clone()
                },
                Some("postgres.durable"),
            ),
            (
                ServerRow {
                    clock: at + off,
                    ..good.clone()
                },
                Some("postgres.clock"),
            ),
            (
                ServerRow {
                    clock: at - off,
                    ..good.clone()
                },
                Some("postgres.clock"),
            ),
            (
                ServerRow {
                    connections: 95,
                    ..good.clone()
                },
                Some("postgres.room"),
            ),
            (
                ServerRow {
                    standby: true,
                    ..good
                },
                Some("postgres.standby"),
            ),
        ] {
            let found = judge(&row, at, at);
            let wrong = found.iter().filter(|found| found.state == State::Bad);
            let wrong: Vec<_> = wrong.map(|found| found.check).collect();
            assert_eq!(wrong, Vec::from_iter(bad), "{row:?}");
        }
    }
}
