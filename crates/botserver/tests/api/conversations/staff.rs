//! The staff: who reads the conversations of others, and answers in the bot's place.

use super::{BOOKING, path};
use crate::support::{App, botserver_test, json};

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
