//! The API as clients see it: over HTTP and WebSocket, against a server in the process.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that can not go on fails")]

mod support;

mod access;
mod api_keys;
mod attacks;
mod audit;
mod auth;
mod avatars;
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
mod groups;
mod hooks;
mod jobs;
mod leaving;
mod mail;
mod matrix;
mod memory;
mod nodes;
mod operations;
mod organizations;
mod own_api;
mod packages;
mod pages;
mod repeatable;
mod requests;
mod rights;
mod roles;
mod schedules;
mod scripts;
mod security;
mod sessions;
mod settings_of_bots;
mod sockets;
mod tenants;
mod tickets;
mod tools;
mod two_factor;
mod typing;
mod user_settings;
mod users;
mod visitors;
mod webhooks;
