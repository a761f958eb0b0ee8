//! What people said to a bot, taken along before the bot is removed.

use std::io::{Cursor, Read};

use platform::objects::{ObjectHash, Stored};
use zip::ZipArchive;

use crate::support::{Answer, App, Client, Value, botserver_test, each_database, json, texts, until};

const ECHO: &str = "TALK \"Welcome\"\nDO\nHEAR x\nTALK \"You said \" + x\nLOOP";

fn id(of: &Value, name: &str) -> String {
    of[name].as_str().expect("an id").to_owned()
}

async fn delete(app: &App, query: &str) -> Value {
    app.admin().delete(format!("/bots/echo{query}")).await.assert_status(202).data()
}

async fn completed(app: &App, accepted: &Value) -> Value {
    until(&app.admin(), &format!("/jobs/{}", id(accepted, "job_id")), "completed").await
}

/// The bytes at an address that is told with the version.
async fn download(client: &Client, url: &str) -> Answer {
    client.get(url.strip_prefix("/api/v1").expect("ours")).await
}

async fn zip_at(app: &App, url: &str) -> ZipArchive<Cursor<Vec<u8>>> {
    let path = url.strip_prefix("/api/v1").expect("ours");
    let answer = app.admin().request(reqwest::Method::GET, path).send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "application/zip");
    let bytes = answer.bytes().await.expect("a body").to_vec();
    ZipArchive::new(Cursor::new(bytes)).expect("a zip")
}

fn file(zip: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> String {
    let mut text = String::new();
    zip.by_name(name).expect(name).read_to_string(&mut text).expect("text");
    text
}

async fn send_file(client: &Client, conversation: &str, content: &str) -> String {
    let sent = client.send_file(conversation, content).await;
    let message = json!({ "content": "look", "attachments": [sent] });
    client.post(format!("/conversations/{conversation}/messages"), message).await.assert_status(201);
    sent
}

#[botserver_test]
async fn the_conversations_of_a_deleted_bot_are_a_zip_for_whoever_deleted_it(app: App) {
    app.bot("First", "TALK 1").await;
    let bot = app.bot("Echo", ECHO).await;
    let (ann, bob) = (app.user("ann").await, app.user_with_role("bob", "owner").await);
    let (first, second) = (ann.converse(&bot).await, bob.converse(&bot).await);
    ann.say(&first, "hello").await;
    let conversation = id(&first, "conversation_id");
    let sent = send_file(&ann, &conversation, "words").await;

    let accepted = delete(&app, "?export=true").await;
    let export = completed(&app, &accepted).await["result"]["export"].clone();

    assert_eq!(export["conversations"], 2);
    let url = id(&export, "download_url");
    let mut zip = zip_at(&app, &url).await;
    let names: std::collections::BTreeSet<String> =
        zip.file_names().map(|name| name.expect("a name").into_owned()).collect();
    let other = id(&second, "conversation_id");
    assert_eq!(
        names,
        [
            format!("conversations/{conversation}.json"),
            format!("conversations/{conversation}/{sent}/notes.txt"),
            format!("conversations/{other}.json"),
        ]
        .into()
    );
    let written: Value =
        serde_json::from_str(&file(&mut zip, &format!("conversations/{conversation}.json"))).expect("JSON");
    assert_eq!(written["conversation"]["conversation_id"], first["conversation_id"]);
    assert_eq!(
        texts(&written["messages"]),
        ["Welcome", "hello", "You said hello", "look", "You said look"],
        "{written}"
    );
    assert_eq!(file(&mut zip, &format!("conversations/{conversation}/{sent}/notes.txt")), "words");
    ann.get(format!("/conversations/{conversation}")).await.assert_status(404);

    let part = download(&app.admin().with("range", "bytes=0-1"), &url).await.assert_status(206);
    assert_eq!(part.body, "PK");
    download(&bob, &url).await.assert_error(404, "NOT_FOUND", "");
    download(&ann, &url).await.assert_error(403, "FORBIDDEN", "");
    download(&app.stranger("eve").await, &url).await.assert_error(404, "NOT_FOUND", "");
    assert_eq!(app.audited("bot_conversations_exported").await, 2);
}

#[botserver_test]
async fn nothing_is_taken_along_unasked(app: App) {
    app.bot("First", "TALK 1").await;
    let bot = app.bot("Echo", ECHO).await;
    app.admin().delete("/bots/echo?export=maybe").await.assert_status(422);
    app.admin().get("/bots/echo").await.assert_ok();

    let job = completed(&app, &delete(&app, "").await).await;

    assert_eq!(job["result"], Value::Null);
    let url = format!("/api/v1/bots/{}/export", id(&bot, "bot_id"));
    download(&app.admin(), &url).await.assert_error(404, "NOT_FOUND", "");
}

#[each_database]
fn a_removal_that_was_cut_short_goes_on_with_what_was_taken_along() {
    crate::support::run_with(
        |config| config.jobs.workers = 0,
        |app| async move {
            app.bot("First", "TALK 1").await;
            let bot = app.bot("Echo", ECHO).await;
            let ann = app.user("ann").await;
            let gone = ann.converse(&bot).await;
            let left = ann.converse(&bot).await;
            send_file(&ann, &id(&left, "conversation_id"), KEPT).await;
            let accepted = delete(&app, "?export=true").await;
            let (bot_id, of) = (bot["bot_id"].clone(), id(&gone, "conversation_id"));
            ann.post(format!("/conversations/{of}/messages"), json!({ "content": "late" }))
                .await
                .assert_error(409, "CONFLICT", "bot_inactive");
            let unmade = format!("/api/v1/bots/{}/export", bot_id.as_str().expect("an id"));
            download(&app.admin(), &unmade).await.assert_error(404, "NOT_FOUND", "");

            // The node kept the export, removed a conversation, and died.
            keep_as_exported(&app, &bot_id).await;
            remove(&app, &of).await;
            let app = app.restart_with(|config| config.jobs.workers = 4).await;
            let job = completed(&app, &accepted).await;

            let export = &job["result"]["export"];
            assert_eq!((&export["conversations"], &export["size"]), (&json!(2), &json!(KEPT.len())));
            let content = download(&app.admin(), &id(export, "download_url")).await.assert_ok();
            assert_eq!(content.body, KEPT, "it is not made again of what is left");
            assert_eq!(app.rows_of("conversations", &left).await, 0);
        },
    );
}

#[each_database]
fn an_export_that_can_not_be_made_is_given_up_in_the_end_and_the_bot_is_removed() {
    crate::support::run_with(
        |config| config.jobs.workers = 0,
        |app| async move {
            app.bot("First", "TALK 1").await;
            let bot = app.bot("Echo", ECHO).await;
            let gone = app.user("ann").await.converse(&bot).await;
            let accepted = delete(&app, "?export=true").await;

            all_attempts_but_the_last_failed(&app).await;
            let app = app.restart_with(|config| config.jobs.workers = 4).await;
            let job = completed(&app, &accepted).await;

            assert_eq!(job["result"], json!({ "export": { "given_up": true } }));
            let unmade = format!("/api/v1/bots/{}/export", id(&bot, "bot_id"));
            download(&app.admin(), &unmade).await.assert_error(404, "NOT_FOUND", "");
            assert_eq!(app.rows_of("conversations", &gone).await, 0);
        },
    );
}

/// The job that removes the bot has one attempt left.
async fn all_attempts_but_the_last_failed(app: &App) {
    let org = app.organization().await;
    let tried = app.database().write(org, move |unit| {
        unit.execute(
            "UPDATE jobs SET attempts = max_attempts - 1 WHERE org_id = $1 AND kind = $2",
            &[&"bots.delete"],
        )
    });
    let tried: Result<u64, platform::db::DbError> = tried.await;
    assert_eq!(tried.expect("a change"), 1);
}

/// What the test takes for an export.
const KEPT: &str = "all that was said";

/// Writes what the job writes when the export is made, of a content that the server has.
async fn keep_as_exported(app: &App, bot: &Value) {
    let bot: kernel::id::BotId = bot.as_str().expect("an id").parse().expect("an id");
    let org = app.organization().await;
    let stored = Stored { hash: ObjectHash::of(KEPT.as_bytes()), size: KEPT.len() as u64 };
    let written = app.database().write(org, move |unit| {
        unit.claim_object(stored, bot.as_bytes())?;
        unit.execute(
            "UPDATE bot_exports SET hash = $3, size = 17, conversations = 2 WHERE org_id = $1 AND bot_id = $2",
            &[&bot, &stored.hash],
        )
    });
    let written: Result<u64, platform::db::DbError> = written.await;
    assert_eq!(written.expect("a change"), 1);
}

async fn remove(app: &App, conversation: &str) {
    let id: kernel::id::ConversationId = conversation.parse().expect("an id");
    let org = app.organization().await;
    let removed = app.database().write(org, move |unit| {
        unit.execute("DELETE FROM messages WHERE org_id = $1 AND conversation_id = $2", &[&id])?;
        unit.execute("DELETE FROM conversations WHERE org_id = $1 AND id = $2", &[&id])
    });
    let removed: Result<u64, platform::db::DbError> = removed.await;
    assert_eq!(removed.expect("a change"), 1);
}

#[botserver_test]
async fn an_export_is_forgotten_a_day_after_the_removal(app: App) {
    const FORGET: platform::jobs::JobKind<()> = platform::jobs::JobKind::new("bots.forget_exports");
    app.bot("First", "TALK 1").await;
    let bot = app.bot("Echo", ECHO).await;
    let started = app.user("ann").await.converse(&bot).await;
    let export = completed(&app, &delete(&app, "?export=true").await).await["result"]["export"].clone();
    let url = id(&export, "download_url");
    download(&app.admin(), &url).await.assert_ok();
    let aged = app.database().write_server(|unit| {
        for (org, bot) in unit.across_organizations::<(kernel::id::OrganizationId, kernel::id::BotId)>(
            "SELECT org_id, bot_id FROM bot_exports",
        )? {
            unit.org(org).execute(
                "UPDATE bot_exports SET expires_at = expires_at - 86400000000 WHERE org_id = $1 AND bot_id = $2",
                &[&bot],
            )?;
        }
        Ok::<_, platform::db::DbError>(())
    });
    aged.await.expect("a change");

    download(&app.admin(), &url).await.assert_error(404, "NOT_FOUND", "");
    let job = app.enqueue(&app.admin(), FORGET.job(&())).await;
    let job = until(&app.admin(), &format!("/jobs/{job}"), "completed").await;
    assert_eq!(job["result"], json!({ "exports": 1 }));
    let claims = app.rows_of("object_claims", &started).await;
    assert_eq!(claims, 0);
}
