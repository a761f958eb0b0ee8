//! The configuration: what is shown of it to whom, and what changes while the server runs.

use botserver::Config;
use platform::config::{Key, Layers, ValueKind, Values};

use crate::support::{Answer, App, Client, Value, botserver_test, json, run_with};

const CONFIG: &str = "/admin/config";

fn item<'a>(config: &'a Value, key: &str) -> &'a Value {
    let items = config["items"].as_array().expect("items");
    items.iter().find(|item| item["key"] == key).unwrap_or_else(|| panic!("no {key} in {config}"))
}

async fn change(client: &Client, values: Value) -> Answer {
    client.patch(CONFIG, values).await
}

#[botserver_test]
async fn every_key_tells_its_value_its_source_and_what_it_means(app: App) {
    let config = app.admin().get(CONFIG).await.assert_ok().data();

    for item in config["items"].as_array().expect("items") {
        assert!(item["description"].as_str().is_some_and(|text| text.ends_with(['.', '?'])), "{item}");
        assert_eq!(config["values"][item["key"].as_str().expect("a key")], item["value"]);
        assert_ne!(item["runtime"], item["restart_required"], "{item}");
    }
    let anonymous = item(&config, "rate_limit.anonymous");
    assert_eq!(
        (&anonymous["default"], &anonymous["type"], &anonymous["runtime"]),
        (&json!(60), &json!("integer"), &json!(true))
    );
    assert_eq!((&anonymous["minimum"], &anonymous["maximum"]), (&json!(0.0), &json!(4_294_967_295.0)));
    assert_eq!(item(&config, "log.format")["choices"], json!(["auto", "human", "json"]));
    assert_eq!(item(&config, "database.url")["secret"], true);
    assert_eq!(item(&config, "listen")["runtime"], false);
    assert_eq!(item(&config, "identity.password.min_length")["minimum"], json!(8.0));
}

#[botserver_test]
async fn the_contract_names_the_keys_that_change_with_what_they_take(app: App) {
    let document = app.anonymous().get("/openapi.json").await.json();
    let mut named = document["components"]["schemas"]["ConfigChange"]["properties"].clone();
    let config = app.admin().get(CONFIG).await.data();

    for item in config["items"].as_array().expect("items").iter().filter(|item| item["runtime"] == true) {
        let schema = named[item["key"].as_str().expect("a key")].take();
        assert_eq!(schema["type"], json!([item["type"], "null"]), "{item} {schema}");
        assert_eq!(schema["description"], item["description"]);
        for (bound, told) in ["minimum", "maximum"].map(|bound| (&item[bound], &schema[bound])) {
            assert_eq!(bound.as_f64(), told.as_f64(), "{item} {schema}");
        }
    }
    let others = named.as_object().expect("keys").iter().filter(|(_, schema)| !schema.is_null());
    assert_eq!(others.count(), 0, "{named}");
}

#[test]
fn a_key_takes_what_is_said_of_it_and_nothing_beyond() {
    let layers = Layers::of(&Config::default()).expect("a configuration");
    let takes = |key: &Key, value: Value| layers.load(&Values::from([(key.name.clone(), value)])).is_ok();

    for key in layers.keys().iter().filter(|key| key.runtime) {
        let value = |number: f64| match key.kind {
            ValueKind::Integer => json!(number as i64),
            _ => json!(number),
        };
        for bound in [key.minimum, key.maximum].into_iter().flatten() {
            assert!(takes(key, value(bound)), "{key:?} {bound}");
        }
        assert!(!key.minimum.is_some_and(|least| takes(key, value(least - 1.0))), "{key:?}");
        assert!(!key.maximum.is_some_and(|greatest| takes(key, value(greatest + 1.0))), "{key:?}");
        assert!(key.choices.iter().all(|choice| takes(key, json!(choice))), "{key:?}");
        assert!(key.choices.is_empty() || !takes(key, json!("none of them")), "{key:?}");
        assert!(!takes(key, json!({})), "{key:?}");
    }
}

#[botserver_test]
async fn a_changed_limit_holds_for_the_next_request_and_after_a_restart(app: App) {
    let admin = app.admin();
    app.anonymous().get("/monitoring/nowhere").await.assert_status(404);

    let changed = change(&admin, json!({ "rate_limit": { "anonymous": 2 }, "http.body_limit": 2048 })).await;
    let changed = changed.assert_ok().data();

    assert_eq!(changed["applied"], json!(["http.body_limit", "rate_limit.anonymous"]));
    for _ in 0..2 {
        app.anonymous().get("/monitoring/nowhere").await.assert_status(404);
    }
    app.anonymous().get("/monitoring/nowhere").await.assert_error(429, "RATE_LIMITED", "");
    let large = json!({ "name": "x".repeat(3000) });
    admin.post("/bots", large.clone()).await.assert_error(413, "PAYLOAD_TOO_LARGE", "");

    let app = app.restart().await;
    app.admin().post("/bots", large).await.assert_error(413, "PAYLOAD_TOO_LARGE", "");
    let config = app.admin().get(CONFIG).await.data();
    assert_eq!(
        (&item(&config, "http.body_limit")["source"], &config["values"]["http.body_limit"]),
        (&json!("runtime"), &json!(2048))
    );
}

#[botserver_test]
async fn limits_of_bots_and_packages_change_while_the_server_runs(app: App) {
    let admin = app.admin();
    app.bot("Desk", "TALK \"one\"").await;

    change(&admin, json!({ "bots.bots_per_organization": 1, "bots.package_bytes": 100 })).await.assert_ok();

    admin.post("/bots", json!({ "name": "Shelf" })).await.assert_status(409);
    let zip = crate::support::package("TALK \"two\"");
    admin.put_zip("/bots/desk/package", zip).await.assert_status(413);
}

#[botserver_test]
async fn one_bad_key_and_nothing_changes(app: App) {
    let admin = app.admin();
    let before = admin.get(CONFIG).await.data();
    let bad = json!({ "rate_limit.admin": 7, "rate_limit.anonymos": 5, "http.request_timeout_seconds": 0, "log.level": "loud" });

    let error = change(&admin, bad).await.assert_error(422, "VALIDATION_ERROR", "unknown_key");

    let fields = &error["details"]["fields"];
    assert_eq!(fields["rate_limit.anonymos"][0], "does not exist; did you mean rate_limit.anonymous?");
    assert_eq!(fields["http.request_timeout_seconds"][0], "must be from 1 to 86400, not 0");
    assert!(
        fields["log.level"][0].as_str().expect("a problem").starts_with("\"loud\" is no level"),
        "{fields}"
    );
    change(&admin, json!({ "rate_limit.admin": "many" })).await.assert_error(
        422,
        "VALIDATION_ERROR",
        "invalid_value",
    );
    let fixed = change(&admin, json!({ "rate_limit.admin": 7, "listen": "0.0.0.0:80" })).await;
    assert_eq!(fixed.assert_error(409, "CONFLICT", "not_changeable")["details"]["keys"], json!(["listen"]));
    assert_eq!(admin.get(CONFIG).await.data(), before);
}

#[botserver_test]
async fn what_was_read_can_be_sent_back(app: App) {
    let admin = app.admin();
    let mut values = admin.get(CONFIG).await.data()["values"].clone();
    values["rate_limit.admin"] = json!(7);

    assert_eq!(change(&admin, values).await.assert_ok().data()["applied"], json!(["rate_limit.admin"]));
    assert_eq!(change(&admin, json!({})).await.assert_ok().data()["status"], "unchanged");
}

#[botserver_test]
async fn a_key_has_a_history_and_goes_back_to_what_it_was(app: App) {
    let admin = app.admin();
    let path = format!("{CONFIG}/rate_limit.admin");
    change(&admin, json!({ "rate_limit.admin": 7 })).await.assert_ok();

    let one = admin.get(&path).await.assert_ok().data();
    assert_eq!((&one["value"], &one["source"]), (&json!(7), &json!("runtime")));
    assert_eq!((&one["history"][0]["old_value"], &one["history"][0]["new_value"]), (&json!(0), &json!(7)));
    assert_eq!(one["history"][0]["changed_by"], admin.me().await["user_id"]);

    admin.delete(&path).await.assert_status(204);
    admin.delete(&path).await.assert_status(204);
    let back = admin.get(&path).await.assert_ok().data();
    assert_eq!(
        (&back["value"], &back["source"], &back["history"][0]["new_value"]),
        (&json!(0), &json!("default"), &json!(0))
    );
    admin.delete(format!("{CONFIG}/listen")).await.assert_error(409, "CONFLICT", "not_changeable");
    for nothing in ["rate_limit", "nope", "rate_limit.admin.x"] {
        admin.get(format!("{CONFIG}/{nothing}")).await.assert_error(404, "NOT_FOUND", "");
        admin.delete(format!("{CONFIG}/{nothing}")).await.assert_error(404, "NOT_FOUND", "");
    }
}

#[botserver_test]
async fn a_change_that_expects_an_older_state_is_refused(app: App) {
    let admin = app.admin();
    let tag = admin.get(CONFIG).await.assert_ok().header("etag").to_owned();
    change(&admin.with("if-match", &tag), json!({ "rate_limit.admin": 7 })).await.assert_ok();

    let late = change(&admin.with("if-match", &tag), json!({ "rate_limit.admin": 8 })).await;

    late.assert_error(412, "PRECONDITION_FAILED", "");
    assert_eq!(admin.get(CONFIG).await.data()["values"]["rate_limit.admin"], 7);
}

#[botserver_test]
async fn only_administrators_of_the_first_organization_see_any_of_it(app: App) {
    let (ann, stranger) = (app.user("ann").await, app.stranger("zoe").await);
    let key = format!("{CONFIG}/rate_limit.admin");

    ann.get(CONFIG).await.assert_error(403, "FORBIDDEN", "");
    change(&ann, json!({ "rate_limit.admin": 7 })).await.assert_error(403, "FORBIDDEN", "");
    let nothing = stranger.get(CONFIG).await.assert_ok().data();
    assert_eq!((&nothing["values"], &nothing["items"]), (&json!({}), &json!([])));
    stranger.get(&key).await.assert_error(404, "NOT_FOUND", "");
    stranger.delete(&key).await.assert_error(404, "NOT_FOUND", "");
    let refused = change(&stranger, json!({ "rate_limit.admin": 7 })).await;
    refused.assert_error(422, "VALIDATION_ERROR", "unknown_key");
    assert_eq!(app.admin().get(&key).await.data()["value"], 0);
}

#[test]
fn secrets_are_not_shown() {
    run_with(
        |config| config.bootstrap_secret = Some(kernel::Secret::new("hush-hush")),
        async |app: App| {
            let answer = app.admin().get(CONFIG).await.assert_ok();
            assert!(!answer.body.contains("hush-hush"));
        },
    );
}

#[botserver_test]
async fn a_web_page_is_let_in_while_the_server_runs(app: App) {
    let (admin, page) = (app.admin(), app.anonymous().with("origin", "https://app.example.com"));
    assert_eq!(page.get("/monitoring/health").await.header("access-control-allow-origin"), "");

    let refused = change(&admin, json!({ "http.cors_origins": ["app.example.com/x"] })).await;
    let refused = refused.assert_error(422, "VALIDATION_ERROR", "invalid_value");
    change(&admin, json!({ "http.cors_origins": ["https://app.example.com"] })).await.assert_ok();

    assert!(
        refused["details"]["fields"]["http.cors_origins"][0]
            .as_str()
            .expect("a problem")
            .contains("is no origin")
    );
    let origin = page.get("/monitoring/health").await;
    assert_eq!(origin.header("access-control-allow-origin"), "https://app.example.com");
}
