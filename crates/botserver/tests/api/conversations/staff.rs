//! The staff: who reads the conversations of others, and answers in the bot's place.

use super::{BOOKING, path};
use crate::support::{App, botserver_test, json, texts};

#[botserver_test]
async fn the_staff_takes_over_and_the_bot_is_silent_until_they_let_it(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let admin = app.admin();
    let says = async |who: &crate::support::Client, text: &str| {
        let answer = who.post(path(&started, "/messages"), json!({ "content": text })).await;
        answer.assert_status(201).data()
    };

    let staff = says(&admin, "I am Mia. How can I help?").await;

    assert_eq!(staff["response"], json!([]));
    let asked = says(&ann, "Ann").await;
    assert_eq!(asked["response"], json!([]), "the bot is silent");
    let conversation = ann.get(path(&started, "")).await.data();
    assert_eq!((&conversation["staff_active"], &conversation["status"]), (&json!(true), &json!("waiting")));
    let message = &ann.get(path(&started, "/history")).await.items()[1];
    assert_eq!((&message["sender"], &message["role"]), (&json!("staff"), &json!("assistant")));
    assert_eq!(message["sender_id"], admin.me().await["user_id"]);
    let refused = ann.patch(path(&started, ""), json!({ "staff_active": false })).await;
    refused.assert_error(403, "FORBIDDEN", "");
    admin.patch(path(&started, ""), json!({ "staff_active": false })).await.assert_ok();
    assert_eq!(ann.say(&started, "Ann").await, ["How many, Ann?"]);
}

#[botserver_test]
async fn what_the_staff_reads_and_changes_is_audited_and_what_people_read_of_theirs_is_not(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    for rest in ["", "/messages", "/history"] {
        ann.get(path(&started, rest)).await.assert_ok();
    }
    let audited = async |action: &'static str| app.audited(action).await;
    assert_eq!(audited("conversation_read").await, 0);

    for rest in ["", "/messages", "/history", "/variables"] {
        app.admin().get(path(&started, rest)).await.assert_ok();
    }
    app.admin().patch(path(&started, ""), json!({ "title": "x" })).await.assert_ok();

    assert_eq!((audited("conversation_read").await, audited("conversation_updated").await), (4, 1));
}

#[botserver_test]
async fn a_stranger_sees_and_does_nothing(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let eve = app.stranger("eve").await;

    for rest in ["", "/messages", "/history", "/variables"] {
        eve.get(path(&started, rest)).await.assert_error(404, "NOT_FOUND", "");
    }
    for rest in ["/archive", "/unarchive", "/end", "/reset", "/stop"] {
        eve.post(path(&started, rest), json!({})).await.assert_error(404, "NOT_FOUND", "");
    }
    eve.post(path(&started, "/messages"), json!({ "content": "x" })).await.assert_error(404, "NOT_FOUND", "");
    eve.patch(path(&started, ""), json!({ "title": "x" })).await.assert_error(404, "NOT_FOUND", "");
    eve.delete(path(&started, "")).await.assert_error(404, "NOT_FOUND", "");
    assert_eq!(ann.get(path(&started, "")).await.data()["status"], "waiting");
}

#[botserver_test]
async fn a_script_that_waits_is_silent_while_the_staff_talks(app: App) {
    let bot = app.bot("Patient", "TALK \"One moment.\"\nWAIT 1\nTALK \"Here I am.\"").await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    app.admin().say(&started, "I am Mia.").await;

    // Woken, it looks again later.
    until_two_wake(&app).await;

    let history = ann.get(path(&started, "/history")).await.assert_ok().items();
    assert_eq!(texts(&json!(history)), ["One moment.", "I am Mia."]);
}

/// Waits until the script was woken once and is to be woken again.
async fn until_two_wake(app: &App) {
    loop {
        let jobs = app.admin().get("/admin/jobs?filter[kind]=conversations.wake").await.assert_ok().items();
        if jobs.len() == 2 && jobs.iter().any(|job| job["status"] == "completed") {
            return;
        }
    }
}

#[botserver_test]
async fn while_the_staff_talks_only_they_begin_anew(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    app.admin().say(&started, "I am Mia.").await;

    let refused = ann.post(path(&started, "/reset"), json!({})).await;
    refused.assert_error(409, "CONFLICT", "staff_active");
    let again = app.admin().post(path(&started, "/reset"), json!({})).await.assert_ok().data();

    assert_eq!(again["session_id"], started["session_id"], "the session that started it");
    assert_eq!(texts(&again["messages"]), ["Your name?"]);
    assert_eq!(app.audited("conversation_reset").await, 1);
    assert_eq!(ann.say(&started, "Ann").await, ["How many, Ann?"], "the bot goes on");
}

#[botserver_test]
async fn a_list_that_shows_what_others_said_is_audited(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    ann.converse(&bot).await;

    ann.get("/conversations").await.assert_ok();
    assert_eq!(app.audited("conversations_listed").await, 0);
    app.admin().get("/conversations").await.assert_ok();

    assert_eq!(app.audited("conversations_listed").await, 1);
}
