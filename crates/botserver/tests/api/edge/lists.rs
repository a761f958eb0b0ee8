//! What any list can be asked, shown on those there are.

use crate::support::{App, Value, botserver_test, json};

#[botserver_test]
async fn list_parameters_are_refused_all_at_once(app: App) {
    let answer = app.admin().get("/users?limit=0&sort=shoe_size&filter[color]=red&order=up").await;

    answer.assert_fields(&["filter[color]", "limit", "order", "sort"]);
}

#[botserver_test]
async fn what_is_given_twice_is_refused(app: App) {
    app.admin().get("/users?limit=1&limit=2").await.assert_fields(&["limit"]);
    app.admin()
        .get("/users?filter[email_verified]=true&filter[email_verified]=true")
        .await
        .assert_fields(&["email_verified"]);
    app.admin().get("/users?cursor=a&offset=1").await.assert_fields(&["offset"]);
}

#[botserver_test]
async fn values_of_a_filter_come_parted_by_commas_or_one_by_one(app: App) {
    app.user("ann").await;

    for query in ["filter[role]=owner,member", "filter[role]=owner&filter[role]=member"] {
        assert_eq!(app.admin().get(format!("/users?{query}")).await.data()["total"], 2, "{query}");
    }
    // A role that doesn't exist is nobody's: organizations have roles of their own.
    assert_eq!(app.admin().get("/users?filter[role]=owner&filter[role]=king").await.data()["total"], 1);
    app.admin().get("/users?filter[status]=active&filter[status]=asleep").await.assert_fields(&["status"]);
}

#[botserver_test]
async fn a_page_has_its_bounds(app: App) {
    for number in 0..3 {
        app.admin().post("/bots", json!({ "name": format!("Bot {number}") })).await.assert_status(201);
    }
    let page = app.admin().get("/bots").await.data();
    assert_eq!((&page["limit"], &page["offset"], &page["total"]), (&json!(20), &json!(0), &json!(3)));
    let page = app.admin().get("/bots?limit=1&offset=2").await.data();
    assert_eq!((page["items"].as_array().map(Vec::len), &page["total"]), (Some(1), &json!(3)));
    assert!(page["next_cursor"].is_null(), "that was the last");
    let page = app.admin().get("/bots?offset=3").await.data();
    assert_eq!(page["items"], json!([]));
    for wrong in ["limit=0", "limit=101", "limit=-1", "limit=x", "limit=1.5", "limit="] {
        app.admin().get(format!("/bots?{wrong}")).await.assert_fields(&["limit"]);
    }
    app.admin().get("/bots?offset=-1").await.assert_fields(&["offset"]);
}

#[botserver_test]
async fn the_total_is_counted_in_three_ways(app: App) {
    let admin = app.admin();
    for number in 0..3 {
        admin.post("/bots", json!({ "name": format!("Bot {number}") })).await.assert_status(201);
    }
    let total = async |query: &str| admin.get(format!("/bots?limit=1{query}")).await.assert_ok().data();

    let first = total("").await;
    assert_eq!((&first["total"], &first["total_exact"]), (&json!(3), &Value::Null));
    assert_eq!(total("&count=exact").await["total"], 3);
    assert!(total("&count=false").await["total"].is_null());
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let next = total(&format!("&cursor={cursor}")).await;
    assert!(next["total"].is_null() && next["offset"].is_null(), "{next}");
    assert_eq!(total(&format!("&cursor={cursor}&count=exact")).await["total"], 3);
    admin.get("/bots?count=maybe").await.assert_fields(&["count"]);
}

#[botserver_test]
async fn a_cursor_is_worth_nothing_elsewhere(app: App) {
    let admin = app.admin();
    for name in ["A", "B", "C"] {
        admin.post("/bots", json!({ "name": name })).await.assert_status(201);
    }
    let page = admin.get("/bots?limit=1&sort=name&order=asc").await.data();
    let cursor = page["next_cursor"].as_str().expect("a cursor");

    admin.get(format!("/bots?sort=name&order=desc&cursor={cursor}")).await.assert_fields(&["cursor"]);
    admin.get(format!("/bots?sort=created_at&cursor={cursor}")).await.assert_fields(&["cursor"]);
    for forged in ["x", "", "bnVsbA", &"A".repeat(5000)] {
        admin.get(format!("/bots?cursor={forged}")).await.assert_fields(&["cursor"]);
    }
}

/// The names on all pages of two, and what happened between the first two pages.
async fn walk(app: &App, order: &str, between: impl AsyncFnOnce()) -> Vec<String> {
    let mut names = Vec::new();
    let mut between = Some(between);
    let mut cursor = String::new();
    loop {
        let path = format!("/users?limit=2&sort=display_name&order={order}{cursor}");
        let page = app.admin().get(path).await.assert_ok().data();
        let users = page["items"].as_array().expect("items").iter();
        names.extend(users.map(|user| user["username"].as_str().expect("a name").to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { return names };
        cursor = format!("&cursor={next}");
        if let Some(between) = between.take() {
            between().await;
        }
    }
}

async fn named(app: &App, username: &str, display_name: &str) -> Value {
    let user = json!({
        "username": username, "email": format!("{username}@example.com"), "display_name": display_name,
    });
    app.admin().post("/users", user).await.assert_status(201).data()
}

#[botserver_test]
async fn rows_with_equal_keys_are_walked_once_each_in_both_directions(app: App) {
    for number in 0..5 {
        named(&app, &format!("same{number}"), "The Same").await;
    }
    named(&app, "before", "Aaa").await;
    named(&app, "behind", "Zzz").await;

    let forward = walk(&app, "asc", async || {}).await;
    let mut backward = walk(&app, "desc", async || {}).await;

    assert_eq!(forward.len(), 8);
    backward.reverse();
    assert_eq!(forward, backward);
    assert_eq!(forward.iter().filter(|name| name.starts_with("same")).count(), 5);
}

#[botserver_test]
async fn rows_that_come_and_go_move_nobody_else(app: App) {
    for order in ["asc", "desc"] {
        let first = if order == "asc" { "aaa" } else { "zzz" };
        for name in ["bbb", "ccc", "ddd", "eee"] {
            named(&app, &format!("{name}-{order}"), &format!("{name} {order}")).await;
        }

        let seen = walk(&app, order, async || {
            // One in front of what was seen, one behind it, and one that leaves the pages to come.
            named(&app, &format!("{first}-{order}"), &format!("{first} {order}")).await;
            named(&app, &format!("ccd-{order}"), &format!("ccd {order}")).await;
        })
        .await;

        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), seen.len(), "nobody twice: {seen:?}");
        for name in ["bbb", "ccc", "ddd", "eee"] {
            assert!(seen.contains(&format!("{name}-{order}")), "{name} was lost: {seen:?}");
        }
        assert!(!seen.contains(&format!("{first}-{order}")), "{seen:?}");
    }
}

#[botserver_test]
async fn a_row_that_the_cursor_names_may_be_gone(app: App) {
    let mut bots = Vec::new();
    for name in ["A", "B", "C", "D"] {
        bots.push(app.admin().post("/bots", json!({ "name": name })).await.assert_status(201).data());
    }
    let page = app.admin().get("/bots?limit=2&sort=name&order=asc").await.data();
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let gone = bots[1]["bot_id"].as_str().expect("an id");
    app.admin().delete(format!("/bots/{gone}")).await.assert_status(202);

    let rest = app.admin().get(format!("/bots?limit=2&sort=name&order=asc&cursor={cursor}")).await.items();

    let names: Vec<_> = rest.iter().map(|bot| bot["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["C", "D"]);
}
