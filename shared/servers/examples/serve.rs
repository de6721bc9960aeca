//! Starts both private servers in a folder, says where they are, and holds them until its input
//! ends: `cargo run -p servers --example serve -- /tmp/somewhere`.

use std::io::Read;

use servers::folder::DataFolder;
use servers::nats::{NatsSettings, PrivateNats};
use servers::postgres::{Durability, PostgresSettings, PrivatePostgres};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = std::env::args()
        .nth(1)
        .unwrap_or_else(|| ".assay".to_owned());
    let data = DataFolder::open(folder.as_ref())?;
    let mut nats = PrivateNats::start(&data, NatsSettings::default()).await?;
    let settings = PostgresSettings::new(Durability::Durable, 20);
    let mut postgres = PrivatePostgres::start(&data, settings).await?;
    let (nats_process, postgres_process) = (nats.process_id(), postgres.process_id());
    println!("{nats_process} {} {}", nats.url(), nats.monitoring_url());
    println!("{postgres_process} {}", postgres.owner_url());

    let held = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    held.await??;
    postgres.stop().await?;
    nats.stop().await?;
    Ok(())
}
