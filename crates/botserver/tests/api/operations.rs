//! Health, metrics, the contract.

use http::Method;

use crate::support::{App, Client, Value, botserver_test};

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
async fn every_operation_of_the_contract_has_an_id_of_its_own_and_says_who_may_call_it(app: App) {
    let contract = root(&app, "/api/openapi.json").await.assert_ok().json();

    assert_eq!(contract["openapi"], "3.1.0");
    let mut ids = Vec::new();
    for (path, item) in contract["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let id = operation["operationId"].as_str().expect("an id").to_owned();
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert!(operation["security"].is_array(), "{method} {path} does not say who may call it");
            assert!(operation["responses"]["500"].is_object(), "{method} {path} has no errors");
            ids.push(id);
        }
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
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
