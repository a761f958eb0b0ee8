//! What scripts ask of this server itself, on behalf of whoever is there.

use std::sync::{Arc, Mutex};

use axum::{Router, routing};
use futures_util::future::join_all;
use tokio::{net::TcpListener, sync::Semaphore};

use crate::support::{App, Client, Value, botserver_test, each_database, json, run_test, texts};

/// What the start script of a bot says to somebody new.
async fn said(client: &Client, bot: &Value) -> Vec<String> {
    texts(&client.converse(bot).await["messages"])
}

#[botserver_test(balanced)]
async fn every_spelling_of_an_address_asks_as_the_person_who_is_there(app: App) {
    let script = r#"
me = GET "/users/me"
TALK me.username + " " + me.http_status + " " + me.ok
me = GET "/api/users/me"
TALK me.data.username
me = CALL "/api/v1/users/me"
TALK me.username
SET HEADER "Authorization", "Bearer nonsense"
bots = GET "/bots" WITH limit = 1, search = "aski"
TALK UBOUND(bots.items) + " " + bots.items[0].name
made = CALL "/conversations", #{ bot_id: "other" }
TALK made.messages[0].content + " " + made.http_status
p = PATCH "/conversations/" + made.conversation_id WITH title = "Zoe Z"
TALK p.title
SET HEADER "If-Match", "\"0\""
stale = PATCH "/conversations/" + made.conversation_id WITH title = "Yan"
TALK stale.error.code + " " + stale.http_status
CLEAR HEADERS
IF NOT DELETE HTTP "/conversations/" + made.conversation_id THEN TALK "kept"
gone = GET "/conversations/" + made.conversation_id
TALK gone.http_status
"#;
    app.bot("Other", "TALK \"Hello\"").await;
    let bot = app.bot("Asking", script).await;
    let ann = app.user("ann").await;

    let expected =
        ["ann 200 true", "ann", "ann", "1 Asking", "Hello 201", "Zoe Z", "PRECONDITION_FAILED 412", "404"];
    assert_eq!(said(&ann, &bot).await, expected);
}

#[botserver_test]
async fn a_script_may_do_what_its_person_may_and_nothing_else(app: App) {
    let script = r#"
r = GET "/admin/config"
TALK r.http_status + " " + r.error.details.permission
r = GET "/nothing"
TALK r.http_status
r = PUT "/users/me"
TALK r.http_status
r = GET "//example.com/users"
TALK r.http_status
"#;
    let bot = app.bot("Asking", script).await;

    assert_eq!(said(&app.user("ann").await, &bot).await, ["403 admin:config", "404", "405", "404"]);
    assert_eq!(said(&app.admin(), &bot).await, ["200 ", "404", "405", "404"]);
}

#[botserver_test]
async fn what_needs_somebody_who_is_there_is_not_for_scripts(app: App) {
    let script = r#"
me = GET "/users/me"
TALK me.http_status
FOR EACH path IN ["/auth/logout", "/auth/login", "/auth/refresh", "/auth/token", "/auth/anonymous", "/users", "/webhooks", "/auth/password/reset"]
    r = POST path, #{ }
    TALK path + " " + r.http_status + " " + r.error.details.reason
NEXT
r = DELETE HTTP "/sessions/any"
TALK r.error.details.reason
r = PATCH "/admin/config", #{ "bots.call_depth": 3 }
TALK r.error.details.reason
r = POST "/conversations/" + session.id + "/attachments", "text"
TALK r.error.details.reason
bot = "/bots/asking"
r = PUT bot + "/scripts/start", #{ source: "TALK 1" }
TALK r.error.details.reason
r = DELETE HTTP bot + "/scripts/start"
TALK r.error.details.reason
r = DELETE HTTP bot + "/package/files/test.gbdialog/start.bas"
TALK r.error.details.reason
r = POST bot + "/versions/1/restore"
TALK r.error.details.reason
r = PATCH bot + "/config", #{ "webhook-auth": "none" }
TALK r.error.details.reason
r = PUT bot + "/access", #{ visibility: "public" }
TALK r.error.details.reason
r = PATCH bot, #{ visibility: "public" }
TALK r.error.details.reason
SET HEADER "Content-Type", "multipart/form-data; boundary=x"
r = POST "/bots", "--x--"
TALK r.error.details.reason
"#;
    let bot = app.bot("Asking", script).await;

    let said = said(&app.admin(), &bot).await;

    assert_eq!(said[0], "200");
    assert_eq!(said.len(), 20, "{said:?}");
    for refused in &said[1..9] {
        let is_refused = refused.ends_with(" 403 not_for_scripts");
        assert!(is_refused, "{refused}");
    }
    assert!(said[1].starts_with("/auth/logout 403") && said[6].starts_with("/users 403"), "{said:?}");
    assert_eq!(said[9..], ["not_for_scripts"; 11]);
    app.admin().me().await;
}

#[botserver_test]
async fn a_script_that_reads_scripts_is_not_told_the_secrets_of_their_hooks(app: App) {
    let script = r#"
r = GET "/bots/asking/scripts/paid"
TALK r.hooks[0].name
TALK JSON(r.hooks[0]) CONTAINS "secret"
"#;
    let bot = app.bot_of("Asking", &[("start", script), ("paid", "WEBHOOK \"paid\"\nRETURN 1")]).await;
    let shown = app.admin().get("/bots/asking/scripts/paid").await.assert_ok().data();
    assert!(shown["hooks"][0]["secret"].is_string());

    assert_eq!(said(&app.admin(), &bot).await, ["paid", "false"]);
}

#[botserver_test]
async fn a_visitor_asks_as_a_visitor(app: App) {
    let script = r#"
r = GET "/users/me"
TALK r.http_status + " " + r.error.details.reason
HEAR name
h = GET "/conversations/" + session.id + "/history"
TALK h.items[0].content
"#;
    let bot = app.bot("Open", script).await;
    let id = bot["bot_id"].as_str().expect("an id");
    let access = json!({ "visibility": "public", "anonymous_allowed": true });
    app.admin().put(format!("/bots/{id}/access"), access).await.assert_ok();
    let visit = app.anonymous().post("/auth/anonymous", json!({})).await.assert_status(201).data();
    let visitor = app.with_token(visit["token"].as_str().expect("a token"));

    let begun = visitor.post("/conversations", json!({})).await.assert_status(201).data();

    assert_eq!(texts(&begun["messages"]), ["403 visitors_not_allowed"]);
    assert_eq!(visitor.say(&begun, "Ann").await, ["403 visitors_not_allowed"]);
}

#[botserver_test]
async fn where_nobody_is_there_the_bot_asks_and_has_no_permissions(app: App) {
    let hook = r#"WEBHOOK "ask"
me = GET "/users/me"
bots = GET "/bots"
live = GET "/monitoring/health/live"
RETURN WITH me AS me.http_status, bots AS bots.http_status, live AS live.http_status
"#;
    let after = "WAIT 0.001\nme = GET \"/users/me\"\nTALK me.http_status";
    let bot = app.bot_of("Asking", &[("ask", hook), ("start", after)]).await;
    let open = json!({ "webhook-auth": "none" });
    app.admin().patch("/bots/asking/config", open).await.assert_ok();

    let url = format!("{}/api/v1/bots/asking/hooks/ask", app.url());
    let answer = reqwest::Client::new().post(url).json(&json!({})).send().await.expect("an answer");

    let expected = json!({ "me": 403, "bots": 403, "live": 200 });
    assert_eq!(answer.json::<Value>().await.expect("JSON"), expected);
    // Whoever waited for a timer is not there when it goes on.
    let ann = app.user("ann").await;
    let begun = ann.converse(&bot).await;
    let path = format!("/conversations/{}/history", begun["conversation_id"].as_str().expect("an id"));
    let items = async {
        loop {
            let items = ann.get(&path).await.assert_ok().items();
            if !items.is_empty() {
                return items;
            }
            tokio::task::yield_now().await;
        }
    };
    let items = tokio::time::timeout(std::time::Duration::from_secs(20), items).await.expect("in time");
    assert_eq!(items[0]["content"], "403");
}

#[botserver_test]
async fn a_script_does_not_wait_for_itself(app: App) {
    let script = r#"
HEAR x
own = "/conversations/" + session.id
r = POST own + "/messages", #{ content: "again" }
TALK r.http_status + " " + r.error.details.reason
r = POST "/conversations/current/messages", #{ content: "again" }
TALK r.http_status + " " + r.error.details.reason
r = POST "/chat", #{ message: "again", session_id: session.id }
TALK r.error.details.reason
r = POST own + "/reset"
TALK r.error.details.reason
r = POST own + "/end"
TALK r.error.details.reason
r = PATCH own, #{ status: "ended" }
TALK r.error.details.reason
r = DELETE HTTP own
TALK r.error.details.reason
r = POST "/bots/asking/tools/tool/invoke", #{ conversation_id: session.id }
TALK r.error.details.reason
r = PATCH own, #{ title: "Renamed" }
TALK r.title
HEAR y
TALK "still here"
"#;
    let tool = "DESCRIPTION \"A tool\"\nRETURN 1";
    let bot = app.bot_of("Asking", &[("start", script), ("tool", tool)]).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    let said = ann.say(&started, "go").await;

    assert_eq!(said[..2], ["409 own_script", "409 own_script"]);
    assert_eq!(said[2..8], ["own_script"; 6]);
    assert_eq!(said[8], "Renamed");
    assert_eq!(ann.say(&started, "on").await, ["still here"]);
}

#[botserver_test]
async fn a_script_puts_its_own_conversation_into_the_archive_and_runs_once(app: App) {
    let script = r#"
HEAR x
made = POST "/conversations", #{ bot_id: "other" }
r = POST "/conversations/" + session.id + "/archive"
TALK r.http_status + " " + r.status
"#;
    let other = app.bot("Other", "TALK \"Hello\"").await;
    let bot = app.bot("Asking", script).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    let said = ann.say(&started, "go").await;

    let path = format!("/conversations/{}", started["conversation_id"].as_str().expect("an id"));
    let conversation = ann.get(&path).await.assert_ok().data();
    assert_eq!((said, &conversation["status"]), (vec!["200 archived".to_owned()], &json!("archived")));
    let others = format!("/conversations?filter[bot_id]={}", other["bot_id"].as_str().expect("an id"));
    assert_eq!(ann.get(others).await.assert_ok().items().len(), 1);
    ann.patch(&path, json!({ "status": "active" })).await.assert_ok();
}

#[each_database]
fn a_script_waits_a_moment_for_a_turn_of_another_conversation_and_not_for_ever() {
    run_test(async {
        let reaches = |config: &mut botserver::Config| {
            config.egress.allow = vec!["127.0.0.1/32".parse().expect("a network")];
            config.egress.http = true;
        };
        let app = App::start_with(reaches).await;
        // Somebody else's server, which answers when it is let.
        let (asked, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let waits = {
            let (asked, go) = (Arc::clone(&asked), Arc::clone(&go));
            move || {
                let (asked, go) = (Arc::clone(&asked), Arc::clone(&go));
                async move {
                    asked.add_permits(1);
                    let _ = go.acquire().await;
                    "done"
                }
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let router = Router::new().route("/slow", routing::get(waits));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let slow = format!("HEAR x\nx = GET \"http://{at}/slow\"\nTALK x");
        let script = r#"
HEAR other
r = POST "/conversations/" + other + "/messages", #{ content: "x" }
TALK r.http_status + " " + r.error.details.reason
"#;
        let (slow, bot) = (app.bot("Slow", &slow).await, app.bot("Asking", script).await);
        let ann = app.user("ann").await;
        let (busy, asking) = (ann.converse(&slow).await, ann.converse(&bot).await);
        let other = busy["conversation_id"].as_str().expect("an id");

        let talk = async {
            let _ = asked.acquire().await;
            let said = ann.say(&asking, other).await;
            go.add_permits(1);
            said
        };
        let (answered, said) = tokio::join!(ann.say(&busy, "go"), talk);

        assert_eq!((said, answered), (vec!["409 turn_in_progress".to_owned()], vec!["done".to_owned()]));
        app.stop().await;
    });
}

#[botserver_test]
async fn scripts_that_ask_for_each_other_come_to_an_end(app: App) {
    let script =
        "r = POST \"/conversations\", #{ bot_id: \"loop\" }\nTALK \"below: \" + r.messages[0].content";
    let bot = app.bot("Loop", script).await;
    let ann = app.user("ann").await;

    let said = said(&ann, &bot).await;

    let sorry = "Something went wrong. Please try again later.";
    assert_eq!(said, [format!("below: below: below: {sorry}")]);
    assert_eq!(ann.get("/conversations").await.assert_ok().items().len(), 4);
    let logs = app.admin().get("/bots/loop/logs").await.assert_ok().items();
    let why = "scripts ask for each other";
    assert!(logs.iter().any(|entry| entry["message"].as_str().is_some_and(|said| said.contains(why))));
}

#[botserver_test(balanced)]
async fn what_is_asked_of_a_post_happens_once_however_often_the_turn_runs(app: App) {
    let script = r#"
n = GET BOT MEMORY "n"
made = POST "/conversations", #{ bot_id: "other" }
TALK made.http_status
SET BOT MEMORY "n", n + 1
"#;
    let other = app.bot("Other", "TALK \"Hello\"").await;
    let bot = app.bot("Asking", script).await;
    let ann = app.user("ann").await;

    let all = join_all((0..6).map(|_| said(&ann, &bot))).await;

    assert!(all.iter().all(|said| said == &["201"]), "{all:?}");
    let path = format!("/conversations?filter[bot_id]={}", other["bot_id"].as_str().expect("an id"));
    assert_eq!(ann.get(path).await.assert_ok().items().len(), 6);
    let memory = app.admin().get("/bots/asking/memory").await.assert_ok().items();
    assert_eq!(memory[0]["value"], 6, "turns did overtake each other");
}

#[each_database]
fn a_session_that_ends_meanwhile_is_worth_nothing_to_the_script() {
    run_test(async {
        let reaches = |config: &mut botserver::Config| {
            config.egress.allow = vec!["127.0.0.1/32".parse().expect("a network")];
            config.egress.http = true;
        };
        let app = App::start_with(reaches).await;
        // Somebody else's server, where the person signs out while the script waits for it.
        let leaving: Arc<Mutex<Option<Client>>> = Arc::default();
        let signs_out = {
            let leaving = Arc::clone(&leaving);
            move || {
                let leaving = leaving.lock().expect("a client").clone().expect("somebody");
                async move {
                    leaving.post("/auth/logout", json!({})).await;
                    "bye"
                }
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let router = Router::new().route("/bye", routing::get(signs_out));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let script = r#"
r = GET "/users/me"
a = r.http_status
x = GET "http://{at}/bye"
r = GET "/users/me"
SET BOT MEMORY "seen", "" + a + " " + x + " " + r.http_status + r.error.details.reason
"#;
        let bot = app.bot("Asking", &script.replace("{at}", &at.to_string())).await;
        let ann = app.user("ann").await;
        *leaving.lock().expect("a place") = Some(ann.clone());

        ann.post("/conversations", json!({ "bot_id": bot["bot_id"] })).await;

        let memory = app.admin().get("/bots/asking/memory").await.assert_ok().items();
        assert_eq!(memory[0]["value"], "200 bye 401session_ended");
        app.stop().await;
    });
}

#[each_database]
fn requests_of_scripts_count_for_their_person() {
    run_test(async {
        let few = |config: &mut botserver::Config| config.rate_limit.authenticated = 8;
        let app = App::start_with(few).await;
        let script =
            "FOR i = 1 TO 12\n    r = GET \"/users/me\"\n    IF NOT r THEN EXIT FOR\nNEXT\nTALK r.error.code";
        let bot = app.bot("Asking", script).await;
        let ann = app.user("ann").await;

        assert_eq!(said(&ann, &bot).await, ["RATE_LIMITED"]);
        app.stop().await;
    });
}
