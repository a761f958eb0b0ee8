//! Making, changing and deleting webhooks.

use kernel::id::OrganizationId;
use platform::jobs::JobKind;

use super::*;
use crate::support::botserver_test;

/// One that may be made anywhere: its address is written out, so that no name has to be looked up.
fn public() -> Value {
    json!({ "url": "https://93.184.216.34/hook", "events": ["bot.*"] })
}

/// A secret and headers as the database has them.
type Sealed = (Vec<u8>, Vec<u8>);

#[botserver_test]
async fn a_secret_is_shown_once_and_kept_sealed(app: App) {
    let admin = app.admin();
    let own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let mut new = public();
    new["secret"] = json!(own);
    new["headers"] = json!({ "Authorization": "Bearer hush-hush" });

    let hook = made(&admin, new).await;
    let given = made(&admin, public()).await;

    assert_eq!((&hook["secret"], &hook["headers"]), (&json!(own), &json!({ "Authorization": "***" })));
    assert!(
        given["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_") && secret.len() == 50)
    );
    for answer in [
        admin.get(path(&hook)).await,
        admin.get("/webhooks").await,
        admin.patch(path(&hook), json!({ "name": "x" })).await,
    ] {
        let body = answer.assert_ok().body;
        assert!(!body.contains("whsec_") && !body.contains("hush-hush"), "{body}");
    }
    let kept = app
        .database()
        .read_server(|tx| tx.across_organizations::<Sealed>("SELECT secret, headers FROM webhooks"));
    let kept: Result<Vec<Sealed>, DbError> = kept.await;
    for (secret, headers) in kept.expect("rows") {
        assert!(secret.len() > 60 && !String::from_utf8_lossy(&headers).contains("hush"));
    }
}

#[botserver_test]
async fn addresses_that_are_not_public_are_refused(app: App) {
    let admin = app.admin();
    let hook = made(&admin, public()).await;
    for url in [
        "http://93.184.216.34/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "ftp://93.184.216.34/",
    ] {
        let mut new = public();
        new["url"] = json!(url);
        let refused = admin.post("/webhooks", new).await;
        let refused = refused.assert_error(422, "VALIDATION_ERROR", "url_not_allowed");
        assert!(refused["details"]["fields"]["url"].is_array(), "{url}: {refused}");
        let refused = admin.patch(path(&hook), json!({ "url": url })).await;
        refused.assert_error(422, "VALIDATION_ERROR", "url_not_allowed");
    }
    assert_eq!(admin.get(path(&hook)).await.data()["url"], "https://93.184.216.34/hook");
}

#[botserver_test]
async fn what_is_wrong_is_named_all_at_once(app: App) {
    let admin = app.admin();

    let unknown =
        admin.post("/webhooks", json!({ "url": "https://93.184.216.34", "events": ["bot.flown"] })).await;
    let unknown = unknown.assert_error(422, "VALIDATION_ERROR", "unknown_event");
    assert_eq!(
        unknown["details"]["fields"]["events"][0],
        "there is no event bot.flown; GET /webhooks/events lists all"
    );
    let all = json!({
        "url": "https://ann:pw@example.com", "events": [], "name": "two\nlines", "description": "x".repeat(2001),
        "headers": { "Host": "x", "X-Good": "y", "X-Bad": "a\r\nb" }, "secret": "short",
    });
    let refused = admin.post("/webhooks", all).await;
    refused.assert_fields(&["description", "events", "headers", "name", "secret", "url"]);
    let hook = made(&admin, public()).await;
    let cleared = json!({ "url": null, "events": null, "enabled": null });
    admin.patch(path(&hook), cleared).await.assert_fields(&["enabled", "events", "url"]);
    admin.patch(path(&hook), json!({ "secret": "whsec_x" })).await.assert_fields(&["secret"]);
}

#[botserver_test]
async fn a_patch_changes_what_it_names_and_merges_headers(app: App) {
    let admin = app.admin();
    let mut new = public();
    new["name"] = json!(" CRM ");
    new["headers"] = json!({ "X-One": "1", "X-Two": "2" });
    let hook = made(&admin, new).await;
    assert_eq!((&hook["name"], &hook["enabled"]), (&json!("CRM"), &json!(true)));

    let change =
        json!({ "events": ["*", "*"], "headers": { "x-one": null, "X-Three": "3" }, "description": "d" });
    let changed = admin.patch(path(&hook), change).await.assert_ok().data();

    assert_eq!(
        (&changed["events"], &changed["headers"]),
        (&json!(["*"]), &json!({ "X-Three": "***", "X-Two": "***" }))
    );
    assert_eq!((&changed["name"], &changed["description"]), (&json!("CRM"), &json!("d")));
    let cleared = admin.patch(path(&hook), json!({ "name": null, "headers": null })).await.data();
    assert_eq!((&cleared["name"], &cleared["headers"]), (&Value::Null, &json!({})));
}

#[botserver_test]
async fn a_change_can_depend_on_the_revision(app: App) {
    let admin = app.admin();
    let made = admin.post("/webhooks", public()).await.assert_status(201);
    let (first, hook) = (made.header("etag").to_owned(), made.data());
    assert_eq!(made.header("location"), format!("/api/v1{}", path(&hook)));
    admin.patch(path(&hook), json!({ "name": "x" })).await.assert_ok();

    let late = admin.with("if-match", &first);
    late.patch(path(&hook), json!({ "name": "y" })).await.assert_error(412, "PRECONDITION_FAILED", "");
    late.delete(path(&hook)).await.assert_error(412, "PRECONDITION_FAILED", "");
    let now = admin.get(path(&hook)).await.header("etag").to_owned();
    admin.with("if-none-match", &now).get(path(&hook)).await.assert_status(304);
    admin.with("if-match", &now).delete(path(&hook)).await.assert_status(204);
    admin.get(path(&hook)).await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn a_repeat_of_the_making_shows_no_secret(app: App) {
    let keyed = app.admin().with("idempotency-key", "k-1");
    let hook = keyed.post("/webhooks", public()).await.assert_status(201).data();

    let again = keyed.post("/webhooks", public()).await;

    assert_eq!(again.header("location"), format!("/api/v1{}", path(&hook)));
    again.assert_error(409, "CONFLICT", "already_done");
    assert_eq!(app.admin().get("/webhooks").await.data()["total"], 1);
}

#[each_database]
fn an_organization_has_no_more_than_it_may() {
    run_with(
        |config| config.bots.webhooks_per_organization = 2,
        async |app: App| {
            let admin = app.admin();
            let together = (0..5).map(|_| admin.post("/webhooks", public()));
            let answers = futures_util::future::join_all(together).await;

            let made = answers.iter().filter(|answer| answer.status == 201).count();
            assert_eq!(made, 2);
            let refused = app.user("ann").await.post("/webhooks", public()).await;
            assert_eq!(refused.assert_error(409, "CONFLICT", "webhook_limit")["details"]["limit"], 2);
        },
    );
}

#[botserver_test]
async fn every_event_is_listed_with_an_example(app: App) {
    let listed = app.admin().get("/webhooks/events?limit=100").await.assert_ok().items();

    let page = app.admin().get("/webhooks/events?search=ROLE.&limit=1").await.assert_ok().data();
    assert!(page["items"][0]["event"].as_str().is_some_and(|name| name.starts_with("role.")), "{page}");
    assert!(page["next_cursor"].is_string(), "{page}");
    app.admin().get("/webhooks/events?sort=created_at").await.assert_status(422);
    let names: Vec<_> = listed.iter().filter_map(|event| event["event"].as_str()).collect();
    for name in ["bot.created", "conversation.started", "user.created", "role.assigned", "webhook.disabled"] {
        assert!(names.contains(&name), "{names:?}");
    }
    for event in &listed {
        assert!(event["description"].as_str().is_some_and(|text| text.ends_with('.')), "{event}");
        assert_eq!(event["example"]["event"], event["event"]);
        assert!(event["example"]["data"].as_object().is_some_and(|data| !data.is_empty()), "{event}");
        let mut new = public();
        new["events"] = json!([event["event"]]);
        made(&app.admin(), new).await;
    }
}

#[each_database]
fn what_a_deleted_webhook_was_told_is_gone() {
    hooked(async |app: App| {
        let (admin, receiver) = (app.admin(), Receiver::start().await);
        let hook = made(&admin, receiver.hook(&["bot.*"])).await;
        new_bot(&admin, "Echo").await;
        delivery(&admin, &hook, "delivered").await;

        admin.delete(path(&hook)).await.assert_status(204);
        all_told(&app).await;

        admin.get(format!("{}/deliveries", path(&hook))).await.assert_error(404, "NOT_FOUND", "");
        let left = app
            .database()
            .read_server(|tx| tx.across_organizations::<(i64,)>("SELECT 1 FROM webhook_deliveries"));
        let left: Result<Vec<(i64,)>, DbError> = left.await;
        assert!(left.expect("an answer").is_empty());
    });
}

#[each_database]
fn without_a_webhook_an_event_costs_no_job() {
    hooked(async |app: App| {
        new_bot(&app.admin(), "Echo").await;
        all_told(&app).await;

        let jobs = app.admin().get("/admin/jobs?filter[kind]=webhooks.dispatch").await;
        assert_eq!(jobs.assert_ok().data()["total"], 0);
    });
}

/// Has the server tidy up now, and waits until it has.
async fn tidy(app: &App) -> Value {
    const TIDY: JobKind<()> = JobKind::new("webhooks.tidy");
    let job = app.enqueue(&app.admin(), TIDY.job(&())).await;
    until(&app.admin(), &format!("/jobs/{job}"), |job| job["status"] == "completed").await["result"].clone()
}

/// Lets what is there look older.
async fn age(app: &App, statement: &'static str, days: i64) {
    let me = app.admin().me().await;
    let org: OrganizationId = me["organization_id"].as_str().expect("an id").parse().expect("an id");
    let micros = days * 24 * 3600 * 1_000_000;
    let aged: Result<u64, DbError> =
        app.database().write(org, move |unit| unit.execute(statement, &[&micros])).await;
    assert_eq!(aged.expect("it is older"), 1);
}

#[each_database]
fn deliveries_are_kept_for_thirty_days() {
    hooked(async |app: App| {
        let (admin, receiver) = (app.admin(), Receiver::start().await);
        let hook = made(&admin, receiver.hook(&["bot.*"])).await;
        new_bot(&admin, "Echo").await;
        delivery(&admin, &hook, "delivered").await;
        let older = "UPDATE webhook_deliveries SET created_at = created_at - $2 WHERE org_id = $1";

        age(&app, older, 29).await;
        assert_eq!(tidy(&app).await, json!({ "forgotten": 0, "disabled": 0 }));
        age(&app, older, 1).await;
        assert_eq!(tidy(&app).await, json!({ "forgotten": 1, "disabled": 0 }));

        assert_eq!(admin.get(format!("{}/deliveries", path(&hook))).await.data()["total"], 0);
    });
}

#[each_database]
fn a_webhook_that_failed_three_days_ago_and_never_since_is_switched_off() {
    hooked(async |app: App| {
        let (admin, receiver) = (app.admin(), Receiver::start().await);
        let mut watcher = Receiver::start().await;
        made(&admin, watcher.hook(&["webhook.disabled"])).await;
        let hook = made(&admin, receiver.hook(&["bot.*"])).await;
        receiver.answer_always(500);
        new_bot(&admin, "Echo").await;
        delivery(&admin, &hook, "failed").await;
        let earlier = "UPDATE webhooks SET failing_since = failing_since - $2
            WHERE org_id = $1 AND failing_since IS NOT NULL";

        age(&app, earlier, 2).await;
        assert_eq!(tidy(&app).await["disabled"], 0);
        age(&app, earlier, 1).await;
        assert_eq!(tidy(&app).await["disabled"], 1);

        let off = admin.get(path(&hook)).await.data();
        assert_eq!((&off["status"], &off["disabled_reason"]), (&json!("disabled"), &json!("failing")));
        assert_eq!(watcher.next().await.json()["data"]["webhook_id"], hook["webhook_id"]);
    });
}
