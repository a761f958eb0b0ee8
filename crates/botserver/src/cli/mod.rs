//! The command line. `botserver` alone serves.

mod audit;
mod basic;
mod bot;
mod config;
mod serve;
mod surrounding;
mod user;

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand};
use kernel::Surroundings;
use platform::config::Values;

use crate::{
    Config,
    config::Flags,
    server::{House, Opened},
};

/// A self-hosted server for bots and the people who work with them.
#[derive(Debug, Parser)]
#[command(name = "botserver", version, arg_required_else_help = false)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (what `botserver` does without a command)
    Serve,
    /// Print the configuration in force, and where each value comes from
    Config(config::Options),
    /// Work with users
    #[command(subcommand)]
    User(user::Command),
    /// Work with bots
    #[command(subcommand)]
    Bot(bot::Command),
    /// Look at the audit log
    #[command(subcommand)]
    Audit(audit::Command),
    /// Check and run scripts without a server
    #[command(subcommand)]
    Basic(basic::Command),
    /// Print the OpenAPI document of the API
    Openapi,
    /// Bring the database's schema up to date and stop
    Migrate,
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            say_error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command.unwrap_or(Command::Serve) {
        Command::Basic(command) => basic::run(&command),
        Command::Config(options) => config::run(&Config::read(&cli.flags)?, &options),
        Command::Serve => with_runtime(serve::run(Config::read(&cli.flags)?)),
        Command::User(command) => with_runtime(user::run(load(&cli.flags)?, command)),
        Command::Bot(command) => with_runtime(bot::run(load(&cli.flags)?, command)),
        Command::Audit(command) => with_runtime(audit::run(load(&cli.flags)?, command)),
        Command::Openapi => with_runtime(openapi()),
        Command::Migrate => with_runtime(migrate(load(&cli.flags)?)),
    }
}

fn load(flags: &Flags) -> anyhow::Result<Config> {
    Ok(Config::read(flags)?.load(&Values::new())?.value)
}

fn with_runtime(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// Prints the contract. It is made of the registered operations, in a folder that is thrown away.
async fn openapi() -> anyhow::Result<ExitCode> {
    let folder = std::env::temp_dir().join(format!("botserver-openapi-{}", Surroundings::system().uuid()));
    let config = Config { data: folder.clone(), ..Config::default() };
    let Opened { house, .. } = House::open(&config, Surroundings::system()).await?;
    let document = gateway::contract::document(&house.contract_modules());
    house.close().await;
    std::fs::remove_dir_all(&folder)?;
    say(&document.to_pretty_json()?);
    Ok(ExitCode::SUCCESS)
}

async fn migrate(config: Config) -> anyhow::Result<ExitCode> {
    let migrated = House::migrate(&config).await?;
    if migrated.is_empty() {
        say("The schema is up to date.");
    }
    for name in migrated {
        say(&format!("applied {name}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a line to the standard output. A reader that has gone, as in `| head`, is no error.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Writes what went wrong to the standard error.
fn say_error(line: &str) {
    let _ = writeln!(std::io::stderr(), "error: {line}");
}
