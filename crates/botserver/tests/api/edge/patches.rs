//! Every PATCH is a merge patch (RFC 7396): absent keeps, null clears, a value sets.

use http::Method;

use crate::support::{App, Client, Value, botserver_test, json};

/// The fields of a resource, without those that any change moves.
fn steady(mut resource: Value) -> Value {
    for field in ["updated_at", "last_activity"] {
        resource.as_object_mut().expect("an object").remove(field);
    }
    resource
}

#[botserver_test]
async fn a_users_profile_is_patched(app: App) {
    // Metadata is the administrators' to change.
    let admin = app.admin();
    let full = json!({
        "display_name": "Ann Example", "first_name": "Ann", "last_name": "Example",
        "avatar_url": "https://example.com/ann.png", "metadata": { "team": "red", "desk": { "floor": 3 } },
    });
    let before = admin.patch("/users/me", full).await.assert_ok().data();

    let same = admin.patch("/users/me", json!({})).await.assert_ok().data();
    assert_eq!(steady(same), steady(before.clone()), "absent keeps");

    for field in ["first_name", "last_name", "avatar_url"] {
        let cleared = admin.patch("/users/me", json!({ field: null })).await.assert_ok().data();
        // Who sets no picture has one that is drawn.
        let drawn = json!(format!("/api/v1/users/{}/avatar", cleared["user_id"].as_str().expect("an id")));
        let nothing = if field == "avatar_url" { drawn } else { Value::Null };
        assert_eq!(cleared[field], nothing, "{field}: {cleared}");
        assert_eq!(cleared["metadata"], before["metadata"]);
    }
    let merged = json!({ "metadata": { "team": null, "desk": { "window": true } } });
    let merged = admin.patch("/users/me", merged).await.assert_ok().data();
    assert_eq!(merged["metadata"], json!({ "desk": { "floor": 3, "window": true } }), "objects are merged");
    let emptied = admin.patch("/users/me", json!({ "metadata": null })).await.assert_ok().data();
    assert!(emptied["metadata"].as_object().is_none_or(serde_json::Map::is_empty), "{emptied}");
}

#[botserver_test]
async fn what_a_user_must_have_cannot_be_cleared(app: App) {
    app.user("ann").await;
    let ann = app.admin().get("/users?search=ann").await.items()[0].clone();
    let path = format!("/users/{}", ann["user_id"].as_str().expect("an id"));

    let all = json!({ "username": null, "email": null, "status": null });
    app.admin().patch(&path, all).await.assert_fields(&["email", "status", "username"]);

    let after = app.admin().get(&path).await.assert_ok().data();
    assert_eq!((&after["username"], &after["email"]), (&ann["username"], &ann["email"]));
}

#[botserver_test]
async fn a_bot_is_patched(app: App) {
    let admin = app.admin();
    let bot = admin.post("/bots", json!({ "name": "Echo", "description": "Says it again" })).await.data();
    let path = format!("/bots/{}", bot["bot_id"].as_str().expect("an id"));
    let before = admin.patch(&path, json!({ "display_name": "The Echo" })).await.assert_ok().data();
    assert_eq!(before["description"], "Says it again");

    let same = admin.patch(&path, json!({})).await.assert_ok().data();
    assert_eq!(steady(same), steady(before.clone()), "absent keeps");

    let cleared = admin.patch(&path, json!({ "description": null })).await.assert_ok().data();
    assert!(cleared["description"].is_null(), "{cleared}");
    assert_eq!(cleared["display_name"], "The Echo");
    let cleared = admin.patch(&path, json!({ "display_name": null })).await.assert_ok().data();
    assert_ne!(cleared["display_name"], "The Echo");
    let all = json!({ "name": null, "status": null, "visibility": null });
    admin.patch(&path, all).await.assert_fields(&["name", "status", "visibility"]);
    assert_eq!(admin.get(&path).await.data()["name"], "Echo");
}

#[botserver_test]
async fn a_patch_may_say_that_it_is_one(app: App) {
    let request = app.admin().request(Method::PATCH, "/users/me");
    let request =
        request.header("content-type", "application/merge-patch+json").body("{\"first_name\":\"Ada\"}");

    assert_eq!(Client::send(request).await.assert_ok().data()["first_name"], "Ada");
}

#[botserver_test]
async fn a_patch_that_is_no_object_or_knows_more_is_422(app: App) {
    for body in [json!([]), json!("x"), json!(null), json!(7)] {
        app.admin().patch("/users/me", body).await.assert_error(422, "VALIDATION_ERROR", "");
    }
    let body = json!({ "user_id": "x", "created_at": null });
    app.admin().patch("/users/me", body).await.assert_fields(&["created_at", "user_id"]);
}
