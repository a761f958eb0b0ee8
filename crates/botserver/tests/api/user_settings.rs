//! What people prefer.

use crate::support::{App, Client, Value, botserver_test, json};

const OWN: &str = "/users/me/settings";

async fn id(client: &Client) -> String {
    client.me().await["user_id"].as_str().expect("an id").to_owned()
}

#[botserver_test(balanced)]
async fn preferences_have_defaults_and_are_merged(app: App) {
    let ann = app.user("ann").await;
    let read = ann.get(OWN).await.assert_ok();
    let etag = read.header("etag").to_owned();
    let defaults = json!({
        "theme": "system", "language": "en", "timezone": "UTC", "date_format": "YYYY-MM-DD", "time_format": "24h",
        "notifications": { "email": true, "push": true, "digest": "none" },
    });
    assert_eq!(read.data(), defaults);

    let patch =
        json!({ "theme": "dark", "timezone": "Europe/Berlin", "notifications": { "digest": "weekly" } });
    let changed = ann.patch(OWN, patch).await.assert_ok().data();

    assert_eq!((&changed["theme"], &changed["timezone"]), (&json!("dark"), &json!("Europe/Berlin")));
    assert_eq!(changed["notifications"], json!({ "email": true, "push": true, "digest": "weekly" }));
    assert_eq!(ann.get(OWN).await.data(), changed);
    let stale = ann.with("if-match", &etag).patch(OWN, json!({ "theme": "light" })).await;
    stale.assert_error(412, "PRECONDITION_FAILED", "");
    let cleared = json!({ "theme": null, "timezone": null, "notifications": null });
    assert_eq!(ann.patch(OWN, cleared).await.assert_ok().data(), defaults);
}

#[botserver_test]
async fn wrong_preferences_are_all_named_and_change_nothing(app: App) {
    let ann = app.user("ann").await;
    let wrong = json!({
        "theme": "pink", "language": "not a language", "timezone": "Mars/Olympus", "date_format": "YY",
        "time_format": "25h", "notifications": { "digest": "hourly" },
        "default_bot": "bot_01h455vb4pex5vsknk084sn02q",
    });

    let names = [
        "date_format",
        "default_bot",
        "language",
        "notifications.digest",
        "theme",
        "time_format",
        "timezone",
    ];
    ann.patch(OWN, wrong).await.assert_fields(&names);

    ann.patch(OWN, json!({ "colour": "red" })).await.assert_fields(&["colour"]);
    assert_eq!(ann.get(OWN).await.data()["theme"], "system");
}

#[botserver_test]
async fn the_default_bot_is_one_that_may_be_used(app: App) {
    let ann = app.user("ann").await;
    let bot = app.bot("Echo", "TALK \"hi\"").await;
    let path = format!("/bots/{}", bot["bot_id"].as_str().expect("an id"));

    let chosen = ann.patch(OWN, json!({ "default_bot": bot["bot_id"] })).await.assert_ok();

    assert_eq!(chosen.data()["default_bot"], bot["bot_id"]);
    app.admin().patch(&path, json!({ "visibility": "private" })).await.assert_ok();
    assert_eq!(ann.get(OWN).await.data()["default_bot"], Value::Null, "it may not be used any more");
    let refused = ann.patch(OWN, json!({ "default_bot": bot["bot_id"] })).await;
    refused.assert_fields(&["default_bot"]);
}

#[botserver_test]
async fn preferences_are_ones_own_and_the_administrators(app: App) {
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let path = format!("/users/{}/settings", id(&ann).await);

    bob.get(&path).await.assert_error(403, "FORBIDDEN", "");
    bob.patch(&path, json!({ "theme": "dark" })).await.assert_error(403, "FORBIDDEN", "");
    app.admin().patch(&path, json!({ "theme": "dark" })).await.assert_ok();

    assert_eq!(ann.get(OWN).await.data()["theme"], "dark");
    let audited = app.audit_details("user_settings_changed").await;
    let change = json!({ "field": "theme", "old_value": "system", "new_value": "dark" });
    assert_eq!(audited.last().expect("an entry")["changes"], json!([change]));
    let boss = app.user_with_role("boss", "admin").await;
    let owner = format!("/users/{}/settings", id(&app.admin()).await);
    boss.patch(&owner, json!({ "theme": "dark" })).await.assert_error(403, "FORBIDDEN", "level_too_high");
    app.stranger("sue").await.get(&path).await.assert_error(404, "NOT_FOUND", "");
}
