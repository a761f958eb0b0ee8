//! What an operator may set about mail.

use std::path::PathBuf;

use kernel::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How mail is sent: by one server, in the name of one sender.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The SMTP server that takes mail; without one nothing is mailed.
    pub host: Option<String>,
    /// Its port; if absent 587 with `starttls`, 465 with `implicit` and 25 with `none`.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// How the way to it is secured.
    pub tls: TlsMode,
    /// A file with an authority, in PEM, that may vouch for the server besides those of the system.
    pub ca: Option<PathBuf>,
    /// The name to sign in with, if the server asks for one. Together with `password`, and not over `tls = "none"`.
    pub user: Option<String>,
    /// The password to sign in with.
    pub password: Option<Secret>,
    /// The address that mail comes from.
    pub from: Option<String>,
    /// The name that mail comes from.
    pub from_name: String,
    /// Seconds that the server may take to be reached; four times as long for a whole mail, and at most nine minutes.
    #[schemars(range(min = 1, max = 300))]
    pub timeout_seconds: u32,
    /// Hours after which a mail that could not be sent is given up. One with a link ends with its link, if that is
    /// sooner.
    #[schemars(range(min = 1, max = 168))]
    pub give_up_hours: u32,
}

/// How the way to the mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// The connection begins in the clear and has to become TLS before anything is said.
    #[default]
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// None: whoever is on the way reads everything. For a server on the same machine.
    None,
}

impl TlsMode {
    pub(super) const fn usual_port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            tls: TlsMode::default(),
            ca: None,
            user: None,
            password: None,
            from: None,
            from_name: "BotServer".to_owned(),
            timeout_seconds: 30,
            give_up_hours: 24,
        }
    }
}
