//! Groups: who is in them, and what they allow.

use crate::support::{App, Client, Value, botserver_test, json};

async fn id_of(client: &Client) -> String {
    client.me().await["user_id"].as_str().expect("an id").to_owned()
}

async fn make(client: &Client, group: Value) -> String {
    let made = client.post("/groups", group).await.assert_status(201).data();
    made["group_id"].as_str().expect("an id").to_owned()
}

async fn join(admin: &Client, group: &str, user: &str) {
    admin.post(format!("/groups/{group}/members"), json!({ "user_id": user })).await.assert_status(201);
}

async fn may(client: &Client, permission: &str) -> bool {
    client.get(format!("/users/me/permissions/{permission}")).await.assert_ok().data()["granted"] == true
}

async fn names(client: &Client, path: &str) -> Vec<String> {
    let mut names: Vec<_> = client
        .get(path)
        .await
        .assert_ok()
        .items()
        .iter()
        .map(|item| item["username"].as_str().or(item["name"].as_str()).expect("a name").to_owned())
        .collect();
    names.sort();
    names
}

#[botserver_test]
async fn what_a_group_allows_its_members_may_from_the_next_request_on(app: App) {
    let (admin, ann) = (app.admin(), app.user("ann").await);
    let user = id_of(&ann).await;
    let desk = make(&admin, json!({ "name": "Desk", "permissions": ["audit:read"] })).await;
    assert!(!may(&ann, "audit:read").await);

    join(&admin, &desk, &user).await;
    let told = ann.get("/users/me/permissions/audit:read").await.assert_ok().data();
    assert_eq!((&told["granted"], &told["source"]), (&json!(true), &json!("group:Desk")));

    let path = format!("/groups/{desk}/permissions");
    admin.patch(&path, json!({ "add": ["audit:export"], "remove": ["audit:read"] })).await.assert_ok();
    assert!(!may(&ann, "audit:read").await && may(&ann, "audit:export").await);

    let member = format!("/groups/{desk}/members/{user}");
    admin.patch(&member, json!({ "status": "suspended" })).await.assert_ok();
    assert!(!may(&ann, "audit:export").await);
    ann.get(format!("/groups/{desk}")).await.assert_status(404);
    admin.patch(&member, json!({ "status": "active" })).await.assert_ok();
    assert!(may(&ann, "audit:export").await);
    admin.delete(&member).await.assert_status(204);
    assert!(!may(&ann, "audit:export").await);
}

#[botserver_test]
async fn permissions_flow_down_and_members_too_where_the_child_says_so(app: App) {
    let (admin, ann, bob) = (app.admin(), app.user("ann").await, app.user("bob").await);
    let top = make(&admin, json!({ "name": "Top", "permissions": ["audit:read"] })).await;
    let child =
        make(&admin, json!({ "name": "Child", "parent_id": top, "permissions": ["audit:export"] })).await;
    join(&admin, &child, &id_of(&ann).await).await;
    join(&admin, &top, &id_of(&bob).await).await;
    assert!(may(&ann, "audit:read").await, "of the parent");
    assert!(!may(&bob, "audit:export").await, "of the child");

    let path = format!("/groups/{child}");
    admin.patch(&path, json!({ "inherit_permissions": false, "inherit_members": true })).await.assert_ok();

    assert!(!may(&ann, "audit:read").await && may(&bob, "audit:export").await);
    assert_eq!(names(&bob, &format!("{path}/members")).await, ["admin", "ann", "bob"]);
    let inherited = bob.get(format!("{path}/members/me")).await.assert_ok().data();
    assert_eq!((&inherited["inherited"], &inherited["status"]), (&json!(true), &json!("active")));
    let remove = format!("{path}/members/{}", id_of(&bob).await);
    admin.delete(&remove).await.assert_error(409, "CONFLICT", "inherited_member");
    let own = bob.get("/users/me/groups").await.assert_ok().items();
    let shown: Vec<_> = own.iter().map(|group| (group["name"].clone(), group["inherited"].clone())).collect();
    assert_eq!(
        shown,
        [(json!("Child"), json!(true)), (json!("Everyone"), json!(true)), (json!("Top"), json!(false))]
    );
}

#[botserver_test]
async fn a_private_group_is_none_for_those_outside(app: App) {
    let (ann, bob) = (app.user_with_role("ann", "manager").await, app.user("bob").await);
    let private = make(&ann, json!({ "name": "Secret" })).await;
    let public = make(&ann, json!({ "name": "Open", "visibility": "public" })).await;

    for path in ["", "/members", "/members/me", "/roles", "/permissions", "/subgroups", "/join-requests"] {
        bob.get(format!("/groups/{private}{path}")).await.assert_error(404, "NOT_FOUND", "");
    }
    bob.post(format!("/groups/{private}/join-requests"), json!({})).await.assert_status(404);
    bob.patch(format!("/groups/{private}"), json!({ "name": "x" })).await.assert_status(404);
    bob.get(format!("/groups/{public}")).await.assert_ok();
    bob.get(format!("/groups/{public}/members")).await.assert_error(403, "FORBIDDEN", "members_only");
    bob.patch(format!("/groups/{public}"), json!({ "name": "x" })).await.assert_error(
        403,
        "FORBIDDEN",
        "group_admins_only",
    );
    bob.delete(format!("/groups/{public}")).await.assert_error(403, "FORBIDDEN", "group_owners_only");
    assert_eq!(names(&bob, "/groups").await, ["Everyone", "Open"]);
}

#[botserver_test]
async fn groups_are_listed_filtered_and_searched(app: App) {
    let (admin, ann) = (app.admin(), app.user("ann").await);
    let user = id_of(&ann).await;
    let top =
        make(&admin, json!({ "name": "Alpha", "description": "The front desk", "type": "department" })).await;
    make(&admin, json!({ "name": "Beta", "parent_id": top, "visibility": "public" })).await;
    join(&admin, &top, &user).await;

    assert_eq!(admin.get("/groups").await.assert_ok().data()["total"], 7);
    assert_eq!(names(&admin, "/groups?search=front").await, ["Alpha"]);
    assert_eq!(names(&admin, "/groups?search=be").await, ["Beta"]);
    assert_eq!(names(&admin, "/groups?filter[type]=department").await, ["Alpha"]);
    assert_eq!(names(&admin, &format!("/groups?filter[parent_id]={top}")).await, ["Beta"]);
    assert_eq!(names(&admin, &format!("/groups?filter[member]={user}")).await, ["Alpha"]);
    assert_eq!(names(&ann, &format!("/groups?filter[member]={user}")).await, ["Alpha"]);
    let other = id_of(&admin).await;
    ann.get(format!("/groups?filter[member]={other}")).await.assert_status(403);
    let first = admin.get("/groups?sort=member_count&limit=1").await.assert_ok().items();
    assert_eq!(
        (&first[0]["name"], &first[0]["member_count"], &first[0]["my_role"]),
        (&json!("Alpha"), &json!(2), &json!("owner"))
    );
    assert_eq!(names(&ann, &format!("/groups/{top}/subgroups")).await, ["Beta"]);
}

#[botserver_test]
async fn groups_stand_above_each_other_without_circles_eight_at_the_most(app: App) {
    let admin = app.admin();
    let mut line = vec![make(&admin, json!({ "name": "0" })).await];
    for depth in 1..8 {
        let below = format!("/groups/{}/subgroups", line[depth - 1]);
        let made = admin.post(below, json!({ "name": depth.to_string() })).await.assert_status(201).data();
        line.push(made["group_id"].as_str().expect("an id").to_owned());
    }
    let deepest = format!("/groups/{}/subgroups", line[7]);

    admin.post(&deepest, json!({ "name": "8" })).await.assert_error(409, "CONFLICT", "depth_exceeded");
    let move_to = async |at: usize, parent: &str| {
        admin.patch(format!("/groups/{}", line[at]), json!({ "parent_id": parent })).await
    };
    move_to(0, &line[7]).await.assert_error(409, "CONFLICT", "group_cycle");
    move_to(3, &line[3]).await.assert_error(409, "CONFLICT", "group_cycle");
    let other = make(&admin, json!({ "name": "other" })).await;
    move_to(0, &other).await.assert_error(409, "CONFLICT", "depth_exceeded");
    move_to(7, &other).await.assert_ok();
    let twin = json!({ "name": " OTHER " });
    admin.post("/groups", twin).await.assert_error(409, "CONFLICT", "group_name_taken");

    let path = format!("/groups/{}", line[0]);
    admin.delete(&path).await.assert_error(409, "CONFLICT", "has_subgroups");
    admin.delete(format!("{path}?cascade=true")).await.assert_status(204);
    admin.get(format!("/groups/{}", line[6])).await.assert_status(404);
    admin.get(format!("/groups/{}", line[7])).await.assert_ok();
}

#[botserver_test]
async fn who_lets_somebody_in_has_what_they_give(app: App) {
    let (admin, ann) = (app.admin(), app.user("ann").await);
    let helper = app.user_with_role("helper", "member").await;
    let (user, helps) = (id_of(&ann).await, id_of(&helper).await);
    admin.post(format!("/users/{helps}/roles"), json!({ "role_id": "user_admin" })).await.assert_status(201);
    let all = admin.get("/groups?search=administrators").await.assert_ok().items();
    let administrators = all[0]["group_id"].as_str().expect("an id").to_owned();
    let strong = make(&admin, json!({ "name": "Strong", "permissions": ["audit:read"] })).await;
    let too_high = |answer: crate::support::Answer| answer.assert_error(403, "FORBIDDEN", "level_too_high");

    for group in [&administrators, &strong] {
        too_high(helper.post(format!("/groups/{group}/members"), json!({ "user_id": helps })).await);
        let several = json!({ "members": [{ "user_id": helps }] });
        too_high(helper.post(format!("/groups/{group}/members/bulk"), several).await);
        let weaker = json!({ "settings": { "require_approval": false }, "visibility": "public" });
        too_high(helper.patch(format!("/groups/{group}"), weaker).await);
    }
    helper.post("/groups", json!({ "name": "Mine" })).await.assert_status(201);
    too_high(helper.post("/groups", json!({ "name": "Own", "permissions": ["audit:read"] })).await);
    too_high(helper.post("/groups", json!({ "name": "Below", "parent_id": strong })).await);
    let boss = app.user_with_role("boss", "admin").await;
    too_high(boss.post(format!("/groups/{administrators}/members"), json!({ "user_id": user })).await);

    join(&admin, &administrators, &user).await;
    let now = ann.get("/users/me/permissions").await.assert_ok().data();
    assert_eq!(now["group_roles"], json!(["admin"]));
    let roles = ann.get("/users/me/roles?filter[source]=group").await.assert_ok().items();
    assert_eq!((&roles[0]["name"], &roles[0]["source_name"]), (&json!("admin"), &json!("Administrators")));
    too_high(helper.patch(format!("/users/{user}"), json!({ "email": "x@example.com" })).await);
}

#[botserver_test]
async fn owners_make_owners_and_one_stays(app: App) {
    let (ann, bob) = (app.user_with_role("ann", "manager").await, app.user("bob").await);
    let (owner, other) = (id_of(&ann).await, id_of(&bob).await);
    let group = make(&ann, json!({ "name": "Team" })).await;
    let members = format!("/groups/{group}/members");
    let as_admin = json!({ "user_id": other, "role": "admin" });
    ann.post(&members, as_admin.clone()).await.assert_status(201);
    ann.post(&members, as_admin).await.assert_error(409, "CONFLICT", "member_exists");
    ann.post(&members, json!({ "user_id": other, "role": "wizard" })).await.assert_fields(&["role"]);
    let stranger = id_of(&app.stranger("sue").await).await;
    ann.post(&members, json!({ "user_id": stranger })).await.assert_fields(&["user_id"]);

    bob.patch(format!("{members}/me"), json!({ "role": "owner" })).await.assert_error(
        403,
        "FORBIDDEN",
        "group_owners_only",
    );
    bob.delete(format!("{members}/{owner}")).await.assert_error(403, "FORBIDDEN", "group_owners_only");
    ann.delete(format!("{members}/me")).await.assert_error(409, "CONFLICT", "last_owner");
    ann.patch(format!("{members}/me"), json!({ "role": "member" })).await.assert_error(
        409,
        "CONFLICT",
        "last_owner",
    );
    ann.patch(format!("{members}/{other}"), json!({ "role": "owner" })).await.assert_ok();

    let (one, two) =
        tokio::join!(ann.delete(format!("{members}/{other}")), bob.delete(format!("{members}/{owner}")));

    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    // Whoever comes second has no place in the group any more, and the group is private.
    assert_eq!(statuses, [204, 404]);
}

#[botserver_test]
async fn a_group_has_roles_of_its_own(app: App) {
    let (ann, bob, eve) =
        (app.user_with_role("ann", "manager").await, app.user("bob").await, app.user("eve").await);
    let group = make(&ann, json!({ "name": "Team" })).await;
    let roles = format!("/groups/{group}/roles");
    let usher = json!({ "name": "usher", "permissions": ["read", "manage_members"] });
    let usher = ann.post(&roles, usher).await.assert_status(201).data();
    ann.post(&roles, json!({ "name": "owner" })).await.assert_error(409, "CONFLICT", "role_name_taken");
    ann.post(&roles, json!({ "name": "usher" })).await.assert_error(409, "CONFLICT", "role_name_taken");
    let members = format!("/groups/{group}/members");
    ann.post(&members, json!({ "user_id": id_of(&bob).await, "role": "usher" })).await.assert_status(201);

    bob.post(&members, json!({ "user_id": id_of(&eve).await, "role": "usher" })).await.assert_status(201);
    bob.post(&roles, json!({ "name": "x" })).await.assert_error(403, "FORBIDDEN", "group_admins_only");
    bob.patch(format!("{members}/{}", id_of(&eve).await), json!({ "role": "admin" })).await.assert_error(
        403,
        "FORBIDDEN",
        "level_too_high",
    );
    let told = bob.get(&roles).await.assert_ok().items();
    let counts: Vec<_> =
        told.iter().map(|role| (role["name"].clone(), role["member_count"].clone())).collect();
    assert_eq!(
        counts,
        [("admin", 0), ("member", 0), ("owner", 1), ("usher", 2)]
            .map(|(name, count)| (json!(name), json!(count)))
    );

    let own = format!("{roles}/{}", usher["role_id"].as_str().expect("an id"));
    ann.patch(&own, json!({ "name": "guide" })).await.assert_ok();
    assert_eq!(bob.get(format!("{members}/me")).await.data()["role"], "guide");
    ann.delete(&own).await.assert_status(204);
    assert_eq!(bob.get(format!("{members}/me")).await.data()["role"], "member");
    bob.post(&members, json!({ "user_id": id_of(&eve).await })).await.assert_status(403);
}

#[botserver_test]
async fn several_are_added_and_each_is_told(app: App) {
    let admin = app.admin();
    let group = make(&admin, json!({ "name": "Team", "settings": { "max_members": 3 } })).await;
    let mut ids = Vec::new();
    for name in ["ann", "bob", "eve"] {
        ids.push(id_of(&app.user(name).await).await);
    }
    let nobody = "usr_01jxk6qv9ve7m8g3t5s0c4d2ba";
    let all = json!({ "members": [
        { "user_id": ids[0] }, { "user_id": nobody }, { "user_id": ids[0] }, { "user_id": ids[1] }, { "user_id": ids[2] },
    ] });

    let told = admin.post(format!("/groups/{group}/members/bulk"), all).await.assert_ok().data();

    assert_eq!((&told["added"], &told["failed"]), (&json!(2), &json!(3)));
    let reasons: Vec<_> =
        told["memberships"].as_array().expect("all").iter().map(|one| one["reason"].clone()).collect();
    assert_eq!(
        reasons,
        [Value::Null, json!("not_allowed"), json!("member_exists"), Value::Null, json!("group_full")]
    );
    assert_eq!(admin.get(format!("/groups/{group}")).await.data()["member_count"], 3);
    let found = names(&admin, &format!("/groups/{group}/members?search=BO")).await;
    assert_eq!(found, ["bob"]);
    assert_eq!(names(&admin, &format!("/groups/{group}/members?filter[role]=owner")).await, ["admin"]);
}

#[botserver_test]
async fn who_asks_to_join_is_let_in_or_not(app: App) {
    let (ann, bob) = (app.user_with_role("ann", "manager").await, app.user("bob").await);
    let group = make(&ann, json!({ "name": "Open", "visibility": "public" })).await;
    let requests = format!("/groups/{group}/join-requests");

    let asked = bob.post(&requests, json!({ "message": "please" })).await.assert_status(201).data();
    assert_eq!(asked["status"], "pending");
    bob.post(&requests, json!({})).await.assert_error(409, "CONFLICT", "request_exists");
    bob.get(&requests).await.assert_error(403, "FORBIDDEN", "group_admins_only");
    let path = format!("{requests}/{}", asked["request_id"].as_str().expect("an id"));
    ann.delete(&path).await.assert_status(404);
    bob.delete(&path).await.assert_status(204);
    bob.delete(&path).await.assert_error(409, "CONFLICT", "request_closed");

    let again = bob.post(&requests, json!({})).await.assert_status(201).data();
    let path = format!("{requests}/{}", again["request_id"].as_str().expect("an id"));
    let shown: Vec<_> = ann.get(&requests).await.items().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(shown, ["pending", "withdrawn"]);
    let decided =
        ann.patch(&path, json!({ "action": "approve", "note": "Welcome" })).await.assert_ok().data();
    assert_eq!((&decided["status"], &decided["note"]), (&json!("approved"), &json!("Welcome")));
    ann.patch(&path, json!({ "action": "reject" })).await.assert_error(409, "CONFLICT", "request_closed");
    bob.get(format!("/groups/{group}/members")).await.assert_ok();
    bob.post(&requests, json!({})).await.assert_error(409, "CONFLICT", "member_exists");
    bob.delete(format!("/groups/{group}/members/me")).await.assert_status(204);

    let settings = json!({ "settings": { "allow_join_requests": false } });
    ann.patch(format!("/groups/{group}"), settings).await.assert_ok();
    bob.post(&requests, json!({})).await.assert_error(409, "CONFLICT", "join_not_allowed");
}

#[botserver_test(balanced)]
async fn of_two_who_join_at_once_a_group_with_one_place_takes_one(app: App) {
    let ann = app.user_with_role("ann", "manager").await;
    let (bob, eve) = (app.user("bob").await, app.user("eve").await);
    let settings = json!({ "require_approval": false, "max_members": 2 });
    let group = make(&ann, json!({ "name": "Open", "visibility": "public", "settings": settings })).await;
    let requests = format!("/groups/{group}/join-requests");

    let (one, two) = tokio::join!(bob.post(&requests, json!({})), eve.post(&requests, json!({})));

    let (joined, refused) = if one.status == 201 { (one, two) } else { (two, one) };
    let joined = joined.assert_status(201).data();
    assert!(joined["status"] == "approved" && joined["membership_id"].is_string(), "{joined}");
    let refused = refused.assert_error(422, "VALIDATION_ERROR", "group_full");
    assert_eq!(
        (&refused["details"]["max_members"], &refused["details"]["current_members"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(ann.get(format!("/groups/{group}")).await.data()["member_count"], 2);
}

#[botserver_test]
async fn every_organization_has_default_groups_that_stay(app: App) {
    let (admin, ann) = (app.admin(), app.user("ann").await);
    let own = ["Administrators", "Everyone", "Guests", "Managers", "Users"];
    assert_eq!(names(&admin, "/groups").await, own);
    let stranger = app.stranger("sue").await;
    assert_eq!(names(&stranger, "/groups").await, own);
    assert_eq!(names(&ann, "/groups").await, ["Everyone"]);

    for group in admin.get("/groups").await.items() {
        let path = format!("/groups/{}", group["group_id"].as_str().expect("an id"));
        assert_eq!(group["is_default"], true);
        admin.delete(&path).await.assert_error(409, "CONFLICT", "default_group");
        admin.patch(&path, json!({ "name": "x" })).await.assert_error(409, "CONFLICT", "default_group");
    }
    let found = admin.get("/groups?search=everyone").await.items();
    let everyone = format!("/groups/{}", found[0]["group_id"].as_str().expect("an id"));
    assert_eq!(names(&ann, &format!("{everyone}/members")).await, ["admin", "ann"]);
    let add = json!({ "user_id": id_of(&ann).await });
    admin.post(format!("{everyone}/members"), add).await.assert_error(409, "CONFLICT", "default_group");
    admin.patch(format!("{everyone}/permissions"), json!({ "add": ["audit:read"] })).await.assert_ok();
    assert!(may(&ann, "audit:read").await);
    assert_eq!(names(&stranger, &format!("{everyone}/members")).await, ["sue"], "each its own");
}
