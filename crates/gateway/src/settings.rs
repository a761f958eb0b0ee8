//! What an operator may set about the edge.

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Limits and time limits of the edge. Every number is a setting with this default.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Bytes of a request body, except where an operation says otherwise.
    pub body_limit: usize,
    /// Seconds that an operation may take, reading its body included.
    pub request_timeout_seconds: u64,
    /// Seconds that a client may take to send the head of a request.
    pub header_timeout_seconds: u64,
    /// Connections open at once; more wait in the listening queue.
    pub max_connections: usize,
    /// Seconds that requests under way get to finish when the server stops.
    pub shutdown_seconds: u64,
    /// Networks of reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// WebSockets of one user at once.
    pub sockets_per_user: usize,
    /// Frames that one user may send a minute.
    pub socket_frames_per_minute: u32,
    /// Bytes of one frame from a client.
    pub socket_frame_limit: usize,
    /// Bytes queued for a client that does not read, before its socket is closed.
    pub socket_queue_limit: usize,
    /// Seconds between heartbeats; a socket that misses two is closed.
    pub socket_heartbeat_seconds: u64,
    /// Seconds that a socket may stay without signing in.
    pub socket_auth_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_limit: 1 << 20,
            request_timeout_seconds: 60,
            header_timeout_seconds: 10,
            max_connections: 20_000,
            shutdown_seconds: 20,
            trusted_proxies: Vec::new(),
            sockets_per_user: 10,
            socket_frames_per_minute: 60,
            socket_frame_limit: 64 << 10,
            socket_queue_limit: 1 << 20,
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
}

/// Requests an hour by kind of caller; 0 means no limit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
