//! Tickets for the WebSocket.

use crate::support::{App, Client, Socket, botserver_test, each_database, json, run_with};

/// A ticket for whoever calls.
async fn ticket(client: &Client) -> String {
    let issued = client.post("/ws/ticket", json!({})).await.assert_ok().data();
    assert_eq!(issued["expires_in"], 30);
    issued["ticket"].as_str().expect("a ticket").to_owned()
}

async fn open(app: &App, ticket: &str) -> Socket {
    Socket::open(app, &format!("?ticket={ticket}")).await
}

/// The socket is refused for that reason.
async fn is_refused(mut socket: Socket, reason: &str) {
    let error = socket.next("error").await;
    assert_eq!((&error["code"], &error["details"]["reason"]), (&json!("UNAUTHORIZED"), &json!(reason)));
    assert_eq!(socket.closed().await, 4401);
}

#[botserver_test(balanced)]
async fn a_ticket_opens_one_socket_of_the_session_that_asked(app: App) {
    let bot = app.bot("Echo", "DO\nHEAR x\nTALK x\nLOOP").await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let ticket = ticket(&ann).await;

    let (first, second) = tokio::join!(open(&app, &ticket), open(&app, &ticket));

    let mut opened = Vec::new();
    for mut socket in [first, second] {
        let frame = socket.any().await.expect("a frame");
        if frame["type"] == "error" {
            assert_eq!(frame["details"]["reason"], "ticket_invalid");
            assert_eq!(socket.closed().await, 4401);
        } else {
            opened.push((frame, socket));
        }
    }
    let [(status, mut socket)] = <[_; 1]>::try_from(opened).ok().expect("one of both");
    let session = ann.get("/sessions/current").await.assert_ok().data();
    assert_eq!((&status["type"], &status["state"]), (&json!("status"), &json!("authenticated")));
    assert_eq!(
        (&status["session_id"], &status["user_id"]),
        (&session["session_id"], &ann.me().await["user_id"])
    );
    socket.say(&started, "hello").await;
    assert_eq!(socket.bot_says().await["content"], "hello");
    is_refused(open(&app, &ticket).await, "ticket_invalid").await;
}

#[botserver_test]
async fn a_socket_of_a_ticket_ends_with_its_session_and_so_does_the_ticket(app: App) {
    let ann = app.user("ann").await;
    let (used, kept) = (ticket(&ann).await, ticket(&ann).await);
    let mut socket = open(&app, &used).await;
    assert_eq!(socket.next("status").await["state"], "authenticated");

    ann.post("/auth/logout", json!({})).await.assert_ok();

    assert_eq!(socket.closed().await, 4401);
    is_refused(open(&app, &kept).await, "session_ended").await;
}

#[botserver_test]
async fn visitors_have_tickets_too(app: App) {
    let bot = app.bot("Open", "DO\nHEAR x\nTALK x\nLOOP").await;
    let access = json!({ "visibility": "public", "anonymous_allowed": true });
    let id = bot["bot_id"].as_str().expect("an id");
    app.admin().put(format!("/bots/{id}/access"), access).await.assert_ok();
    let visit = app.anonymous().post("/auth/anonymous", json!({ "bot_name": "open" })).await;
    let visit = visit.assert_status(201).data();
    let visitor = app.with_token(visit["token"].as_str().expect("a token"));

    let mut socket = open(&app, &ticket(&visitor).await).await;

    let status = socket.next("status").await;
    assert_eq!((&status["state"], &status["session_id"]), (&json!("anonymous"), &visit["session_id"]));
    let kept = ticket(&visitor).await;
    visitor.post("/auth/logout", json!({})).await.assert_ok();
    assert_eq!(socket.closed().await, 4401);
    is_refused(open(&app, &kept).await, "session_ended").await;
}

#[botserver_test]
async fn only_who_is_there_and_has_a_session_gets_a_ticket(app: App) {
    let ann = app.user("ann").await;
    let new = json!({ "name": "Program", "scopes": ["chat:read"] });
    let key = ann.post("/api-keys", new).await.assert_status(201).data();
    let program = app.with_token(key["api_key"].as_str().expect("a secret"));

    let refused = program.post("/ws/ticket", json!({})).await;
    refused.assert_error(403, "FORBIDDEN", "not_for_api_keys");
    app.anonymous().post("/ws/ticket", json!({})).await.assert_error(
        401,
        "UNAUTHORIZED",
        "credentials_missing",
    );
    let bot = app.bot("Thief", "HEAR x\nr = POST \"/ws/ticket\", x\nTALK r.error.details.reason").await;
    let started = ann.converse(&bot).await;
    assert_eq!(ann.say(&started, "go").await, ["not_for_scripts"]);
}

#[botserver_test]
async fn a_ticket_is_no_token_and_a_token_is_no_ticket(app: App) {
    let ann = app.user("ann").await;
    let ticket = ticket(&ann).await;

    let shown = app.with_token(&ticket).get("/users/me").await;
    shown.assert_error(401, "UNAUTHORIZED", "token_invalid");
    is_refused(open(&app, ann.token()).await, "ticket_invalid").await;
    is_refused(open(&app, "").await, "ticket_invalid").await;
    let mut socket = Socket::open(&app, "").await;
    socket.send(json!({ "type": "auth", "token": ticket })).await;
    assert_eq!(socket.next("error").await["details"]["reason"], "token_invalid");
    assert_eq!(socket.closed().await, 4401);
    // Neither has spent it; nor does who shows a token besides.
    let mut socket = Socket::signed_in(&app, ann.token(), &format!("?ticket={ticket}")).await;
    socket.send(json!({ "type": "ping" })).await;
    assert_eq!(socket.next("pong").await["type"], "pong");
    let mut socket = open(&app, &ticket).await;
    assert_eq!(socket.next("status").await["state"], "authenticated");
}

#[each_database]
fn sockets_of_tickets_count_as_their_users() {
    run_with(
        |config| config.http.sockets_per_user = 1,
        |app| async move {
            let ann = app.user("ann").await;
            let mut first = open(&app, &ticket(&ann).await).await;
            assert_eq!(first.next("status").await["state"], "authenticated");

            let mut second = open(&app, &ticket(&ann).await).await;

            assert_eq!(second.closed().await, 4429);
            first.send(json!({ "type": "ping", "id": "p" })).await;
            assert_eq!(first.next("pong").await["id"], "p");
        },
    );
}
