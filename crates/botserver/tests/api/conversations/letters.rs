//! What scripts say to somebody else: TALK TO and SEND FILE TO.

use super::{BOOKING, path};
use crate::support::{App, Client, Socket, Value, botserver_test, each_database, json, run_test, texts};

/// Says the words to an address: `{to}` of what the person says before a blank.
const MESSENGER: &str = r#"
ON ERROR RESUME NEXT
DO
    HEAR line
    parts = SPLIT(line, "|")
    TALK TO parts[0], parts[1]
    IF ERROR THEN
        TALK ERR + " " + ERROR MESSAGE
        CLEAR ERROR
    ELSE
        TALK "sent"
    END IF
LOOP
"#;

/// Asks until somebody has so many conversations with the bot; gives the latest.
async fn conversation_of(client: &Client, bot: &Value) -> Value {
    let path = format!("/conversations?filter[bot_id]={}", bot["bot_id"].as_str().expect("an id"));
    within(async || client.get(&path).await.assert_ok().items().first().cloned()).await
}

/// Asks until the conversation has so many messages, and gives them.
async fn history(client: &Client, conversation: &Value, messages: usize) -> Vec<Value> {
    within(async || {
        let items = client.get(path(conversation, "/history")).await.assert_ok().items();
        (items.len() >= messages).then_some(items)
    })
    .await
}

async fn within<T>(asked: impl AsyncFn() -> Option<T>) -> T {
    let asks = async {
        loop {
            if let Some(found) = asked().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), asks).await.expect("it happens in time")
}

/// A bot that books tables, and says what it is told to somebody else.
async fn messenger(app: &App) -> Value {
    let start = format!("{BOOKING}\nHEAR more\n{MESSENGER}");
    app.bot("Messenger", &start).await
}

#[botserver_test(balanced)]
async fn a_letter_comes_into_the_latest_conversation_and_leaves_its_dialog_where_it_is(app: App) {
    let bot = messenger(&app).await;
    let (ann, bo) = (app.user("ann").await, app.user("bob").await);
    let theirs = bo.converse(&bot).await;
    bo.say(&theirs, "Bo").await;
    let mut socket =
        Socket::signed_in(&app, bo.token(), &format!("?conversation_id={}&since=3", id(&theirs))).await;
    let mine = ann.converse(&bot).await;
    for said in ["Ann", "2", "more"] {
        ann.say(&mine, said).await;
    }

    let bo_id = bo.me().await["user_id"].as_str().expect("an id").to_owned();
    for (address, words) in [
        ("bob@example.com".to_owned(), "one"),
        ("BOB@Example.com".to_owned(), "two"),
        ("bob".to_owned(), "three"),
        (bo_id.clone(), "four"),
        (format!("web:{bo_id}"), "five"),
    ] {
        assert_eq!(ann.say(&mine, &format!("{address}|{words}")).await, ["sent"]);
    }

    for words in ["one", "two", "three", "four", "five"] {
        let said = socket.bot_says().await;
        assert_eq!((&said["content"], &said["sender"]), (&json!(words), &json!("bot")));
    }
    let conversation = bo.get(path(&theirs, "")).await.assert_ok().data();
    assert_eq!((&conversation["status"], &conversation["unread_count"]), (&json!("waiting"), &json!(6)));
    assert_eq!(bo.say(&theirs, "4").await, ["A table for 4."], "the question before the letters is answered");
}

#[botserver_test]
async fn who_has_no_conversation_gets_one_for_all_letters_and_each_once(app: App) {
    let script = "FOR i = 1 TO 5\n    TALK TO \"bob\", \"letter \" + i\nNEXT\nTALK \"sent\"";
    let bot = app.bot("Messenger", script).await;
    let (ann, bo) = (app.user("ann").await, app.user("bob").await);

    assert_eq!(texts(&ann.converse(&bot).await["messages"]), ["sent"]);

    let theirs = conversation_of(&bo, &bot).await;
    let said = texts(&json!(history(&bo, &theirs, 5).await));
    assert_eq!(said, ["letter 1", "letter 2", "letter 3", "letter 4", "letter 5"]);
    assert_eq!((&theirs["title"], &theirs["channel"]), (&json!("Messenger"), &json!("web")));
    assert_eq!(ann.get("/conversations").await.assert_ok().items().len(), 1, "nothing comes to the sender");
    // It goes on like any other.
    assert_eq!(bo.say(&theirs, "thanks").await.len(), 1);
    assert_eq!(bo.get("/conversations").await.assert_ok().items().len(), 1);
}

#[botserver_test]
async fn who_may_not_use_the_bot_is_not_found_like_who_does_not_exist(app: App) {
    let bot = app.bot("Messenger", MESSENGER).await;
    let (ann, bo) = (app.user("ann").await, app.user("bob").await);
    app.stranger("sue").await;
    let off = app.user("olaf").await;
    let olaf = off.me().await["user_id"].as_str().expect("an id").to_owned();
    app.admin().patch(format!("/users/{olaf}"), json!({ "status": "suspended" })).await.assert_ok();
    let bo_id = bo.me().await["user_id"].as_str().expect("an id").to_owned();
    let access = json!({ "visibility": "organization", "denied_users": [bo_id] });
    app.admin()
        .put(format!("/bots/{}/access", bot["bot_id"].as_str().expect("an id")), access)
        .await
        .assert_ok();
    let mine = ann.converse(&bot).await;

    for address in ["bob", "sue@example.com", "olaf", "nobody@example.com", &bo_id] {
        let said = ann.say(&mine, &format!("{address}|hello")).await;
        assert_eq!(said, [format!("53 nobody who may use this bot has the address {address}")]);
    }
    for (address, why) in [
        ("whatsapp:4915112345678", "this server has no channel whatsapp"),
        ("+4915112345678", "this server can't reach the phone number +4915112345678"),
    ] {
        assert_eq!(ann.say(&mine, &format!("{address}|hello")).await, [format!("53 {why}")]);
    }
    assert_eq!(ann.say(&mine, "ann|").await, ["5 TALK TO needs something to say"]);
}

#[botserver_test]
async fn a_turn_that_fails_sends_nothing(app: App) {
    let script = "HEAR n AS INTEGER\nTALK TO \"bob\", \"n is \" + n\nTALK 12 / n";
    let bot = app.bot("Messenger", script).await;
    let (ann, bo) = (app.user("ann").await, app.user("bob").await);
    let mine = ann.converse(&bot).await;

    ann.say(&mine, "0").await;
    assert_eq!(ann.say(&mine, "3").await, ["4"]);

    let theirs = conversation_of(&bo, &bot).await;
    assert_eq!(texts(&json!(history(&bo, &theirs, 1).await)), ["n is 3"]);
}

#[botserver_test]
async fn a_file_goes_to_somebody_else_with_its_caption(app: App) {
    let script = r#"
WRITE "notes/today.txt", "One photo"
SEND FILE TO "bob", "notes/today.txt", "A note"
SEND FILE "notes/today.txt" TO "bob@example.com"
TALK "sent"
"#;
    let bot = app.bot("Messenger", script).await;
    let (ann, bo) = (app.user("ann").await, app.user("bob").await);

    assert_eq!(texts(&ann.converse(&bot).await["messages"]), ["sent"]);

    let theirs = conversation_of(&bo, &bot).await;
    let said = history(&bo, &theirs, 2).await;
    assert_eq!(texts(&json!(said)), ["A note", ""]);
    for message in &said {
        let file = &message["attachments"][0];
        assert_eq!((&file["name"], &file["size"]), (&json!("today.txt"), &json!(9)));
        let download = format!("/attachments/{}", file["attachment_id"].as_str().expect("an id"));
        let request = bo.request(reqwest::Method::GET, &path(&theirs, &download));
        let content = request.send().await.expect("an answer").text().await.expect("a text");
        assert_eq!(content, "One photo");
    }
}

#[botserver_test]
async fn a_schedule_and_a_hook_reach_people(app: App) {
    let hook = "WEBHOOK \"paid\"\nTALK TO body.who, \"Paid: \" + body.sum\nRETURN WITH ok AS TRUE";
    let bot = app.bot_of("Till", &[("paid", hook), ("start", "TALK 1")]).await;
    app.admin().patch("/bots/till/config", json!({ "webhook-auth": "none" })).await.assert_ok();
    let bo = app.user("bob").await;

    let url = format!("{}/api/v1/bots/till/hooks/paid", app.url());
    let call = reqwest::Client::new().post(url).json(&json!({ "who": "bob@example.com", "sum": 7 }));
    assert_eq!(call.send().await.expect("an answer").status(), 200);

    let theirs = conversation_of(&bo, &bot).await;
    assert_eq!(texts(&json!(history(&bo, &theirs, 1).await)), ["Paid: 7"]);
}

#[each_database]
fn a_script_that_floods_others_is_ended() {
    run_test(async {
        let app = App::start_with(|config| config.bots.talks_per_turn = 3).await;
        let script = "ON ERROR RESUME NEXT\nFOR i = 1 TO 4\n    TALK TO \"bob\", i\nNEXT\nTALK \"sent\"";
        let bot = app.bot("Messenger", script).await;
        let (ann, bo) = (app.user("ann").await, app.user("bob").await);

        let said = texts(&ann.converse(&bot).await["messages"]);

        assert_eq!(said, ["Something went wrong. Please try again later."]);
        assert_eq!(bo.get("/conversations").await.assert_ok().items(), [] as [Value; 0]);
        app.stop().await;
    });
}

fn id(conversation: &Value) -> &str {
    conversation["conversation_id"].as_str().expect("an id")
}

#[botserver_test]
async fn letters_wait_while_the_staff_talks_as_the_jobs_that_they_are(app: App) {
    let bot = messenger(&app).await;
    let (ann, bo, admin) = (app.user("ann").await, app.user("bob").await, app.admin());
    let theirs = bo.converse(&bot).await;
    admin.post(path(&theirs, "/messages"), json!({ "content": "I am Mia." })).await.assert_status(201);
    let mine = ann.converse(&bot).await;
    for said in ["Ann", "2", "more", "bob|one", "bob|two"] {
        ann.say(&mine, said).await;
    }

    let waiting = within(async || {
        let letters = letters(&admin).await;
        let looked_at = |job: &Value| !job["started_at"].is_null() && job["status"] != "running";
        letters.iter().any(looked_at).then_some(letters)
    })
    .await;

    let standing: Vec<_> = waiting.iter().map(|job| (&job["status"], &job["attempts"])).collect();
    assert_eq!(standing, [(&json!("queued"), &json!(0)), (&json!("queued"), &json!(0))]);
    admin.patch(path(&theirs, ""), json!({ "staff_active": false })).await.assert_ok();
    app.hasten_jobs("conversations.deliver").await;
    let said = texts(&json!(history(&bo, &theirs, 4).await));
    assert_eq!(said[said.len() - 2..], ["one", "two"]);
}

/// The jobs of all letters.
async fn letters(admin: &Client) -> Vec<Value> {
    admin.get("/admin/jobs?filter[kind]=conversations.deliver").await.assert_ok().items()
}

/// Asks until the letters stand so: how many wait and have been looked at, are delivered or void, and are given up.
async fn until_letters_stand(admin: &Client, waiting: usize, done: usize, given_up: usize) {
    within(async || {
        let letters = letters(admin).await;
        let count = |status: &str| letters.iter().filter(|job| job["status"] == status).count();
        let unseen = letters.iter().filter(|job| job["started_at"].is_null()).count();
        let stand = (count("queued") - unseen, count("completed"), count("failed"));
        (stand == (waiting, done, given_up)).then_some(())
    })
    .await;
}

#[botserver_test]
async fn a_letter_that_has_waited_for_more_than_a_week_is_given_up_and_those_behind_it_are_not(app: App) {
    let bot = app.bot("Messenger", MESSENGER).await;
    let (ann, bo, admin) = (app.user("ann").await, app.user("bob").await, app.admin());
    let theirs = bo.converse(&bot).await;
    admin.post(path(&theirs, "/messages"), json!({ "content": "I am Mia." })).await.assert_status(201);
    let mine = ann.converse(&bot).await;
    ann.say(&mine, "bob|one").await;
    until_letters_stand(&admin, 1, 0, 0).await;
    let long_ago = app.database().write(app.organization().await, |unit| {
        unit.execute(
            "UPDATE jobs SET payload = replace(payload, '\"written_at\":\"2', '\"written_at\":\"1')
             WHERE org_id = $1 AND kind = 'conversations.deliver'",
            &[],
        )
    });
    let long_ago: Result<u64, platform::db::DbError> = long_ago.await;
    assert_eq!(long_ago.expect("a change"), 1);
    ann.say(&mine, "bob|two").await;

    app.hasten_jobs("conversations.deliver").await;

    until_letters_stand(&admin, 1, 0, 1).await;
    admin.patch(path(&theirs, ""), json!({ "staff_active": false })).await.assert_ok();
    app.hasten_jobs("conversations.deliver").await;
    let said = texts(&json!(history(&bo, &theirs, 2).await));
    assert_eq!(said, ["I am Mia.", "two"]);
}

#[botserver_test]
async fn letters_to_who_may_not_sign_in_and_of_a_bot_that_is_gone_end(app: App) {
    app.bot("First", "TALK 1").await;
    let bot = app.bot("Messenger", MESSENGER).await;
    let (ann, bo, cleo, admin) =
        (app.user("ann").await, app.user("bob").await, app.user("cleo").await, app.admin());
    let (to_bo, to_cleo) = (bo.converse(&bot).await, cleo.converse(&bot).await);
    for theirs in [&to_bo, &to_cleo] {
        admin.post(path(theirs, "/messages"), json!({ "content": "I am Mia." })).await.assert_status(201);
    }
    let mine = ann.converse(&bot).await;
    for said in ["bob|one", "bob|two", "cleo|one"] {
        ann.say(&mine, said).await;
    }
    until_letters_stand(&admin, 2, 0, 0).await;

    let bo_id = bo.me().await["user_id"].as_str().expect("an id").to_owned();
    admin.patch(format!("/users/{bo_id}"), json!({ "status": "suspended" })).await.assert_ok();
    app.hasten_jobs("conversations.deliver").await;

    until_letters_stand(&admin, 1, 2, 0).await;
    assert_eq!(texts(&json!(history(&admin, &to_bo, 1).await)), ["I am Mia."]);
    admin.delete("/bots/messenger").await.assert_status(202);
    within(async || {
        // One that was just being looked at waits again.
        app.hasten_jobs("conversations.deliver").await;
        letters(&admin).await.iter().all(|job| job["status"] == "completed").then_some(())
    })
    .await;
}

#[botserver_test]
async fn a_letter_begins_no_more_conversations_than_may_be_held_at_once(app: App) {
    let bot = app.bot("Messenger", MESSENGER).await;
    let (ann, bo, admin) = (app.user("ann").await, app.user("bob").await, app.admin());
    admin.put("/bots/messenger/access", json!({ "max_concurrent_sessions": 1 })).await.assert_ok();
    let mine = ann.converse(&bot).await;

    ann.say(&mine, "bob|one").await;
    ann.say(&mine, "bob|two").await;

    until_letters_stand(&admin, 1, 0, 0).await;
    assert!(bo.get("/conversations").await.assert_ok().items().is_empty());
    ann.post(path(&mine, "/end"), json!({})).await.assert_ok();
    app.hasten_jobs("conversations.deliver").await;
    let theirs = conversation_of(&bo, &bot).await;
    assert_eq!(texts(&json!(history(&bo, &theirs, 2).await)), ["one", "two"]);
}
