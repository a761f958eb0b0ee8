//! What people think of conversations and messages, and who hears of it.

use super::{BOOKING, path};
use crate::support::{App, botserver_test, json};

#[botserver_test]
async fn a_person_rates_their_conversation_and_nobody_else_does(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let started = ann.converse(&bot).await;
    let rate = path(&started, "/rating");

    let rated = ann.post(&rate, json!({ "score": 2, "comment": " Slow. " })).await.assert_ok().data();

    assert_eq!((&rated["rating"], &rated["rating_comment"]), (&json!(2), &json!("Slow.")));
    let again = ann.post(&rate, json!({ "score": 5 })).await.assert_ok().data();
    assert_eq!((&again["rating"], again["rating_comment"].is_null()), (&json!(5), true));
    for score in [0, 6, -1] {
        ann.post(&rate, json!({ "score": score })).await.assert_fields(&["score"]);
    }
    ann.post(&rate, json!({ "score": 3, "comment": "x".repeat(2001) })).await.assert_fields(&["comment"]);
    bob.post(&rate, json!({ "score": 1 })).await.assert_error(404, "NOT_FOUND", "");
    app.admin().post(&rate, json!({ "score": 1 })).await.assert_error(403, "FORBIDDEN", "person_only");
    assert_eq!(ann.get(path(&started, "")).await.data()["rating"], 5);
}

#[botserver_test]
async fn a_person_judges_what_the_bot_said(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let sent =
        ann.post(path(&started, "/messages"), json!({ "content": "Ann" })).await.assert_status(201).data();
    let of = |message: &crate::support::Value| {
        path(&started, &format!("/messages/{}/feedback", message.as_str().expect("an id")))
    };
    let (own, answer) = (of(&sent["message_id"]), of(&sent["response"][0]["message_id"]));

    let new = json!({ "value": "negative", "comment": "No.", "tags": ["wrong"] });
    let judged = ann.post(&answer, new.clone()).await.assert_ok().data();

    assert_eq!(judged["feedback"], new);
    let again = ann.post(&answer, json!({ "value": "positive" })).await.assert_ok().data();
    assert_eq!(again["feedback"], json!({ "value": "positive", "tags": [] }));
    let history = ann.get(path(&started, "/history?limit=1")).await.items();
    assert_eq!(history[0]["feedback"]["value"], "positive");
    ann.post(&own, new.clone()).await.assert_error(409, "CONFLICT", "own_message");
    app.admin().post(&answer, new.clone()).await.assert_error(403, "FORBIDDEN", "person_only");
    let other = ann.converse(&bot).await;
    let through_another = answer.replace(
        started["conversation_id"].as_str().expect("an id"),
        other["conversation_id"].as_str().expect("an id"),
    );
    ann.post(through_another, new).await.assert_error(404, "NOT_FOUND", "");
}
