//! What scripts ask of the server while they talk: quick replies, other scripts, time.

use crate::support::{App, Socket, Value, botserver_test, json, texts, zip_of};

/// A bot of these scripts.
async fn bot_of(app: &App, name: &str, scripts: &[(&str, &str)]) -> Value {
    let bot = app.admin().post("/bots", json!({ "name": name })).await.assert_status(201).data();
    install(app, &bot, scripts).await;
    bot
}

async fn install(app: &App, bot: &Value, scripts: &[(&str, &str)]) {
    let paths: Vec<_> = scripts.iter().map(|(script, _)| format!("t.gbai/t.gbdialog/{script}.bas")).collect();
    let files: Vec<_> =
        paths.iter().zip(scripts).map(|(path, (_, source))| (path.as_str(), source.as_bytes())).collect();
    let path = format!("/bots/{}/package", bot["bot_id"].as_str().expect("an id"));
    app.admin().put_zip(&path, zip_of(&files)).await.assert_status(200);
}

fn said(started: &Value) -> Vec<String> {
    texts(&started["messages"])
}

fn path(conversation: &Value, rest: &str) -> String {
    format!("/conversations/{}{rest}", conversation["conversation_id"].as_str().expect("an id"))
}

fn following(conversation: &Value) -> String {
    format!("?conversation_id={}&since=0", conversation["conversation_id"].as_str().expect("an id"))
}

const OFFERS: &str = r#"
ADD SUGGESTION "hours" AS "When are you open?"
ADD SUGGESTION "Book a table"
TALK "Welcome"
HEAR x
TALK "You said " + x
HEAR size AS "small", "large"
CLEAR SUGGESTIONS
TALK size
"#;

#[botserver_test]
async fn a_command_that_no_module_has_is_worth_a_warning(app: App) {
    let script = "TALK 1\nSET BOT MEMORY \"a\", 1\nWAIT 0\nPLAY \"intro.mp4\"\nPLAY \"again.mp4\"";
    app.bot("Shower", "TALK 1").await;

    let saved =
        app.admin().put("/bots/shower/scripts/start", json!({ "source": script })).await.assert_ok().data();
    let checked =
        app.admin().post("/bots/shower/compile", json!({ "source": script })).await.assert_ok().data();

    for found in [&saved, &checked["scripts"][0]] {
        assert_eq!(found["status"], "compiled");
        let diagnostics = found["diagnostics"].as_array().expect("diagnostics");
        let told: Vec<_> =
            diagnostics.iter().map(|one| (&one["line"], &one["code"], &one["severity"])).collect();
        assert_eq!(told, [(&json!(4), &json!("B120"), &json!("warning"))], "{found}");
    }
}

#[botserver_test]
async fn suggestions_stand_at_the_last_message_until_they_are_cleared(app: App) {
    let bot = app.bot("Offers", OFFERS).await;
    let token = app.user("ann").await.token().to_owned();
    let offered = json!([
        { "text": "When are you open?", "value": "hours" },
        { "text": "Book a table", "value": "Book a table" },
    ]);

    let started = app.with_token(&token).converse(&bot).await;
    assert_eq!(started["messages"][0]["suggestions"], offered);
    let app = app.restart().await;
    let ann = app.with_token(&token);

    let say = async |text: &str| {
        ann.post(path(&started, "/messages"), json!({ "content": text })).await.assert_status(201).data()
    };
    let menu = say("hello").await;
    let mut all =
        vec![json!({ "text": "small", "value": "small" }), json!({ "text": "large", "value": "large" })];
    all.extend(offered.as_array().expect("a list").clone());
    assert_eq!(menu["suggestions"], json!(all));
    assert_eq!(say("small").await["suggestions"], json!([]));
    assert_eq!(say("and now?").await["suggestions"], json!([]));
}

#[botserver_test(balanced)]
async fn suggestions_reach_the_socket_behind_their_message(app: App) {
    let bot = app.bot("Offers", OFFERS).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let mut socket = Socket::signed_in(&app, ann.token(), &following(&started)).await;

    let message = socket.bot_says().await;
    let suggestion = socket.next("suggestion").await;

    assert_eq!(suggestion["message_id"], message["message_id"]);
    assert_eq!(suggestion["suggestions"], message["suggestions"]);
    assert_eq!(suggestion["suggestions"].as_array().map(Vec::len), Some(2));
}

#[botserver_test(balanced)]
async fn attributes_of_a_conversation_are_found_by_all_of_its_scripts(app: App) {
    let start = r#"
SET SESSION "topic", "refund"
SET "session.step" = 2
CALL "look"
"#;
    let look = r#"
TALK GET SESSION("topic") + GET("session.step") + GET("session.channel")
TALK GET SESSION("id") = session.id
HEAR other
TALK GET SESSION(other, "topic") + "|" + GET SESSION(other, "user_id")
SET SESSION other, "topic", "seen"
"#;
    let bot = bot_of(&app, "Topics", &[("start", start), ("look", look)]).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (hers, his) = (ann.converse(&bot).await, bob.converse(&bot).await);
    assert_eq!(said(&hers), ["refund2web", "true"]);

    let id = his["conversation_id"].as_str().expect("an id");
    let answers = ann.say(&hers, id).await;

    assert_eq!(answers, [format!("refund|{}", bob.me().await["user_id"].as_str().expect("an id"))]);
    let own = hers["conversation_id"].as_str().expect("an id");
    assert_eq!(bob.say(&his, own).await.len(), 1);
}

#[botserver_test]
async fn what_nobody_performs_is_an_error_with_a_sentence(app: App) {
    let script = r#"
ON ERROR RESUME NEXT
SEND MAIL "ann@example.com", "Hello", "World"
TALK ERROR MESSAGE
CLEAR ERROR
TALK horoscope("leo")
TALK ERROR MESSAGE
"#;
    let bot = app.bot("Wishes", script).await;

    assert_eq!(
        said(&app.user("ann").await.converse(&bot).await),
        ["this server does not have SEND MAIL", "unknown function horoscope"]
    );
}

const ASKS: &str = r#"
PARAM item AS STRING
PARAM most AS INTEGER DEFAULT 10
HEAR n AS INTEGER WITH "How many ${item}, up to ${most}?"
RETURN n * 2
"#;

#[botserver_test]
async fn a_script_calls_another_which_asks_across_a_restart(app: App) {
    let start = "a = CALL \"ask.bas\", \"tea\"\nb = CALL \"ASK\", \"milk\", 5\nTALK a + b";
    let bot = bot_of(&app, "Caller", &[("start", start), ("ask", ASKS)]).await;
    let token = app.user("ann").await.token().to_owned();
    let started = app.with_token(&token).converse(&bot).await;
    assert_eq!(said(&started), ["How many tea, up to 10?"]);

    let app = app.restart().await;
    let ann = app.with_token(&token);

    assert_eq!(ann.say(&started, "many").await, ["Please enter a whole number."]);
    assert_eq!(ann.say(&started, "2").await, ["How many milk, up to 5?"]);
    let app = app.restart().await;
    assert_eq!(app.with_token(&token).say(&started, "3").await, ["10"]);
    assert_eq!(app.with_token(&token).get(path(&started, "")).await.data()["status"], "active");
}

#[botserver_test(balanced)]
async fn a_run_calls_the_scripts_of_the_version_it_began_with(app: App) {
    let start = "HEAR x\nTALK CALL \"price\"";
    let bot = bot_of(&app, "Prices", &[("start", start), ("price", "RETURN 5")]).await;
    let ann = app.user("ann").await;
    let old = ann.converse(&bot).await;

    // More versions than are kept.
    for price in 6..30 {
        install(&app, &bot, &[("start", start), ("price", &format!("RETURN {price}"))]).await;
    }
    let new = ann.converse(&bot).await;

    assert_eq!(ann.say(&old, "go").await, ["5"]);
    assert_eq!(ann.say(&new, "go").await, ["29"]);
}

#[botserver_test]
async fn what_fails_in_a_called_script_can_be_caught_by_the_one_that_called(app: App) {
    let start = r#"
ON ERROR RESUME NEXT
CALL "divide", 0
TALK ERR
CLEAR ERROR
CALL "nowhere"
TALK ERROR MESSAGE
CLEAR ERROR
CALL "divide"
TALK ERROR MESSAGE
CLEAR ERROR
CALL "again"
TALK "not caught"
"#;
    let scripts =
        [("start", start), ("divide", "PARAM n AS INTEGER\nRETURN 1 / n"), ("again", "CALL \"again\"")];
    let bot = bot_of(&app, "Divider", &scripts).await;

    assert_eq!(
        said(&app.user("ann").await.converse(&bot).await),
        ["Something went wrong. Please try again later."],
        "a limit cannot be caught, and a failed turn says nothing else"
    );
    let caught = start.rsplit_once("CALL \"again\"").expect("its end").0;
    install(&app, &bot, &[("start", caught), scripts[1]]).await;
    assert_eq!(
        said(&app.user("bob").await.converse(&bot).await),
        ["11", "the package has no script nowhere that can run", "divide: n is required"]
    );
}

#[botserver_test(balanced)]
async fn a_script_waits_and_goes_on_by_itself(app: App) {
    let bot = app.bot("Patient", "TALK \"wait\"\nWAIT 0.2\nTALK \"done\"\nHEAR x\nTALK x").await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    assert_eq!((said(&started), &started["status"]), (vec!["wait".to_owned()], &json!("active")));
    let mut socket = Socket::signed_in(&app, ann.token(), &following(&started)).await;

    assert_eq!(socket.bot_says().await["content"], "wait");
    let done = socket.bot_says().await;

    assert_eq!((&done["content"], &done["in_reply_to"]), (&json!("done"), &Value::Null));
    assert_eq!(ann.get(path(&started, "")).await.data()["status"], "waiting");
    assert_eq!(ann.say(&started, "at last").await, ["at last"]);
}

#[botserver_test]
async fn a_script_that_waits_goes_on_after_a_restart_and_once(app: App) {
    let script = "SET BOT MEMORY \"n\", GET BOT MEMORY(\"n\") + 1\nWAIT 1\n\
                  SET BOT MEMORY \"n\", GET BOT MEMORY(\"n\") + 10\nTALK GET BOT MEMORY(\"n\")";
    let bot = app.bot("Patient", script).await;
    let token = app.user("ann").await.token().to_owned();
    let started = app.with_token(&token).converse(&bot).await;

    let app = app.restart().await;

    let mut socket = Socket::signed_in(&app, &token, &following(&started)).await;
    assert_eq!(socket.bot_says().await["content"], "11");
    let app = app.restart().await;
    assert_eq!(app.with_token(&token).get(path(&started, "")).await.data()["message_count"], 1);
}

#[botserver_test]
async fn whoever_talks_to_a_script_that_waits_is_answered_and_does_not_wake_it(app: App) {
    let bot = app.bot("Sleeper", "SET BOT MEMORY \"a\", 1\nWAIT 10000000\nTALK \"morning\"").await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    assert_eq!(ann.say(&started, "hello?").await, ["I have no answer to that."]);

    let jobs = app.admin().get("/admin/jobs?kind=conversations.wake").await.assert_ok().items();
    assert_eq!(jobs.iter().map(|job| &job["status"]).collect::<Vec<_>>(), ["queued"]);
    assert_eq!(ann.get(path(&started, "")).await.data()["status"], "active");
}

#[botserver_test]
async fn a_called_script_waits_for_its_caller_too(app: App) {
    let scripts =
        [("start", "TALK CALL(\"nap\")\nHEAR x\nTALK x"), ("nap", "TALK \"zzz\"\nWAIT 0.1\nRETURN \"up\"")];
    let bot = bot_of(&app, "Sleeper", &scripts).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let mut socket = Socket::signed_in(&app, ann.token(), &following(&started)).await;

    for expected in ["zzz", "up"] {
        assert_eq!(socket.bot_says().await["content"], expected);
    }
}

#[botserver_test]
async fn a_script_that_fails_after_waiting_says_so_and_ends(app: App) {
    let bot = app.bot("Sleeper", "WAIT 0.05\nTALK 1 / 0").await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;
    let mut socket = Socket::signed_in(&app, ann.token(), &following(&started)).await;

    let message = socket.next("message").await;

    assert_eq!(
        (&message["sender"], &message["content"]),
        (&json!("system"), &json!("Something went wrong. Please try again later."))
    );
    assert_eq!(ann.say(&started, "hello?").await, ["I have no answer to that."]);
}

#[botserver_test]
async fn nobody_waits_backwards_or_for_ever(app: App) {
    let script = r"
ON ERROR RESUME NEXT
WAIT 0
WAIT -1
TALK ERROR MESSAGE
CLEAR ERROR
WAIT 1000000000
TALK ERROR MESSAGE
";
    let bot = app.bot("Sleeper", script).await;

    assert_eq!(
        said(&app.user("ann").await.converse(&bot).await),
        ["the seconds to wait are a number that is not negative", "a script waits at most 3660 days"]
    );
}

#[botserver_test]
async fn random_numbers_differ_from_message_to_message(app: App) {
    let bot = app.bot("Dice", "FOR i = 1 TO 8\nTALK RANDOM(1, 1000000)\nNEXT").await;

    let mut thrown = said(&app.user("ann").await.converse(&bot).await);

    thrown.sort();
    thrown.dedup();
    assert_eq!(thrown.len(), 8);
}
