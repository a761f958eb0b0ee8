//! Names that look like another's.

use crate::support::{App, PASSWORD, Value, botserver_test, json};

fn new(username: &str, email: &str) -> Value {
    json!({ "username": username, "email": email, "password": PASSWORD })
}

#[botserver_test]
async fn no_second_name_looks_like_one_that_is_taken(app: App) {
    app.user("ann").await;
    let admin = app.admin();

    // Cyrillic, full width, a combining mark, blanks that take no place, capitals, marks that turn the direction.
    for name in
        ["\u{430}nn", "\u{ff41}\u{ff4e}\u{ff4e}", "an\u{301}n", "a\u{200b}nn", "ANN", "\u{202e}nna", "ann\0"]
    {
        let refused = admin.post("/users", new(name, "other@example.com")).await;
        assert!([400, 409, 422].contains(&refused.status.as_u16()), "{name:?}: {}", refused.body);
    }
    for name in ["ann", " ann "] {
        let refused = admin.post("/users", new(name, "other@example.com")).await;
        refused.assert_error(409, "CONFLICT", "username_taken");
    }
    for email in ["ANN@EXAMPLE.COM", " ann@example.com", "Ann@Example.com"] {
        admin.post("/users", new("other", email)).await.assert_error(409, "CONFLICT", "email_taken");
    }
    for email in [
        "\u{430}nn@example.com",
        "ann@ex\u{430}mple.com",
        "ann@example\u{3002}com",
        "ann@example.com\u{200b}",
    ] {
        admin.post("/users", new("other", email)).await.assert_fields(&["email"]);
    }
    assert_eq!(admin.get("/users").await.assert_ok().data()["total"], 2);
}

#[botserver_test]
async fn however_a_name_is_typed_it_is_one_account_with_one_count_of_failures(app: App) {
    app.user("ann").await;
    let attempt = async |name: &str, password: &str| {
        app.anonymous().post("/auth/login", json!({ "username": name, "password": password })).await
    };

    // Each is read as the same name, so that nobody has five attempts for each way to write it.
    for name in ["ann", "ANN", " ann", "\u{ff41}nn", "Ann "] {
        attempt(name, "wrong").await.assert_error(401, "UNAUTHORIZED", "invalid_credentials");
    }

    for name in ["ann", "aNN", "\u{ff21}NN"] {
        attempt(name, PASSWORD).await.assert_error(423, "LOCKED", "account_locked");
    }
    // Another letter is another name.
    attempt("\u{430}nn", PASSWORD).await.assert_error(401, "UNAUTHORIZED", "invalid_credentials");
}

#[botserver_test]
async fn names_of_groups_and_roles_are_compared_as_people_read_them(app: App) {
    let admin = app.admin();
    admin.post("/groups", json!({ "name": "Front Desk" })).await.assert_status(201);
    admin.post("/roles", json!({ "name": "desk" })).await.assert_status(201);

    for name in ["front desk", "\u{ff26}ront Desk", "Front  Desk ", "FRONT\u{a0}DESK"] {
        let refused = admin.post("/groups", json!({ "name": name })).await;
        assert!(
            [409, 422].contains(&refused.status.as_u16()),
            "{name:?}: {} {}",
            refused.status,
            refused.body
        );
    }
    for name in ["\u{501}esk", "\u{ff44}esk", "owner", "OWNER", "\u{43e}wner", "user"] {
        let refused = admin.post("/roles", json!({ "name": name })).await;
        assert!(
            [409, 422].contains(&refused.status.as_u16()),
            "{name:?}: {} {}",
            refused.status,
            refused.body
        );
    }
}
