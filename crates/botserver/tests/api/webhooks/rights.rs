//! Who sees which webhook, and what each is told.

use super::*;

#[each_database]
fn a_webhook_is_told_what_its_owner_may_read() {
    hooked(async |app: App| {
        let (admin, mut receiver) = (app.admin(), Receiver::start().await);
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let echo = app.bot("Echo", "TALK \"hi\"").await;
        all_told(&app).await;
        made(&ann, json!({ "url": receiver.url("/ann"), "events": ["*"] })).await;
        made(&admin, json!({ "url": receiver.url("/admin"), "events": ["*"] })).await;

        admin.post("/bots", json!({ "name": "Shared" })).await.assert_status(201);
        admin.post("/bots", json!({ "name": "Mine", "visibility": "private" })).await.assert_status(201);
        admin.post("/bots", json!({ "name": "Ours", "visibility": "admin" })).await.assert_status(201);
        ann.converse(&echo).await;
        bob.converse(&echo).await;
        all_told(&app).await;

        let mut told: Vec<_> = receiver
            .rest()
            .iter()
            .map(|heard| (heard.path.clone(), heard.json()))
            .map(|(path, body)| {
                let what = body["data"]["name"].as_str().or(body["data"]["user_id"].as_str());
                (path, what.unwrap_or_default().to_owned())
            })
            .collect();
        told.sort();
        let (ann, bob) = (ann.me().await, bob.me().await);
        let person = |user: &Value| user["user_id"].as_str().expect("an id").to_owned();
        let mut expected: Vec<_> = [
            ("/admin", "Shared".to_owned()),
            ("/admin", "Mine".to_owned()),
            ("/admin", "Ours".to_owned()),
            // That they began to talk, and what the bot said.
            ("/admin", person(&ann)),
            ("/admin", person(&ann)),
            ("/admin", person(&bob)),
            ("/admin", person(&bob)),
            ("/ann", "Shared".to_owned()),
            ("/ann", person(&ann)),
            ("/ann", person(&ann)),
        ]
        .map(|(path, what)| (path.to_owned(), what))
        .to_vec();
        expected.sort();
        assert_eq!(told, expected);
    });
}

#[each_database]
fn a_webhook_of_somebody_who_was_suspended_is_told_nothing() {
    hooked(async |app: App| {
        let (admin, mut receiver) = (app.admin(), Receiver::start().await);
        let ann = app.user("ann").await;
        made(&ann, receiver.hook(&["bot.*"])).await;
        let user = format!("/users/{}", ann.me().await["user_id"].as_str().expect("an id"));

        admin.patch(&user, json!({ "status": "suspended" })).await.assert_ok();
        new_bot(&admin, "Echo").await;
        all_told(&app).await;
        assert!(receiver.rest().is_empty());

        admin.patch(&user, json!({ "status": "active" })).await.assert_ok();
        new_bot(&admin, "Second").await;
        assert_eq!(receiver.next().await.json()["data"]["name"], "Second");
    });
}

#[each_database]
fn a_webhook_is_its_owner_s_and_the_administrators() {
    hooked(async |app: App| {
        let receiver = Receiver::start().await;
        let (admin, ann, bob) = (app.admin(), app.user("ann").await, app.user("bob").await);
        let stranger = app.stranger("eve").await;
        let hook = made(&ann, receiver.hook(&["bot.*"])).await;
        let ping = ann.post(format!("{}/test", path(&hook)), json!({})).await.assert_ok().data();
        let again =
            format!("{}/deliveries/{}/redeliver", path(&hook), ping["delivery_id"].as_str().expect("an id"));

        for other in [&bob, &stranger] {
            for answer in [
                other.get(path(&hook)).await,
                other.patch(path(&hook), json!({ "url": "http://10.0.0.1/" })).await,
                other.patch(path(&hook), json!({ "enabled": false })).await,
                other.post(format!("{}/test", path(&hook)), json!({})).await,
                other.post(format!("{}/rotate-secret", path(&hook)), json!({})).await,
                other.get(format!("{}/deliveries", path(&hook))).await,
                other.post(&again, json!({})).await,
                other.delete(path(&hook)).await,
            ] {
                answer.assert_error(404, "NOT_FOUND", "");
            }
            assert_eq!(other.get("/webhooks").await.assert_ok().data()["total"], 0);
        }
        assert_eq!(admin.get("/webhooks").await.items()[0]["webhook_id"], hook["webhook_id"]);
        admin.patch(path(&hook), json!({ "enabled": false })).await.assert_ok();
        assert_eq!(ann.get(path(&hook)).await.data()["enabled"], false);
        let bobs = made(&bob, receiver.hook(&["bot.*"])).await;
        let crossed =
            format!("{}/deliveries/{}/redeliver", path(&bobs), ping["delivery_id"].as_str().expect("an id"));
        bob.post(crossed, json!({})).await.assert_error(404, "NOT_FOUND", "");
    });
}

#[each_database]
fn webhooks_need_the_permissions() {
    hooked(async |app: App| {
        let receiver = Receiver::start().await;
        let (viewer, guest) =
            (app.user_with_role("val", "viewer").await, app.user_with_role("gus", "guest").await);

        for (answer, permission) in [
            (guest.get("/webhooks").await, "webhooks:read"),
            (guest.get("/webhooks/events").await, "webhooks:read"),
            (viewer.post("/webhooks", receiver.hook(&["*"])).await, "webhooks:write"),
        ] {
            assert_eq!(answer.assert_error(403, "FORBIDDEN", "")["details"]["permission"], permission);
        }
        viewer.get("/webhooks").await.assert_ok();
    });
}

#[each_database]
fn a_bot_s_webhook_names_a_bot_that_its_owner_may_use() {
    hooked(async |app: App| {
        let receiver = Receiver::start().await;
        let ann = app.user("ann").await;
        let secret = app.admin().post("/bots", json!({ "name": "Mine", "visibility": "private" })).await;
        let (mut hook, bot) = (receiver.hook(&["*"]), secret.assert_status(201).data());
        hook["bot_id"] = bot["bot_id"].clone();

        ann.post("/webhooks", hook.clone()).await.assert_fields(&["bot_id"]);
        let mine = made(&app.admin(), hook).await;
        assert_eq!(mine["bot_id"], bot["bot_id"]);
        let anns = made(&ann, receiver.hook(&["*"])).await;
        ann.patch(path(&anns), json!({ "bot_id": bot["bot_id"] })).await.assert_fields(&["bot_id"]);
    });
}
