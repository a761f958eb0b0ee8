//! The packages under `examples/`, each held to a transcript: what is said, word by word, on the running server.

use std::path::Path;

use axum::{Json, Router, routing};
use tokio::{net::TcpListener, sync::mpsc};

use crate::support::{App, Value, botserver_test, json, run_with, texts};

/// Plays a transcript: `bot:` and `you:` say who says a line, `\n` in it is a line break, and a line that begins with
/// `--` begins another conversation of the same person.
async fn play(app: App, name: &str) {
    let text = format!("{}/tests/api/examples/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(text).expect("a transcript");
    let new = json!({ "name": name, "template": name });
    let bot = app.admin().post("/bots", new).await.assert_status(201).data();
    let person = app.user("ada").await;
    for conversation in text.split("-- another conversation\n") {
        let started = person.converse(&bot).await;
        let mut said = texts(&started["messages"]).into_iter();
        for line in conversation.lines() {
            let (who, words) = line.split_once(": ").unwrap_or_else(|| panic!("{name}: who says {line:?}?"));
            if who == "bot" {
                let said = said.next();
                assert_eq!(said.as_deref(), Some(&*words.replace("\\n", "\n")), "{name}");
            } else {
                assert_eq!(said.next(), None, "{name}, before {line:?}");
                said = person.say(&started, words).await.into_iter();
            }
        }
        assert_eq!(said.next(), None, "{name}, at the end");
    }
}

#[botserver_test]
async fn the_table_booking_goes_as_written(app: App) {
    play(app, "table-booking").await;
}

#[botserver_test]
async fn the_support_triage_goes_as_written(app: App) {
    play(app, "support-triage").await;
}

#[botserver_test]
async fn the_quiz_goes_as_written(app: App) {
    play(app, "quiz").await;
}

#[botserver_test]
async fn the_order_desk_goes_as_written(app: App) {
    play(app, "order-desk").await;
}

#[test]
fn the_order_desk_tells_the_kitchen_and_closes_the_day() {
    let reaches_the_kitchen = |config: &mut botserver::Config| {
        config.egress.allow = vec!["127.0.0.1/32".parse().expect("a network")];
        config.egress.http = true;
    };
    run_with(reaches_the_kitchen, |app: App| async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let kitchen = format!("http://{}/orders", listener.local_addr().expect("an address"));
        let (told, mut hears) = mpsc::unbounded_channel();
        let take = move |Json(order): Json<Value>| {
            let _ = told.send(order);
            async { Json(json!({ "ok": true })) }
        };
        let router = Router::new().route("/orders", routing::post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let admin = app.admin();
        let new = json!({ "name": "Desk", "template": "order-desk" });
        let bot = admin.post("/bots", new).await.assert_status(201).data();
        admin.patch("/bots/desk/config", json!({ "param-kitchen": kitchen })).await.assert_ok();

        let started = admin.converse(&bot).await;
        for words in ["ada", "soup", "2", "no"] {
            admin.say(&started, words).await;
        }

        let order = hears.recv().await.expect("an order");
        let dishes = json!([{ "dish": "soup", "count": 2 }]);
        assert_eq!(order, json!({ "number": 1, "who": "Ada", "dishes": dishes }));
        let run = admin.post("/bots/desk/scripts/close the day/run", json!({})).await.assert_ok().data();
        assert!(run["error"].is_null(), "{run}");
        let log = admin.get("/bots/desk/logs").await.assert_ok().items();
        assert_eq!(log[0]["message"], "Closed 1 orders.");
    });
}

#[botserver_test]
async fn every_example_is_a_template_without_warnings_and_has_a_transcript(app: App) {
    let templates = app.admin().get("/bots/templates").await.assert_ok().items();
    assert!(templates.len() > 2, "{templates:?}");
    for template in templates {
        let name = template["template"].as_str().expect("a name");
        let transcript = format!("{}/tests/api/examples/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        assert!(Path::new(&transcript).exists(), "{name} has no transcript");
        app.admin().post("/bots", json!({ "name": name, "template": name })).await.assert_status(201);
        let compiled = app.admin().post(format!("/bots/{name}/compile"), json!({})).await.assert_ok().data();
        for script in compiled["scripts"].as_array().expect("scripts") {
            assert_eq!(script["diagnostics"], json!([]), "{name}: {}", script["name"]);
        }
        assert_ne!(template["description"], Value::from(""), "{name}");
    }
}
