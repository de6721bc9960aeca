//! Owns what is sealed of a person and of a body: its form, and its place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use store::delivery_body::BodyRow;
use store::principal::PersonRow;
use uuid::Uuid;

use crate::seal::{Cell, PersonKey, SealError};

/// A person as a payload or git names them.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Named {
    /// The forge's login.
    pub login: Option<String>,
    /// The name in the commits.
    pub name: Option<String>,
    /// The address in the commits.
    pub email: Option<String>,
}

impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Named(..)")
    }
}

impl Named {
    /// Seals it for a person's row.
    pub fn seal(&self, person: Uuid, key: &PersonKey) -> Vec<u8> {
        let text = serde_json::to_vec(self).expect("three texts are JSON");
        key.seal(&person_cell(&person.to_string()), &text)
    }

    /// Opens a person's row.
    ///
    /// # Errors
    /// [`SealError::Altered`].
    pub fn open(row: &PersonRow, key: &PersonKey) -> Result<Self, SealError> {
        let text = key.open(&person_cell(&row.principal_id.to_string()), &row.sealed)?;
        serde_json::from_slice(&text).map_err(|_| SealError::Altered("privacy.person"))
    }
}

/// The headers that came with a body.
pub type BodyHeaders = BTreeMap<String, String>;

/// The name of a body's row.
pub fn body_name(delivery: Uuid, body_digest: &str) -> String {
    format!("{delivery}/{body_digest}")
}

/// Seals a body's frame; a sealed object opens as what would be in the row.
pub fn seal_frame(row: &str, frame: &[u8], key: &PersonKey) -> Vec<u8> {
    key.seal(&body_cell(row, "sealed_body"), frame)
}

/// Opens a body's frame.
///
/// # Errors
/// [`SealError::Altered`].
pub fn open_frame(row: &str, sealed: &[u8], key: &PersonKey) -> Result<Vec<u8>, SealError> {
    key.open(&body_cell(row, "sealed_body"), sealed)
}

/// Seals a body's headers.
pub fn seal_headers(row: &str, headers: &BodyHeaders, key: &PersonKey) -> Vec<u8> {
    let text = serde_json::to_vec(headers).expect("texts by texts are JSON");
    key.seal(&body_cell(row, "sealed_headers"), &text)
}

/// Opens a body's headers.
///
/// # Errors
/// [`SealError::Altered`].
pub fn open_headers(row: &str, sealed: &[u8], key: &PersonKey) -> Result<BodyHeaders, SealError> {
    let text = key.open(&body_cell(row, "sealed_headers"), sealed)?;
    serde_json::from_slice(&text).map_err(|_| SealError::Altered("privacy.delivery_body"))
}

/// The name of a body's row, of the row.
pub fn name_of(row: &BodyRow) -> String {
    body_name(row.delivery_id, &row.body_digest)
}

fn person_cell(row: &str) -> Cell<'_> {
    Cell {
        table: "privacy.person",
        row,
        column: "sealed",
    }
}

fn body_cell<'a>(row: &'a str, column: &'static str) -> Cell<'a> {
    Cell {
        table: "privacy.delivery_body",
        row,
        column,
    }
}
