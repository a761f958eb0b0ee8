//! The peer: PocketBase on SQLite, asked for what we are asked for.

use std::{net::SocketAddr, path::Path};

use anyhow::Context;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    http::{self, Connection},
    process::{self, Process},
};

const PASSWORD: &str = "correct-horse-battery";

/// A server with users, and notes that anybody signed in may make.
pub(crate) struct PocketBase {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    token: String,
    user: String,
    _folder: TempDir,
}

impl PocketBase {
    /// Starts it with so many users.
    pub(crate) async fn start(binary: &Path, users: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        // It writes migrations beside its folder, and applies what it finds there.
        let data = folder.path().join("data").display().to_string();
        Process::spawn(binary, &["superuser", "upsert", "a@example.com", PASSWORD, "--dir", &data], &[])?
            .finish()?;
        let address = process::free_address()?;
        let http = format!("--http={address}");
        let process = Process::spawn(binary, &["serve", &http, "--dir", &data], &[])?;
        process::until_listening(address).await?;
        let (token, user) = (String::new(), String::new());
        let mut peer = Self { process, address, token, user, _folder: folder };

        peer.token = peer.sign_in("_superusers", "a@example.com").await?.0;
        let signed_in = "@request.auth.id != \"\"";
        let rules = json!({ "listRule": signed_in, "viewRule": signed_in });
        peer.send("PATCH", "/api/collections/users", &rules).await?;
        let notes = json!({
            "name": "notes", "type": "base", "createRule": signed_in,
            "indexes": ["CREATE UNIQUE INDEX notes_by_name ON notes (name)"],
            "fields": [
                { "name": "name", "type": "text", "required": true },
                { "name": "created", "type": "autodate", "onCreate": true },
            ],
        });
        peer.send("POST", "/api/collections", &notes).await?;
        for number in 0..users {
            let email = format!("user{number}@example.com");
            let user = json!({
                "email": email, "name": format!("User {number}"), "password": PASSWORD, "passwordConfirm": PASSWORD,
                "verified": true, "emailVisibility": true,
            });
            peer.send("POST", "/api/collections/users/records", &user).await?;
        }
        (peer.token, peer.user) = peer.sign_in("users", "user0@example.com").await?;
        Ok(peer)
    }

    async fn sign_in(&self, collection: &str, identity: &str) -> anyhow::Result<(String, String)> {
        let path = format!("/api/collections/{collection}/auth-with-password");
        let answer = self.send("POST", &path, &json!({ "identity": identity, "password": PASSWORD })).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("a sign-in without a token");
        Ok((text(&answer["token"])?, text(&answer["record"]["id"])?))
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let (token, body) = ((!self.token.is_empty()).then_some(self.token.as_str()), body.to_string());
        let request = http::with_body(method, path, self.address, token, "application/json", body.as_bytes());
        Ok(serde_json::from_slice(Connection::open(self.address).await?.exchange(&request).await?)?)
    }

    /// One user, by whoever it is.
    pub(crate) fn me(&self, _: u64) -> Vec<u8> {
        let path = format!("/api/collections/users/records/{}", self.user);
        http::get(&path, self.address, Some(&self.token))
    }

    /// Twenty users with their total.
    pub(crate) fn list(&self, _: u64) -> Vec<u8> {
        let path = "/api/collections/users/records?perPage=20&sort=-created";
        http::get(path, self.address, Some(&self.token))
    }

    /// A new note with a name of its own.
    pub(crate) fn create(&self, number: u64) -> Vec<u8> {
        let body = json!({ "name": format!("Note {number}-{}", std::process::id()) }).to_string();
        let (token, kind) = (Some(self.token.as_str()), "application/json");
        http::with_body("POST", "/api/collections/notes/records", self.address, token, kind, body.as_bytes())
    }
}
