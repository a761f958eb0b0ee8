//! What scripts ask of other servers, and what they can't reach.

use std::net::SocketAddr;

use axum::{Json, Router, body::Bytes, extract::RawQuery, response::Redirect, routing};
use botserver::Config;
use http::{HeaderMap, Method, StatusCode, header};
use tokio::net::TcpListener;

use crate::support::{App, Value, botserver_test, json, run_with, texts};

/// A server that tells what it was asked.
async fn echo(method: Method, RawQuery(query): RawQuery, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Json(json!({
        "method": method.as_str(),
        "query": query,
        "body": String::from_utf8_lossy(&body),
        "type": header("content-type"),
        "token": header("x-token"),
        "key": header("idempotency-key"),
    }))
}

/// The description of a service that tells prices at that address.
const PRICES: &str = r#"<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:prices"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" targetNamespace="urn:prices">
  <portType name="PT"><operation name="GetPrice"/><operation name="Fail"/></portType>
  <binding name="B" type="t:PT"><soap:binding style="document"/>
    <operation name="GetPrice"><soap:operation soapAction="urn:prices#GetPrice"/></operation>
    <operation name="Fail"><soap:operation soapAction="urn:prices#Fail"/></operation></binding>
  <service name="S"><port binding="t:B"><soap:address location="{at}"/></port></service>
</definitions>"#;

/// A service that tells what it was asked, or fails.
async fn prices(headers: HeaderMap, body: String) -> (StatusCode, String) {
    let action = headers.get("soapaction").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = headers.get("x-token").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let envelope = |inner: &str| {
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{inner}</s:Body></s:Envelope>"
        )
    };
    if action.contains("Fail") {
        let fault =
            "<s:Fault><faultcode>s:Client</faultcode><faultstring>No such item</faultstring></s:Fault>";
        return (StatusCode::INTERNAL_SERVER_ERROR, envelope(fault));
    }
    let asked =
        body.split("<s:Body>").nth(1).and_then(|body| body.split("</s:Body>").next()).unwrap_or_default();
    let asked = asked.replace("m:", "").replace(" xmlns:m=\"urn:prices\"", "");
    (
        StatusCode::OK,
        envelope(&format!(
            "<R><kind>{kind}</kind><action>{action}</action><token>{token}</token>{asked}<n>1</n><n>2</n></R>"
        )),
    )
}

/// The server of the tests, which also answers at 127.0.0.2: to who asks it that is another one.
async fn served() -> SocketAddr {
    let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let elsewhere = format!("http://127.0.0.2:{port}/echo");
    let description = PRICES.replace("{at}", &format!("http://{address}/prices"));
    let leading_away = PRICES.replace("{at}", &format!("http://127.0.0.2:{port}/prices"));
    let query = || async { Json(json!({ "data": { "user": { "name": "Ann" } } })) };
    let router = Router::new()
        .route("/echo", routing::any(echo))
        .route("/health", routing::get(|| async { Json(json!({ "status": "up", "n": 3 })) }))
        .route(
            "/bad",
            routing::any(|| async { (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": "bad" }))) }),
        )
        .route("/text", routing::get(|| async { ([(header::CONTENT_TYPE, "text/plain")], "Hello") }))
        .route("/long", routing::get(|| async { "x".repeat(100_000) }))
        .route("/graphql", routing::post(query))
        .route("/prices", routing::post(prices))
        .route("/prices.wsdl", routing::get(|| async move { description }))
        .route("/away.wsdl", routing::get(|| async move { leading_away }))
        .route("/moved", routing::any(|| async { Redirect::temporary("/echo") }))
        .route("/leaves", routing::any(|| async move { Redirect::temporary(&elsewhere) }))
        .route("/inside", routing::any(|| async { Redirect::temporary("http://127.0.0.3:9/") }))
        .route("/silent", routing::any(std::future::pending::<()>));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Scripts may reach two addresses of this machine, which stand for public ones.
fn reaches_the_test(config: &mut Config) {
    config.egress.allow =
        ["127.0.0.1/32", "127.0.0.2/32"].map(|net| net.parse().expect("a network")).to_vec();
    config.egress.http = true;
    config.bots.request_seconds = 2;
    config.bots.response_bytes = 50_000;
    config.bots.requests_per_turn = 20;
}

/// What a bot with that script says at first. `{at}` stands for the server.
async fn said(app: &App, script: &str) -> Vec<String> {
    let address = served().await;
    let script = script.replace("{at}", &format!("http://{address}"));
    let bot = app.bot("Requests", &script).await;
    texts(&app.user("ann").await.converse(&bot).await["messages"])
}

#[test]
fn an_answer_is_its_body_and_a_bad_status_is_no_error() {
    run_with(reaches_the_test, |app: App| async move {
        let script = r#"
g = GET "{at}/health"
TALK g.status + g.n + g.http_status
p = POST "{at}/bad", #{ a: 1 }
IF p THEN
    TALK "ok"
ELSE
    TALK p.status + p.data.error
END IF
t = GET "{at}/text"
TALK t + " " + t.ok
q = GRAPHQL "{at}/graphql", "query($id: ID) { user(id: $id) { name } }", #{ id: 1 }
TALK q.status + q.data.user.name
"#;
        assert_eq!(said(&app, script).await, ["up3200", "422bad", "Hello true", "200Ann"]);
    });
}

#[test]
fn bodies_parameters_and_methods_are_sent_as_the_script_says() {
    run_with(reaches_the_test, |app: App| async move {
        let script = r#"
who = "ann & bo"
TALK JSON(GET "{at}/echo" WITH who, page = 2)
r = POST "{at}/echo", #{ dish: "tea" }
TALK r.method + " " + r.body + " " + r.type
r = POST "{at}/echo" WITH dish = "cake", count = 2
TALK r.body
r = PUT "{at}/echo", "[1,2]"
TALK r.method + " " + r.body
r = PATCH "{at}/echo" WITH a = 1
TALK r.method + " " + (r.key <> "")
r = DELETE HTTP "{at}/echo"
TALK r.method
DELETE "{at}/echo"
SET HEADER "Content-Type", "application/x-www-form-urlencoded"
r = POST "{at}/echo", #{ who: who }
TALK r.body
"#;
        let said = said(&app, script).await;

        let asked: Value = serde_json::from_str(&said[0]).expect("JSON");
        assert_eq!((&asked["method"], &asked["query"]), (&json!("GET"), &json!("who=ann+%26+bo&page=2")));
        assert_eq!(
            said[1..],
            [
                r#"POST {"dish":"tea"} application/json"#,
                r#"{"dish":"cake","count":2}"#,
                "PUT [1,2]",
                "PATCH true",
                "DELETE",
                "who=ann+%26+bo",
            ]
        );
    });
}

#[test]
fn a_soap_service_is_asked_as_its_description_says() {
    run_with(reaches_the_test, |app: App| async move {
        let script = r#"
r = SOAP "{at}/prices.wsdl", "GetPrice", #{ item: "tea & <cake>", of: [1, 2] }
TALK r.status + " " + r.data.action + " " + r.data.kind
TALK r.data.GetPrice.item + " " + JSON(r.data.GetPrice.of) + " " + UBOUND(r.data.n)
TALK r.data.raw CONTAINS "<n>1</n>"
r = SOAP "{at}/prices.wsdl", "fail", #{ }
TALK r.status + " " + r.data.faultstring
ON ERROR RESUME NEXT
r = SOAP "{at}/prices.wsdl", "Buy", #{ }
TALK ERR + " " + ERROR MESSAGE
CLEAR ERROR
r = SOAP "{at}/text", "Buy", #{ }
TALK ERR
CLEAR ERROR
r = SOAP "{at}/bad", "Buy", #{ }
TALK ERR
"#;
        let expected = [
            "200 \"urn:prices#GetPrice\" text/xml; charset=utf-8",
            r#"tea & <cake> ["1","2"] 2"#,
            "true",
            "500 No such item",
            "5 the description has no operation Buy over SOAP",
            "5",
            "1001",
        ];
        assert_eq!(said(&app, script).await, expected);
    });
}

#[test]
fn a_soap_service_that_is_elsewhere_than_its_description_is_not_told_the_headers_of_the_run() {
    run_with(reaches_the_test, |app: App| async move {
        let script = r#"
SET HEADER "X-Token", "s3cret"
r = SOAP "{at}/prices.wsdl", "GetPrice", #{ item: "tea" }
TALK r.status + " " + r.data.token + " " + r.data.GetPrice.item
r = SOAP "{at}/away.wsdl", "GetPrice", #{ item: "cake" }
TALK r.status + " [" + r.data.token + "] " + r.data.GetPrice.item
r = GET "{at}/echo"
TALK r.token
"#;
        assert_eq!(said(&app, script).await, ["200 s3cret tea", "200 [] cake", "s3cret"]);
    });
}

#[test]
fn headers_last_as_long_as_the_run_and_are_stored_sealed() {
    run_with(reaches_the_test, |app: App| async move {
        let address = served().await;
        let script = r#"
SET HEADER "X-Token", "s3cret-value"
r = GET "{at}/echo"
TALK r.token
HEAR a WITH "Go on?"
r = GET "{at}/echo"
TALK r.token
CLEAR HEADERS
r = GET "{at}/echo"
TALK "[" + r.token + "]"
"#;
        let bot = app.bot("Headers", &script.replace("{at}", &format!("http://{address}"))).await;
        let ann = app.user("ann").await;
        let started = ann.converse(&bot).await;
        assert_eq!(texts(&started["messages"]), ["s3cret-value", "Go on?"]);
        let kept: Vec<(Vec<u8>,)> = app
            .database()
            .read_server(|tx| tx.across_organizations::<(Vec<u8>,)>("SELECT kept FROM conversation_runs"))
            .await
            .expect("an answer");
        assert!(!kept.is_empty());
        assert!(!kept.iter().any(|(kept,)| String::from_utf8_lossy(kept).contains("s3cret")));

        let token = ann.token().to_owned();
        let app = app.restart().await;
        let answer = app.with_token(&token).say(&started, "yes").await;

        assert_eq!(answer, ["s3cret-value", "[]"]);
    });
}

#[test]
fn what_is_not_public_is_not_reached_and_headers_go_to_no_other_server() {
    run_with(reaches_the_test, |app: App| async move {
        let script = r#"
ON ERROR RESUME NEXT
r = GET "http://127.0.0.3:9/"
TALK ERR + " " + ERROR MESSAGE
CLEAR ERROR
r = GET "http://127.0.0.4:9/"
TALK ERR
CLEAR ERROR
r = GET "{at}/inside"
TALK ERR
CLEAR ERROR
r = GET "file:///etc/passwd"
CLEAR ERROR
r = GET "{at}/moved"
TALK r.method
r = GET "{at}/leaves"
TALK r.method + " " + ERR
SET HEADER "X-Token", "s3cret"
r = GET "{at}/moved"
TALK r.token
r = GET "{at}/leaves"
TALK r.http_status
SET HEADER "Host", "other.example"
TALK ERR
"#;
        let said = said(&app, script).await;

        assert!(said[0].starts_with("1001 The address 127.0.0.3 is not public"), "{said:?}");
        assert_eq!(said[1..], ["1001", "1001", "GET", "GET 0", "s3cret", "307", "5"]);
    });
}

#[test]
fn a_server_that_is_slow_or_says_too_much_is_an_error_of_the_script() {
    run_with(reaches_the_test, |app: App| async move {
        let script = r#"
ON ERROR RESUME NEXT
r = GET "{at}/long"
TALK ERR
CLEAR ERROR
r = GET "{at}/silent"
TALK ERR
"#;
        assert_eq!(said(&app, script).await, ["1001", "1002"]);
    });
}

#[test]
fn a_script_that_takes_too_long_is_ended_and_nothing_of_it_stays() {
    let little_time = |config: &mut Config| {
        reaches_the_test(config);
        config.bots.script_run_seconds = 1;
        config.bots.request_seconds = 30;
    };
    run_with(little_time, |app: App| async move {
        let slow = "SET BOT MEMORY \"done\", 1\nr = GET \"{at}/silent\"\n";
        let slow = slow.replace("{at}", &format!("http://{}", served().await));
        let (tool, hook) = (format!("DESCRIPTION \"Slow\"\n{slow}"), format!("WEBHOOK \"slow\"\n{slow}"));
        app.bot_of("Slow", &[("start", &slow), ("tool", &tool), ("hook", &hook)]).await;
        app.admin().patch("/bots/slow/config", json!({ "webhook-auth": "none" })).await.assert_ok();

        for path in ["scripts/start/run", "tools/tool/invoke", "hooks/slow"] {
            let ended = app.admin().post(format!("/bots/slow/{path}"), json!({})).await;
            let error = ended.assert_error(422, "VALIDATION_ERROR", "script_timeout");
            assert_eq!(error["details"]["limit"], 1, "{path}: {error}");
        }

        assert_eq!(app.admin().get("/bots/slow/memory").await.assert_ok().items(), [] as [Value; 0]);
        let logs = app.admin().get("/bots/slow/logs").await.assert_ok().items();
        let why = "took longer than 1 seconds";
        let told =
            logs.iter().filter(|entry| entry["message"].as_str().is_some_and(|said| said.contains(why)));
        assert_eq!(told.count(), 3, "{logs:?}");
    });
}

#[test]
fn a_script_that_floods_another_server_is_ended() {
    run_with(reaches_the_test, |app: App| async move {
        let script = r#"
ON ERROR RESUME NEXT
FOR i = 1 TO 30
    r = GET "{at}/text"
NEXT
TALK "done"
"#;
        assert_eq!(said(&app, script).await, ["Something went wrong. Please try again later."]);
    });
}

#[botserver_test]
async fn requests_are_refused_where_the_operator_allows_nothing(app: App) {
    let script = "ON ERROR RESUME NEXT\nr = GET \"http://127.0.0.1:9/\"\nTALK ERR";
    let bot = app.bot("Closed", script).await;

    assert_eq!(texts(&app.user("ann").await.converse(&bot).await["messages"]), ["1001"]);
}
