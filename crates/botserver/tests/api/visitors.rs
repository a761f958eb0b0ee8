//! People without an account: what they may do, and what they may not.

use platform::jobs::JobKind;

use crate::support::{
    App, Client, PASSWORD, Socket, Value, botserver_test, each_database, json, run_with, texts, until, zip_of,
};

const NAMES: &str = "HEAR name WITH \"Your name?\"\nSET USER MEMORY \"name\", name\nTALK \"Hello \" + name\nHEAR more\nTALK \"And \" + more";

/// A bot of that name with that visibility, which is open to visitors or not.
async fn bot(app: &App, name: &str, visibility: &str, is_open: bool) -> Value {
    let bot = app.bot(name, NAMES).await;
    let access = json!({ "visibility": visibility, "anonymous_allowed": is_open });
    let id = bot["bot_id"].as_str().expect("an id");
    app.admin().put(format!("/bots/{id}/access"), access).await.assert_ok();
    bot
}

/// A visit to that bot: the answer, and who calls with its token.
async fn visit(app: &App, to: Value) -> (Value, Client) {
    let visit = app.anonymous().post("/auth/anonymous", to).await.assert_status(201).data();
    let caller = app.with_token(visit["token"].as_str().expect("a token"));
    (visit, caller)
}

#[botserver_test]
async fn a_visitor_talks_with_the_bot_that_is_open(app: App) {
    let bot = bot(&app, "Open", "public", true).await;

    let (visit, visitor) = visit(&app, json!({ "bot_name": "open" })).await;

    assert_eq!((&visit["bot_id"], &visit["status"]), (&bot["bot_id"], &json!("authenticated")));
    let begun = visitor.post("/conversations", json!({})).await.assert_status(201).data();
    assert_eq!(begun["bot_id"], bot["bot_id"], "it is the one they visit");
    assert_eq!(visitor.say(&begun, "Ann").await, ["Hello Ann"]);
    let path = format!("/conversations/{}/history", begun["conversation_id"].as_str().expect("an id"));
    assert_eq!(visitor.get(path).await.assert_ok().items().len(), 3);
    let session = visitor.get("/sessions/current").await.assert_ok().data();
    assert_eq!((&session["kind"], &session["bot_id"]), (&json!("anonymous"), &bot["bot_id"]));
    assert_eq!(session["session_id"], visit["session_id"]);
    let (_, other) = self::visit(&app, json!({})).await;
    let path = format!("/conversations/{}", begun["conversation_id"].as_str().expect("an id"));
    other.get(path).await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn only_a_public_bot_that_says_so_is_open(app: App) {
    bot(&app, "Hall", "public", true).await;
    for (name, visibility, is_open) in
        [("Shut", "public", false), ("House", "organization", true), ("Own", "private", true)]
    {
        bot(&app, name, visibility, is_open).await;
        let named = json!({ "bot_id": name.to_lowercase() });
        app.anonymous().post("/auth/anonymous", named).await.assert_error(404, "NOT_FOUND", "bot_not_open");
    }
    let (_, visitor) = visit(&app, json!({ "bot_name": "hall" })).await;
    for named in ["shut", "house", "own", "none"] {
        let refused = visitor.post("/conversations", json!({ "bot_id": named })).await;
        refused.assert_error(404, "NOT_FOUND", "");
    }
    let both = json!({ "bot_id": "hall", "bot_name": "hall" });
    app.anonymous().post("/auth/anonymous", both).await.assert_error(422, "VALIDATION_ERROR", "");
}

#[botserver_test]
async fn a_bot_that_shuts_its_door_does_not_answer_those_who_are_in(app: App) {
    let bot = bot(&app, "Open", "public", true).await;
    let (_, visitor) = visit(&app, json!({})).await;
    let begun = visitor.post("/conversations", json!({})).await.assert_status(201).data();
    let id = bot["bot_id"].as_str().expect("an id");

    app.admin().put(format!("/bots/{id}/access"), json!({ "visibility": "public" })).await.assert_ok();

    let path = format!("/conversations/{}/messages", begun["conversation_id"].as_str().expect("an id"));
    visitor.post(path, json!({ "content": "Ann" })).await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn what_is_not_talking_is_not_for_visitors(app: App) {
    bot(&app, "Open", "public", true).await;
    let (_, visitor) = visit(&app, json!({})).await;
    let begun = visitor.post("/conversations", json!({})).await.assert_status(201).data();
    let of = format!("/conversations/{}", begun["conversation_id"].as_str().expect("an id"));

    for path in [
        "/conversations",
        "/conversations/search?query=ann",
        &format!("{of}/export"),
        "/users/me",
        "/bots",
        "/bots/open",
        "/sessions",
    ] {
        visitor.get(path).await.assert_error(403, "FORBIDDEN", "visitors_not_allowed");
    }
    for path in ["/rating", "/archive"] {
        let refused = visitor.post(format!("{of}{path}"), json!({ "score": 5 })).await;
        refused.assert_error(403, "FORBIDDEN", "visitors_not_allowed");
    }
    visitor.delete(&of).await.assert_error(403, "FORBIDDEN", "visitors_not_allowed");
    visitor.post("/bots", json!({ "name": "x" })).await.assert_error(
        403,
        "FORBIDDEN",
        "visitors_not_allowed",
    );
}

#[botserver_test]
async fn signing_in_takes_along_what_was_said(app: App) {
    bot(&app, "Open", "public", true).await;
    let ann = app.user("ann").await;
    let (_, visitor) = visit(&app, json!({})).await;
    let begun = visitor.post("/conversations", json!({})).await.assert_status(201).data();
    visitor.say(&begun, "Ann").await;

    let login = json!({ "username": "ann", "password": PASSWORD });
    let signed_in = visitor.post("/auth/login", login).await.assert_ok().data();

    let again = app.with_token(signed_in["access_token"].as_str().expect("a token"));
    assert_eq!(again.say(&begun, "more").await, ["And more"], "the dialog goes on");
    let listed = ann.get("/conversations").await.assert_ok().items();
    assert_eq!(listed[0]["conversation_id"], begun["conversation_id"]);
    assert_eq!(listed[0]["user_id"], ann.me().await["user_id"]);
    let found = ann.get("/conversations/search?query=Hello").await.assert_ok().items();
    assert_eq!(found.len(), 1, "it is found, too");
    visitor.get("/sessions/current").await.assert_error(401, "UNAUTHORIZED", "session_ended");
}

#[botserver_test]
async fn a_wrong_password_takes_nothing_along(app: App) {
    bot(&app, "Open", "public", true).await;
    app.user("ann").await;
    let (_, visitor) = visit(&app, json!({})).await;
    let begun = visitor.post("/conversations", json!({})).await.assert_status(201).data();

    let login = json!({ "username": "ann", "password": "wrong" });
    visitor.post("/auth/login", login).await.assert_error(401, "UNAUTHORIZED", "invalid_credentials");

    assert_eq!(visitor.say(&begun, "Ann").await, ["Hello Ann"]);
}

#[botserver_test]
async fn a_visit_that_is_left_ends_with_its_conversation(app: App) {
    bot(&app, "Open", "public", true).await;
    let (_, visitor) = visit(&app, json!({})).await;
    let begun = visitor.post("/conversations", json!({})).await.assert_status(201).data();

    visitor.post("/auth/logout", json!({})).await.assert_ok();

    visitor.get("/sessions/current").await.assert_error(401, "UNAUTHORIZED", "session_ended");
    let path = format!("/conversations/{}", begun["conversation_id"].as_str().expect("an id"));
    assert_eq!(app.admin().get(path).await.assert_ok().data()["status"], "ended");
}

#[botserver_test]
async fn a_first_frame_makes_a_visitor_who_can_come_back(app: App) {
    bot(&app, "Open", "public", true).await;
    let mut socket = Socket::open(&app, "?bot=open").await;
    assert_eq!(socket.next("status").await["state"], "connected");

    socket.send(json!({ "type": "message", "id": "f1", "content": "Ann" })).await;

    let status = socket.next("status").await;
    assert_eq!(status["state"], "anonymous");
    let token = status["token"].as_str().expect("a token").to_owned();
    let begun = socket.next("status").await;
    assert_eq!(socket.bot_says().await["content"], "Your name?");
    assert_eq!(socket.bot_says().await["content"], "Hello Ann");
    drop(socket);

    let bearer = format!("Bearer {token}");
    let mut socket = Socket::open_with(&app, "", &[("authorization", &bearer)]).await;
    let status = socket.next("status").await;
    assert_eq!((&status["state"], status.get("token")), (&json!("anonymous"), None));
    socket.say(&begun, "more").await;
    assert_eq!(socket.bot_says().await["content"], "And more");
    let current = app.with_token(&token).get("/conversations/current/history").await.assert_ok().data();
    assert!(texts(&current["items"]).contains(&"And more".to_owned()));
}

#[botserver_test]
async fn a_first_frame_to_a_bot_that_is_not_open_is_refused(app: App) {
    bot(&app, "Shut", "public", false).await;
    let mut socket = Socket::open(&app, "?bot=shut").await;

    socket.send(json!({ "type": "message", "id": "f1", "content": "Ann" })).await;

    let error = socket.next("error").await;
    assert_eq!((&error["code"], &error["id"]), (&json!("UNAUTHORIZED"), &json!("f1")));
    assert_eq!(socket.closed().await, 4401);
}

#[each_database]
fn visitors_from_one_address_have_so_many_sockets() {
    run_with(
        |config| config.http.visitor_sockets_per_address = 2,
        |app| async move {
            bot(&app, "Open", "public", true).await;
            let mut open = Vec::new();
            for _ in 0..2 {
                let mut socket = Socket::open(&app, "?bot=open").await;
                socket.send(json!({ "type": "message", "content": "Ann" })).await;
                socket.next("ack").await;
                open.push(socket);
            }

            let mut third = Socket::open(&app, "?bot=open").await;
            third.send(json!({ "type": "message", "content": "Ann" })).await;

            assert_eq!(third.next("error").await["code"], "RATE_LIMITED");
            assert_eq!(third.closed().await, 4429);
        },
    );
}

#[botserver_test]
async fn a_theme_is_seen_by_all_where_the_bot_is_open(app: App) {
    let files: [(&str, &[u8]); 4] = [
        ("open.gbai/open.gbdialog/start.bas", NAMES.as_bytes()),
        ("open.gbai/open.gbtheme/theme.css", b"body { color: teal }"),
        ("open.gbai/open.gbtheme/page.html", b"<script>1</script>"),
        ("open.gbai/open.gbot/config.csv", b"name,value\nsecret-key,hidden\n"),
    ];
    let bot = bot(&app, "Open", "public", true).await;
    let id = bot["bot_id"].as_str().expect("an id");
    app.admin().put_zip(format!("/bots/{id}/package"), zip_of(&files)).await.assert_ok();

    let style = app.anonymous().get("/bots/open/theme/theme.css").await.assert_ok();

    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(style.body, "body { color: teal }");
    let page = app.anonymous().get("/bots/open/theme/page.html").await.assert_ok();
    assert_eq!(page.header("content-type"), "application/octet-stream", "no page of ours");
    for path in ["start.bas", "../open.gbot/config.csv", "config.csv", "%2e%2e/open.gbot/config.csv"] {
        app.anonymous().get(format!("/bots/open/theme/{path}")).await.assert_error(404, "NOT_FOUND", "");
    }
    app.admin().put(format!("/bots/{id}/access"), json!({ "visibility": "public" })).await.assert_ok();
    app.anonymous().get("/bots/open/theme/theme.css").await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn a_theme_tells_pages_how_a_bot_wants_to_look(app: App) {
    let config =
        "name,value\ntheme-title,The Shop\ntheme-color,red\ntheme-color2,#fff9c2\ntheme-logo,img/logo.png\n";
    let files: [(&str, &[u8]); 6] = [
        ("open.gbai/open.gbdialog/start.bas", NAMES.as_bytes()),
        ("open.gbai/open.gbtheme/b.css", b"body { color: teal }"),
        ("open.gbai/open.gbtheme/a.css", b"body { color: red }"),
        ("open.gbai/open.gbtheme/dark.css", b"body { color: white }"),
        ("open.gbai/open.gbtheme/img/logo.png", b"picture"),
        ("open.gbai/open.gbot/config.csv", config.as_bytes()),
    ];
    let bot = bot(&app, "Open", "public", true).await;
    let id = bot["bot_id"].as_str().expect("an id");
    app.admin().put_zip(format!("/bots/{id}/package"), zip_of(&files)).await.assert_ok();

    let theme = app.anonymous().get("/bots/open/theme").await.assert_ok().data();

    let wanted = json!({
        "bot_id": id, "title": "The Shop", "color1": "red", "color2": "#fff9c2", "logo": "img/logo.png",
        "style": "a.css", "dark_style": "dark.css",
    });
    assert_eq!(theme, wanted);
    assert_eq!(app.anonymous().get("/bots/default/theme").await.assert_ok().data(), wanted);
    let elsewhere = json!({ "theme-logo": "https://example.com/logo.png", "theme-color1": "blue" });
    app.admin().patch(format!("/bots/{id}/config"), elsewhere).await.assert_ok();
    let theme = app.anonymous().get("/bots/open/theme").await.assert_ok().data();
    assert_eq!((&theme["logo"], &theme["color1"]), (&Value::Null, &json!("blue")));

    app.admin().put(format!("/bots/{id}/access"), json!({ "visibility": "organization" })).await.assert_ok();
    let ann = app.user("ann").await;
    assert_eq!(ann.get("/bots/open/theme").await.assert_ok().data()["title"], "The Shop");
    ann.get("/bots/open/theme/a.css").await.assert_ok();
    app.anonymous().get("/bots/open/theme").await.assert_error(404, "NOT_FOUND", "");
    app.stranger("eve").await.get("/bots/open/theme/a.css").await.assert_error(404, "NOT_FOUND", "");
    app.admin().patch("/bots/open", json!({ "visibility": "private" })).await.assert_ok();
    ann.get("/bots/open/theme").await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn what_visitors_said_is_forgotten_after_a_week(app: App) {
    bot(&app, "Open", "public", true).await;
    let (_, visitor) = visit(&app, json!({})).await;
    let begin = async || visitor.post("/conversations", json!({})).await.assert_status(201).data();
    let (old, new) = (begin().await, begin().await);
    let of_user = app.user("ann").await.post("/conversations", json!({})).await.assert_status(201).data();
    app.age(&old, 8).await;
    app.age(&of_user, 8).await;

    let job = app.enqueue(&app.admin(), JobKind::new("conversations.forget_visitors").job(&())).await;
    until(&app.admin(), &format!("/jobs/{job}"), "completed").await;

    let kept = async |of: &Value| app.rows_of("conversations", of).await;
    assert_eq!((kept(&old).await, kept(&new).await, kept(&of_user).await), (0, 1, 1));
}

#[each_database]
fn visits_begin_so_often_from_one_address_whichever_way() {
    run_with(
        |config| config.rate_limit.operations = true,
        |app| async move {
            bot(&app, "Open", "public", true).await;
            for _ in 0..19 {
                visit(&app, json!({})).await;
            }
            let mut last = Socket::open(&app, "").await;
            last.send(json!({ "type": "message", "content": "Ann" })).await;
            last.next("ack").await;

            let mut refused = Socket::open(&app, "").await;
            refused.send(json!({ "type": "message", "content": "Ann" })).await;
            assert_eq!(refused.next("error").await["code"], "RATE_LIMITED");
            assert_eq!(refused.closed().await, 4429);
            let answer = app.anonymous().post("/auth/anonymous", json!({})).await;
            answer.assert_error(429, "RATE_LIMITED", "");
        },
    );
}

#[botserver_test]
async fn a_frame_that_nobody_knows_begins_no_visit(app: App) {
    bot(&app, "Open", "public", true).await;
    let mut socket = Socket::open(&app, "?bot=open").await;

    socket.send(json!({ "type": "teleport", "id": "t" })).await;

    assert_eq!(socket.next("error").await["code"], "UNAUTHORIZED");
    assert_eq!(socket.closed().await, 4401);
}

#[botserver_test]
async fn a_visit_has_so_many_conversations(app: App) {
    bot(&app, "Open", "public", true).await;
    let (_, visitor) = visit(&app, json!({})).await;
    for _ in 0..50 {
        visitor.post("/conversations", json!({})).await.assert_status(201);
    }

    visitor.post("/conversations", json!({})).await.assert_error(409, "CONFLICT", "too_many_sessions");
}
