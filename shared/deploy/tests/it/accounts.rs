//! `deploy/nats/accounts.conf`: every user with its rights, and a variable where its key goes.

use deploy::users::{Keyed, accounts, users};

use crate::files::same;

#[test]
fn the_accounts_of_nats_are_written_from_the_list() {
    let variable = |name: &str| format!("$NKEY_{}", name.to_uppercase().replace('-', "_"));
    let keyed = users().into_iter().map(|user| Keyed {
        keys: vec![variable(&user.name)],
        user,
    });
    same("nats/accounts.conf", &accounts(&keyed.collect::<Vec<_>>()));
}
