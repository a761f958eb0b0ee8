//! What an operator may set about the edge.

use std::{path::PathBuf, time::Duration};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits and time limits of the edge. Every number is a setting with this default.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Bytes of a request body, except where an operation says otherwise.
    #[schemars(range(min = 1), extend("x-runtime" = true))]
    pub body_limit: usize,
    /// Seconds that an operation may take, reading its body included.
    #[schemars(range(min = 1, max = 86_400), extend("x-runtime" = true))]
    pub request_timeout_seconds: u64,
    /// Seconds that a client may take to send the head of a request, and to send its first after it connected.
    #[schemars(range(min = 1, max = 3600))]
    pub header_timeout_seconds: u64,
    /// Seconds that a connection may stay open between two requests.
    #[schemars(range(min = 1, max = 86_400))]
    pub keep_alive_seconds: u64,
    /// Seconds that the server waits for a client in the middle of a body or of an answer, beyond the time that
    /// its bytes take at the least rate.
    #[schemars(range(min = 1, max = 3600))]
    pub slow_client_seconds: u64,
    /// The least rate at which a client has to send a body or take an answer, in bytes a second.
    #[schemars(range(min = 1))]
    pub slow_client_rate: u64,
    /// Bytes of a request's address.
    #[schemars(range(min = 256, max = 65_536), extend("x-runtime" = true))]
    pub url_limit: usize,
    /// Bytes of a request's head without its address.
    #[schemars(range(min = 1024, max = 65_536), extend("x-runtime" = true))]
    pub header_limit: usize,
    /// Connections open at once; more wait in the listening queue.
    #[schemars(range(min = 1))]
    pub max_connections: usize,
    /// Connections that one address may have open at once, an IPv6 network of 64 bits counting as one; 0 means no
    /// limit. Trusted proxies are exempt.
    pub max_connections_per_address: u32,
    /// Seconds that requests under way get to finish when the server stops.
    #[schemars(range(max = 3600))]
    pub shutdown_seconds: u64,
    /// Seconds that the server goes on taking connections after it was told to stop, no longer ready: the time that a
    /// load balancer needs to see it.
    #[schemars(range(max = 3600))]
    pub drain_seconds: u64,
    /// Networks of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<IpNet>,
    /// Origins of web pages that may call the API, such as `https://app.example.com`; `*` means any, without cookies.
    #[schemars(extend("x-runtime" = true))]
    #[serde(deserialize_with = "crate::cors::read_origins")]
    pub cors_origins: Vec<String>,
    /// Bytes from which on an answer is compressed for who accepts that; 0 means never.
    #[schemars(extend("x-runtime" = true))]
    pub compress_from: u64,
    /// WebSockets of one user at once.
    #[schemars(range(min = 1), extend("x-runtime" = true))]
    pub sockets_per_user: usize,

    /// WebSockets of one visitor at once.
    #[schemars(range(min = 1), extend("x-runtime" = true))]
    pub sockets_per_visitor: usize,

    /// WebSockets of all visitors from one address at once.
    #[schemars(range(min = 1), extend("x-runtime" = true))]
    pub visitor_sockets_per_address: usize,
    /// Frames that one user may send a minute.
    #[schemars(extend("x-runtime" = true))]
    pub socket_frames_per_minute: u32,
    /// Hints, such as that somebody types, that one socket may send a minute beside; 0 means any number.
    #[schemars(extend("x-runtime" = true))]
    pub socket_hints_per_minute: u32,
    /// Bytes of one frame from a client.
    #[schemars(range(min = 1024), extend("x-runtime" = true))]
    pub socket_frame_limit: usize,
    /// Bytes queued for a client that does not read, before its socket is closed.
    #[schemars(range(min = 65_536), extend("x-runtime" = true))]
    pub socket_queue_limit: usize,
    /// Things, such as conversations and jobs, that one socket follows at once.
    #[schemars(range(min = 1), extend("x-runtime" = true))]
    pub socket_follow_limit: usize,
    /// Seconds between heartbeats; a socket that misses two is closed.
    #[schemars(range(min = 1, max = 3600), extend("x-runtime" = true))]
    pub socket_heartbeat_seconds: u64,
    /// Seconds that a socket may stay without signing in.
    #[schemars(range(min = 1, max = 3600), extend("x-runtime" = true))]
    pub socket_auth_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_limit: 1 << 20,
            request_timeout_seconds: 60,
            header_timeout_seconds: 10,
            keep_alive_seconds: 75,
            slow_client_seconds: 20,
            slow_client_rate: 500,
            url_limit: 8 << 10,
            header_limit: 16 << 10,
            max_connections: 20_000,
            max_connections_per_address: 1000,
            shutdown_seconds: 20,
            drain_seconds: 0,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            compress_from: 1 << 10,
            sockets_per_user: 10,
            sockets_per_visitor: 5,
            visitor_sockets_per_address: 20,
            socket_frames_per_minute: 60,
            socket_hints_per_minute: 120,
            socket_frame_limit: 64 << 10,
            socket_queue_limit: 1 << 20,
            socket_follow_limit: 1000,
            socket_heartbeat_seconds: 30,
            socket_auth_seconds: 10,
        }
    }
}

impl Settings {
    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds)
    }

    pub(crate) fn header_timeout(&self) -> Duration {
        Duration::from_secs(self.header_timeout_seconds)
    }

    pub(crate) fn keep_alive(&self) -> Duration {
        Duration::from_secs(self.keep_alive_seconds)
    }

    pub(crate) fn pace(&self) -> Pace {
        Pace { grace: Duration::from_secs(self.slow_client_seconds), rate: self.slow_client_rate.max(1) }
    }
}

/// How slow a client may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    grace: Duration,
    rate: u64,
}

impl Pace {
    /// How long the server waits in all for a client that moved so many bytes.
    pub(crate) fn allows(self, bytes: u64) -> Duration {
        self.grace + Duration::from_secs(bytes / self.rate)
    }

    /// How long it waits for a client that moves nothing.
    pub(crate) fn grace(self) -> Duration {
        self.grace
    }
}

/// The certificate, if the server itself speaks TLS.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSettings {
    /// The file with the certificate and those that lead to its root, in PEM.
    pub cert: Option<PathBuf>,
    /// The file with the private key, in PEM.
    pub key: Option<PathBuf>,
    /// Seconds between looks at the files. A changed pair is taken over without a restart; so it is on SIGHUP.
    #[schemars(range(min = 1, max = 86_400))]
    pub reload_seconds: u64,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self { cert: None, key: None, reload_seconds: 10 }
    }
}

impl TlsSettings {
    /// Does the server itself speak TLS?
    pub fn is_on(&self) -> bool {
        self.cert.is_some() || self.key.is_some()
    }
}

/// Requests an hour by kind of caller; 0 means no limit.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-runtime" = true))]
pub struct RateLimits {
    /// Without credentials, or with bad ones, by address.
    pub anonymous: u32,
    /// Signed in, by user.
    pub authenticated: u32,
    /// Administrators, by user.
    pub admin: u32,
    /// Are the limits that some operations have of their own in force?
    pub operations: bool,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self { anonymous: 60, authenticated: 1000, admin: 5000, operations: true }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const PAGE: &str = include_str!("../../../docs/http.md");

    #[test]
    fn the_page_knows_every_setting_and_its_default() {
        let sections = [
            ("http", serde_json::to_value(Settings::default()).unwrap()),
            ("tls", serde_json::to_value(TlsSettings::default()).unwrap()),
        ];
        for (section, settings) in sections {
            let Value::Object(settings) = settings else { panic!("a section is a table") };
            for (key, default) in settings {
                let row = format!("| `{section}.{key}` | `{default}` |");
                assert!(PAGE.contains(&row), "docs/http.md lacks {row}");
            }
        }
    }
}
