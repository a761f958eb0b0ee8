//! `botserver bot`.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use kernel::Surroundings;

use super::{say, say_error};
use crate::{
    Config,
    server::{House, Opened},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Install a package into a bot of the server's first organization, made if there is none of that name
    Import {
        /// A `.gbai` folder, or a zip of one
        package: PathBuf,
        /// The bot's name; the package's if absent
        #[arg(long)]
        name: Option<String>,
    },
    /// List the bots of the server's first organization
    List,
}

pub(super) async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let Opened { house, .. } = House::open(&config, Surroundings::system()).await?;
    let done = match command {
        Command::Import { package, name } => import(&house, package, name).await,
        Command::List => list(&house).await,
    };
    house.close().await;
    done
}

async fn import(house: &House, package: PathBuf, name: Option<String>) -> anyhow::Result<ExitCode> {
    let org = house.identity.first_organization().await?;
    match house.bots.import(org, &package, name).await {
        Ok(imported) => {
            for diagnostic in &imported.warnings {
                say_error(diagnostic);
            }
            say(&format!("Installed {} ({}), version {}.", imported.name, imported.bot_id, imported.version));
            Ok(ExitCode::SUCCESS)
        }
        Err(refused) => {
            for diagnostic in &refused.diagnostics {
                say_error(diagnostic);
            }
            Err(anyhow::Error::new(refused.error))
        }
    }
}

async fn list(house: &House) -> anyhow::Result<ExitCode> {
    let org = house.identity.first_organization().await?;
    for bot in house.bots.list_all(org).await? {
        say(&format!("{}  {}  {}", bot.bot_id, bot.slug, bot.status.as_str()));
    }
    Ok(ExitCode::SUCCESS)
}
