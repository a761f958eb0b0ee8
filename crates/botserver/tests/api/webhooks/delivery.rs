//! Messages on their way.

use super::*;

#[each_database]
fn an_event_is_told_and_signed_after_the_specification() {
    hooked(async |app: App| {
        let (admin, mut receiver) = (app.admin(), Receiver::start().await);
        let mut hook = receiver.hook(&["bot.created"]);
        hook["headers"] = json!({ "X-Token": "t-1", "User-Agent": "Ours/1" });
        let hook = made(&admin, hook).await;

        let bot = new_bot(&admin, "Echo").await;

        let heard = receiver.next().await;
        let body = heard.json();
        assert_eq!(
            body.as_object().expect("an object").keys().collect::<Vec<_>>(),
            ["event", "id", "timestamp", "organization_id", "data"]
        );
        assert_eq!((&body["event"], &body["data"]["bot_id"]), (&json!("bot.created"), &bot["bot_id"]));
        assert_eq!(body["organization_id"], bot["organization_id"]);
        assert!(body["timestamp"].as_str() >= bot["created_at"].as_str());
        assert_eq!(body["id"], heard.header("webhook-id"));
        assert!(heard.is_signed_with(&hook["secret"]));
        assert!(!heard.is_signed_with(&json!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")));
        assert_eq!(
            (heard.header("content-type"), heard.header("x-token"), heard.header("user-agent")),
            ("application/json", "t-1", "Ours/1")
        );
        let told = delivery(&admin, &hook, "delivered").await;
        assert_eq!((&told["attempts"], &told["response_status"]), (&json!(1), &json!(204)));
        assert_eq!((&told["event"], &told["event_id"]), (&body["event"], &body["id"]));
        assert_eq!(told["request"].as_str().expect("a text").as_bytes(), &*heard.body);
        assert!(told["response_time_ms"].is_u64() && told["next_attempt_at"].is_null(), "{told}");
        let hook = admin.get(path(&hook)).await.data();
        assert_eq!((&hook["status"], &hook["failure_count"]), (&json!("active"), &json!(0)));
        assert!(hook["last_delivery_at"].is_string(), "{hook}");
    });
}

#[each_database]
fn a_webhook_hears_what_it_named_and_of_its_bot_alone() {
    hooked(async |app: App| {
        let (admin, mut receiver) = (app.admin(), Receiver::start().await);
        new_bot(&admin, "Other").await;
        let bot = new_bot(&admin, "Echo").await;
        all_told(&app).await;
        let at = |path: &str, events: &[&str], bot: Option<&Value>| json!({ "url": receiver.url(path), "events": events, "bot_id": bot.map(|bot| &bot["bot_id"]) });
        let hooks = [
            at("/deleted", &["bot.deleted"], None),
            at("/bots", &["bot.*", "bot.updated"], None),
            at("/all", &["*"], None),
            at("/echo", &["*"], Some(&bot)),
        ];
        for hook in hooks {
            made(&admin, hook).await;
        }

        admin.patch("/bots/echo", json!({ "description": "x" })).await.assert_ok();
        admin.patch("/bots/other", json!({ "description": "x" })).await.assert_ok();
        app.user("ann").await;
        all_told(&app).await;

        let mut heard: Vec<_> = receiver
            .rest()
            .iter()
            .map(|heard| (heard.path.clone(), heard.json()))
            .map(|(path, body)| format!("{path} {} {}", body["event"], body["data"]["slug"]).replace('"', ""))
            .collect();
        heard.sort();
        assert_eq!(
            heard,
            [
                "/all bot.updated echo",
                "/all bot.updated other",
                "/all user.created null",
                "/bots bot.updated echo",
                "/bots bot.updated other",
                "/echo bot.updated echo",
            ]
        );
    });
}

#[each_database]
fn what_is_not_taken_is_sent_again_with_the_same_id_until_it_is() {
    hooked(async |app: App| {
        let (admin, mut receiver) = (app.admin(), Receiver::start().await);
        let hook = made(&admin, receiver.hook(&["bot.created"])).await;
        receiver.answer_with(&[500, 302, 204]);

        new_bot(&admin, "Echo").await;

        let (first, second, third) = (receiver.next().await, receiver.next().await, receiver.next().await);
        for again in [&second, &third] {
            assert_eq!(again.header("webhook-id"), first.header("webhook-id"));
            assert_eq!((&again.body, &*again.path), (&first.body, "/hook"), "a redirect is not followed");
            assert!(again.is_signed_with(&hook["secret"]));
        }
        let told = delivery(&admin, &hook, "delivered").await;
        assert_eq!((&told["attempts"], &told["error"]), (&json!(3), &Value::Null));
        assert_eq!(admin.get(path(&hook)).await.data()["failure_count"], 0);
    });
}

#[each_database]
fn what_is_never_taken_is_given_up_and_can_be_sent_again() {
    hooked(async |app: App| {
        let (admin, mut receiver) = (app.admin(), Receiver::start().await);
        let hook = made(&admin, receiver.hook(&["bot.created"])).await;
        receiver.say(500, "first".to_owned());
        receiver.say(500, "second".to_owned());
        receiver.say(503, "third".to_owned());
        new_bot(&admin, "Echo").await;

        let failed = delivery(&admin, &hook, "failed").await;

        assert_eq!((&failed["attempts"], &failed["response_status"]), (&json!(3), &json!(503)));
        assert_eq!(
            (&failed["response"], &failed["error"]),
            (&json!("third"), &json!("The receiver answered 503."))
        );
        let failing = admin.get(path(&hook)).await.data();
        assert_eq!((&failing["status"], &failing["failure_count"]), (&json!("failing"), &json!(3)));
        let first = receiver.rest().remove(0);
        let again = format!(
            "{}/deliveries/{}/redeliver",
            path(&hook),
            failed["delivery_id"].as_str().expect("an id")
        );
        let accepted = admin.post(&again, json!({})).await.assert_status(202).data();
        let heard = receiver.next().await;
        assert_eq!((heard.header("webhook-id"), &heard.body), (first.header("webhook-id"), &first.body));
        delivery(&admin, &hook, "delivered").await;
        let job = accepted["status_url"].as_str().expect("a path").trim_start_matches("/api/v1").to_owned();
        until(&admin, &job, |job| job["status"] == "completed").await;
        admin.post(&again, json!({})).await.assert_status(202);
        assert_eq!(receiver.next().await.body, first.body, "also what was taken can be sent again");
    });
}

#[each_database]
fn what_is_sent_again_by_hand_is_not_undone_by_an_attempt_that_was_under_way() {
    hooked(async |app: App| {
        let (admin, mut receiver) = (app.admin(), Receiver::start().await);
        let hook = made(&admin, receiver.hook(&["bot.created"])).await;
        receiver.answer_with(&[500]);
        let let_go = receiver.hold();
        new_bot(&admin, "Echo").await;
        receiver.next().await;
        let waiting = delivery(&admin, &hook, "pending").await;

        let id = waiting["delivery_id"].as_str().expect("an id");
        let again = format!("{}/deliveries/{id}/redeliver", path(&hook));
        admin.post(&again, json!({})).await.assert_status(202);
        receiver.next().await;
        let taken = delivery(&admin, &hook, "delivered").await;
        let_go.send(()).expect("somebody waits");
        all_told(&app).await;

        assert_eq!(delivery(&admin, &hook, "delivered").await, taken);
        assert_eq!((&taken["attempts"], receiver.rest().len()), (&json!(1), 0));
    });
}

#[each_database]
fn of_one_resource_everything_comes_in_order_also_when_something_is_sent_again() {
    hooked(async |app: App| {
        let (admin, mut receiver) = (app.admin(), Receiver::start().await);
        made(&admin, receiver.hook(&["bot.*"])).await;
        receiver.answer_with(&[500, 500]);

        new_bot(&admin, "Echo").await;
        for name in ["One", "Two", "Three"] {
            admin.patch("/bots/echo", json!({ "name": name })).await.assert_ok();
        }
        all_told(&app).await;

        let names: Vec<_> =
            receiver.rest().iter().map(|heard| heard.json()["data"]["name"].clone()).collect();
        assert_eq!(names, ["Echo", "Echo", "Echo", "One", "Two", "Three"]);
    });
}

#[each_database]
fn a_receiver_that_is_gone_is_told_nothing_more_and_its_owner_is_told() {
    hooked(async |app: App| {
        let (admin, mut receiver) = (app.admin(), Receiver::start().await);
        let mut watcher = Receiver::start().await;
        made(&admin, watcher.hook(&["webhook.*"])).await;
        let hook = made(&admin, receiver.hook(&["bot.*"])).await;
        receiver.answer_with(&[410]);

        new_bot(&admin, "Echo").await;

        let told = watcher.next().await.json();
        assert_eq!(
            (&told["data"]["webhook_id"], &told["data"]["reason"]),
            (&hook["webhook_id"], &json!("gone"))
        );
        assert_eq!(told["data"]["owner_id"], admin.me().await["user_id"]);
        let off = admin.get(path(&hook)).await.data();
        assert_eq!(
            (&off["enabled"], &off["status"], &off["disabled_reason"]),
            (&json!(false), &json!("disabled"), &json!("gone"))
        );
        let failed = delivery(&admin, &hook, "failed").await;
        let again = format!(
            "{}/deliveries/{}/redeliver",
            path(&hook),
            failed["delivery_id"].as_str().expect("an id")
        );
        admin.post(&again, json!({})).await.assert_error(409, "CONFLICT", "webhook_disabled");
        new_bot(&admin, "Second").await;
        all_told(&app).await;
        assert_eq!(receiver.rest().len(), 1);

        let on = admin.patch(path(&hook), json!({ "enabled": true })).await.assert_ok().data();
        assert_eq!(
            (&on["status"], &on["failure_count"], &on["disabled_reason"]),
            (&json!("active"), &json!(0), &Value::Null)
        );
        new_bot(&admin, "Third").await;
        assert_eq!(receiver.next().await.json()["data"]["name"], "Third");
    });
}

#[each_database]
fn a_webhook_without_success_for_too_long_is_switched_off() {
    let at_once = |config: &mut Config| {
        reaches_receivers(config);
        config.bots.webhook_days_without_success = 0;
    };
    run_with(at_once, async |app: App| {
        let (admin, mut receiver) = (app.admin(), Receiver::start().await);
        let hook = made(&admin, receiver.hook(&["bot.*"])).await;
        receiver.answer_always(500);

        new_bot(&admin, "Echo").await;
        all_told(&app).await;

        let off = admin.get(path(&hook)).await.data();
        assert_eq!(
            (&off["status"], &off["disabled_reason"], &off["failure_count"]),
            (&json!("disabled"), &json!("failing"), &json!(1))
        );
        delivery(&admin, &hook, "failed").await;
        assert_eq!(receiver.rest().len(), 1);
    });
}

#[each_database]
fn a_receiver_that_does_not_answer_has_not_taken_it() {
    let impatient = |config: &mut Config| {
        reaches_receivers(config);
        config.bots.webhook_timeout_seconds = 1;
        config.bots.webhook_retry_seconds = Vec::new();
    };
    run_with(impatient, async |app: App| {
        let (admin, mut receiver) = (app.admin(), Receiver::start().await);
        let hook = json!({ "url": receiver.url("/silent"), "events": ["bot.created"] });
        let hook = made(&admin, hook).await;

        new_bot(&admin, "Echo").await;

        let failed = delivery(&admin, &hook, "failed").await;
        assert_eq!(failed["error"], "The server did not answer within 1 seconds.");
        assert!(failed["response_status"].is_null() && failed["response_time_ms"].as_u64() >= Some(1000));
        receiver.next().await;
    });
}

#[each_database]
fn of_a_long_answer_the_beginning_is_kept() {
    hooked(async |app: App| {
        let (admin, receiver) = (app.admin(), Receiver::start().await);
        let hook = made(&admin, receiver.hook(&["bot.created"])).await;
        receiver.say(200, "x".repeat(1 << 20));

        new_bot(&admin, "Echo").await;

        let told = delivery(&admin, &hook, "delivered").await;
        assert_eq!(told["response"].as_str().map(str::len), Some(4096));
    });
}

#[each_database]
fn what_waits_is_told_after_a_restart() {
    let patient = |config: &mut Config| {
        reaches_receivers(config);
        config.jobs.workers = 0;
    };
    run_with(patient, async |app: App| {
        let mut receiver = Receiver::start().await;
        let hook = made(&app.admin(), receiver.hook(&["bot.created"])).await;
        new_bot(&app.admin(), "Echo").await;

        let app = app.restart_with(|config| config.jobs.workers = 4).await;

        assert!(receiver.next().await.is_signed_with(&hook["secret"]));
        delivery(&app.admin(), &hook, "delivered").await;
    });
}

#[each_database]
fn an_address_that_is_not_allowed_any_more_is_not_reached() {
    hooked(async |app: App| {
        let mut receiver = Receiver::start().await;
        let hook = made(&app.admin(), receiver.hook(&["bot.created"])).await;

        let app = app.restart_with(|config| config.egress.allow.clear()).await;
        new_bot(&app.admin(), "Echo").await;

        let failed = delivery(&app.admin(), &hook, "failed").await;
        assert_eq!(
            failed["error"],
            "The address 127.0.0.1 is not public, and requests to it are not allowed."
        );
        assert!(receiver.rest().is_empty());
    });
}

#[each_database]
fn after_a_rotation_both_secrets_sign() {
    hooked(async |app: App| {
        let (admin, mut receiver) = (app.admin(), Receiver::start().await);
        let hook = made(&admin, receiver.hook(&["bot.created"])).await;
        let rotate = format!("{}/rotate-secret", path(&hook));

        let rotated = admin.post(&rotate, json!({})).await.assert_ok().data();
        new_bot(&admin, "Echo").await;

        let heard = receiver.next().await;
        assert_ne!(rotated["secret"], hook["secret"]);
        assert_eq!(heard.header("webhook-signature").split(' ').count(), 2);
        assert!(heard.is_signed_with(&hook["secret"]) && heard.is_signed_with(&rotated["secret"]));

        let last = admin.post(&rotate, json!({})).await.assert_ok().data();
        new_bot(&admin, "Second").await;
        let heard = receiver.next().await;
        assert!(heard.is_signed_with(&last["secret"]) && heard.is_signed_with(&rotated["secret"]));
        assert!(!heard.is_signed_with(&hook["secret"]));
    });
}

#[each_database]
fn the_secret_before_does_not_sign_for_ever() {
    let at_once = |config: &mut Config| {
        reaches_receivers(config);
        config.bots.webhook_secret_overlap_hours = 0;
    };
    run_with(at_once, async |app: App| {
        let (admin, mut receiver) = (app.admin(), Receiver::start().await);
        let hook = made(&admin, receiver.hook(&["bot.created"])).await;

        let rotated =
            admin.post(format!("{}/rotate-secret", path(&hook)), json!({})).await.assert_ok().data();
        new_bot(&admin, "Echo").await;

        let heard = receiver.next().await;
        assert!(heard.is_signed_with(&rotated["secret"]) && !heard.is_signed_with(&hook["secret"]));
    });
}

#[each_database]
fn a_test_sends_a_ping_now_and_tells_what_came_back() {
    hooked(async |app: App| {
        let (admin, mut receiver) = (app.admin(), Receiver::start().await);
        let mut hook = receiver.hook(&["bot.created"]);
        hook["enabled"] = json!(false);
        let hook = made(&admin, hook).await;
        let test = format!("{}/test", path(&hook));
        receiver.say(418, "I am a teapot.".to_owned());

        let failed = admin.post(&test, json!({})).await.assert_ok().data();
        let told = admin.post(&test, json!({})).await.assert_ok().data();

        assert_eq!(
            (&failed["status"], &failed["response_status"], &failed["response"]),
            (&json!("failed"), &json!(418), &json!("I am a teapot."))
        );
        assert_eq!((&told["status"], &told["event"]), (&json!("delivered"), &json!("ping")));
        let heard: Heard = receiver.next().await;
        assert!(heard.is_signed_with(&hook["secret"]));
        assert_eq!(heard.json()["data"], json!({ "webhook_id": hook["webhook_id"] }));
        let kept = admin.get(format!("{}/deliveries?order=asc", path(&hook))).await.items();
        assert_eq!(kept, [failed, told]);
    });
}
