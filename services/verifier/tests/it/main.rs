//! The verifier against a real sandbox, and real servers.

mod sandbox;
mod service;
mod workshop;
