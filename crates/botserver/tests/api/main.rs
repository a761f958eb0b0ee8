//! The API as clients see it: over HTTP and WebSocket, against a server in the process.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that can not go on fails")]

mod support;

mod access;
mod audit;
mod auth;
mod bots;
mod conditional;
mod configuration;
mod contract;
mod conversations;
mod data;
mod drive;
mod edge;
mod engines;
mod examples;
mod hooks;
mod jobs;
mod memory;
mod nodes;
mod operations;
mod packages;
mod pages;
mod repeatable;
mod requests;
mod schedules;
mod scripts;
mod sessions;
mod settings_of_bots;
mod sockets;
mod tenants;
mod tools;
mod users;
mod visitors;
mod webhooks;
