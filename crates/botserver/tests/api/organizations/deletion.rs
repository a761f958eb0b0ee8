//! Deleting an organization, and what is left of it: nothing.

use std::collections::BTreeMap;

use kernel::id::OrganizationId;
use platform::db::{DbError, TableOfOrganizations, Unit};

use super::{found, path, switch, text};
use crate::support::{App, Client, PASSWORD, Value, botserver_test, json, until, zip_of};

const START: &str = "\
TABLE people
    name string
    age integer
END TABLE
SET SCHEDULE \"0 9 * * *\" \"2040-05-01\" \"tick\" \"later\"
SET BOT MEMORY \"visits\", 1
SET USER MEMORY \"likes\", \"bread\"
SAVE \"people\", \"Cy\", 50
TALK \"Who?\"
HEAR name
TALK name
";

/// The tables that have rows of the organization, with how many.
async fn rows_of(app: &App, org: OrganizationId) -> BTreeMap<String, i64> {
    let counted = app.database().write(org, |unit| {
        let tables = unit.tables_of_organizations()?;
        assert!(tables.len() > 30, "only {} tables have an organization", tables.len());
        let count = |table| Ok((TableOfOrganizations::name(table).to_owned(), unit.count_rows(table)?));
        tables.iter().map(count).collect::<Result<BTreeMap<_, _>, DbError>>()
    });
    let mut counted = counted.await.expect("counts");
    counted.retain(|_, rows| *rows > 0);
    counted
}

/// How many tables scripts have made in the server.
async fn made_tables(app: &App, org: OrganizationId) -> usize {
    fn listed(unit: &Unit<'_>) -> Result<Vec<TableOfOrganizations>, DbError> {
        unit.tables_of_organizations()
    }
    app.database()
        .write(org, listed)
        .await
        .expect("tables")
        .iter()
        .filter(|table| table.name().starts_with("rows_"))
        .count()
}

/// Gives an organization some of everything.
async fn fill(app: &App, owner: &Client) {
    let bot = owner.post("/bots", json!({ "name": "Guild bot" })).await.assert_status(201).data();
    let package = zip_of(&[
        ("test.gbdialog/start.bas", START.as_bytes()),
        ("test.gbdialog/tick.bas", "TALK \"Tick\"".as_bytes()),
    ]);
    owner.put_zip(format!("/bots/{}/package", text(&bot["bot_id"])), package).await.assert_ok();
    let conversation = owner.converse(&bot).await;
    owner.say(&conversation, "Ann").await;
    let webhook = json!({ "url": "https://example.com/hook", "events": ["user.suspended"] });
    owner.post("/webhooks", webhook).await.assert_status(201);
    let role = owner.post("/roles", json!({ "name": "desk" })).await.assert_status(201).data();
    let above = owner.post("/groups", json!({ "name": "Above" })).await.assert_status(201).data();
    let below = json!({ "name": "Below", "parent_id": above["group_id"] });
    owner.post("/groups", below).await.assert_status(201);
    let key = json!({ "name": "Program", "scopes": ["users:read"] });
    owner.post("/api-keys", key).await.assert_status(201);
    owner.post("/audit/export", json!({ "format": "json" })).await.assert_status(202);
    owner.patch("/settings/security", json!({ "session_policy": { "max_sessions": 5 } })).await.assert_ok();
    let new = json!({ "username": "bea", "email": "bea@example.com", "password": PASSWORD, "roles": [role["role_id"]] });
    owner.post("/users", new).await.assert_status(201);
    app.anonymous().sign_in("bea", PASSWORD).await;
}

#[botserver_test]
async fn nothing_is_left_of_a_deleted_organization(app: App) {
    let ann = app.user_with_role("ann", "admin").await;
    let (made, owner) = found(&app, &ann, "Guild").await;
    let org: OrganizationId = text(&made["organization_id"]).parse().expect("an id");
    // A database that other tests used may still have some of theirs.
    let tables = made_tables(&app, org).await;
    fill(&app, &owner).await;
    let before = rows_of(&app, org).await;
    assert!(before.len() >= 15, "{before:?}");
    assert_eq!(made_tables(&app, org).await, tables + 1);
    let of_others = rows_of(&app, app.organization().await).await;
    let own = path(&made);

    owner.delete(&own).await.assert_error(409, "CONFLICT", "confirmation_mismatch");
    owner.delete(format!("{own}?confirmation=guild")).await.assert_error(
        409,
        "CONFLICT",
        "confirmation_mismatch",
    );
    assert_eq!(rows_of(&app, org).await.get("members"), before.get("members"));
    let accepted = owner.delete(format!("{own}?confirmation=Guild")).await.assert_status(202).data();

    owner.get("/users/me").await.assert_error(401, "UNAUTHORIZED", "session_ended");
    let login = json!({ "username": "bea", "password": PASSWORD });
    assert_ne!(app.anonymous().post("/auth/login", login.clone()).await.status.as_u16(), 200);
    let ann = app.with_token(&app.anonymous().sign_in("ann", PASSWORD).await);
    let job = format!("/jobs/{}", text(&accepted["job_id"]));
    until(&ann, &job, "completed").await;
    assert_eq!(rows_of(&app, org).await, BTreeMap::new());
    assert_eq!(made_tables(&app, org).await, tables);
    app.anonymous().post("/auth/login", login).await.assert_error(401, "UNAUTHORIZED", "invalid_credentials");
    ann.get(&own).await.assert_error(404, "NOT_FOUND", "");
    assert_eq!(app.audited("organization_deleted").await, 1);
    let still: Vec<_> = rows_of(&app, app.organization().await).await.into_keys().collect();
    assert!(of_others.keys().all(|table| still.contains(table)), "nothing of others went: {still:?}");
    // Its names are free again.
    let again = ann.post("/organizations", json!({ "name": "Guild" })).await.assert_status(201).data();
    assert_eq!(again["slug"], "guild");
}

#[botserver_test]
async fn the_first_organization_stays(app: App) {
    let admin = app.admin();
    let first = json!({ "organization_id": admin.me().await["organization_id"] });

    let refused = admin.delete(format!("{}?confirmation=Main", path(&first))).await;

    refused.assert_error(409, "CONFLICT", "first_organization");
    let boss = app.user_with_role("boss", "admin").await;
    let refused = boss.delete(format!("{}?confirmation=Main", path(&first))).await;
    refused.assert_error(403, "FORBIDDEN", "");
}

#[botserver_test]
async fn whose_home_goes_has_their_account_elsewhere(app: App) {
    let ann = app.user_with_role("ann", "admin").await;
    let (made, owner) = found(&app, &ann, "Guild").await;
    let new =
        json!({ "username": "bea", "email": "bea@example.com", "password": PASSWORD, "roles": ["admin"] });
    owner.post("/users", new).await.assert_status(201);
    let bea = app.with_token(&app.anonymous().sign_in("bea", PASSWORD).await);
    let (shop, bea) = found(&app, &bea, "Shop").await;

    let accepted =
        owner.delete(format!("{}?confirmation=Guild", path(&made))).await.assert_status(202).data();

    let ann = app.with_token(&app.anonymous().sign_in("ann", PASSWORD).await);
    until(&ann, &format!("/jobs/{}", text(&accepted["job_id"])), "completed").await;
    assert_eq!(bea.me().await["organization_id"], shop["organization_id"]);
    let again = app.with_token(&app.anonymous().sign_in("bea", PASSWORD).await);
    assert_eq!(again.get("/organizations").await.data()["total"], 1);
    let _: Value = switch(&app, &again, &shop).await.me().await;
}
