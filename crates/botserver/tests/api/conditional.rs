//! Tags of resources: changes that expect a state, reads that know one.

use crate::support::{Answer, App, botserver_test, json, package};

fn tag(answer: &Answer) -> String {
    answer.header("etag").to_owned()
}

#[botserver_test(balanced)]
async fn a_change_that_expects_an_older_state_is_refused_and_changes_nothing(app: App) {
    let admin = app.admin();
    let made = admin.post("/bots", json!({ "name": "Desk" })).await.assert_status(201);
    let first = tag(&made);

    let renamed = admin.with("if-match", &first).patch("/bots/desk", json!({ "name": "Bench" })).await;
    let late = admin.with("if-match", &first).patch("/bots/desk", json!({ "name": "Shelf" })).await;

    let second = tag(&renamed.assert_status(200));
    assert_ne!(first, second);
    late.assert_error(412, "PRECONDITION_FAILED", "");
    let bot = admin.get("/bots/desk").await.assert_status(200);
    assert_eq!((bot.data()["name"].as_str(), tag(&bot)), (Some("Bench"), second.clone()));
    admin.with("if-match", &first).delete("/bots/desk").await.assert_error(412, "PRECONDITION_FAILED", "");
    admin.with("if-match", &format!("\"x\", {second}")).delete("/bots/desk").await.assert_status(202);
}

#[botserver_test]
async fn weak_and_foreign_tags_match_nothing_and_a_star_matches_all(app: App) {
    let admin = app.admin();
    let first = tag(&admin.post("/bots", json!({ "name": "Desk" })).await.assert_status(201));
    let patch = json!({ "name": "Bench" });

    for refused in [format!("W/{first}"), "\"other\"".to_owned()] {
        let answer = admin.with("if-match", &refused).patch("/bots/desk", patch.clone()).await;
        answer.assert_error(412, "PRECONDITION_FAILED", "");
    }
    for malformed in ["desk", ""] {
        let answer = admin.with("if-match", malformed).patch("/bots/desk", patch.clone()).await;
        answer.assert_error(400, "BAD_REQUEST", "");
    }
    admin.with("if-match", "*").patch("/bots/desk", patch).await.assert_status(200);
}

#[botserver_test(balanced)]
async fn a_reader_who_knows_the_state_gets_no_body(app: App) {
    let admin = app.admin();
    let me = admin.get("/users/me").await.assert_status(200);

    let known = admin.with("if-none-match", &format!("\"x\", W/{}", tag(&me))).get("/users/me").await;
    admin.patch("/users/me", json!({ "display_name": "Somebody Else" })).await.assert_status(200);
    let changed = admin.with("if-none-match", &tag(&me)).get("/users/me").await;

    let known = known.assert_status(304);
    assert_eq!((tag(&known), known.body.as_str()), (tag(&me), ""));
    assert_eq!(changed.assert_status(200).data()["display_name"], "Somebody Else");
}

#[botserver_test]
async fn roles_are_part_of_a_users_state(app: App) {
    let admin = app.admin();
    let ann = app.user("ann").await;
    let path = format!("/users/{}", ann.me().await["user_id"].as_str().expect("an id"));
    let before = tag(&admin.get(&path).await.assert_status(200));

    admin.patch(&path, json!({ "roles": ["manager"] })).await.assert_status(200);

    let late = admin.with("if-match", &before).patch(&path, json!({ "display_name": "Ann" })).await;
    late.assert_error(412, "PRECONDITION_FAILED", "");
}

#[botserver_test]
async fn scripts_and_packages_have_states_of_their_own(app: App) {
    let admin = app.admin();
    app.bot("Desk", "TALK \"one\"").await;
    let start = "/bots/desk/scripts/start";
    let (script, files) = (
        tag(&admin.get(start).await.assert_status(200)),
        tag(&admin.get("/bots/desk/package/files").await.assert_status(200)),
    );

    let other = admin.put("/bots/desk/scripts/other", json!({ "source": "TALK \"two\"" })).await;
    other.assert_status(200);
    let saved = admin.with("if-match", &script).put(start, json!({ "source": "TALK \"three\"" })).await;
    saved.assert_status(200);
    let late = admin.with("if-match", &script).put(start, json!({ "source": "TALK \"four\"" })).await;

    late.assert_error(412, "PRECONDITION_FAILED", "");
    let zip = package("TALK \"five\"");
    let install = admin.with("if-match", &files).put_zip("/bots/desk/package", zip).await;
    install.assert_error(412, "PRECONDITION_FAILED", "");
    assert_eq!(admin.get(start).await.data()["source"], "TALK \"three\"");
}
