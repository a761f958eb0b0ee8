//! Requests that are sent twice and take effect once.

use crate::support::{App, Client, Wire, botserver_test, each_database, json, run_with};

fn keyed(client: &Client, key: &str) -> Client {
    client.with("idempotency-key", key)
}

#[botserver_test(balanced)]
async fn a_repeat_gets_the_first_answer_and_does_nothing(app: App) {
    let admin = keyed(&app.admin(), "k-1");
    let new = json!({ "name": "Desk" });

    let first = admin.post("/bots", new.clone()).await.assert_status(201);
    let again = admin.post("/bots", new).await.assert_status(201);

    assert_eq!((&first.body, first.header("location")), (&again.body, again.header("location")));
    assert_eq!(first.header("etag"), again.header("etag"));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!(app.admin().get("/bots").await.items().len(), 1);
}

#[botserver_test]
async fn a_repeat_after_a_restart_gets_the_first_answer(app: App) {
    let new = json!({ "name": "Desk" });
    let first = keyed(&app.admin(), "k-1").post("/bots", new.clone()).await.assert_status(201);

    let app = app.restart().await;

    let again = keyed(&app.admin(), "k-1").post("/bots", new).await.assert_status(201);
    assert_eq!(first.body, again.body);
}

#[botserver_test(balanced)]
async fn a_key_belongs_to_one_request_of_one_caller_at_one_address(app: App) {
    let admin = keyed(&app.admin(), "k-1");
    let other = keyed(&app.user_with_role("ann", "admin").await, "k-1");
    admin.post("/bots", json!({ "name": "Desk" })).await.assert_status(201);

    let mismatch = admin.post("/bots", json!({ "name": "Shelf" })).await;
    let others = other.post("/bots", json!({ "name": "Shelf" })).await;
    let elsewhere = admin.post("/bots/desk/compile", json!({ "source": "TALK 1" })).await;

    mismatch.assert_error(409, "CONFLICT", "idempotency_mismatch");
    others.assert_status(201);
    elsewhere.assert_status(200);
}

#[botserver_test]
async fn a_refused_request_may_be_tried_again(app: App) {
    let admin = keyed(&app.admin(), "k-1");
    let taken = app.admin().post("/bots", json!({ "name": "Desk" })).await.assert_status(201).data();

    admin.post("/bots", json!({ "name": "Desk" })).await.assert_error(409, "CONFLICT", "slug_taken");
    app.admin().post("/bots", json!({ "name": "Other" })).await.assert_status(201);
    let makes_way = json!({ "default": true });
    app.admin().patch("/bots/other", makes_way).await.assert_status(200);
    app.admin().delete(format!("/bots/{}", taken["bot_id"].as_str().expect("an id"))).await;

    admin.post("/bots", json!({ "name": "Desk" })).await.assert_status(201);
}

#[botserver_test]
async fn of_many_at_once_one_takes_effect(app: App) {
    let admin = keyed(&app.admin(), "k-1");
    let sends = (0..16).map(|_| admin.post("/bots", json!({ "name": "Desk" })));

    let answers = futures_util::future::join_all(sends).await;

    for answer in answers {
        match answer.status.as_u16() {
            201 => {}
            409 => drop(answer.assert_error(409, "CONFLICT", "idempotency_in_progress")),
            other => panic!("{other}: {}", answer.body),
        }
    }
    assert_eq!(app.admin().get("/bots").await.items().len(), 1);
}

#[botserver_test]
async fn an_answer_with_a_secret_is_not_given_twice(app: App) {
    let admin = keyed(&app.admin(), "k-1");
    let new = json!({ "username": "ann", "email": "ann@example.com" });

    let first = admin.post("/users", new.clone()).await.assert_status(201);
    let again = admin.post("/users", new).await;

    assert!(first.data()["password_link"].is_string());
    assert_eq!(again.header("location"), first.header("location"));
    again.assert_error(409, "CONFLICT", "already_done");
}

#[botserver_test(balanced)]
async fn a_message_sent_twice_is_one_turn(app: App) {
    let bot = app.bot("Desk", "HEAR a\nTALK \"heard \" + a\nHEAR b\nTALK \"then \" + b").await;
    let conversation = app.admin().converse(&bot).await;
    let path =
        format!("/conversations/{}/messages", conversation["conversation_id"].as_str().expect("an id"));
    let admin = keyed(&app.admin(), "m-1");

    let first = admin.post(&path, json!({ "content": "one" })).await.assert_status(201);
    let again = admin.post(&path, json!({ "content": "one" })).await.assert_status(201);

    assert_eq!(first.body, again.body);
    assert_eq!(app.admin().say(&conversation, "two").await, ["then two"]);
}

#[botserver_test]
async fn a_key_that_is_no_key_is_refused(app: App) {
    for key in ["", "a b", &"x".repeat(256)] {
        let answer = keyed(&app.admin(), key).post("/bots", json!({ "name": "Desk" })).await;
        answer.assert_error(400, "BAD_REQUEST", "");
    }
    let twice = keyed(&keyed(&app.admin(), "a"), "b").post("/bots", json!({ "name": "Desk" })).await;
    twice.assert_error(400, "BAD_REQUEST", "");
    assert!(app.admin().get("/bots").await.items().is_empty());
}

#[botserver_test]
async fn a_sign_in_ignores_the_header(app: App) {
    let anybody = keyed(&app.anonymous(), "k-1");
    app.user("ann").await;

    let first = anybody.sign_in("ann", crate::support::PASSWORD).await;
    let second = anybody.sign_in("ann", crate::support::PASSWORD).await;

    assert_ne!(first, second);
}

#[each_database]
fn a_body_over_the_limit_is_refused_with_a_key_as_without() {
    run_with(
        |config| config.http.body_limit = 100,
        async |app: App| {
            let new = json!({ "name": "x".repeat(200) });
            let answer = keyed(&app.admin(), "k-1").post("/bots", new).await;
            answer.assert_error(413, "PAYLOAD_TOO_LARGE", "");
        },
    );
}

#[botserver_test]
async fn whoever_left_before_the_answer_gets_it_when_they_ask_again(app: App) {
    for number in 0..20 {
        let (key, body) = (format!("k-{number}"), json!({ "name": format!("Desk {number}") }));
        let mut left = Wire::open(app.address()).await;
        left.send(post_bots(&app, &key, &body.to_string())).await;
        drop(left);

        let again = loop {
            let again = keyed(&app.admin(), &key).post("/bots", body.clone()).await;
            if !again.body.contains("idempotency_in_progress") {
                break again;
            }
        };

        assert!(!again.assert_status(201).header("location").is_empty());
    }
    assert_eq!(app.admin().get("/bots?limit=100").await.items().len(), 20);
}

/// The bytes of a POST with a key.
fn post_bots(app: &App, key: &str, body: &str) -> String {
    format!(
        "POST /api/bots HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        app.admin_token(),
        body.len()
    )
}
