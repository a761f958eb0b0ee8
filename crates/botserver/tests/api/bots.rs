//! Bots, their packages and scripts.

use futures_util::future::join_all;

use crate::support::{App, Value, botserver_test, json, package, zip_of};

#[botserver_test]
async fn a_bot_is_named_by_its_id_or_its_slug(app: App) {
    let bot = app.admin().post("/bots", json!({ "name": "Table Booking" })).await.assert_status(201);
    let location = bot.header("location").to_owned();
    let bot = bot.data();

    assert_eq!(bot["slug"], "table-booking");
    assert_eq!(location, format!("/api/v1/bots/{}", bot["bot_id"].as_str().expect("an id")));
    let by_slug = app.admin().get("/bots/table-booking").await.assert_ok().data();
    assert_eq!(by_slug["bot_id"], bot["bot_id"]);
}

#[botserver_test]
async fn a_slug_is_unique_in_the_server(app: App) {
    app.admin().post("/bots", json!({ "name": "Echo" })).await.assert_status(201);

    app.admin().post("/bots", json!({ "name": "echo" })).await.assert_error(409, "CONFLICT", "slug_taken");
}

#[botserver_test]
async fn those_without_the_permission_make_no_bots(app: App) {
    let error =
        app.user("ann").await.post("/bots", json!({ "name": "Mine" })).await.assert_status(403).json();

    assert_eq!(error["error"]["details"]["permission"], "bots:create");
}

#[botserver_test]
async fn a_private_bot_does_not_exist_for_others(app: App) {
    app.bot("Echo", "TALK \"hi\"").await;
    app.admin().patch("/bots/echo", json!({ "visibility": "private" })).await.assert_ok();
    let ann = app.user("ann").await;

    ann.get("/bots/echo").await.assert_error(404, "NOT_FOUND", "");
    ann.post("/conversations", json!({ "bot_id": "echo" })).await.assert_status(404);
    assert_eq!(ann.get("/bots").await.data()["total"], 0);
}

#[botserver_test(balanced)]
async fn a_package_installs_and_shows_its_scripts(app: App) {
    app.bot("Echo", "TALK \"hi\"").await;

    let scripts = app.admin().get("/bots/echo/scripts").await.assert_ok().items();

    assert_eq!(scripts.len(), 1);
    assert_eq!((&scripts[0]["name"], &scripts[0]["status"]), (&json!("start"), &json!("compiled")));
}

#[botserver_test]
async fn the_scripts_of_a_bot_are_a_list_like_others(app: App) {
    app.bot("Echo", "TALK \"hi\"").await;
    for (name, source) in [("menu", "TALK 1"), ("Menus", "TALK ("), ("about", "TALK 2")] {
        app.admin().put(format!("/bots/echo/scripts/{name}"), json!({ "source": source })).await.assert_ok();
    }
    let page =
        async |query: &str| app.admin().get(format!("/bots/echo/scripts?{query}")).await.assert_ok().data();
    let names = |page: &Value| {
        page["items"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|script| script["name"].clone())
            .collect::<Vec<_>>()
    };

    let first = page("limit=3").await;
    assert_eq!(
        (names(&first), &first["total"]),
        (vec![json!("about"), json!("menu"), json!("Menus")], &json!(4))
    );
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = page(&format!("limit=3&cursor={cursor}")).await;
    assert_eq!((names(&second), &second["next_cursor"]), (vec![json!("start")], &Value::Null));
    assert_eq!(names(&page("order=desc&limit=1").await), ["start"]);
    assert_eq!(names(&page("filter[status]=error").await), ["Menus"]);
    assert_eq!(names(&page("kind=start,tool").await), ["start"]);
    assert_eq!(names(&page("search=ENU").await), ["menu", "Menus"]);
    assert_eq!(names(&page("search=a").await), ["about"]);
    app.admin().get("/bots/echo/scripts?kind=song").await.assert_status(422);
}

#[botserver_test]
async fn a_broken_script_refuses_the_whole_package_with_its_reasons(app: App) {
    app.bot("Echo", "TALK \"good\"").await;
    let broken = zip_of(&[
        ("e.gbai/e.gbdialog/start.bas", b"TALK \"new\"".as_slice()),
        ("e.gbai/e.gbdialog/other.bas", b"IF 1 = 1\nTALK \"x\"\nEND IF\n"),
    ]);

    let error = app.admin().put_zip("/bots/echo/package", broken).await;

    let error = error.assert_error(422, "VALIDATION_ERROR", "compile_failed");
    let text = error["details"]["diagnostics"].to_string();
    assert!(text.contains("other") && text.contains("THEN"), "{text}");
    let source = app.admin().get("/bots/echo/scripts/start").await.data()["source"].clone();
    assert_eq!(source, "TALK \"good\"", "a refused package changes nothing");
}

#[botserver_test]
async fn hostile_archives_are_refused(app: App) {
    app.bot("Echo", "TALK \"good\"").await;
    let refused = async |zip: Vec<u8>, reason: &str| {
        app.admin().put_zip("/bots/echo/package", zip).await.json()["error"]["details"]["reason"] == *reason
    };

    for name in ["../../etc/passwd", "/etc/passwd", "C:\\windows\\x", "a/../../b.bas"] {
        assert!(refused(zip_of(&[(name, b"x")]), "unsafe_path").await, "{name}");
    }
    assert!(refused(b"this is no zip".to_vec(), "package_invalid").await);
    let scripts = app.admin().get("/bots/echo/scripts").await.items();
    assert_eq!(scripts.len(), 1, "refused archives change nothing");
}

#[botserver_test(balanced)]
async fn a_script_saved_with_errors_leaves_the_last_good_one_running(app: App) {
    let bot = app.bot("Echo", "TALK \"good\"").await;

    let saved =
        app.admin().put("/bots/echo/scripts/start", json!({ "source": "TALK (" })).await.assert_ok().data();

    assert_eq!(saved["status"], "error");
    assert!(saved["diagnostics"][0]["line"].is_u64(), "{saved}");
    let started = app.user("ann").await.converse(&bot).await;
    assert_eq!(started["messages"][0]["content"], "good");
}

#[botserver_test(balanced)]
async fn a_deleted_bot_is_gone(app: App) {
    app.bot("First", "TALK \"hi\"").await;
    let bot = app.bot("Echo", "TALK \"hi\"").await;

    app.admin().delete("/bots/echo").await.assert_status(202);

    app.admin().post("/conversations", json!({ "bot_id": bot["bot_id"] })).await.assert_status(404);
}

#[botserver_test]
async fn package_names_of_another_kind_of_body_are_refused(app: App) {
    app.bot("Echo", "TALK \"hi\"").await;

    let answer = app.admin().put("/bots/echo/package", json!({})).await;

    answer.assert_error(415, "UNSUPPORTED_MEDIA_TYPE", "");
    app.user("ann").await.put_zip("/bots/echo/package", package("TALK 1")).await.assert_status(403);
}

#[botserver_test(balanced)]
async fn of_bots_made_together_one_is_the_default(app: App) {
    let admin = app.admin();
    let make = async |i: usize| {
        let made = admin.post("/bots", json!({ "name": format!("Bot {i}") })).await;
        made.assert_status(201).data()["default"] == true
    };

    let defaults = join_all((0..8).map(make)).await;

    assert_eq!(defaults.into_iter().filter(|is_default| *is_default).count(), 1);
}

#[botserver_test(balanced)]
async fn changes_of_different_fields_at_once_all_stay(app: App) {
    app.bot("Echo", "TALK \"hi\"").await;
    let admin = app.admin();
    for round in 0..5 {
        let text = format!("round {round}");
        let (one, other) = tokio::join!(
            admin.patch("/bots/echo", json!({ "display_name": text })),
            admin.patch("/bots/echo", json!({ "description": text })),
        );
        one.assert_ok();
        other.assert_ok();

        let bot = admin.get("/bots/echo").await.data();
        assert_eq!((&bot["display_name"], &bot["description"]), (&json!(text), &json!(text)));
    }
}

#[botserver_test(balanced)]
async fn of_two_changes_that_expect_the_same_state_one_is_made(app: App) {
    app.bot("Echo", "TALK \"hi\"").await;
    for round in 0..5 {
        let tag = app.admin().get("/bots/echo").await.header("etag").to_owned();
        let admin = app.admin().with("if-match", &tag);

        let (one, other) = tokio::join!(
            admin.patch("/bots/echo", json!({ "display_name": format!("one {round}") })),
            admin.patch("/bots/echo", json!({ "display_name": format!("other {round}") })),
        );

        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "{} {}", one.body, other.body);
    }
}

#[botserver_test(balanced)]
async fn of_packages_put_together_each_is_whole_or_refused(app: App) {
    app.bot("Echo", "TALK \"old\"").await;
    let admin = app.admin();
    let put = async |i: usize| {
        let answer = admin.put_zip("/bots/echo/package", package(&format!("TALK \"{i}\""))).await;
        answer.status.as_u16()
    };

    let statuses = join_all((0..6).map(put)).await;

    assert!(statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
    let versions = admin.get("/bots/echo").await.data()["version"].clone();
    let installed = statuses.iter().filter(|status| **status == 200).count();
    assert!(installed > 0, "{statuses:?}");
    assert_eq!(versions, json!(1 + installed));
}

#[botserver_test]
async fn the_default_stays_until_another_bot_becomes_it(app: App) {
    app.bot("Echo", "TALK \"hi\"").await;
    app.bot("Other", "TALK \"ho\"").await;

    let refused = app.admin().patch("/bots/echo", json!({ "default": false })).await;
    refused.assert_error(409, "CONFLICT", "default_bot");
    app.admin().patch("/bots/other", json!({ "default": true })).await.assert_ok();

    assert_eq!(app.admin().get("/bots/echo").await.data()["default"], false);
}

#[botserver_test]
async fn what_a_bot_is_called_stands_in_one_line(app: App) {
    for name in ["two\nlines", "turned\u{202e}around", "\u{7}"] {
        app.admin().post("/bots", json!({ "name": name })).await.assert_fields(&["name"]);
        let shown = json!({ "name": "Echo", "display_name": name });
        app.admin().post("/bots", shown).await.assert_fields(&["display_name"]);
    }
}

#[botserver_test]
async fn a_bot_is_no_array_and_holds_no_end_of_text(app: App) {
    app.admin().post("/bots", json!(["Echo", null, null, null, null])).await.assert_fields(&["body"]);
    app.admin()
        .post("/bots", json!({ "name": "Echo", "description": "a\0b" }))
        .await
        .assert_fields(&["description"]);
    app.admin().get("/bots?search=a%00").await.assert_fields(&["search"]);
    app.admin().get("/bots/a%00b").await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn a_name_that_makes_no_slug_gets_one_of_the_id(app: App) {
    let bot = app.admin().post("/bots", json!({ "name": "→ ✓" })).await.assert_status(201).data();

    let id = bot["bot_id"].as_str().expect("an id");
    assert_eq!(bot["slug"], id.replace('_', "-"));
}
