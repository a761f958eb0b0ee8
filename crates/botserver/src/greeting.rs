//! What a start shows in the terminal: where the server listens, where its data is, how to sign in.

use std::{fmt::Write as _, io::Write as _, net::SocketAddr};

use identity::FirstAdministrator;

use crate::Config;

/// Shows it on the standard output. The first administrator's password is shown this once and kept nowhere.
pub(crate) fn show(config: &Config, address: SocketAddr, first: Option<&FirstAdministrator>) {
    let text = text(config, address, first);
    // Nobody reads it if the standard output is closed; the log says that the server listens.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn text(config: &Config, address: SocketAddr, first: Option<&FirstAdministrator>) -> String {
    let scheme = if config.tls.is_on() { "https" } else { "http" };
    let url = if config.public_url.is_some() { config.public_url() } else { format!("{scheme}://{address}") };
    let data = std::fs::canonicalize(&config.data).unwrap_or_else(|_| config.data.clone());
    let mut text = format!(
        "\nBotServer {version}\n\n  Chat     {url}/\n  API      {url}/api\n  Docs     {url}/api/docs\n  Data     {data}\n",
        version = env!("CARGO_PKG_VERSION"),
        data = data.display(),
    );
    match first {
        Some(first) => {
            let password = first.password.reveal();
            let _ = write!(
                text,
                "\n  Sign in  username  {}\n           password  {password}   (shown this once; change it)\n",
                first.username,
            );
        }
        None if config.bootstrap_secret.is_some() => {
            text.push_str(
                "\n  Sign in  as an administrator; the first is made with POST /api/v1/auth/bootstrap\n",
            );
        }
        None => text.push_str("\n  Sign in  POST /api/v1/auth/login with a username and password\n"),
    }
    text.push_str("\n  Ctrl-C stops the server.\n\n");
    text
}
