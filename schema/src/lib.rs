#![doc = include_str!("../README.md")]

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

#[allow(
    missing_docs,
    reason = "generated; the migrations say what the columns mean"
)]
#[allow(unreachable_pub, reason = "generated")]
pub mod tables;

/// Every migration, in order.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");
