//! Dialogs over WebSocket.

use std::sync::Arc;

use axum::{Router, routing};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::support::{
    App, Client, GOOD, Socket, Stand, Value, botserver_test, each_database, json, run_test,
};

const GREETER: &str = "HEAR name WITH \"Your name?\"\nTALK \"Hello \" + name\nHEAR more\nTALK \"Bye\"";
const ECHO: &str = "DO\nHEAR x\nTALK x\nLOOP";

/// Somebody in a conversation with a bot that repeats, to whom it has repeated this.
async fn said_to_echo(app: &App, texts: [&str; 2]) -> (Client, Value) {
    let bot = app.bot("Echo", ECHO).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    for text in texts {
        ann.say(&started, text).await;
    }
    (ann, started)
}

#[botserver_test(balanced)]
async fn a_dialog_is_held_over_the_socket(app: App) {
    let bot = app.bot("Greeter", GREETER).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let mut socket = Socket::signed_in(&app, ann.token(), "").await;
    let id = &started["conversation_id"];

    let frame = json!({ "type": "message", "id": "f1", "conversation_id": id, "content": "Ann" });
    socket.send(frame).await;

    // What is said reaches every watcher at once: before or after the sender's ack.
    let (mut ack, mut answer) = (Value::Null, Value::Null);
    while ack.is_null() || answer.is_null() {
        let frame = socket.any().await.expect("a frame");
        match (frame["type"].as_str(), frame["sender"].as_str()) {
            (Some("ack"), _) => ack = frame,
            (Some("message"), Some("bot")) => answer = frame,
            _ => {}
        }
    }
    assert_eq!(ack["id"], "f1");
    assert!(ack["message_id"].as_str().is_some_and(|id| id.starts_with("msg_")));
    assert_eq!((&answer["content"], &answer["conversation_id"]), (&json!("Hello Ann"), id));
    assert!(answer["seq"].is_u64() && answer["timestamp"].is_string(), "{answer}");
}

#[botserver_test(balanced)]
async fn what_is_said_over_rest_reaches_the_socket_in_order_and_once(app: App) {
    let bot = app.bot("Echo", ECHO).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let query = format!("?conversation_id={}&since=0", started["conversation_id"].as_str().expect("an id"));
    ann.say(&started, "before").await;
    let mut socket = Socket::signed_in(&app, ann.token(), &query).await;

    for i in 0..5 {
        ann.say(&started, &format!("m{i}")).await;
    }

    let mut last = 0;
    for expected in ["before", "m0", "m1", "m2", "m3", "m4"] {
        let message = socket.bot_says().await;
        assert_eq!(message["content"], expected);
        let seq = message["seq"].as_u64().expect("a number");
        assert!(seq > last);
        last = seq;
    }
}

#[botserver_test]
async fn the_first_frame_signs_in(app: App) {
    let ann = app.user("ann").await;
    let mut socket = Socket::open(&app, "").await;
    assert_eq!(socket.next("status").await["state"], "connected");

    socket.send(json!({ "type": "auth", "token": ann.token() })).await;

    let status = socket.next("status").await;
    assert_eq!(status["state"], "authenticated");
    assert_eq!(status["user_id"], ann.me().await["user_id"]);
}

#[botserver_test]
async fn browsers_sign_in_by_subprotocol(app: App) {
    let ann = app.user("ann").await;
    let protocols = format!("botserver.v1, bearer.{}", ann.token());

    let mut socket = Socket::open_with(&app, "", &[("sec-websocket-protocol", &protocols)]).await;

    assert_eq!(socket.next("status").await["state"], "authenticated");
}

#[botserver_test]
async fn a_stranger_is_told_and_closed(app: App) {
    let mut socket = Socket::open(&app, "").await;
    socket.send(json!({ "type": "message", "content": "hi" })).await;
    assert_eq!(socket.next("error").await["code"], "UNAUTHORIZED");
    assert_eq!(socket.closed().await, 4401);

    let mut socket = Socket::open(&app, "").await;
    socket.send(json!({ "type": "auth", "token": "wrong" })).await;
    assert_eq!(socket.next("error").await["code"], "UNAUTHORIZED");
    assert_eq!(socket.closed().await, 4401);
}

#[botserver_test]
async fn frames_that_are_no_json_get_errors_and_the_third_closes(app: App) {
    let ann = app.user("ann").await;
    let mut socket = Socket::signed_in(&app, ann.token(), "").await;

    for text in ["{", "[]", "{\"no\":\"type\"}"] {
        socket.send_text(text).await;
        assert_eq!(socket.next("error").await["code"], "BAD_REQUEST");
    }

    assert_eq!(socket.closed().await, 4400);
}

#[botserver_test]
async fn a_frame_nobody_knows_is_refused_and_the_connection_stays(app: App) {
    let ann = app.user("ann").await;
    let mut socket = Socket::signed_in(&app, ann.token(), "").await;

    socket.send(json!({ "type": "teleport", "id": "t" })).await;

    let error = socket.next("error").await;
    assert_eq!((&error["code"], &error["id"]), (&json!("VALIDATION_ERROR"), &json!("t")));
    socket.send(json!({ "type": "ping", "id": "p" })).await;
    assert_eq!(socket.next("pong").await["id"], "p");
}

#[botserver_test]
async fn another_persons_conversation_does_not_exist(app: App) {
    let bot = app.bot("Greeter", GREETER).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let hers = ann.converse(&bot).await;
    let mut socket = Socket::signed_in(&app, bob.token(), "").await;

    socket.say(&hers, "Bob").await;

    assert_eq!(socket.next("error").await["code"], "NOT_FOUND");
    assert_eq!(ann.get("/conversations").await.items()[0]["message_count"], 1);
}

#[each_database]
fn too_many_frames_are_refused_and_then_closed() {
    crate::support::run_with(
        |config| config.http.socket_frames_per_minute = 2,
        |app| async move {
            let bot = app.bot("Greeter", GREETER).await;
            let ann = app.user("ann").await;
            let started = ann.converse(&bot).await;
            let mut socket = Socket::signed_in(&app, ann.token(), "").await;

            for _ in 0..5 {
                socket.say(&started, "Ann").await;
            }

            let error = socket.next("error").await;
            assert_eq!(error["code"], "RATE_LIMITED");
            assert!(error["details"]["retry_after"].is_u64());
            assert_eq!(socket.closed().await, 4429);
        },
    );
}

#[each_database]
fn one_user_has_so_many_sockets_at_once() {
    crate::support::run_with(
        |config| config.http.sockets_per_user = 2,
        |app| async move {
            let ann = app.user("ann").await;
            let _first = Socket::signed_in(&app, ann.token(), "").await;
            let second = Socket::signed_in(&app, ann.token(), "").await;
            let bearer = format!("Bearer {}", ann.token());
            let mut third = Socket::open_with(&app, "", &[("authorization", &bearer)]).await;

            assert_eq!(third.closed().await, 4429);
            drop(second);
        },
    );
}

#[botserver_test]
async fn a_stopping_server_says_so(app: App) {
    let ann = app.user("ann").await;
    let mut socket = Socket::signed_in(&app, ann.token(), "").await;

    let stopping = tokio::spawn(app.stop());

    assert_eq!(socket.next("status").await["state"], "closing");
    assert_eq!(socket.closed().await, 1001);
    stopping.await.expect("the server stops");
}

#[botserver_test]
async fn a_refused_message_begins_no_conversation(app: App) {
    app.bot("Greeter", GREETER).await;
    let ann = app.user("ann").await;
    let mut socket = Socket::signed_in(&app, ann.token(), "?bot=greeter").await;

    socket.send(json!({ "type": "message", "content": " " })).await;

    assert_eq!(socket.next("error").await["code"], "VALIDATION_ERROR");
    assert_eq!(ann.get("/conversations").await.data()["total"], 0);
}

#[botserver_test]
async fn whoever_may_not_chat_may_not_do_so_over_the_socket(app: App) {
    app.bot("Greeter", GREETER).await;
    let watcher = app.user_with_role("wes", "monitor").await;
    let mut socket = Socket::signed_in(&app, watcher.token(), "?bot=greeter").await;

    socket.send(json!({ "type": "message", "content": "hello" })).await;

    assert_eq!(socket.next("error").await["code"], "FORBIDDEN");
}

#[each_database]
fn a_socket_of_somebody_who_may_do_less_is_closed_and_the_next_one_knows() {
    crate::support::run_with(
        |config| config.http.socket_heartbeat_seconds = 1,
        |app| async move {
            let bot = app.bot("Greeter", GREETER).await;
            let ann = app.user("ann").await;
            let started = ann.converse(&bot).await;
            let mut socket = Socket::signed_in(&app, ann.token(), "").await;
            let roles = format!("/users/{}/roles", ann.me().await["user_id"].as_str().expect("an id"));

            app.admin().put(&roles, json!({ "roles": ["monitor"] })).await.assert_ok();

            assert_eq!(socket.closed().await, 1001);
            let mut socket = Socket::signed_in(&app, ann.token(), "").await;
            socket.say(&started, "Ann").await;
            assert_eq!(socket.next("error").await["details"]["permission"], "chat:write");
            // Who may do more than before stays, and may.
            app.admin().put(&roles, json!({ "roles": ["monitor", "member"] })).await.assert_ok();
            socket.say(&started, "Ann").await;
            assert_eq!(socket.bot_says().await["content"], "Hello Ann");
        },
    );
}

#[botserver_test]
async fn a_key_that_is_not_good_from_there_any_more_closes_its_socket(app: App) {
    let ann = app.user("ann").await;
    let new = json!({ "name": "Program", "scopes": ["chat:read", "chat:write", "bots:use"] });
    let key = ann.post("/api-keys", new).await.assert_status(201).data();
    let mut socket = Socket::signed_in(&app, key["api_key"].as_str().expect("a secret"), "").await;

    let path = format!("/api-keys/{}", key["key_id"].as_str().expect("an id"));
    ann.patch(path, json!({ "ip_allowlist": ["203.0.113.7"] })).await.assert_ok();

    assert_eq!(socket.closed().await, 4401);
    let bearer = format!("Bearer {}", key["api_key"].as_str().expect("a secret"));
    let mut again = Socket::open_with(&app, "", &[("authorization", &bearer)]).await;
    assert_eq!(again.next("error").await["details"]["reason"], "ip_not_allowed");
    assert_eq!(again.closed().await, 4401);
}

#[test]
fn a_socket_whose_session_can_not_be_looked_up_is_told_and_stays() {
    run_test(async {
        let stand = Stand::start().await;
        let bearer = format!("Bearer {GOOD}");
        let mut socket = Socket::at(stand.address, "", &[("authorization", &bearer)]).await;
        assert_eq!(socket.next("status").await["state"], "authenticated");

        stand.doorkeeper_is_down(true);
        socket.send(json!({ "type": "knock", "id": "1" })).await;
        assert_eq!(socket.next("error").await["code"], "SERVICE_UNAVAILABLE");
        stand.doorkeeper_is_down(false);
        socket.send(json!({ "type": "knock", "id": "2" })).await;

        assert_eq!(socket.next("ack").await["id"], "2");
        // Nor is a token called bad that nobody could look at.
        stand.doorkeeper_is_down(true);
        let mut late = Socket::at(stand.address, "", &[("authorization", &bearer)]).await;
        assert_eq!(late.next("error").await["code"], "SERVICE_UNAVAILABLE");
        assert_eq!(late.closed().await, 1001);
        stand.stop().await;
    });
}

#[botserver_test(balanced)]
async fn what_was_missed_is_resumed_once(app: App) {
    let (ann, started) = said_to_echo(&app, ["one", "two"]).await;
    let id = &started["conversation_id"];
    let mut socket = Socket::signed_in(&app, ann.token(), "").await;

    socket.send(json!({ "type": "resume", "id": "r", "conversation_id": id, "since": 2 })).await;

    let resumed = socket.next("resumed").await;
    assert_eq!(
        (&resumed["id"], &resumed["conversation_id"], &resumed["from"], &resumed["count"]),
        (&json!("r"), id, &json!(2), &json!(2))
    );
    assert_eq!(socket.any().await.expect("a frame")["content"], "two");
    assert_eq!(socket.bot_says().await["seq"], 4);
    socket.send(json!({ "type": "resume", "conversation_id": id, "since": 0 })).await;
    let resumed = socket.next("resumed").await;
    assert_eq!((&resumed["from"], &resumed["count"]), (&json!(0), &json!(2)), "nothing comes twice");
    for seq in [1, 2] {
        assert_eq!(socket.any().await.expect("a frame")["seq"], seq);
    }
    ann.say(&started, "three").await;
    assert_eq!(socket.next("message").await["seq"], 5);
    socket.send(json!({ "type": "resume", "conversation_id": "conv_nonsense", "since": 0 })).await;
    assert_eq!(socket.next("error").await["code"], "VALIDATION_ERROR");
}

#[botserver_test(balanced)]
async fn what_was_missed_comes_once_also_if_something_was_said_first(app: App) {
    let (ann, started) = said_to_echo(&app, ["one", "two"]).await;
    let id = &started["conversation_id"];
    let mut socket = Socket::signed_in(&app, ann.token(), "").await;
    let resume = json!({ "type": "resume", "conversation_id": id, "since": 1 });

    socket.say(&started, "three").await;
    assert_eq!(
        [socket.next("message").await, socket.next("message").await].map(|said| said["seq"].clone()),
        [5, 6]
    );
    socket.send(resume.clone()).await;

    let resumed = socket.next("resumed").await;
    assert_eq!((&resumed["from"], &resumed["count"]), (&json!(1), &json!(3)));
    for seq in 2..=4 {
        assert_eq!(socket.any().await.expect("a frame")["seq"], seq);
    }
    socket.send(resume).await;
    let resumed = socket.next("resumed").await;
    assert_eq!((&resumed["from"], &resumed["count"]), (&json!(1), &json!(0)), "all of that came");
    ann.say(&started, "four").await;
    assert_eq!(socket.any().await.expect("a frame")["seq"], 7);
}

#[botserver_test]
async fn topics_are_followed_all_or_none(app: App) {
    let bot = app.bot("Echo", ECHO).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (hers, his) = (ann.converse(&bot).await, bob.converse(&bot).await);
    let [own, other] =
        [&hers, &his].map(|of| format!("conversation:{}", of["conversation_id"].as_str().expect("an id")));
    let mut socket = Socket::signed_in(&app, ann.token(), "").await;

    socket.send(json!({ "type": "subscribe", "topics": [own, other] })).await;

    assert_eq!(socket.next("error").await["code"], "NOT_FOUND");
    ann.say(&hers, "unheard").await;
    socket.send(json!({ "type": "subscribe", "id": "s", "topics": [own, own] })).await;
    assert_eq!(socket.next("ack").await["id"], "s");
    ann.say(&hers, "heard").await;
    assert_eq!(socket.bot_says().await["content"], "heard");
}

#[botserver_test]
async fn conversations_are_followed_by_topic_as_long_as_somebody_wants(app: App) {
    let bot = app.bot("Echo", ECHO).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (hers, his) = (ann.converse(&bot).await, bob.converse(&bot).await);
    let topic = |of: &Value| format!("conversation:{}", of["conversation_id"].as_str().expect("an id"));
    let mut socket = Socket::signed_in(&app, ann.token(), "").await;

    socket.send(json!({ "type": "subscribe", "id": "s", "topics": [topic(&hers)] })).await;
    assert_eq!(socket.next("ack").await["id"], "s");
    ann.say(&hers, "heard").await;
    assert_eq!(socket.bot_says().await["content"], "heard");
    socket.send(json!({ "type": "unsubscribe", "id": "u", "topics": [topic(&hers)] })).await;
    assert_eq!(socket.next("ack").await["id"], "u");
    ann.say(&hers, "unheard").await;
    socket.send(json!({ "type": "subscribe", "id": "again", "topics": [topic(&hers)] })).await;
    assert_eq!(socket.next("ack").await["id"], "again");
    ann.say(&hers, "heard again").await;
    assert_eq!(socket.bot_says().await["content"], "heard again");

    for (topics, code) in [
        (json!([topic(&his)]), "NOT_FOUND"),
        (json!(["weather:today"]), "VALIDATION_ERROR"),
        (json!([]), "VALIDATION_ERROR"),
    ] {
        socket.send(json!({ "type": "subscribe", "topics": topics })).await;
        assert_eq!(socket.next("error").await["code"], code);
    }
}

#[botserver_test]
async fn an_address_that_leads_nowhere_closes_with_the_reason(app: App) {
    let bot = app.bot("Greeter", GREETER).await;
    app.admin().patch("/bots/greeter", json!({ "visibility": "private" })).await.assert_ok();
    let ann = app.user("ann").await;
    let watcher = app.user_with_role("wes", "monitor").await;
    let started = app.admin().converse(&bot).await;

    for named in ["?bot=none", "?bot_id=greeter"] {
        let mut socket = Socket::signed_in(&app, ann.token(), named).await;
        assert_eq!(socket.next("error").await["code"], "NOT_FOUND");
        assert_eq!(socket.closed().await, 4404, "{named}");
    }
    let query = format!("?conversation_id={}", started["conversation_id"].as_str().expect("an id"));
    let mut socket = Socket::signed_in(&app, watcher.token(), &query).await;
    assert_eq!(socket.next("error").await["code"], "FORBIDDEN");
    assert_eq!(socket.closed().await, 4403);
}

#[botserver_test]
async fn a_message_finds_the_latest_conversation_of_a_session(app: App) {
    let bot = app.bot("Greeter", GREETER).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let mut socket = Socket::signed_in(&app, ann.token(), "").await;

    let frame = json!({ "type": "message", "session_id": started["session_id"], "content": "Ann" });
    socket.send(frame).await;

    let answer = socket.bot_says().await;
    assert_eq!(
        (&answer["content"], &answer["conversation_id"]),
        (&json!("Hello Ann"), &started["conversation_id"])
    );
}

#[botserver_test]
async fn what_was_missed_long_ago_is_for_the_history(app: App) {
    let (ann, started) = said_to_echo(&app, ["old", "new"]).await;
    let aged = app.database().write_server(|unit| {
        for (org,) in
            unit.across_organizations::<(kernel::id::OrganizationId,)>("SELECT org_id FROM messages LIMIT 1")?
        {
            unit.org(org).execute(
                "UPDATE messages SET created_at = created_at - 604800000000 WHERE org_id = $1 AND seq < 3",
                &[],
            )?;
        }
        Ok::<_, platform::db::DbError>(())
    });
    aged.await.expect("a change");
    let id = &started["conversation_id"];
    let mut socket = Socket::signed_in(&app, ann.token(), "").await;

    socket.send(json!({ "type": "resume", "id": "r", "conversation_id": id, "since": 1 })).await;
    assert_eq!(socket.next("error").await["details"]["reason"], "resync_required");
    socket.send(json!({ "type": "resume", "id": "r", "conversation_id": id, "since": 2 })).await;

    assert_eq!(socket.next("resumed").await["count"], 2);
}

#[botserver_test]
async fn a_frame_that_is_too_large_closes_with_the_reason(app: App) {
    let ann = app.user("ann").await;
    let mut socket = Socket::signed_in(&app, ann.token(), "").await;

    socket.send_text(&"x".repeat(65 << 10)).await;

    assert_eq!(socket.closed().await, 1008);
}

#[each_database]
fn an_answer_is_stopped_over_the_socket_that_asked_for_it() {
    crate::support::run_with(
        |config| {
            config.egress.allow = vec!["127.0.0.1/32".parse().expect("a network")];
            config.egress.http = true;
        },
        |app| async move {
            // A server that tells when it was asked, and never answers.
            let asked = Arc::new(Semaphore::new(0));
            let tells = Arc::clone(&asked);
            let silent = move || {
                tells.add_permits(1);
                std::future::pending::<()>()
            };
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let router = Router::new().route("/", routing::get(silent));
            tokio::spawn(async move { axum::serve(listener, router).await });
            let script =
                format!("HEAR x\nTALK \"I ask\"\nr = GET \"http://{address}/\"\nTALK \"It answered\"");
            let bot = app.bot("Asks", &script).await;
            let ann = app.user("ann").await;
            let started = ann.converse(&bot).await;
            let id = &started["conversation_id"];
            let mut socket = Socket::signed_in(&app, ann.token(), "").await;

            let message = json!({ "type": "message", "id": "said", "conversation_id": id, "content": "go" });
            socket.send(message).await;
            asked.acquire().await.expect("a request").forget();
            socket.send(json!({ "type": "stop", "id": "enough", "conversation_id": id })).await;

            assert_eq!(socket.next("ack").await["id"], "enough");
            let last = socket.bot_says().await;
            assert_eq!((&last["content"], &last["metadata"]["stopped"]), (&json!("I ask"), &json!(true)));
        },
    );
}

#[each_database]
fn a_connection_follows_so_many_conversations_at_once() {
    crate::support::run_with(
        |config| config.http.socket_follow_limit = 2,
        |app| async move {
            let bot = app.bot("Greeter", GREETER).await;
            let ann = app.user("ann").await;
            let [first, second, third] =
                [ann.converse(&bot).await, ann.converse(&bot).await, ann.converse(&bot).await];
            let topic =
                |of: &Value| format!("conversation:{}", of["conversation_id"].as_str().expect("an id"));
            let [one, two, three] = [&first, &second, &third].map(topic);
            let mut socket = Socket::signed_in(&app, ann.token(), "?bot=greeter").await;

            socket.send(json!({ "type": "subscribe", "topics": [one, two, three] })).await;
            assert_eq!(socket.next("error").await["details"]["reason"], "too_many_followed");
            socket.send(json!({ "type": "subscribe", "id": "s", "topics": [one, two] })).await;
            assert_eq!(socket.next("ack").await["id"], "s");
            for frame in [
                json!({ "type": "message", "conversation_id": third["conversation_id"], "content": "Ann" }),
                json!({ "type": "message", "content": "Ann" }),
                json!({ "type": "resume", "conversation_id": third["conversation_id"], "since": 0 }),
            ] {
                socket.send(frame).await;
                assert_eq!(socket.next("error").await["details"]["reason"], "too_many_followed");
            }
            let all = ann.get("/conversations").await.items();
            assert_eq!(all.len(), 3, "none was begun");
            assert!(all.iter().all(|of| of["message_count"] == 1), "nothing was said");

            socket.send(json!({ "type": "unsubscribe", "id": "u", "topics": [one] })).await;
            assert_eq!(socket.next("ack").await["id"], "u");
            socket.say(&third, "Ann").await;
            assert_eq!(socket.bot_says().await["content"], "Hello Ann");
        },
    );
}
