//! Finding what was said, taking it along, and hearing it as it is said.

use http::StatusCode;
use reqwest::Method;

use super::{BOOKING, path};
use crate::support::{App, Client, botserver_test, json};

const ECHO: &str = "DO\nHEAR x\nTALK \"You said \" + x\nLOOP";

#[botserver_test]
async fn messages_are_found_by_what_they_say_and_only_ones_own(app: App) {
    let bot = app.bot("Echo", ECHO).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (hers, his) = (ann.converse(&bot).await, bob.converse(&bot).await);
    for text in ["A Garden table", "100% cotton_wool", "ÅNGSTRÖM"] {
        ann.say(&hers, text).await;
    }
    bob.say(&his, "my garden").await;
    let found = async |who: &Client, query: &str| {
        let items = who.get(format!("/conversations/search?query={query}")).await.assert_ok().items();
        items
            .iter()
            .map(|item| item["message"]["content"].as_str().expect("text").to_owned())
            .collect::<Vec<_>>()
    };

    assert_eq!(found(&ann, "garden").await, ["You said A Garden table", "A Garden table"]);
    assert_eq!(found(&ann, "100%25").await.len(), 2);
    assert_eq!(found(&ann, "n_w").await.len(), 2, "no sign stands for others");
    assert_eq!(found(&ann, "t_w").await.len(), 0);
    assert_eq!(found(&ann, "%C3%A5ngstr%C3%B6m").await.len(), 2);
    assert_eq!(found(&ann, "nothing").await.len(), 0);
    assert_eq!(found(&bob, "garden").await.len(), 2);
    assert_eq!(app.audited("conversations_searched").await, 0);
    assert_eq!(found(&app.admin(), "garden").await.len(), 4);
    assert_eq!(app.audited("conversations_searched").await, 1);
    let first = ann.get("/conversations/search?query=garden&limit=1").await.assert_ok().data();
    assert_eq!(first["total"], 2);
    let next =
        format!("/conversations/search?query=garden&cursor={}", first["next_cursor"].as_str().expect("more"));
    let second = ann.get(next).await.assert_ok().items();
    assert_eq!(second[0]["message"]["content"], "A Garden table");
    assert_eq!((&second[0]["title"], &second[0]["bot_name"]), (&json!("Echo"), &json!("Echo")));
    for bad in ["?query=ab", "?query=a%20b%20c", "", "?query=garden&limit=101", "?query=abc&sort=x"] {
        let refused = ann.get(format!("/conversations/search{bad}")).await;
        assert!(matches!(refused.status.as_u16(), 400 | 422), "{bad}: {}", refused.body);
    }
    ann.delete(path(&hers, "")).await.assert_status(204);
    assert_eq!(found(&ann, "garden").await.len(), 0, "what is deleted is not found");
}

#[botserver_test]
async fn a_conversation_is_taken_along_in_every_format(app: App) {
    let bot = app.bot("Echo", ECHO).await;
    let ann = app.user("ann").await;
    let new = json!({ "bot_id": bot["bot_id"], "title": "My <table>" });
    let started = ann.post("/conversations", new).await.assert_status(201).data();
    ann.say(&started, "=1+1 <b>\nsecond").await;
    let export = async |format: &str| {
        let request = ann.request(Method::GET, &path(&started, &format!("/export{format}")));
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
        let headers = (header("content-type"), header("content-disposition"));
        (headers, answer.text().await.expect("a body"))
    };

    let ((kind, name), json) = export("").await;
    assert_eq!(
        (kind.as_str(), name.as_str()),
        ("application/json", "attachment; filename=\"my-table.json\"")
    );
    let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(read["conversation"]["title"], "My <table>");
    assert_eq!(read["messages"][1]["content"], "You said =1+1 <b>\nsecond");
    let ((_, name), text) = export("?format=txt").await;
    assert!(name.ends_with("my-table.txt\"") && text.contains("Person: =1+1 <b>\n    second\n"), "{text}");
    let (_, page) = export("?format=html").await;
    assert!(page.contains("<title>My &lt;table&gt;</title>") && page.ends_with("</html>\n"), "{page}");
    let (_, table) = export("?format=csv").await;
    assert!(table.contains("\"'=1+1 <b>\nsecond\"\r\n"), "{table}");
    let (_, markdown) = export("?format=md").await;
    assert!(markdown.contains("> =1+1 <b>\n> second\n"), "{markdown}");
    ann.get(path(&started, "/export?format=pdf")).await.assert_status(422);
    app.user("bob").await.get(path(&started, "/export")).await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn an_answer_is_streamed_as_frames(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let message = json!({ "content": "Ann", "wait": "stream" });
    let request = ann.request(Method::POST, &path(&started, "/messages")).json(&message);

    let answer = request.send().await.expect("an answer");

    assert_eq!(
        (answer.status(), answer.headers()["content-type"].to_str().ok()),
        (StatusCode::OK, Some("text/event-stream"))
    );
    let text = answer.text().await.expect("a body");
    let events: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(events, ["typing", "ack", "message", "typing"], "{text}");
    let frames = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let frames: Vec<serde_json::Value> =
        frames.map(|data| serde_json::from_str(data).expect("JSON")).collect();
    assert_eq!((&frames[2]["content"], &frames[2]["type"]), (&json!("How many, Ann?"), &json!("message")));
    assert_eq!((&frames[0]["active"], &frames[3]["active"]), (&json!(true), &json!(false)));
    let refused = ann.post(path(&started, "/messages"), json!({ "content": " ", "wait": "stream" })).await;
    refused.assert_error(422, "VALIDATION_ERROR", "invalid_message");
    let keyed = ann.with("idempotency-key", "k").post(path(&started, "/messages"), message.clone()).await;
    keyed.assert_error(409, "CONFLICT", "stream_not_repeatable");
    app.user("bob").await.post(path(&started, "/messages"), message).await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn a_turn_goes_on_when_whoever_streams_it_leaves(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let mut socket = crate::support::Socket::signed_in(
        &app,
        ann.token(),
        &format!("?conversation_id={}", started["conversation_id"].as_str().expect("an id")),
    )
    .await;
    let message = json!({ "content": "Ann", "wait": "stream" });

    let answer = ann.request(Method::POST, &path(&started, "/messages")).json(&message).send().await;
    drop(answer.expect("an answer"));

    assert_eq!(socket.bot_says().await["content"], "How many, Ann?");
}

#[botserver_test]
async fn a_key_makes_a_message_be_taken_once(app: App) {
    let bot = app.bot("Echo", ECHO).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let keyed = ann.with("idempotency-key", "k-1");
    let send = async || {
        keyed.post(path(&started, "/messages"), json!({ "content": "a" })).await.assert_status(201).data()
    };

    let (first, second) = (send().await, send().await);

    assert_eq!(first, second);
    assert_eq!(ann.get(path(&started, "")).await.data()["message_count"], 2);
}

#[botserver_test]
async fn whoever_waits_too_long_is_told_that_the_message_was_taken(app: App) {
    let bot = app.bot("Echo", ECHO).await;
    let admin = app.admin();
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let query = format!("?conversation_id={}", started["conversation_id"].as_str().expect("an id"));
    let mut socket = crate::support::Socket::signed_in(&app, ann.token(), &query).await;
    admin.patch("/admin/config", json!({ "bots.answer_seconds": 0 })).await.assert_ok();

    let taken =
        ann.post(path(&started, "/messages"), json!({ "content": "a" })).await.assert_status(202).data();

    assert_eq!((&taken["status"], &taken["response"]), (&json!("sent"), &json!([])));
    assert_eq!(socket.bot_says().await["content"], "You said a");
}
