//! Scripts that other servers call.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::StatusCode;
use reqwest::{RequestBuilder, Response};

use crate::support::{App, Client, Value, botserver_test, json, run_with, texts};

const ORDERS: &str = r#"WEBHOOK "orders"
SET BOT MEMORY "paid", body.paid
RETURN WITH who AS params.who, dish AS body.dish, method AS method, agent AS headers["x-agent"], by AS session.user_id
"#;

/// What a script looks like to its author.
async fn hooks_of(app: &App, script: &str) -> Vec<Value> {
    let script = app.admin().get(format!("/bots/shop/scripts/{script}")).await.assert_ok().data();
    script["hooks"].as_array().cloned().unwrap_or_default()
}

fn post(app: &App, path: &str) -> RequestBuilder {
    reqwest::Client::new().post(app.url() + "/api/v1" + path)
}

fn get(app: &App, path: &str) -> RequestBuilder {
    reqwest::Client::new().get(app.url() + "/api/v1" + path)
}

async fn sent(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

#[botserver_test]
async fn a_script_is_called_with_its_secret_and_answers_as_it_is(app: App) {
    let bot = app.bot_of("Shop", &[("orders", ORDERS), ("start", "TALK 1")]).await;
    let hook = hooks_of(&app, "orders").await[0].clone();
    let path = format!("/api/v1/bots/{}/hooks/orders", bot["bot_id"].as_str().expect("an id"));
    assert_eq!((&hook["path"], &hook["methods"]), (&json!(path), &json!(["POST"])));
    let secret = hook["secret"].as_str().expect("a secret").to_owned();
    let call = |path: &str| {
        let body = json!({ "paid": true, "dish": "tea" });
        post(&app, path).bearer_auth(&secret).header("x-agent", "till").json(&body)
    };

    let answer = sent(call("/bots/shop/hooks/orders?who=ann")).await;

    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let by = bot["bot_id"].as_str().expect("an id").replace("bot_", "usr_");
    let expected = json!({ "who": "ann", "dish": "tea", "method": "POST", "agent": "till", "by": by });
    assert_eq!(answer.json::<Value>().await.expect("JSON"), expected);
    let memory = app.admin().get("/bots/shop/memory").await.assert_ok().items();
    assert_eq!((&memory[0]["key"], &memory[0]["value"]), (&json!("paid"), &json!(true)));
    // By its id, and whatever the case of the name.
    let id = bot["bot_id"].as_str().expect("an id");
    assert_eq!(sent(call(&format!("/bots/{id}/hooks/ORDERS"))).await.status(), 200);
}

#[botserver_test]
async fn whoever_does_not_know_the_secret_is_refused_and_nothing_runs(app: App) {
    app.bot_of("Shop", &[("orders", ORDERS), ("start", "TALK 1")]).await;
    let secret = hooks_of(&app, "orders").await[0]["secret"].as_str().expect("a secret").to_owned();
    let call = |path: &str| post(&app, path).json(&json!({ "paid": true }));

    for request in [
        call("/bots/shop/hooks/orders"),
        call("/bots/shop/hooks/orders").bearer_auth("whsec_AAAA"),
        call("/bots/shop/hooks/orders").header("x-hub-signature-256", "sha256=00"),
    ] {
        let refused = sent(request).await;
        assert_eq!(refused.status(), 401);
        let error: Value = refused.json().await.expect("JSON");
        assert_eq!(error["error"]["details"]["reason"], "credentials_invalid");
    }
    for path in ["/bots/shop/hooks/others", "/bots/none/hooks/orders"] {
        assert_eq!(sent(call(path).bearer_auth(&secret)).await.status(), 404, "{path}");
    }
    let asked = get(&app, "/bots/shop/hooks/orders").bearer_auth(&secret);
    assert_eq!(sent(asked).await.status(), 404, "the script says nothing of GET");
    assert_eq!(app.admin().get("/bots/shop/memory").await.items(), [] as [Value; 0]);

    // Signed, it runs.
    let body = r#"{"paid":true}"#;
    let signer = standardwebhooks::Webhook::new(&secret).expect("a secret of the specification");
    let at = kernel::Surroundings::system().now().timestamp();
    let signature = signer.sign("msg_1", at, body.as_bytes()).expect("a signature");
    let again = || {
        post(&app, "/bots/shop/hooks/orders")
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", at)
            .header("webhook-signature", &signature)
            .body(body)
    };
    assert_eq!(sent(again()).await.status(), 200);
    // Sent again, it was taken already.
    app.admin().delete("/bots/shop/memory/paid").await.assert_status(204);
    assert_eq!(sent(again()).await.status(), 204);
    assert_eq!(app.admin().get("/bots/shop/memory").await.items(), [] as [Value; 0]);
}

#[botserver_test]
async fn an_open_hook_takes_forms_and_get_and_answers_by_its_variables(app: App) {
    let form = "WEBHOOK \"form\"\nresult_status = 202\nresult_who = body.who\nresult_many = body.n";
    let ping = "WEBHOOK \"GET ping\"\nRETURN \"pong \" + params.n + method";
    let quiet = "WEBHOOK \"quiet\"\nPRINT path";
    let broken = "WEBHOOK \"broken\"\nSET BOT MEMORY \"x\", 1\nTHROW \"secret reason\"";
    let config = ("start", "TALK 1");
    app.bot_of("Shop", &[("form", form), ("ping", ping), ("quiet", quiet), ("broken", broken), config]).await;
    app.admin().patch("/bots/shop/config", json!({ "webhook-auth": "none" })).await.assert_ok();
    assert_eq!(hooks_of(&app, "ping").await[0]["methods"], json!(["GET", "POST"]));

    let filled = post(&app, "/bots/shop/hooks/form")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("who=ann&n=1&n=2");
    let answer = sent(filled).await;
    assert_eq!(answer.status(), 202);
    let answered: Value = answer.json().await.expect("JSON");
    assert_eq!(answered, json!({ "who": "ann", "many": ["1", "2"] }));
    let pinged = sent(get(&app, "/bots/shop/hooks/ping?n=7")).await;
    assert_eq!(pinged.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(pinged.text().await.expect("a text"), "pong 7GET");
    assert_eq!(sent(post(&app, "/bots/shop/hooks/quiet")).await.status(), 204);
    let failed = sent(post(&app, "/bots/shop/hooks/broken")).await;
    assert_eq!(failed.status(), 422);
    let text = failed.text().await.expect("a text");
    assert!(text.contains("script_failed") && !text.contains("secret reason"), "{text}");
    assert_eq!(app.admin().get("/bots/shop/memory").await.items(), [] as [Value; 0]);

    // What nobody signed has no name under which it could be taken.
    for _ in 0..2 {
        let forged = post(&app, "/bots/shop/hooks/ping?n=7")
            .header("webhook-id", "x".repeat(4000))
            .header("webhook-signature", "v1,bm90IGl0");
        assert_eq!(sent(forged).await.status(), 200);
    }
    app.admin().patch("/bots/shop", json!({ "status": "inactive" })).await.assert_ok();
    assert_eq!(sent(post(&app, "/bots/shop/hooks/quiet")).await.status(), 409);
}

#[botserver_test]
async fn a_secret_stays_while_its_hook_does_and_is_for_authors_only(app: App) {
    app.bot_of("Shop", &[("orders", ORDERS), ("start", "TALK 1")]).await;
    let before = hooks_of(&app, "orders").await;
    let path = "/bots/shop/scripts/orders";

    app.admin().put(path, json!({ "source": format!("{ORDERS}PRINT 1") })).await.assert_ok();
    assert_eq!(hooks_of(&app, "orders").await, before);
    app.admin().put(path, json!({ "source": "TALK 1" })).await.assert_ok();
    assert_eq!(hooks_of(&app, "orders").await, [] as [Value; 0]);
    app.admin().put(path, json!({ "source": ORDERS })).await.assert_ok();
    assert_ne!(hooks_of(&app, "orders").await[0]["secret"], before[0]["secret"]);

    let sealed: Vec<(Vec<u8>,)> = app
        .database()
        .read_server(|tx| tx.across_organizations::<(Vec<u8>,)>("SELECT secret FROM bot_hooks"))
        .await
        .expect("an answer");
    let shown = hooks_of(&app, "orders").await[0]["secret"].as_str().expect("a secret").to_owned();
    let bytes = STANDARD.decode(shown.trim_start_matches("whsec_")).expect("base64");
    let holds = |sealed: &[u8]| sealed.windows(bytes.len()).any(|part| part == bytes);
    assert!(!sealed.is_empty() && !sealed.iter().any(|(sealed,)| holds(sealed)), "a secret is sealed");
}

#[test]
fn calls_are_counted_by_bot_and_address_however_they_name_the_hook_and_against_nothing_else() {
    let limited = |config: &mut botserver::Config| {
        // Of these, one is used up by the sign-in of the test.
        config.rate_limit.anonymous = 5;
        config.bots.hook_calls_per_minute = 3;
    };
    run_with(limited, |app: App| async move {
        let bot = app.bot_of("Shop", &[("orders", ORDERS), ("start", "TALK 1")]).await;
        let secret = hooks_of(&app, "orders").await[0]["secret"].as_str().expect("a secret").to_owned();
        let id = bot["bot_id"].as_str().expect("an id");
        let call = |path: String| sent(post(&app, &path).bearer_auth(&secret).json(&json!({})));

        assert_eq!(call("/bots/shop/hooks/orders".into()).await.status(), 200);
        assert_eq!(call("/bots/shop/hooks/ORDERS".into()).await.status(), 200);
        assert_eq!(call(format!("/bots/{id}/hooks/%6Frders")).await.status(), 200);
        let refused = call(format!("/bots/{id}/hooks/orders")).await;
        assert_eq!(refused.status(), 429);
        assert!(refused.headers().contains_key("retry-after"));
        let signing_in = app.anonymous().post("/auth/login", json!({})).await;
        signing_in.assert_status(422);
    });
}

#[botserver_test]
async fn a_body_of_very_many_names_is_read_in_no_time(app: App) {
    let many = "WEBHOOK \"many\"\nRETURN LEN(JSON(body))";
    app.bot_of("Shop", &[("many", many), ("start", "TALK 1")]).await;
    let secret = hooks_of(&app, "many").await[0]["secret"].as_str().expect("a secret").to_owned();
    let form: Vec<_> = (0..60_000).map(|at| format!("n{at}=1")).collect();
    let filled = post(&app, "/bots/shop/hooks/many")
        .bearer_auth(&secret)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.join("&"));

    assert_eq!(sent(filled).await.status(), 200);
}

#[botserver_test]
async fn a_hook_goes_on_for_somebody_who_talks_with_the_bot_and_gains_nothing(app: App) {
    let visit = r#"WEBHOOK "visit"
SET USER body.who
REMEMBER "visits", RECALL("visits") + 1
me = GET "/users/me"
rows = FIND "papers"
RETURN WITH n AS RECALL("visits"), who AS GET("user.id"), by AS GET("session.user_id"), api AS me.http_status, rows AS UBOUND(rows)
"#;
    let start = r#"
TABLE papers
    id integer key
END TABLE
SAVE "papers", #{ id: 1 }
TALK "visits: " + RECALL("visits")
ON ERROR RESUME NEXT
HEAR other
SET USER session.user_id
TALK ERR
SET USER other
TALK ERR
"#;
    let bot = app.bot_of("Shop", &[("visit", visit), ("start", start)]).await;
    app.admin().patch("/bots/shop/config", json!({ "webhook-auth": "none" })).await.assert_ok();
    let (ann, bo) = (app.user("ann").await, app.user("bob").await);
    let id = async |client: &Client| client.me().await["user_id"].as_str().expect("an id").to_owned();
    let (ann_id, bo_id) = (id(&ann).await, id(&bo).await);
    let started = ann.converse(&bot).await;
    let call =
        async |who: &str| sent(post(&app, "/bots/shop/hooks/visit").json(&json!({ "who": who }))).await;

    for n in 1..3 {
        let answer: Value = call(&ann_id).await.json().await.expect("JSON");
        let expected = json!({ "n": n, "who": ann_id, "by": ann_id, "api": 403, "rows": 1 });
        assert_eq!(answer, expected);
    }

    assert_eq!(texts(&ann.converse(&bot).await["messages"]), ["visits: 2"]);
    for nobody in [bo_id.as_str(), "ann", ""] {
        assert_eq!(call(nobody).await.status(), 422, "{nobody}");
    }
    assert_eq!(ann.say(&started, &bo_id).await, ["0", "70"], "who was started by a person is theirs alone");
}

#[botserver_test]
async fn a_hook_that_goes_on_for_one_after_another_reads_tables_as_each_of_them(app: App) {
    let look = r#"WEBHOOK "look"
ON ERROR RESUME NEXT
SET USER body.first
a = UBOUND(FIND("papers"))
first = ERR
CLEAR ERROR
SET USER body.second
b = UBOUND(FIND("papers"))
RETURN WITH first AS first, a AS a, second AS ERR
"#;
    let start = "TABLE papers READ BY \"manager\"\n    id integer key\nEND TABLE\nTALK \"Hello\"";
    let bot = app.bot_of("Shop", &[("look", look), ("start", start)]).await;
    app.admin().patch("/bots/shop/config", json!({ "webhook-auth": "none" })).await.assert_ok();
    let (ann, max) = (app.user("ann").await, app.user_with_role("max", "manager").await);
    let mut ids = Vec::new();
    for client in [&ann, &max] {
        client.converse(&bot).await;
        ids.push(client.me().await["user_id"].clone());
    }

    for (first, second, expected) in [
        (&ids[1], &ids[0], json!({ "first": 0, "a": 0, "second": 70 })),
        (&ids[0], &ids[1], json!({ "first": 70, "a": null, "second": 0 })),
    ] {
        let call = post(&app, "/bots/shop/hooks/look").json(&json!({ "first": first, "second": second }));
        let mut answer: Value = sent(call).await.json().await.expect("JSON");
        if first == &ids[0] {
            answer["a"] = Value::Null;
        }
        assert_eq!(answer, expected);
    }
}
