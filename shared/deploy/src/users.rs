//! Owns the users of NATS and what each may do there: one for each service and two for operators.
//! Made of the topology and of what each service needs; the servers' configuration is written from
//! it. A right that is not here is refused.

use std::fmt::Write as _;

use bus::rights::{OPERATOR, Rights, TOPOLOGY};
use bus::topology::{ATTEMPT_WRITER, CONSUMERS};
use process::settings::service::Service;
use serde::Serialize;

use crate::list::owner;
use crate::plan::needs_of;

/// The account of all users: what is in it, other accounts of the same servers do not see.
pub const ACCOUNT: &str = "ASSAY";

/// A user.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct User {
    /// Its name; the files with its key are called `nats-<name>`.
    pub name: String,
    /// What it may do.
    #[serde(flatten)]
    pub rights: Rights,
}

/// A user with the public halves of its keys: several while one is being changed for another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keyed {
    /// The user.
    pub user: User,
    /// Its keys, as the servers' configuration names them.
    pub keys: Vec<String>,
}

/// Every user: the services, the operator, and who applies the topology.
pub fn users() -> Vec<User> {
    let services = Service::ALL.into_iter().map(of_service);
    services.chain([operator(None), topology()]).collect()
}

/// The user of this name. `operator-<actor>` is an operator who gives orders in this name alone.
pub fn user(name: &str) -> Option<User> {
    let known = users().into_iter().find(|user| user.name == name);
    known.or_else(|| {
        let actor = name.strip_prefix(OPERATOR)?.strip_prefix('-')?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let is_token = !actor.is_empty() && actor.chars().all(is_word);
        is_token.then(|| operator(Some(actor)))
    })
}

fn of_service(service: Service) -> User {
    let name = service.as_str();
    let mut rights = Rights::of(name);
    for subject in needs_of(service).publishes {
        rights = rights.publish(subject);
    }
    let own = CONSUMERS
        .iter()
        .filter(|spec| owner(spec.durable) == Some(service));
    for spec in own {
        rights = rights.consume(spec);
    }
    let rights = match service {
        // It carries out the orders about dead letters.
        Service::AttemptWriter => rights.read("DEAD").take_out("DEAD"),
        // It looks for what was accepted and lies nowhere, takes it out once it was handed again,
        // says how far facts were told, and hears who changed a stream.
        Service::Auditor => rights
            .read(ATTEMPT_WRITER.stream)
            .take_out(ATTEMPT_WRITER.stream)
            .read("DEAD")
            .read("FACTS")
            .hear_of_changes(),
        _ => rights,
    };
    User {
        name: name.to_owned(),
        rights,
    }
}

/// Gives orders, in one name or in any; looks at dead letters; listens to runs.
fn operator(actor: Option<&str>) -> User {
    let name = match actor {
        Some(actor) => format!("{OPERATOR}-{actor}"),
        None => OPERATOR.to_owned(),
    };
    let rights = Rights::of(OPERATOR)
        .publish(&format!("assay.command.*.{}", actor.unwrap_or("*")))
        .read("DEAD")
        .hear("assay.live.*");
    User { name, rights }
}

/// Makes and changes streams and consumers, and says so; reads and publishes nothing else.
fn topology() -> User {
    let rights = Rights::of(TOPOLOGY)
        .apply_topology()
        .publish("assay.audit.assay");
    User {
        name: TOPOLOGY.to_owned(),
        rights,
    }
}

/// The users with their rights, in the language of the servers' configuration: what stands between
/// the brackets of `users = [ … ]`.
pub fn entries(keyed: &[Keyed]) -> String {
    let mut text = String::new();
    for Keyed { user, keys } in keyed {
        let list = |name: &str, subjects: &mut dyn Iterator<Item = &String>| {
            let lines = subjects.map(|subject| format!("        \"{subject}\"\n"));
            format!(
                "      {name} = {{ allow = [\n{}      ] }}\n",
                lines.collect::<String>()
            )
        };
        let publish = list("publish", &mut user.rights.publish.iter());
        let subscribe = list("subscribe", &mut user.rights.subscribe.iter());
        for key in keys {
            let _ = write!(
                text,
                "    # {}\n    {{ nkey = {key}, permissions = {{\n{publish}{subscribe}    }} }}\n",
                user.name
            );
        }
    }
    text
}

/// The account with its users, as a file that `nats.conf` includes.
pub fn accounts(keyed: &[Keyed]) -> String {
    format!(
        "# The users of NATS, and what each may do. Every other subject is refused.\n\
         # Written by `assay nats accounts`, of the public keys in a folder.\n\
         accounts {{\n  {ACCOUNT} {{\n    jetstream = enabled\n    users = [\n{}    ]\n  }}\n}}\n",
        entries(keyed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_user_for_each_service_and_two_for_operators() {
        let names: Vec<String> = users().into_iter().map(|user| user.name).collect();
        let services = Service::ALL.map(|service| service.as_str().to_owned());
        assert_eq!(names[..7], services);
        assert_eq!(names[7..], [OPERATOR, TOPOLOGY]);
        for name in &names {
            assert_eq!(user(name).map(|user| user.name), Some(name.clone()));
        }
    }

    #[test]
    fn an_operator_with_a_name_gives_orders_in_that_name_alone() {
        let alice = user("operator-alice").unwrap().rights.publish;
        assert!(alice.contains("assay.command.*.alice"));
        assert!(!alice.contains("assay.command.*.*"));
        for name in [
            "operator-",
            "operator-a.b",
            "operator-*",
            "operator->",
            "nobody",
        ] {
            assert_eq!(user(name), None, "{name}");
        }
    }

    #[test]
    fn nobody_deletes_or_purges_and_nobody_hears_everything() {
        for User { name, rights } in users() {
            for subject in rights.publish.iter().chain(&rights.subscribe) {
                assert!(subject != ">" && !subject.starts_with("assay.>"), "{name}");
                for act in [
                    "STREAM.DELETE",
                    "STREAM.PURGE",
                    "CONSUMER.DELETE",
                    "SNAPSHOT",
                ] {
                    assert!(!subject.contains(act), "{name}: {subject}");
                }
            }
        }
    }

    #[test]
    fn a_user_with_two_keys_is_there_twice_with_the_same_rights() {
        let keyed = Keyed {
            user: user("reconciler").unwrap(),
            keys: vec!["UA".to_owned(), "UB".to_owned()],
        };
        let text = entries(&[keyed]);
        let (first, second) = text.split_once("UB").unwrap();
        assert!(first.contains("nkey = UA"));
        let rights = |text: &str| text.split_once("permissions").unwrap().1.to_owned();
        assert!(rights(first).starts_with(rights(second).trim_end()));
    }
}
