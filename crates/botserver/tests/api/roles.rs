//! Roles: what they allow, who has them, and how that is explained.

use crate::support::{App, Client, Value, botserver_test, json};

async fn id_of(client: &Client) -> String {
    client.me().await["user_id"].as_str().expect("an id").to_owned()
}

/// Which permissions does the caller have?
async fn may(client: &Client, permission: &str) -> bool {
    client.get(format!("/users/me/permissions/{permission}")).await.assert_ok().data()["granted"] == true
}

#[botserver_test]
async fn a_role_allows_what_it_and_its_parents_say_from_the_next_request_on(app: App) {
    let (admin, ann) = (app.admin(), app.user_with_role("ann", "guest").await);
    let path = format!("/users/{}/roles", id_of(&ann).await);
    ann.get("/users").await.assert_error(403, "FORBIDDEN", "");

    let base = json!({ "name": "reader", "permissions": ["users.read"], "hierarchy_level": 20 });
    admin.post("/roles", base).await.assert_status(201);
    let desk = json!({ "name": "front-desk", "display_name": "Front desk", "parent_roles": ["reader"] });
    let desk = admin.post("/roles", desk).await.assert_status(201);
    assert!(desk.header("location").starts_with("/api/v1/roles/rol_"));
    let desk = desk.data();
    assert_eq!(
        (&desk["hierarchy_level"], &desk["system"], &desk["effective_permissions"]),
        (&json!(50), &json!(false), &json!(["users:read"]))
    );
    admin.post(&path, json!({ "role_id": "front-desk" })).await.assert_status(201);

    ann.get("/users").await.assert_ok();
    let told = ann.get("/users/me/permissions/users.read").await.assert_ok().data();
    assert_eq!((&told["granted"], &told["source"]), (&json!(true), &json!("role:front-desk")));

    admin.patch("/roles/reader", json!({ "permissions": [] })).await.assert_ok();
    ann.get("/users").await.assert_status(403);
    admin.patch("/roles/reader", json!({ "permissions": ["users:*"] })).await.assert_ok();
    ann.get("/users").await.assert_ok();

    admin.delete(format!("{path}/front-desk")).await.assert_status(204);
    ann.get("/users").await.assert_status(403);
}

#[botserver_test]
async fn a_role_that_is_in_use_goes_only_where_another_takes_its_place(app: App) {
    let (admin, ann) = (app.admin(), app.user_with_role("ann", "guest").await);
    let path = format!("/users/{}/roles", id_of(&ann).await);
    for (name, parents) in [("base", json!([])), ("top", json!(["base"])), ("other", json!([]))] {
        let role = json!({ "name": name, "parent_roles": parents, "permissions": ["kb:read"] });
        admin.post("/roles", role).await.assert_status(201);
    }
    admin.post(&path, json!({ "role_id": "base" })).await.assert_status(201);

    let refused = admin.delete("/roles/base").await.assert_error(409, "CONFLICT", "role_in_use");
    assert_eq!((&refused["details"]["members"], &refused["details"]["roles"]), (&json!(1), &json!(1)));
    admin.delete("/roles/base?reassign_to=base").await.assert_fields(&["reassign_to"]);
    admin.delete("/roles/base?reassign_to=other").await.assert_status(204);

    admin.get("/roles/base").await.assert_status(404);
    assert_eq!(admin.get("/roles/top").await.data()["parent_roles"], json!(["other"]));
    assert_eq!(admin.get("/roles/other").await.data()["member_count"], 1);
    let names: Vec<_> =
        ann.get("/users/me/roles").await.items().iter().map(|role| role["name"].clone()).collect();
    assert_eq!(names, ["other", "guest"]);
}

#[botserver_test]
async fn what_is_wrong_with_a_role_is_said(app: App) {
    let admin = app.admin();
    let create = async |role: Value| admin.post("/roles", role).await;

    create(json!({ "name": "member" })).await.assert_error(409, "CONFLICT", "role_name_taken");
    create(json!({ "name": "a" })).await.assert_status(201);
    create(json!({ "name": "a" })).await.assert_error(409, "CONFLICT", "role_name_taken");
    create(json!({ "name": "A b", "hierarchy_level": 100, "parent_roles": ["nobody"] }))
        .await
        .assert_fields(&["hierarchy_level", "name", "parent_roles"]);
    let unknown = create(json!({ "name": "b", "permissions": ["bots:fly"] })).await;
    unknown.assert_error(422, "VALIDATION_ERROR", "unknown_permission");
    admin.patch("/roles/admin", json!({ "permissions": [] })).await.assert_error(
        409,
        "CONFLICT",
        "system_role",
    );
    admin.delete("/roles/owner").await.assert_error(409, "CONFLICT", "system_role");
    create(json!({ "name": "b", "parent_roles": ["a"] })).await.assert_status(201);
    admin.patch("/roles/a", json!({ "parent_roles": ["b"] })).await.assert_error(
        409,
        "CONFLICT",
        "role_cycle",
    );
    let tag = admin.get("/roles/a").await.assert_ok().header("etag").to_owned();
    admin.with("if-match", &tag).patch("/roles/a", json!({ "description": "x" })).await.assert_ok();
    admin.with("if-match", &tag).delete("/roles/a").await.assert_status(412);
}

#[botserver_test]
async fn nobody_shapes_or_gives_a_role_beyond_themselves(app: App) {
    let (admin, boss) = (app.admin(), app.user_with_role("boss", "admin").await);
    let ann = id_of(&app.user_with_role("ann", "guest").await).await;
    admin.post("/roles", json!({ "name": "high", "hierarchy_level": 95 })).await.assert_status(201);
    admin.post("/roles", json!({ "name": "ender", "permissions": ["org:delete"] })).await.assert_status(201);
    admin.post("/roles", json!({ "name": "low", "hierarchy_level": 20 })).await.assert_status(201);

    let too_high = |answer: crate::support::Answer| answer.assert_error(403, "FORBIDDEN", "level_too_high");
    too_high(boss.post("/roles", json!({ "name": "x", "hierarchy_level": 90 })).await);
    too_high(boss.post("/roles", json!({ "name": "x", "permissions": ["*"] })).await);
    too_high(boss.post("/roles", json!({ "name": "x", "parent_roles": ["ender"] })).await);
    too_high(boss.patch("/roles/high", json!({ "hierarchy_level": 10 })).await);
    too_high(boss.patch("/roles/low", json!({ "hierarchy_level": 95 })).await);
    too_high(boss.delete("/roles/ender").await);
    for role in ["high", "ender", "owner", "admin"] {
        too_high(boss.post(format!("/users/{ann}/roles"), json!({ "role_id": role })).await);
    }
    let changes =
        json!({ "changes": [{ "role": "low", "add": ["kb:read"] }, { "role": "high", "add": ["kb:read"] }] });
    too_high(boss.patch("/permissions", changes).await);
    assert_eq!(boss.get("/roles/low").await.data()["permissions"], json!([]), "all or nothing");
    boss.post(format!("/users/{ann}/roles"), json!({ "role_id": "low" })).await.assert_status(201);
}

#[botserver_test]
async fn permissions_of_several_roles_change_together(app: App) {
    let admin = app.admin();
    for (name, permissions) in [("a", json!(["bots:*"])), ("b", json!(["kb:read"]))] {
        admin.post("/roles", json!({ "name": name, "permissions": permissions })).await.assert_status(201);
    }

    let changed = json!({ "changes": [
        { "role": "a", "add": ["files:read"] }, { "role": "b", "add": ["kb:write"], "remove": ["kb.read"] },
    ] });
    let roles = admin.patch("/permissions", changed).await.assert_ok().items();
    assert_eq!(roles[0]["permissions"], json!(["bots:*", "files:read"]));
    assert_eq!(roles[1]["effective_permissions"], json!(["kb:write"]));

    let covered =
        json!({ "changes": [{ "role": "b", "add": ["kb:read"] }, { "role": "a", "remove": ["bots:use"] }] });
    admin.patch("/permissions", covered).await.assert_fields(&["changes"]);
    assert_eq!(admin.get("/roles/b").await.data()["permissions"], json!(["kb:write"]));
    let known = admin.get("/permissions?filter[category]=kb").await.assert_ok().items();
    assert_eq!(known.len(), 3);
    assert_eq!((&known[0]["permission"], &known[0]["category"]), (&json!("kb:admin"), &json!("kb")));
}

#[botserver_test]
async fn the_list_holds_the_server_s_roles_and_one_s_own(app: App) {
    let admin = app.admin();
    admin.post("/roles", json!({ "name": "desk", "hierarchy_level": 99 })).await.assert_status(201);

    let names: Vec<_> =
        admin.get("/roles?limit=3").await.items().iter().map(|role| role["name"].clone()).collect();
    assert_eq!(names, ["owner", "desk", "admin"]);
    assert_eq!(admin.get("/roles?filter[system]=false").await.data()["total"], 1);
    let stranger = app.stranger("sue").await;
    assert_eq!(stranger.get("/roles?filter[system]=false").await.data()["total"], 0);
    stranger.get("/roles/desk").await.assert_status(404);
    app.user_with_role("gus", "guest").await.get("/roles").await.assert_status(403);
}

#[botserver_test]
async fn a_role_is_given_replaced_and_taken(app: App) {
    let (admin, ann) = (app.admin(), app.user("ann").await);
    let path = format!("/users/{}/roles", id_of(&ann).await);

    let past = json!({ "role_id": "wizard", "expires_at": "2001-01-01T00:00:00Z" });
    admin.post(&path, past).await.assert_fields(&["expires_at", "role_id"]);
    let given = json!({ "role_id": "auditor", "expires_at": "2099-01-01T00:00:00Z" });
    let given = admin.post(&path, given).await.assert_status(201).data();
    assert_eq!((&given["source"], &given["expires_at"]), (&json!("direct"), &json!("2099-01-01T00:00:00Z")));
    assert!(may(&ann, "audit:read").await);

    let set = admin.put(&path, json!({ "roles": ["manager", "auditor"] })).await.assert_ok().items();
    let names: Vec<_> = set.iter().map(|role| role["name"].clone()).collect();
    assert_eq!(
        (names, &set[1]["expires_at"]),
        (vec![json!("manager"), json!("auditor")], &json!("2099-01-01T00:00:00Z"))
    );
    admin.delete(format!("{path}/member")).await.assert_status(404);
    admin.delete(format!("{path}/auditor")).await.assert_status(204);
    assert!(!may(&ann, "audit:read").await);

    ann.get(format!("/users/{}/roles", id_of(&admin).await)).await.assert_status(403);
    ann.post(&path, json!({ "role_id": "owner" })).await.assert_status(403);
    let told = ann.get("/users/me/permissions").await.assert_ok().data();
    assert_eq!((&told["direct_roles"], &told["groups"]), (&json!(["manager"]), &json!(["Everyone"])));
    let kinds = app.audit_details("role_changed").await;
    assert_eq!(kinds[0]["expires_at"], "2099-01-01T00:00:00Z");
}

#[botserver_test]
async fn an_organization_keeps_an_owner_whose_role_does_not_end(app: App) {
    let admin = app.admin();
    let own = format!("/users/{}/roles", id_of(&admin).await);
    let soon = json!({ "role_id": "owner", "expires_at": "2099-01-01T00:00:00Z" });

    admin.post(&own, soon.clone()).await.assert_error(409, "CONFLICT", "self_demotion");
    admin.put(&own, json!({ "roles": ["member"] })).await.assert_error(409, "CONFLICT", "self_demotion");
    let second = app.user_with_role("second", "owner").await;
    let theirs = format!("/users/{}/roles", id_of(&second).await);
    admin.post(&theirs, soon).await.assert_status(201);
    second.delete(format!("{own}/owner")).await.assert_error(409, "CONFLICT", "last_owner");
    admin.delete(format!("{theirs}/owner")).await.assert_status(204);
}

#[botserver_test]
async fn of_two_owners_who_take_each_other_s_role_at_once_one_stays(app: App) {
    let (one, two) = (app.admin(), app.user_with_role("second", "owner").await);
    let (first, second) = (id_of(&one).await, id_of(&two).await);

    let (a, b) = tokio::join!(
        one.delete(format!("/users/{second}/roles/owner")),
        two.delete(format!("/users/{first}/roles/owner")),
    );

    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    // Whoever comes second is no owner any more, or would be the last one.
    assert!(statuses[0] == 204 && [403, 409].contains(&statuses[1]), "{statuses:?}");
}

#[botserver_test]
async fn one_s_organizations_are_one_s_own_to_know(app: App) {
    let ann = app.user("ann").await;
    let own = ann.get("/users/me/organizations").await.assert_ok().items();
    assert_eq!((own.len(), &own[0]["current"], &own[0]["role"]), (1, &json!(true), &json!("member")));

    let id = id_of(&ann).await;
    assert_eq!(app.admin().get(format!("/users/{id}/organizations")).await.assert_ok().items().len(), 1);
    let stranger = app.stranger("sue").await;
    for what in ["roles", "permissions", "permissions/bots:use", "groups", "organizations"] {
        stranger.get(format!("/users/{id}/{what}")).await.assert_status(404);
    }
    stranger.put(format!("/users/{id}/roles"), json!({ "roles": [] })).await.assert_status(404);
}

#[botserver_test]
async fn a_private_bot_lets_in_who_has_a_role_of_the_organization(app: App) {
    let (admin, ann) = (app.admin(), app.user("ann").await);
    admin.post("/roles", json!({ "name": "desk" })).await.assert_status(201);
    let bot = app.bot("Shop", "TALK \"hi\"").await;
    admin
        .put("/bots/shop/access", json!({ "visibility": "private", "allowed_roles": ["desk"] }))
        .await
        .assert_ok();
    ann.get("/bots/shop").await.assert_status(404);

    admin
        .post(format!("/users/{}/roles", id_of(&ann).await), json!({ "role_id": "desk" }))
        .await
        .assert_status(201);

    ann.converse(&bot).await;
    assert_eq!(admin.get("/bots/shop/access").await.data()["allowed_roles"], json!(["desk"]));
}
