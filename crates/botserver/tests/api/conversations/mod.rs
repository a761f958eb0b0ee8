//! Dialogs over REST.

mod attachments;
mod current;
mod letters;
mod lifecycle;
mod opinions;
mod said;
mod staff;

use futures_util::future::join_all;

use crate::support::{App, Value, botserver_test, json, until};

pub(crate) const BOOKING: &str = r#"
HEAR name WITH "Your name?"
HEAR guests AS INTEGER WITH "How many, ${name}?"
TALK "A table for ${guests}."
"#;

pub(crate) fn path(conversation: &Value, rest: &str) -> String {
    format!("/conversations/{}{rest}", conversation["conversation_id"].as_str().expect("an id"))
}

/// Waits until what deleted conversations had is removed.
pub(crate) async fn removed(app: &App) {
    let jobs = app.admin().get("/admin/jobs?filter[kind]=conversations.remove").await.assert_ok().items();
    for job in jobs {
        until(&app.admin(), &format!("/admin/jobs/{}", job["job_id"].as_str().expect("an id")), "completed")
            .await;
    }
}

#[botserver_test(balanced)]
async fn a_dialog_goes_from_question_to_question(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;

    let started = ann.converse(&bot).await;

    assert_eq!(started["messages"][0]["content"], "Your name?");
    assert_eq!(ann.say(&started, "Ann").await, ["How many, Ann?"]);
    assert_eq!(ann.say(&started, "many").await, ["Please enter a whole number."]);
    assert_eq!(ann.say(&started, "4").await, ["A table for 4."]);
}

#[botserver_test]
async fn a_dialog_survives_a_restart(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let token = app.user("ann").await.token().to_owned();
    let started = app.with_token(&token).converse(&bot).await;
    app.with_token(&token).say(&started, "Ann").await;

    let app = app.restart().await;

    assert_eq!(app.with_token(&token).say(&started, "4").await, ["A table for 4."]);
}

#[botserver_test(balanced)]
async fn a_dialog_ends_on_the_version_it_began_with(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let old = ann.converse(&bot).await;
    let newer = json!({ "source": "TALK \"We are closed.\"" });
    app.admin().put("/bots/booking/scripts/start", newer).await.assert_ok();

    let new = ann.converse(&bot).await;

    assert_eq!(new["messages"][0]["content"], "We are closed.");
    assert_eq!(ann.say(&old, "Ann").await, ["How many, Ann?"]);
}

#[botserver_test]
async fn a_waiting_dialog_says_so(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    let waiting = ann.get(path(&started, "")).await.assert_ok().data();

    assert_eq!(waiting["status"], "waiting");
    assert_eq!(waiting["message_count"], 1);
}

#[botserver_test(balanced)]
async fn a_message_sent_twice_is_processed_once_and_answered_the_same(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let message = json!({ "content": "Ann", "client_message_id": "first" });

    let first = ann.post(path(&started, "/messages"), message.clone()).await.assert_status(201).data();
    let second = ann.post(path(&started, "/messages"), message).await.assert_status(201).data();

    assert_eq!(first["message_id"], second["message_id"]);
    assert_eq!(first["response"], second["response"]);
    assert_eq!(ann.get(path(&started, "/messages")).await.items().len(), 3, "question, answer, question");
}

#[botserver_test(balanced)]
async fn messages_sent_at_once_are_taken_one_after_another_and_none_is_lost(app: App) {
    let bot = app.bot("Counter", "n = 0\nDO\nHEAR x\nn = n + 1\nTALK n\nLOOP").await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    let answers = join_all((0..20).map(|i| {
        let (ann, started) = (ann.clone(), started.clone());
        async move { ann.say(&started, &format!("m{i}")).await }
    }))
    .await;

    let mut counted: Vec<u32> = answers.iter().map(|texts| texts[0].parse().expect("a number")).collect();
    counted.sort_unstable();
    assert_eq!(counted, (1..=20).collect::<Vec<_>>());
    let history = ann.get(path(&started, "/history?limit=100")).await.assert_ok().items();
    assert_eq!(history.len(), 40);
}

#[botserver_test(balanced)]
async fn a_failing_script_leaves_the_dialog_where_it_was(app: App) {
    let bot = app.bot("Divider", "DO\nHEAR n AS INTEGER\nTALK 12 / n\nLOOP").await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    let failed = ann.say(&started, "0").await;

    assert_eq!(failed.len(), 1, "one neutral sentence");
    assert!(!failed[0].to_lowercase().contains("zero"), "the cause is for the author: {failed:?}");
    assert_eq!(ann.say(&started, "4").await, ["3"]);
}

#[botserver_test]
async fn a_script_that_never_ends_is_stopped(app: App) {
    let bot = app.bot("Loop", "HEAR x\nWHILE TRUE\nx = x + 1\nWEND").await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    assert_eq!(ann.say(&started, "go").await.len(), 1);
}

#[botserver_test(balanced)]
async fn conversations_belong_to_their_person(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let hers = ann.converse(&bot).await;

    bob.get(path(&hers, "")).await.assert_error(404, "NOT_FOUND", "");
    bob.get(path(&hers, "/messages")).await.assert_error(404, "NOT_FOUND", "");
    bob.post(path(&hers, "/messages"), json!({ "content": "me" })).await.assert_error(404, "NOT_FOUND", "");
    assert_eq!(bob.get("/conversations").await.data()["total"], 0);
    assert_eq!(ann.get("/conversations").await.data()["total"], 1);
}

#[botserver_test]
async fn an_empty_or_overlong_message_is_refused_and_changes_nothing(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    for content in [String::new(), "x".repeat(40_000)] {
        let answer = ann.post(path(&started, "/messages"), json!({ "content": content })).await;
        assert_eq!(answer.status.as_u16(), 422, "{}", answer.body);
    }
    assert_eq!(ann.get(path(&started, "")).await.data()["message_count"], 1);
}

#[botserver_test(balanced)]
async fn history_is_walked_backwards(app: App) {
    let bot = app.bot("Echo", "DO\nHEAR x\nTALK x\nLOOP").await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    for i in 0..5 {
        ann.say(&started, &format!("m{i}")).await;
    }

    let last = ann.get(path(&started, "/history?limit=4")).await.assert_ok().data();

    let contents: Vec<_> =
        last["items"].as_array().expect("items").iter().map(|m| m["content"].clone()).collect();
    assert_eq!(contents, ["m3", "m3", "m4", "m4"]);
    assert_eq!(last["has_more"], true);
    let before = last["items"][0]["message_id"].as_str().expect("an id");
    let earlier =
        ann.get(path(&started, &format!("/history?limit=100&before={before}"))).await.assert_ok().data();
    assert_eq!((earlier["items"].as_array().map(Vec::len), &earlier["has_more"]), (Some(6), &json!(false)));
}

#[botserver_test]
async fn whoever_may_not_use_the_bot_any_more_says_nothing_more(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    app.admin().patch("/bots/booking", json!({ "visibility": "private" })).await.assert_ok();

    ann.post(path(&started, "/messages"), json!({ "content": "Ann" })).await.assert_error(
        404,
        "NOT_FOUND",
        "",
    );

    assert_eq!(ann.get(path(&started, "")).await.data()["message_count"], 1);
}

#[botserver_test]
async fn a_dialog_that_grows_past_what_may_be_stored_is_ended_with_a_sentence(app: App) {
    let grow = "HEAR x\ns = REPEAT(\"0123456789\", 500000)\nHEAR y\nTALK y";
    let bot = app.bot("Grower", grow).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    assert_eq!(ann.say(&started, "go").await, ["Something went wrong. Please try again later."]);
}

#[botserver_test]
async fn a_script_that_says_too_much_in_one_turn_is_ended_with_a_sentence(app: App) {
    let bot = app.bot("Talker", "HEAR x\ns = REPEAT(\"0123456789\", 10000)\nTALK s\nTALK s\nTALK s").await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    assert_eq!(ann.say(&started, "go").await, ["Something went wrong. Please try again later."]);
}
