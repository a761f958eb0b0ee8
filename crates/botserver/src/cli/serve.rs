//! `botserver serve`.

use std::process::ExitCode;

use kernel::Surroundings;
use operations::{meters::Meters, telemetry::Telemetry};
use platform::config::{Layers, Values};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    Config, greeting,
    server::{House, Opened, Server},
};

pub(super) async fn run(layers: Layers<Config>) -> anyhow::Result<ExitCode> {
    let (config, world) = (layers.load(&Values::new())?.value, Surroundings::system());
    let telemetry = Telemetry::start(&config.telemetry, &Meters::install()?, &world)?;
    operations::log::init(&config.log, telemetry.as_ref())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let Opened { house, migrated } = House::open_layered(&config, layers, world).await?;
    if !migrated.is_empty() {
        tracing::info!(count = migrated.len(), "the schema was brought up to date");
    }
    let server = Server::start(&config, house).await?;
    // After the address was bound: a password that a failing start never shows would be lost.
    let first = server.house.identity.first_administrator().await?;
    tracing::info!(address = %server.address, data = %config.data.display(), "the server listens");
    greeting::show(&config, server.address, first.as_ref());

    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            // Daemons are told to look at their files again; without any, the terminal was closed.
            _ = hang_up.recv() => if !server.reload_certificate().await { break },
        }
    }
    tracing::info!("the server stops; requests under way may finish");
    server.stop().await;
    if let Some(telemetry) = telemetry {
        telemetry.stop().await;
    }
    Ok(ExitCode::SUCCESS)
}
