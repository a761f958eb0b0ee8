//! `botserver serve`.

use std::process::ExitCode;

use kernel::Surroundings;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    Config, greeting,
    server::{House, Opened, Server},
};

pub(super) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    operations::log::init(&config.log)?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let Opened { house, migrated } = House::open(&config, Surroundings::system()).await?;
    if !migrated.is_empty() {
        tracing::info!(count = migrated.len(), "the schema was brought up to date");
    }
    let server = Server::start(&config, house).await?;
    // After the address was bound: a password that a failing start never shows would be lost.
    let first = server.house.identity.first_administrator().await?;
    tracing::info!(address = %server.address, data = %config.data.display(), "the server listens");
    greeting::show(&config, server.address, first.as_ref());

    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("the server stops; requests under way may finish");
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}
