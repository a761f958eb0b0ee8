//! Conversations that nobody names.

use super::{BOOKING, path};
use crate::support::{App, botserver_test, json, texts};

const ECHO: &str = "DO\nHEAR x\nTALK x\nLOOP";

#[botserver_test]
async fn one_call_begins_to_talk_and_goes_on(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;

    let first = ann.post("/chat", json!({ "message": "Ann" })).await.assert_ok().data();

    assert_eq!(texts(&first["response"]), ["Your name?", "How many, Ann?"]);
    assert_eq!(first["bot_id"], bot["bot_id"]);
    let second = json!({ "message": "4", "session_id": first["session_id"] });
    let second = ann.post("/chat", second).await.assert_ok().data();
    assert_eq!(texts(&second["response"]), ["A table for 4."]);
    assert_eq!(second["conversation_id"], first["conversation_id"]);
    let third = ann.post("/chat", json!({ "message": "x", "bot_id": "booking" })).await.assert_ok().data();
    assert_eq!(third["conversation_id"], first["conversation_id"], "the latest one goes on");
    ann.post(path(&first, "/end"), json!({})).await.assert_ok();
    let fourth = ann.post("/chat", json!({ "message": "Ann" })).await.assert_ok().data();
    assert_ne!(fourth["conversation_id"], first["conversation_id"], "what has ended does not go on");
}

#[botserver_test]
async fn one_call_changes_nothing_where_it_is_refused(app: App) {
    app.bot("Booking", BOOKING).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let of_bob = bob.post("/chat", json!({ "message": "Bob" })).await.assert_ok().data();

    ann.post("/chat", json!({ "message": " " })).await.assert_error(
        422,
        "VALIDATION_ERROR",
        "invalid_message",
    );
    ann.post("/chat", json!({ "message": "x", "bot_id": "none" })).await.assert_error(404, "NOT_FOUND", "");
    for named in [of_bob["session_id"].clone(), json!("ses_01jxk6qv9ve7m8g3t5s0c4d2ba"), json!("x")] {
        let refused = ann.post("/chat", json!({ "message": "x", "session_id": named })).await;
        refused.assert_error(404, "NOT_FOUND", "");
    }
    assert_eq!(ann.get("/conversations").await.data()["total"], 0);
}

#[botserver_test]
async fn the_present_conversation_is_the_latest_that_goes_on(app: App) {
    let (echo, booking) = (app.bot("Echo", ECHO).await, app.bot("Booking", BOOKING).await);
    let ann = app.user("ann").await;
    ann.get("/conversations/current/history").await.assert_error(404, "NOT_FOUND", "");
    ann.post("/conversations/current/messages", json!({ "content": "x" })).await.assert_error(
        404,
        "NOT_FOUND",
        "",
    );
    let (older, newer) = (ann.converse(&echo).await, ann.converse(&booking).await);
    let archived = ann.converse(&echo).await;
    ann.post(path(&archived, "/archive"), json!({})).await.assert_ok();

    let sent = ann.post("/conversations/current/messages", json!({ "content": "Ann" })).await;
    assert_eq!(sent.assert_status(201).data()["conversation_id"], newer["conversation_id"]);
    let sent = ann.post("/conversations/current/messages?bot_id=echo", json!({ "content": "a" })).await;
    assert_eq!(sent.assert_status(201).data()["conversation_id"], older["conversation_id"]);
    let history = ann.get("/conversations/current/history?limit=1").await.assert_ok().items();
    assert_eq!(history[0]["conversation_id"], older["conversation_id"]);
    let history = ann.get("/conversations/current/history?bot_id=booking&limit=1").await.assert_ok().items();
    assert_eq!(history[0]["content"], "How many, Ann?");
}
