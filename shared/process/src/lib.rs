#![doc = include_str!("../README.md")]

pub mod dependency;
pub mod exit;
pub mod health;
pub mod health_server;
mod log_line;
pub mod metrics;
mod sampler;
pub mod secret;
pub mod settings;
pub mod shutdown;
pub mod telemetry;
pub mod trace;
