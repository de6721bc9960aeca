//! Owns an HTTP handler that does nothing, as a process of its own, and what it answers a second.

use std::process::Stdio;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::limits::drive;
use crate::orders::OK;
use crate::traffic::Traffic;

/// Answers every POST 202, and says where, until it is killed.
///
/// # Errors
/// A port that cannot be opened.
pub async fn serve() -> Result<u8> {
    let handler = async |_body: Bytes| StatusCode::ACCEPTED;
    let routes = Router::new()
        .route("/", post(handler))
        .layer(DefaultBodyLimit::disable());
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .context("open a port")?;
    println!("{}", listener.local_addr().context("find the port")?);
    axum::serve(listener, routes).await.context("serve")?;
    Ok(OK)
}

/// Starts one, and asks it.
///
/// # Errors
/// If it does not start.
pub async fn measure(count: u64, connections: usize, traffic: &Traffic) -> Result<f64> {
    let own = std::env::current_exe().context("find this program")?;
    let mut command = Command::new(own);
    command
        .arg("empty-handler")
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().context("start the empty handler")?;
    let out = child.stdout.take().context("hear the empty handler")?;
    let mut lines = BufReader::new(out).lines();
    let address = lines.next_line().await.context("hear the empty handler")?;
    let address = address.context("the empty handler ended")?;
    let url = format!("http://{address}/").parse();
    let url = url.context("hear the empty handler")?;
    let requests = drive::prepare(&url, count, traffic);
    drive::all_at_once(&url, requests, connections).await
}
