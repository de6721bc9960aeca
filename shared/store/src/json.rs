//! Owns JSON that a row holds as the text that its digest is taken of: written once, and then copied.

use std::io::Write as _;

use contract::canonical::canonical_json;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Jsonb;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// What the binary form of `jsonb` begins with.
const FORM: u8 = 1;

/// JSON with its keys sorted and no white space.
#[derive(Clone, Debug, Serialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
#[serde(transparent)]
pub struct CanonicalJson(Box<RawValue>);

impl CanonicalJson {
    /// Writes a value.
    pub fn of<T: Serialize>(value: &T) -> Self {
        let text = RawValue::from_string(canonical_json(value));
        Self(text.expect("canonical JSON is JSON"))
    }

    /// The value that it is of.
    pub fn value(&self) -> Value {
        serde_json::from_str(self.0.get()).expect("canonical JSON is JSON")
    }
}

impl PartialEq for CanonicalJson {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl ToSql<Jsonb, Pg> for CanonicalJson {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[FORM])?;
        out.write_all(self.0.get().as_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<Jsonb, Pg> for CanonicalJson {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <Value as FromSql<Jsonb, Pg>>::from_sql(value).map(|value| Self::of(&value))
    }
}
