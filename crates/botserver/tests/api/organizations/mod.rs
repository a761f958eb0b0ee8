//! Organizations: making, changing, deciding, switching, deleting.

mod deletion;
mod members;

use crate::support::{Answer, App, Client, PASSWORD, Value, botserver_test, json, run_with};

pub(super) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// An organization of that name, and its owner acting in it.
pub(super) async fn found(app: &App, by: &Client, name: &str) -> (Value, Client) {
    let made = by.post("/organizations", json!({ "name": name })).await.assert_status(201).data();
    let acting = switch(app, by, &made).await;
    (made, acting)
}

/// The same person acting in that organization.
pub(super) async fn switch(app: &App, client: &Client, organization: &Value) -> Client {
    let to = json!({ "organization_id": organization["organization_id"] });
    let signed_in = client.post("/auth/switch-organization", to).await.assert_ok().data();
    app.with_token(text(&signed_in["access_token"]))
}

pub(super) fn path(organization: &Value) -> String {
    format!("/organizations/{}", text(&organization["organization_id"]))
}

/// A manager who may make organizations.
async fn founder(app: &App, name: &str) -> Client {
    app.user_with_role(name, "admin").await
}

#[botserver_test(balanced)]
async fn who_makes_an_organization_owns_it(app: App) {
    let ann = founder(&app, "ann").await;
    let me = ann.me().await;

    let new =
        json!({ "name": "  Bakers' Guild ", "description": "Bakes bread", "website": "https://example.com" });
    let made = ann.post("/organizations", new).await.assert_status(201);

    assert_eq!(made.header("location"), format!("/api/v1{}", path(&made.data())));
    let made = made.data();
    assert_eq!((text(&made["name"]), text(&made["slug"])), ("Bakers' Guild", "bakers-guild"));
    assert_eq!((&made["owner_id"], &made["member_count"]), (&me["user_id"], &json!(1)));
    assert_eq!(
        (text(&made["owner_member"]["role"]), &made["owner_member"]["home"]),
        ("owner", &json!(false))
    );
    assert_eq!(made["groups"].as_array().expect("groups").len(), 5);
    assert_eq!(made["roles"][0], "owner");
    let names: Vec<_> = ann.get("/organizations?sort=name").await.items();
    assert_eq!(names.iter().map(|one| text(&one["name"])).collect::<Vec<_>>(), ["Bakers' Guild", "Main"]);
    assert_eq!(ann.me().await["organization_id"], me["organization_id"], "the account stays where it is");
    app.user("bob").await.post("/organizations", json!({ "name": "x" })).await.assert_error(
        403,
        "FORBIDDEN",
        "",
    );
}

#[botserver_test]
async fn slugs_are_unique_and_made_of_names(app: App) {
    let ann = founder(&app, "ann").await;
    let make = async |body: Value| ann.post("/organizations", body).await;
    let slug = |made: Answer| text(&made.assert_status(201).data()["slug"]).to_owned();

    assert_eq!(slug(make(json!({ "name": "Guild" })).await), "guild");
    assert_eq!(slug(make(json!({ "name": "Guild" })).await), "guild-2");
    make(json!({ "name": "x", "slug": "guild" })).await.assert_error(409, "CONFLICT", "slug_taken");
    let wrong =
        json!({ "name": "", "slug": "A b", "logo_url": "http://x", "website": "x", "description": "a\nb" });
    make(wrong).await.assert_fields(&["description", "logo_url", "name", "slug", "website"]);
    make(json!({ "name": "x", "plan_id": "free" })).await.assert_fields(&["plan_id"]);
}

#[botserver_test(balanced)]
async fn an_organization_is_changed_by_who_acts_in_it(app: App) {
    let ann = founder(&app, "ann").await;
    let made = ann.post("/organizations", json!({ "name": "Guild" })).await.assert_status(201).data();
    let own = path(&made);
    let elsewhere = ann.patch(&own, json!({ "name": "x" })).await;
    elsewhere.assert_error(404, "NOT_FOUND", "");
    let etag = ann.get(&own).await.assert_ok().header("etag").to_owned();
    let there = switch(&app, &ann, &made).await;

    let patch = json!({ "name": "Bakers", "slug": "bakers", "description": "Bread" });
    let changed = there.with("if-match", &etag).patch(&own, patch).await.assert_ok().data();

    assert_eq!((text(&changed["slug"]), text(&changed["description"])), ("bakers", "Bread"));
    let stale = there.with("if-match", &etag).patch(&own, json!({ "description": null })).await;
    stale.assert_error(412, "PRECONDITION_FAILED", "");
    there.patch(&own, json!({ "name": null, "slug": null })).await.assert_fields(&["name", "slug"]);
    there.patch(&own, json!({ "slug": "main" })).await.assert_error(409, "CONFLICT", "slug_taken");
    app.admin().get(&own).await.assert_error(404, "NOT_FOUND", "");
    app.stranger("sue").await.get(&own).await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn switching_ends_the_session_and_begins_one_elsewhere(app: App) {
    founder(&app, "ann").await;
    let login = json!({ "username": "ann", "password": PASSWORD });
    let signed_in = app.anonymous().post("/auth/login", login).await.assert_ok().data();
    let here = app.with_token(text(&signed_in["access_token"]));
    let made = here.post("/organizations", json!({ "name": "Guild" })).await.assert_status(201).data();

    let to = json!({ "organization_id": made["organization_id"] });
    let switched = here.post("/auth/switch-organization", to).await.assert_ok().data();

    assert_eq!(switched["user"]["organization_id"], made["organization_id"]);
    assert_eq!(switched["user"]["role"], "owner");
    let there = app.with_token(text(&switched["access_token"]));
    assert_eq!(there.get("/users").await.data()["total"], 1);
    assert_eq!(there.get("/auth/verify").await.data()["organization_id"], made["organization_id"]);
    here.get("/users/me").await.assert_error(401, "UNAUTHORIZED", "session_ended");
    let refresh = async |tokens: &Value| {
        app.anonymous().post("/auth/refresh", json!({ "refresh_token": tokens["refresh_token"] })).await
    };
    refresh(&signed_in).await.assert_error(401, "UNAUTHORIZED", "session_ended");
    let renewed = refresh(&switched).await.assert_ok().data();
    let renewed = app.with_token(text(&renewed["access_token"]));
    assert_eq!(renewed.get("/auth/verify").await.data()["organization_id"], made["organization_id"]);
    let current = renewed.get("/users/me/organizations").await.items();
    assert!(current.iter().all(|one| one["current"] == (one["organization_id"] == made["organization_id"])));
}

#[botserver_test]
async fn nobody_switches_to_where_they_do_not_belong(app: App) {
    let (ann, bob) = (founder(&app, "ann").await, app.user("bob").await);
    let made = ann.post("/organizations", json!({ "name": "Guild" })).await.assert_status(201).data();
    let to = json!({ "organization_id": made["organization_id"] });

    bob.post("/auth/switch-organization", to).await.assert_error(404, "NOT_FOUND", "");

    let nowhere = json!({ "organization_id": "org_01h455vb4pex5vsknk084sn02q" });
    bob.post("/auth/switch-organization", nowhere).await.assert_error(404, "NOT_FOUND", "");
    bob.me().await;
}

#[botserver_test(balanced)]
async fn an_organization_says_which_addresses_it_takes_and_how_many_people(app: App) {
    let admin = app.admin();
    let org = json!({ "organization_id": admin.me().await["organization_id"] });
    let settings = format!("{}/settings", path(&org));
    let defaults = json!({
        "allowed_email_domains": [], "default_user_role": "member", "max_members": 0, "ip_whitelist": [],
    });
    assert_eq!(admin.get(&settings).await.assert_ok().data(), defaults);
    let create = async |name: &str, domain: &str| {
        admin.post("/users", json!({ "username": name, "email": format!("{name}@{domain}") })).await
    };

    let patch =
        json!({ "allowed_email_domains": ["Example.com"], "max_members": 2, "default_user_role": "viewer" });
    let changed = admin.patch(&settings, patch).await.assert_ok().data();

    assert_eq!(changed["allowed_email_domains"], json!(["example.com"]));
    let refused = create("eve", "example.org").await;
    refused.assert_error(422, "VALIDATION_ERROR", "email_domain_not_allowed");
    let made = create("ann", "example.com").await.assert_status(201).data();
    assert_eq!(made["roles"], json!(["viewer"]));
    let full = create("bob", "example.com").await.assert_error(409, "CONFLICT", "member_limit");
    assert_eq!(full["details"]["max_members"], 2);
    let elsewhere = json!({ "email": "ann@example.org" });
    let refused = admin.patch(format!("/users/{}", text(&made["user_id"])), elsewhere).await;
    refused.assert_error(422, "VALIDATION_ERROR", "email_domain_not_allowed");
    let wrong = json!({
        "allowed_email_domains": ["no domain"], "default_user_role": "wizard", "ip_whitelist": ["home"],
    });
    admin.patch(&settings, wrong).await.assert_fields(&[
        "allowed_email_domains",
        "default_user_role",
        "ip_whitelist",
    ]);
    admin.patch(&settings, json!({ "sso_enabled": true })).await.assert_fields(&["sso_enabled"]);
    let cleared = json!({
        "allowed_email_domains": null, "default_user_role": null, "max_members": null, "ip_whitelist": null,
    });
    assert_eq!(admin.patch(&settings, cleared).await.assert_ok().data(), defaults);
}

#[botserver_test]
async fn nobody_makes_others_more_than_they_could(app: App) {
    let boss = app.user_with_role("boss", "admin").await;
    let org = json!({ "organization_id": boss.me().await["organization_id"] });
    let settings = format!("{}/settings", path(&org));

    boss.patch(&settings, json!({ "default_user_role": "owner" })).await.assert_error(
        403,
        "FORBIDDEN",
        "level_too_high",
    );
    let ann = app.user("ann").await;
    ann.get(&settings).await.assert_error(403, "FORBIDDEN", "");
    ann.patch(&settings, json!({ "max_members": 1 })).await.assert_error(403, "FORBIDDEN", "");
}

#[test]
fn an_organization_is_used_from_its_networks_from_the_next_request_on() {
    let change = |config: &mut botserver::Config| {
        config.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    };
    run_with(change, async |app: App| {
        let from = |client: &Client, address: &str| client.with("x-forwarded-for", address);
        let (admin, ann, sue) = (app.admin(), app.user("ann").await, app.stranger("sue").await);
        let org = json!({ "organization_id": admin.me().await["organization_id"] });
        let settings = format!("{}/settings", path(&org));
        let key = json!({ "name": "Program", "scopes": ["users:read"] });
        let key = ann.post("/api-keys", key).await.assert_status(201).data();
        let program = app.with_token(text(&key["api_key"]));
        from(&ann, "198.51.100.1").get("/users/me").await.assert_ok();
        let patch = json!({ "ip_whitelist": ["203.0.113.0/24"] });

        let outside = from(&admin, "198.51.100.1").patch(&settings, patch.clone()).await;
        outside.assert_error(409, "CONFLICT", "ip_not_allowed");
        from(&ann, "198.51.100.1").get("/users/me").await.assert_ok();
        from(&admin, "203.0.113.7").patch(&settings, patch).await.assert_ok();

        from(&ann, "203.0.113.9").get("/users/me").await.assert_ok();
        from(&ann, "198.51.100.1").get("/users/me").await.assert_error(403, "FORBIDDEN", "ip_not_allowed");
        from(&program, "203.0.113.9").get("/users").await.assert_ok();
        from(&program, "198.51.100.1").get("/users").await.assert_error(403, "FORBIDDEN", "ip_not_allowed");
        from(&sue, "198.51.100.1").get("/users/me").await.assert_ok();
        from(&admin, "203.0.113.7").patch(&settings, json!({ "ip_whitelist": null })).await.assert_ok();
        from(&ann, "198.51.100.1").get("/users/me").await.assert_ok();
    });
}
