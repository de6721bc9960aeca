#![doc = include_str!("../README.md")]

mod backup;
mod check_proof;
mod cli;
mod command;
mod completeness;
mod config;
mod context;
mod dead;
mod demo;
mod deployment;
mod doctor;
mod lab;
mod live;
mod log;
mod log_key;
mod logs;
mod memory;
mod moment;
mod nats;
mod operate;
mod privacy;
mod prove;
mod reconcile;
mod replay;
mod reprocess;
mod restore;
mod results;
mod retention;
mod roster;
mod run;
mod say;
mod service_name;
mod services;
mod session;
mod status;
mod table;
mod tools;
mod trace;
mod up;
mod used;
mod verify;

use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::Builder;

use crate::cli::Cli;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // `--help` and `--version` arrive here too, and are no errors.
            let code = if error.use_stderr() {
                process::exit::BAD_SETTING
            } else {
                process::exit::OK
            };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    if cli.runs_for_long() {
        memory::tell();
    }
    // Who mostly waits, for the queue and the ledger in turn, would only be handed from one thread
    // to another.
    let mut builder = if cli.mostly_waits() {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("assay: start the runtime: {error}");
            return ExitCode::from(process::exit::INTERNAL);
        }
    };
    let done = runtime.block_on(cli.carry_out());
    // A blocking call that outlives its command, a compression for instance, is not waited for.
    runtime.shutdown_background();
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("assay: {error:#}");
            process::exit::code_of(&error)
        }
    }
}
