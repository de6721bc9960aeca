//! Owns what people ask of the whole ledger: a push's way, results, status. Reads only; each
//! question is one `.sql` file.

pub mod gaps;
pub mod gone;
pub mod person;
pub mod provable;
pub mod refs;
pub mod results;
pub mod server;
pub mod status;
pub mod timeline;
pub mod tries;
