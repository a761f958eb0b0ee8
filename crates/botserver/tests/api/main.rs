//! The API as clients see it: over HTTP and WebSocket, against a server in the process.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that can not go on fails")]

mod support;

mod auth;
mod bots;
mod conditional;
mod configuration;
mod contract;
mod conversations;
mod edge;
mod engines;
mod jobs;
mod memory;
mod nodes;
mod operations;
mod repeatable;
mod scripts;
mod sessions;
mod sockets;
mod tenants;
mod users;
mod webhooks;
