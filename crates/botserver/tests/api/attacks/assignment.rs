//! Fields in bodies that are not the caller's to set.

use std::collections::BTreeSet;

use crate::support::{App, PASSWORD};
use crate::support::{Client, Operation, Value, botserver_test, json, prefix};

/// What servers keep beside what people send, and have been talked into taking.
const FOREIGN: [&str; 20] = [
    "id",
    "organization_id",
    "org_id",
    "home_org_id",
    "user_id",
    "owner_id",
    "created_by",
    "created_at",
    "role",
    "roles",
    "status",
    "permissions",
    "hierarchy_level",
    "level",
    "is_admin",
    "system",
    "email_verified",
    "two_factor_enabled",
    "password_hash",
    "rev",
];

#[botserver_test]
async fn no_body_takes_a_field_that_is_not_in_its_schema(app: App) {
    let (admin, mut tried) = (app.admin(), 0);
    let before = admin.me().await;
    for operation in Operation::all(&app).await {
        let Some(fields) = operation.fields() else { continue };
        let foreign: BTreeSet<_> = FOREIGN.into_iter().filter(|name| !fields.contains(name)).collect();
        let mut body = operation.example().cloned().unwrap_or_else(|| json!({}));
        for name in &foreign {
            body[*name] = json!("owner");
        }
        let path = operation.path_with(|_, example| {
            if example == "me" || prefix(example).is_some() {
                example.to_owned()
            } else {
                "nobody-made-this".to_owned()
            }
        });

        let answer = Client::send(admin.at(operation.method.clone(), &path).json(&body)).await;

        let told: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let named = &told["error"]["details"]["fields"];
        let all_named = foreign.iter().all(|name| named[*name].is_array());
        assert!(answer.status == 422 && all_named, "{}: {} {}", operation.id, answer.status, answer.body);
        tried += 1;
    }
    assert!(tried > 30, "only {tried} operations take a body");
    assert_eq!(admin.me().await, before);
}

#[botserver_test]
async fn nobody_raises_their_own_account(app: App) {
    let ann = app.user("ann").await;
    let before = ann.me().await;
    let id = before["user_id"].as_str().expect("an id").to_owned();

    for path in ["/users/me".to_owned(), format!("/users/{id}")] {
        for raised in [
            json!({ "roles": ["owner"] }),
            json!({ "roles": ["auditor"] }),
            json!({ "status": "active" }),
            json!({ "metadata": { "role": "owner" } }),
            json!({ "display_name": "Ann", "roles": ["admin"] }),
        ] {
            let refused = ann.patch(&path, raised.clone()).await;
            assert!(refused.status.is_client_error(), "{raised}: {} {}", refused.status, refused.body);
        }
    }
    for (path, raised) in [
        (format!("/users/{id}/roles"), json!({ "role_id": "owner" })),
        ("/roles".to_owned(), json!({ "name": "mine", "permissions": ["*"] })),
        ("/users".to_owned(), json!({ "username": "eve", "email": "e@example.com", "password": PASSWORD })),
    ] {
        ann.post(path, raised).await.assert_status(403);
    }

    assert_eq!(ann.me().await, before);
}
