//! That somebody types, over WebSocket.

use std::{sync::Arc, time::Duration};

use axum::{Router, routing};
use tokio::{
    net::TcpListener,
    sync::{Notify, Semaphore},
    time::timeout,
};

use crate::support::{App, Client, Socket, Value, botserver_test, each_database, json, run_with};

/// How long somebody goes on typing at the most.
const PATIENCE: Duration = Duration::from_secs(20);
const ECHO: &str = "DO\nHEAR x\nTALK x\nLOOP";

/// A socket that follows the conversation.
async fn following(app: &App, who: &Client, conversation: &Value) -> Socket {
    let mut socket = Socket::signed_in(app, who.token(), "").await;
    let topic = format!("conversation:{}", conversation["conversation_id"].as_str().expect("an id"));
    socket.send(json!({ "type": "subscribe", "id": "s", "topics": [topic] })).await;
    assert_eq!(socket.next("ack").await["id"], "s");
    socket
}

fn typing(conversation: &Value, active: bool) -> Value {
    json!({ "type": "typing", "id": "t", "conversation_id": conversation["conversation_id"], "active": active })
}

/// The next thing that the socket hears is that somebody types, or no more.
async fn hears(socket: &mut Socket, conversation: &Value, sender: &str, active: bool) -> Value {
    let heard = socket.any().await.expect("a frame");
    assert_eq!(
        (&heard["type"], &heard["conversation_id"], &heard["sender"], &heard["active"]),
        (&json!("typing"), &conversation["conversation_id"], &json!(sender), &json!(active)),
        "{heard}"
    );
    assert!(heard["timestamp"].is_string());
    heard
}

#[botserver_test(balanced)]
async fn that_somebody_types_is_told_to_all_others_who_follow(app: App) {
    let bot = app.bot("Echo", ECHO).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let mut own = following(&app, &ann, &started).await;
    let mut second = following(&app, &ann, &started).await;
    let mut staff = following(&app, &app.admin(), &started).await;

    own.send(typing(&started, true)).await;

    assert_eq!(own.any().await.expect("a frame")["type"], "ack");
    for other in [&mut second, &mut staff] {
        let heard = hears(other, &started, "user", true).await;
        assert!(heard["sender_id"].is_null());
    }
    own.send(typing(&started, false)).await;
    assert_eq!(own.any().await.expect("a frame")["type"], "ack");
    for other in [&mut second, &mut staff] {
        hears(other, &started, "user", false).await;
    }
    staff.send(typing(&started, true)).await;
    assert_eq!(staff.any().await.expect("a frame")["type"], "ack");
    for other in [&mut own, &mut second] {
        let heard = hears(other, &started, "staff", true).await;
        assert_eq!(heard["sender_id"], app.admin().me().await["user_id"]);
    }
}

#[botserver_test(balanced)]
async fn a_message_ends_it_and_so_does_the_connection(app: App) {
    let bot = app.bot("Echo", ECHO).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let mut other = following(&app, &ann, &started).await;
    let mut own = Socket::signed_in(&app, ann.token(), "").await;

    own.send(typing(&started, true)).await;
    hears(&mut other, &started, "user", true).await;
    own.say(&started, "hello").await;
    hears(&mut other, &started, "user", false).await;
    assert_eq!(other.bot_says().await["content"], "hello");
    own.send(typing(&started, true)).await;
    hears(&mut other, &started, "user", true).await;
    drop(own);

    hears(&mut other, &started, "user", false).await;
}

#[botserver_test]
async fn only_who_may_say_something_types(app: App) {
    let bot = app.bot("Echo", ECHO).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let started = ann.converse(&bot).await;
    let new = json!({ "name": "Reader", "scopes": ["chat:read", "chat:write", "conversations:read"] });
    let key = app.admin().post("/api-keys", new).await.assert_status(201).data();
    let reader = app.with_token(key["api_key"].as_str().expect("a secret"));
    let watcher = app.user_with_role("wes", "monitor").await;
    let mut follows = following(&app, &ann, &started).await;

    for (who, code, permission) in [
        (&bob, "NOT_FOUND", Value::Null),
        (&reader, "FORBIDDEN", json!("conversations:write")),
        (&watcher, "FORBIDDEN", json!("chat:write")),
    ] {
        let mut socket = Socket::signed_in(&app, who.token(), "").await;
        socket.send(typing(&started, true)).await;
        let error = socket.next("error").await;
        assert_eq!((&error["code"], &error["details"]["permission"]), (&json!(code), &permission));
    }
    let mut own = Socket::signed_in(&app, ann.token(), "").await;
    for wrong in [json!({ "type": "typing", "active": true }), json!({ "type": "typing", "active": "yes" })] {
        own.send(wrong).await;
        assert_eq!(own.next("error").await["code"], "VALIDATION_ERROR");
    }
    ann.say(&started, "hello").await;
    assert_eq!(follows.any().await.expect("a frame")["type"], "message", "nobody typed");
    ann.post(
        format!("/conversations/{}/end", started["conversation_id"].as_str().expect("an id")),
        json!({}),
    )
    .await
    .assert_ok();
    own.send(typing(&started, true)).await;
    assert_eq!(own.next("error").await["details"]["reason"], "conversation_ended");
}

#[each_database]
fn nobody_goes_on_typing_in_a_conversation_that_has_ended() {
    run_with(
        |config| config.http.socket_hints_per_minute = 0,
        |app| async move {
            let bot = app.bot("Echo", ECHO).await;
            let ann = app.user("ann").await;
            let started = ann.converse(&bot).await;
            let mut staff = following(&app, &app.admin(), &started).await;
            let mut own = Socket::signed_in(&app, ann.token(), "").await;
            own.send(typing(&started, true)).await;
            assert_eq!(own.any().await.expect("a frame")["type"], "ack");
            hears(&mut staff, &started, "user", true).await;

            let id = started["conversation_id"].as_str().expect("an id");
            ann.post(format!("/conversations/{id}/end"), json!({})).await.assert_ok();

            // Until it is looked whether others have to be told again.
            let goes_on = async {
                loop {
                    own.send(typing(&started, true)).await;
                    let answer = own.any().await.expect("a frame");
                    if answer["type"] == "error" {
                        return answer;
                    }
                }
            };
            let refused = timeout(PATIENCE, goes_on).await.expect("a refusal");
            assert_eq!(refused["details"]["reason"], "conversation_ended");
            assert_eq!(staff.next("typing").await["active"], false, "nobody is told that it goes on");
        },
    );
}

#[each_database]
fn hints_are_counted_beside_frames() {
    run_with(
        |config| {
            config.http.socket_frames_per_minute = 2;
            config.http.socket_hints_per_minute = 4;
        },
        |app| async move {
            let bot = app.bot("Echo", ECHO).await;
            let ann = app.user("ann").await;
            let started = ann.converse(&bot).await;
            let mut socket = Socket::signed_in(&app, ann.token(), "").await;

            for active in [true, false, true, true] {
                socket.send(typing(&started, active)).await;
                assert_eq!(socket.next("ack").await["id"], "t");
            }
            socket.say(&started, "one").await;
            assert_eq!(socket.bot_says().await["content"], "one");
            for _ in 0..3 {
                socket.send(typing(&started, true)).await;
                let error = socket.next("error").await;
                assert_eq!((&error["code"], &error["id"]), (&json!("RATE_LIMITED"), &json!("t")));
                assert!(error["details"]["retry_after"].is_u64());
            }

            assert_eq!(socket.closed().await, 4429);
        },
    );
}

#[each_database]
fn a_bot_types_while_its_answer_takes_time() {
    run_with(
        |config| {
            config.egress.allow = vec!["127.0.0.1/32".parse().expect("a network")];
            config.egress.http = true;
        },
        |app| async move {
            // A server that tells when it was asked, and answers when it is told to.
            let (asked, answer) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
            let (tells, waits) = (Arc::clone(&asked), Arc::clone(&answer));
            let slow = move || {
                let waits = Arc::clone(&waits);
                tells.add_permits(1);
                async move {
                    waits.notified().await;
                    "{}"
                }
            };
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let router = Router::new().route("/", routing::get(slow));
            tokio::spawn(async move { axum::serve(listener, router).await });
            let script = format!("HEAR x\nr = GET \"http://{address}/\"\nTALK \"It answered\"");
            let bot = app.bot("Asks", &script).await;
            let ann = app.user("ann").await;
            let started = ann.converse(&bot).await;
            let mut socket = following(&app, &ann, &started).await;

            socket.say(&started, "go").await;
            asked.acquire().await.expect("a request").forget();
            hears(&mut socket, &started, "bot", true).await;
            answer.notify_one();
            hears(&mut socket, &started, "bot", false).await;

            assert_eq!(socket.bot_says().await["content"], "It answered");
        },
    );
}
