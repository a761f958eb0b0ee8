//! Webhooks: what is told to whom, signed how, and what happens where it is not taken.

mod administration;
mod delivery;
mod receiver;
mod rights;
mod talk;

use std::time::Duration;

use botserver::Config;
use platform::db::DbError;
use receiver::{Heard, Receiver};

use crate::support::{App, Client, Value, each_database, json, run_with};

/// A server that may reach the test's own receivers, and tries twice more at once what was not taken.
fn hooked<F: Future>(claim: impl FnOnce(App) -> F) -> F::Output {
    run_with(reaches_receivers, claim)
}

fn reaches_receivers(config: &mut Config) {
    config.egress.allow = vec!["127.0.0.0/8".parse().expect("a network")];
    config.egress.http = true;
    config.bots.webhook_retry_seconds = vec![0, 0];
}

/// A new webhook of the client's, with its secret.
async fn made(client: &Client, hook: Value) -> Value {
    client.post("/webhooks", hook).await.assert_status(201).data()
}

fn path(hook: &Value) -> String {
    format!("/webhooks/{}", hook["webhook_id"].as_str().expect("an id"))
}

async fn new_bot(client: &Client, name: &str) -> Value {
    client.post("/bots", json!({ "name": name })).await.assert_status(201).data()
}

/// Asks until what is there is as it should be.
async fn until(client: &Client, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let asks = async {
        loop {
            let found = client.get(path).await.assert_ok().data();
            if fits(&found) {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asks).await.expect("it happens in time")
}

/// The webhook's only delivery, once it has become this.
async fn delivery(client: &Client, hook: &Value, status: &str) -> Value {
    let path = format!("{}/deliveries", path(hook));
    let page = until(client, &path, |page| page["items"][0]["status"] == status).await;
    assert_eq!(page["total"], 1, "{page}");
    page["items"][0].clone()
}

/// Waits until all that happened is told, as far as it is told to anybody.
async fn all_told(app: &App) {
    loop {
        let waiting = app.database().read_server(|tx| {
            tx.across_organizations::<(i64,)>(
                "SELECT 1 FROM outbox UNION ALL SELECT 1 FROM jobs WHERE place <> 'done'",
            )
        });
        let waiting: Result<Vec<(i64,)>, DbError> = waiting.await;
        if waiting.expect("an answer").is_empty() {
            return;
        }
        tokio::task::yield_now().await;
    }
}
