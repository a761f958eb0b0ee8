//! What becomes of conversations: changed, archived, ended, begun anew, deleted.

use super::{BOOKING, path, removed};
use crate::support::{App, Client, Socket, Value, botserver_test, each_database, json, run_with, texts};

#[botserver_test]
async fn a_patch_changes_what_it_names_and_merges_metadata(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann
        .post(
            "/conversations",
            json!({ "bot_id": bot["bot_id"], "metadata": { "a": 1, "b": { "c": 2, "d": 3 } } }),
        )
        .await
        .assert_status(201)
        .data();

    let change = json!({ "title": " My table ", "tags": ["vip", " vip", "spring"], "resolved": true,
        "metadata": { "a": null, "b": { "c": null } } });
    let changed = ann.patch(path(&started, ""), change).await.assert_ok().data();

    assert_eq!(changed["title"], "My table");
    assert_eq!(changed["tags"], json!(["vip", "spring"]));
    assert_eq!(changed["metadata"], json!({ "b": { "d": 3 } }));
    assert_eq!((&changed["resolved"], &changed["status"]), (&json!(true), &json!("waiting")));
    let cleared = json!({ "title": null, "tags": null, "metadata": null });
    let cleared = ann.patch(path(&started, ""), cleared).await.assert_ok().data();
    assert_eq!((&cleared["title"], &cleared["tags"]), (&json!("Booking"), &json!([])));
    assert_eq!(cleared["metadata"], json!({}));
}

#[botserver_test]
async fn a_bad_patch_names_everything_and_changes_nothing(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let before = ann.get(path(&started, "")).await.assert_ok().data();

    let bad = json!({ "title": "two\nlines", "tags": ["a,b"], "status": null, "resolved": null,
        "metadata": { "x": "y".repeat(17 << 10) } });
    let refused = ann.patch(path(&started, ""), bad).await;

    refused.assert_fields(&["metadata", "resolved", "status", "tags", "title"]);
    ann.patch(path(&started, ""), json!({ "status": "waiting" })).await.assert_error(
        422,
        "VALIDATION_ERROR",
        "",
    );
    assert_eq!(ann.get(path(&started, "")).await.data(), before);
}

#[botserver_test]
async fn a_change_or_deletion_can_depend_on_the_revision(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let tag = ann.get(path(&started, "")).await.header("etag").to_owned();
    ann.patch(path(&started, ""), json!({ "title": "x" })).await.assert_ok();

    let late = ann.with("if-match", &tag);
    late.patch(path(&started, ""), json!({ "title": "y" })).await.assert_error(
        412,
        "PRECONDITION_FAILED",
        "",
    );
    late.delete(path(&started, "")).await.assert_error(412, "PRECONDITION_FAILED", "");
    let tag = ann.get(path(&started, "")).await.header("etag").to_owned();
    ann.with("if-none-match", &tag).get(path(&started, "")).await.assert_status(304);
    ann.with("if-match", &tag).delete(path(&started, "")).await.assert_status(204);
}

#[botserver_test]
async fn archived_ones_and_others_are_one_list(app: App) {
    let bot = app.bot("Echo", "DO\nHEAR x\nTALK x\nLOOP").await;
    let ann = app.user("ann").await;
    let mut made = Vec::new();
    for number in 0..7 {
        let started = ann.converse(&bot).await;
        made.push(started["conversation_id"].clone());
        if number % 3 == 0 {
            ann.post(path(&started, "/archive"), json!({})).await.assert_ok();
        }
    }
    app.user("bob").await.converse(&bot).await;
    let page = async |query: &str| {
        let path = format!("/conversations?filter[status]=waiting,archived&sort=created_at&{query}");
        ann.get(path).await.assert_ok().data()
    };
    let ids = |page: &Value| {
        let items = page["items"].as_array().expect("items").iter();
        items.map(|one| one["conversation_id"].clone()).collect::<Vec<_>>()
    };

    let mut walked = Vec::new();
    let mut next = page("order=asc&limit=2").await;
    assert_eq!(next["total"], 7);
    loop {
        walked.extend(ids(&next));
        let Some(cursor) = next["next_cursor"].as_str() else { break };
        next = page(&format!("order=asc&limit=2&cursor={cursor}")).await;
    }

    assert_eq!(walked, made);
    made.reverse();
    assert_eq!(ids(&page("limit=3").await), made[..3]);
    assert_eq!(ids(&page("limit=3&offset=3").await), made[3..6]);
    let last = page("limit=3&offset=6").await;
    assert_eq!(
        (ids(&last).as_slice(), &last["next_cursor"], &last["total"]),
        (&made[6..], &Value::Null, &json!(7))
    );
    assert_eq!(ids(&page("offset=9").await), [Value::Null; 0]);
}

#[botserver_test]
async fn what_is_archived_is_hidden_until_somebody_says_something(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let shown = async |query: &str| ann.get(format!("/conversations{query}")).await.assert_ok().items().len();

    let archived = ann.post(path(&started, "/archive"), json!({})).await.assert_ok().data();

    assert_eq!(archived["status"], "archived");
    assert_eq!((shown("").await, shown("?filter[status]=archived").await), (0, 1));
    assert_eq!(shown("?filter[status]=archived,waiting").await, 1);
    let back = ann.post(path(&started, "/unarchive"), json!({})).await.assert_ok().data();
    assert_eq!((back["status"].as_str(), shown("").await), (Some("waiting"), 1));
    ann.patch(path(&started, ""), json!({ "status": "archived" })).await.assert_ok();
    assert_eq!(ann.say(&started, "Ann").await, ["How many, Ann?"]);
    assert_eq!((shown("").await, shown("?filter[status]=archived").await), (1, 0));
}

#[botserver_test]
async fn what_has_ended_stays_readable_and_hears_nothing_more(app: App) {
    let bot = app.bot("Booking", "SET SESSION \"tier\", \"gold\"\nHEAR x\nTALK x").await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    let ended = ann.post(path(&started, "/end"), json!({})).await.assert_ok().data();

    assert_eq!(ended["status"], "ended");
    let says = ann.post(path(&started, "/messages"), json!({ "content": "hi" })).await;
    says.assert_error(409, "CONFLICT", "conversation_ended");
    ann.post(path(&started, "/reset"), json!({})).await.assert_error(409, "CONFLICT", "conversation_ended");
    ann.post(path(&started, "/unarchive"), json!({})).await.assert_error(
        409,
        "CONFLICT",
        "conversation_ended",
    );
    ann.post(path(&started, "/end"), json!({})).await.assert_ok();
    ann.get(path(&started, "/history")).await.assert_ok();
    let state = app.admin().get(path(&started, "/variables")).await.assert_ok().data();
    assert_eq!((&state["scripts"], &state["attributes"]), (&json!([]), &json!({})));
}

#[botserver_test]
async fn a_message_that_was_taken_before_the_end_is_answered_the_same_after_it(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let message = json!({ "content": "Ann", "client_message_id": "first" });
    let first = ann.post(path(&started, "/messages"), message.clone()).await.assert_status(201).data();
    ann.post(path(&started, "/end"), json!({})).await.assert_ok();

    let again = ann.post(path(&started, "/messages"), message).await.assert_status(201).data();

    assert_eq!(again["response"], first["response"]);
}

#[botserver_test]
async fn a_reset_clears_what_was_kept_and_begins_anew_behind_what_was_said(app: App) {
    let script = "t = GET SESSION \"tier\"\nHEAR name WITH \"Your name, \" + t + \"?\"\n\
        SET SESSION \"tier\", \"gold\"\nADD SUGGESTION \"Help\"\nHEAR more WITH \"More?\"";
    let bot = app.bot("Booking", script).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    ann.say(&started, "Ann").await;

    let reset = ann.post(path(&started, "/reset"), json!({})).await.assert_ok().data();

    assert_eq!(texts(&reset["messages"]), ["Your name, ?"]);
    assert_eq!((&reset["status"], &reset["messages"][0]["seq"]), (&json!("waiting"), &json!(4)));
    assert_eq!(reset["messages"][0]["suggestions"], Value::Null);
    assert_eq!(ann.say(&started, "Bea").await, ["More?"]);
    assert_eq!(ann.get(path(&started, "")).await.data()["message_count"], 6);
}

#[botserver_test]
async fn a_deleted_conversation_is_gone_at_once_and_all_it_had_soon_after(app: App) {
    let bot = app.bot("Booking", "SET SESSION \"tier\", \"gold\"\nHEAR x\nTALK x").await;
    let ann = app.user("ann").await;
    let (started, other) = (ann.converse(&bot).await, ann.converse(&bot).await);
    let message = ann.get(path(&started, "/messages")).await.items();
    ann.say(&started, "hi").await;
    ann.patch(path(&started, ""), json!({ "tags": ["vip"] })).await.assert_ok();

    ann.delete(path(&started, "")).await.assert_status(204);

    assert!(message.is_empty());
    ann.get(path(&started, "")).await.assert_error(404, "NOT_FOUND", "");
    ann.get(path(&started, "/history")).await.assert_error(404, "NOT_FOUND", "");
    ann.delete(path(&started, "")).await.assert_error(404, "NOT_FOUND", "");
    ann.post(path(&started, "/messages"), json!({ "content": "x" })).await.assert_error(404, "NOT_FOUND", "");
    assert_eq!(ann.get("/conversations").await.items().len(), 1);
    removed(&app).await;
    let left = |table: &'static str| app.rows_of(table, &started);
    for table in ["messages", "conversation_runs", "conversation_tags", "conversations"] {
        assert_eq!(left(table).await, 0, "{table}");
    }
    assert_eq!(ann.say(&other, "there").await, ["there"]);
}

#[botserver_test]
async fn what_was_not_read_is_counted(app: App) {
    let bot = app.bot("Echo", "DO\nHEAR x\nTALK x\nTALK x\nLOOP").await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let unread = async || ann.get(path(&started, "")).await.assert_ok().data()["unread_count"].as_u64();
    ann.say(&started, "a").await;
    assert_eq!(unread().await, Some(2));

    let first = ann.get(path(&started, "/history?limit=1")).await.assert_ok().data();
    assert_eq!(unread().await, Some(0), "the last one was read: {first}");
    let sent =
        ann.post(path(&started, "/messages"), json!({ "content": "b" })).await.assert_status(201).data();
    assert_eq!(unread().await, Some(2));
    let mut socket = Socket::signed_in(&app, ann.token(), "").await;
    let read = json!({ "type": "read", "id": "r", "conversation_id": started["conversation_id"],
        "message_id": sent["response"][0]["message_id"] });
    socket.send(read).await;
    assert_eq!(socket.next("ack").await["id"], "r");
    assert_eq!(unread().await, Some(1));
    app.admin().get(path(&started, "/history")).await.assert_ok();
    assert_eq!(unread().await, Some(1), "the staff reads for itself");
}

#[botserver_test]
async fn the_list_is_filtered_by_tag_rating_status_and_person(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (first, second) = (ann.converse(&bot).await, ann.converse(&bot).await);
    bob.converse(&bot).await;
    ann.patch(path(&first, ""), json!({ "tags": ["vip", "spring"], "title": "Garden party" }))
        .await
        .assert_ok();
    ann.post(path(&second, "/rating"), json!({ "score": 4 })).await.assert_ok();
    ann.post(path(&second, "/end"), json!({})).await.assert_ok();

    for (query, expected) in [
        ("filter[tag]=vip", vec![&first]),
        ("filter[tag]=none,spring", vec![&first]),
        ("filter[tag]=none", vec![]),
        ("filter[rating]=4,5", vec![&second]),
        ("filter[rating]=1", vec![]),
        ("filter[status]=ended", vec![&second]),
        ("filter[status]=waiting", vec![&first]),
        ("search=garden", vec![&first]),
        ("search=garden&filter[rating]=5", vec![]),
        ("sort=created_at&order=asc", vec![&first, &second]),
    ] {
        let found = ann.get(format!("/conversations?{query}")).await.assert_ok().items();
        let ids: Vec<_> = found.iter().map(|one| &one["conversation_id"]).collect();
        assert_eq!(ids, expected.iter().map(|one| &one["conversation_id"]).collect::<Vec<_>>(), "{query}");
    }
    let bobs = bob.me().await["user_id"].as_str().expect("an id").to_owned();
    let found = app.admin().get(format!("/conversations?filter[user_id]={bobs}")).await.assert_ok();
    assert_eq!((found.items().len(), app.admin().get("/conversations").await.items().len()), (1, 3));
}

#[botserver_test]
async fn one_message_is_read_by_its_id_and_not_through_another_conversation(app: App) {
    let bot = app.bot("Booking", BOOKING).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (first, second) = (ann.converse(&bot).await, ann.converse(&bot).await);
    let id = first["messages"][0]["message_id"].as_str().expect("an id");

    let message = ann.get(path(&first, &format!("/messages/{id}"))).await.assert_ok().data();

    assert_eq!((&message["content"], &message["role"]), (&json!("Your name?"), &json!("assistant")));
    ann.get(path(&second, &format!("/messages/{id}"))).await.assert_error(404, "NOT_FOUND", "");
    bob.get(path(&first, &format!("/messages/{id}"))).await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn an_answer_is_stopped_and_the_dialog_stays_where_it_was(app: App) {
    let script =
        "DO\nHEAR x\nIF x = \"loop\" THEN\nTALK \"I begin\"\nWHILE TRUE\ny = 1\nWEND\nEND IF\nTALK x\nLOOP";
    let bot = app.bot("Loop", script).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let stopped = async |patience: usize| {
        let saying = tokio::spawn({
            let (ann, started) = (ann.clone(), started.clone());
            async move { ann.post(path(&started, "/messages"), json!({ "content": "loop" })).await }
        });
        // It may be stopped before it says anything, so each try waits for longer.
        for _ in 0..patience {
            ann.get(path(&started, "")).await.assert_ok();
        }
        // Until it runs there is nothing to stop.
        while !saying.is_finished() {
            ann.post(path(&started, "/stop"), json!({})).await.assert_status(202);
        }
        let answer = saying.await.expect("an answer").assert_status(201).data();
        texts(&answer["response"]) == ["I begin"] && answer["response"][0]["metadata"]["stopped"] == true
    };

    // On a busy machine it may meet its own limit first.
    let mut tries = 0;
    while !stopped(tries).await {
        tries += 1;
        assert!(tries < 40, "it is never stopped while it runs");
    }

    assert_eq!(ann.say(&started, "on").await, ["on"]);
}

#[botserver_test]
async fn a_password_is_written_nowhere(app: App) {
    let bot = app.bot("Door", "HEAR pw AS PASSWORD WITH \"Password?\"\nHEAR x WITH \"And?\"\nTALK x").await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    assert_eq!(ann.say(&started, "correct horse").await, ["And?"]);

    let history = ann.get(path(&started, "/history")).await.assert_ok().data();
    assert!(!history.to_string().contains("horse"), "{history}");
    let state = app.admin().get(path(&started, "/variables")).await.assert_ok().data();
    assert_eq!((&state["waits_for"], &state["scripts"][0]["script"]), (&json!("answer"), &json!("start")));
    assert_eq!(state["scripts"][0]["variables"]["pw"], "***");
    let conversation = ann.get(path(&started, "")).await.data();
    assert!(!conversation.to_string().contains("horse"));
}

/// Asks for a password, and then for a name.
const DOOR: &str =
    "HEAR pw AS PASSWORD WITH \"Password?\"\nSET BOT MEMORY \"a\", 1\nSET BOT MEMORY \"b\", 1\nTALK \"in\"";

/// All that the API shows of a conversation.
async fn all_of(client: &Client, conversation: &Value) -> String {
    let mut all = String::new();
    for rest in ["", "/history", "/messages", "/export?format=json"] {
        all.push_str(&client.get(path(conversation, rest)).await.assert_ok().body);
    }
    all
}

#[each_database]
fn a_password_is_written_nowhere_whatever_becomes_of_its_answer() {
    // The turn is refused when it is written: the bot may remember one value.
    run_with(
        |config| config.bots.memory_values = 1,
        |app| async move {
            let bot = app.bot("Door", DOOR).await;
            let ann = app.user("ann").await;
            let started = ann.converse(&bot).await;

            assert_ne!(ann.say(&started, "correct horse").await, ["in"]);

            let all = all_of(&ann, &started).await;
            assert!(all.contains("[PASSWORD SET]") && !all.contains("horse"), "{all}");
        },
    );
}

#[botserver_test]
async fn a_password_is_written_nowhere_where_the_staff_has_taken_over(app: App) {
    let bot = app.bot("Door", DOOR).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    app.admin().say(&started, "I am Mia.").await;

    assert!(ann.say(&started, "correct horse").await.is_empty());

    let all = all_of(&ann, &started).await;
    assert!(all.contains("I am Mia.") && !all.contains("horse"), "{all}");
}
