//! Owns `principal`, a pseudonymous person, and `privacy.person`, who that is.

use contract::time::Timestamp;
use diesel::sql_types::{Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::row::ledger_row;

ledger_row! {
    /// A pseudonymous person. The account is a keyed hash: the ledger names nobody.
    "principal" PrincipalRow [id] {
        /// Computed from provider and account.
        id: Uuid => SqlUuid,
        /// The forge's kind.
        provider: String => Text,
        /// Keyed hash of the forge's account, or of the commit's e-mail address.
        account: String => Text,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}

ledger_row! {
    /// Who a pseudonym is. Not part of the ledger: it can be erased, and no entry covers it.
    "privacy.person" PersonRow [principal_id] {
        /// The pseudonym.
        principal_id: Uuid => SqlUuid,
        /// The forge's login.
        login: Option<String> => Nullable<Text>,
        /// The name in the commits.
        name: Option<String> => Nullable<Text>,
        /// The address in the commits.
        email: Option<String> => Nullable<Text>,
        /// When the row was written.
        recorded_at: Timestamp => Timestamptz,
    }
}
