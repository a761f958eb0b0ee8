//! Health, metrics, the contract.

use http::Method;
use test_database::Engine;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use crate::support::{App, Client, Stand, Value, Wire, botserver_test, run_with};

async fn root(app: &App, path: &str) -> crate::support::Answer {
    Client::send(app.anonymous().at(Method::GET, path)).await
}

#[botserver_test]
async fn anybody_may_ask_whether_the_server_is_well(app: App) {
    let health = root(&app, "/health").await.assert_ok().data();

    assert_eq!(health["status"], "healthy");
    assert_eq!(health["components"], Value::Null, "only for those who may know");
    root(&app, "/api/v1/monitoring/health/live").await.assert_ok();
    assert_eq!(root(&app, "/api/v1/monitoring/health/ready").await.assert_ok().data()["ready"], true);
}

#[botserver_test]
async fn those_who_may_know_see_the_components(app: App) {
    let health = app.admin().get("/monitoring/health").await.assert_ok().data();

    let names: Vec<_> =
        health["components"].as_array().expect("components").iter().map(|c| &c["name"]).collect();
    assert!(names.iter().any(|name| *name == "database"), "{names:?}");
    assert!(health["uptime_seconds"].is_u64());
}

#[botserver_test]
async fn a_server_without_its_database_takes_no_traffic_and_tells_strangers_no_more(app: App) {
    app.database().close().await;

    let health = root(&app, "/health").await.assert_error(503, "SERVICE_UNAVAILABLE", "");
    let ready = root(&app, "/api/v1/monitoring/health/ready").await;
    let ready = ready.assert_error(503, "SERVICE_UNAVAILABLE", "");

    let details = &health["details"];
    assert_eq!((&details["status"], &details["service"]), (&"unhealthy".into(), &"server".into()));
    assert_eq!((&details["components"], &details["uptime_seconds"]), (&Value::Null, &Value::Null));
    let checks = ready["details"]["checks"].as_array().expect("checks");
    let database = checks.iter().find(|check| check["name"] == "database").expect("the database");
    assert_eq!((&database["ok"], &ready["details"]["ready"]), (&false.into(), &false.into()));
    root(&app, "/api/v1/monitoring/health/live").await.assert_ok();
}

#[test]
fn a_server_that_stops_is_no_longer_ready_while_it_still_answers() {
    run_with(
        |config| config.http.drain_seconds = 2,
        async |app: App| {
            let (client, url) = (app.anonymous(), "/api/v1/monitoring/health/ready");
            Client::send(client.at(Method::GET, url)).await.assert_ok();

            let stopping = tokio::spawn(app.stop());
            // Until the stop has begun the answers are those from before.
            let answer = loop {
                let answer = Client::send(client.at(Method::GET, url)).await;
                if answer.status != 200 {
                    break answer;
                }
            };

            let checks = answer.assert_error(503, "SERVICE_UNAVAILABLE", "")["details"]["checks"].clone();
            let checks = checks.as_array().expect("checks").clone();
            assert!(
                checks.contains(&serde_json::json!({ "name": "not_draining", "ok": false })),
                "{checks:?}"
            );
            assert!(checks.contains(&serde_json::json!({ "name": "database", "ok": true })), "{checks:?}");
            Client::send(client.at(Method::GET, "/health")).await.assert_ok();
            stopping.await.expect("an end");
        },
    );
}

/// The value of a sample, 0 if there is none.
fn sample(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0.0, |value| value.trim().parse().expect("a number"))
}

#[botserver_test]
async fn two_scrapes_show_what_happened_between_and_hostile_paths_add_no_labels(app: App) {
    let admin = app.admin();
    let scrape = async || admin.get("/monitoring/metrics").await.assert_ok().body;
    let before = scrape().await;

    for number in 0..20 {
        let path = format!("/api/v1/bots/{}{number}?x=%00", "a\"b\\".repeat(number));
        let _ = app.anonymous().at(Method::GET, &path).send().await;
        let _ = app
            .anonymous()
            .at(Method::from_bytes(format!("BREW{number}").as_bytes()).expect("a method"), "/x")
            .send()
            .await;
        admin.get(format!("/nowhere/{number}")).await.assert_status(404);
        admin.me().await;
    }
    app.user("ann").await;
    let refused =
        app.anonymous().post("/auth/login", serde_json::json!({ "username": "ann", "password": "no" })).await;
    refused.assert_status(401);
    let after = scrape().await;

    let grown = |name: &str| sample(&after, name) - sample(&before, name);
    assert!(grown("http_requests_total{method=\"GET\",path=\"/api/v1/users/me\",status=\"200\"}") >= 20.0);
    assert!(grown("http_requests_total{method=\"*\",path=\"*\",status=\"404\"}") >= 20.0);
    assert!(grown("http_request_duration_seconds_count{method=\"GET\",path=\"/api/v1/users/me\"}") >= 20.0);
    assert!(grown("db_query_duration_seconds_count{operation=\"write\"}") >= 1.0);
    assert!(grown("db_query_duration_seconds_count{operation=\"read\"}") >= 1.0);
    // Only SQLite lets units share a commit.
    if matches!(Engine::current(), Engine::Sqlite) {
        assert!(grown("db_write_batch_units_count") >= 1.0);
    }
    assert!(grown("auth_failures_total{reason=\"invalid_credentials\"}") >= 1.0);
    let contract = root(&app, "/api/openapi.json").await.json();
    let contract = contract["paths"].as_object().expect("paths");
    // The contract itself and its page are served, too; other tests of this process serve a stand of their own.
    let beside = ["*", "/", "/api/v1/docs", "/api/v1/docs/{*file}", "/api/v1/openapi.json"];
    for path in after.split("path=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let known = beside.contains(&path)
            || path.starts_with("/chat/")
            || path.starts_with("/api/v1/stand/")
            || contract.contains_key(path);
        assert!(known, "{path}");
    }
    let methods: BTreeSet<_> =
        after.split("method=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(
        methods.iter().all(|method| ["*", "GET", "POST", "PUT", "PATCH", "DELETE"].contains(method)),
        "{methods:?}"
    );
}

#[botserver_test]
async fn every_metric_says_what_it_is(app: App) {
    app.admin().me().await;

    let text = app.admin().get("/monitoring/metrics").await.assert_ok().body;

    let named = |prefix: &str| -> BTreeSet<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
        lines.filter_map(|rest| rest.split(' ').next()).map(str::to_owned).collect()
    };
    assert_eq!(named("# TYPE "), named("# HELP "));
    assert!(!named("# TYPE ").is_empty());
}

#[botserver_test]
async fn openmetrics_is_there_for_who_asks(app: App) {
    let asking =
        app.admin().with("accept", "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3");

    let answer = asking.get("/monitoring/metrics").await.assert_ok();

    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(
        answer.body.ends_with("# EOF\n") && answer.body.contains("# TYPE http_requests counter\n"),
        "{}",
        answer.body
    );
}

#[botserver_test]
async fn metrics_count_requests_by_route_and_need_the_permission(app: App) {
    app.admin().me().await;
    app.user("ann").await.get("/monitoring/metrics").await.assert_error(403, "FORBIDDEN", "");

    let text = app.admin().get("/monitoring/metrics").await.assert_ok().body;

    assert!(
        text.contains("http_requests_total{method=\"GET\",path=\"/api/v1/users/me\",status=\"200\"}"),
        "{text}"
    );
    assert!(text.contains("http_request_duration_seconds_bucket"), "{text}");
    assert!(text.contains("process_resident_memory_bytes"), "{text}");
}

#[botserver_test]
async fn what_the_contract_protects_refuses_strangers(app: App) {
    let contract = root(&app, "/api/openapi.json").await.json();
    for (path, item) in contract["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let open = operation["security"][0].as_object().is_some_and(serde_json::Map::is_empty);
            if open {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let answer = Client::send(app.anonymous().at(method, path)).await;
            answer.assert_error(401, "UNAUTHORIZED", "credentials_missing");
        }
    }
}

#[botserver_test]
async fn the_page_of_the_contract_needs_nothing_from_outside(app: App) {
    let page = root(&app, "/api/docs").await.assert_ok();

    assert!(page.header("content-type").starts_with("text/html"));
    assert!(!page.body.contains("https://") && !page.body.contains("http://"), "{}", page.body);
    for part in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        root(&app, &format!("/api/docs/{part}")).await.assert_ok();
    }
}

#[botserver_test]
async fn what_a_client_asked_for_before_it_left_is_counted(app: App) {
    let stand = Stand::start().await;
    let mut left = Wire::open(stand.address).await;
    left.send("POST /api/v1/stand/lingers HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await;
    stand.lingering().await;
    drop(left);
    stand.let_go();

    let counted = "path=\"/api/v1/stand/lingers\",status=\"200\"";
    let deadline = Instant::now() + Duration::from_secs(10);
    while !app.admin().get("/monitoring/metrics").await.assert_ok().body.contains(counted) {
        assert!(Instant::now() < deadline, "it was never counted");
    }
    stand.stop().await;
}
