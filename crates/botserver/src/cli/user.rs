//! `botserver user`.

use std::process::ExitCode;

use clap::Subcommand;
use identity::users::NewUser;
use kernel::Surroundings;

use super::say;
use crate::{
    Config,
    server::{House, Opened},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create a user in the server's first organization and print the one-time link that sets the password
    Create {
        /// The name to sign in with
        username: String,
        /// The e-mail address
        email: String,
        /// The role
        #[arg(long, default_value = "member")]
        role: String,
        /// The name to show; the username if absent
        #[arg(long)]
        display_name: Option<String>,
    },
}

pub(super) async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let Opened { house, .. } = House::open(&config, Surroundings::system()).await?;
    let done = create(&house, command).await;
    house.close().await;
    done
}

async fn create(house: &House, command: Command) -> anyhow::Result<ExitCode> {
    let Command::Create { username, email, role, display_name } = command;
    let new = NewUser { username, email, display_name, roles: Some(vec![role]), ..NewUser::default() };
    let created = house.identity.create_user_as_operator(new).await?;
    say(&format!("Created {} ({}).", created.user.username, created.user.user_id));
    if let Some(link) = created.password_link {
        say(&format!("The password is set at {}", link.reveal()));
    }
    Ok(ExitCode::SUCCESS)
}
