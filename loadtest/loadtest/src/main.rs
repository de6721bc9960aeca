//! Sends bursts of pushes to a house: `loadtest burst --count 10000`.

use std::process::ExitCode;

use clap::Parser as _;
use loadtest::cli::Cli;
use loadtest::orders::{UNABLE, carry_out};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "multi_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let stop = CancellationToken::new();
    let interrupted = stop.clone();
    // It lives as long as the program: the second interrupt ends that.
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            eprintln!("no more is sent; what was sent is waited for and checked");
            interrupted.cancel();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(i32::from(UNABLE));
        }
    });
    match carry_out(cli, &stop).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("loadtest: {error:#}");
            ExitCode::from(UNABLE)
        }
    }
}
