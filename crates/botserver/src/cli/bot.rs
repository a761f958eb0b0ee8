//! `botserver bot`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use bots::packages::Watch;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
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
    /// Write the package of a bot into a file, as a zip that can be imported again
    Export {
        /// The bot's slug or id
        bot: String,
        /// The file; `SLUG.gbai.zip` if absent
        #[arg(long, short)]
        output: Option<PathBuf>,
        /// Replace the file if it is there
        #[arg(long)]
        force: bool,
    },
    /// List the bots of the server's first organization
    List,
}

pub(super) async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let Opened { house, .. } = House::open(&config, Surroundings::system()).await?;
    let done = match command {
        Command::Import { package, name } => import(&house, package, name).await,
        Command::Export { bot, output, force } => export(&house, &bot, output, force).await,
        Command::List => list(&house).await,
    };
    house.close().await;
    done
}

async fn import(house: &House, package: PathBuf, name: Option<String>) -> anyhow::Result<ExitCode> {
    let org = house.identity.first_organization().await?;
    let bar = bar();
    let imported = house.bots.import(org, &package, name, watch(&bar)).await;
    bar.finish_and_clear();
    match imported {
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

async fn export(house: &House, bot: &str, output: Option<PathBuf>, force: bool) -> anyhow::Result<ExitCode> {
    let org = house.identity.first_organization().await?;
    let bar = bar();
    let exported = house.bots.export(org, bot, output, force, watch(&bar)).await;
    bar.finish_and_clear();
    say(&format!("Wrote {}.", exported?.display()));
    Ok(ExitCode::SUCCESS)
}

/// How many files are done. It is drawn where somebody looks at it, on a terminal, and nowhere else.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} files");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn watch(bar: &ProgressBar) -> Watch {
    let bar = bar.clone();
    Arc::new(move |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    })
}

async fn list(house: &House) -> anyhow::Result<ExitCode> {
    let org = house.identity.first_organization().await?;
    for bot in house.bots.list_all(org).await? {
        say(&format!("{}  {}  {}", bot.bot_id, bot.slug, bot.status.as_str()));
    }
    Ok(ExitCode::SUCCESS)
}
