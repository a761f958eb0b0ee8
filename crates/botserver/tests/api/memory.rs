//! What scripts remember, and who can see it.

use futures_util::future::join_all;

use crate::support::{App, Client, Value, botserver_test, json, package, texts, until, zip_of};

const VISITS: &str = r#"
visits = GET BOT MEMORY("visits") + 1
SET BOT MEMORY "visits", visits
TALK "Visit " + visits
"#;

/// The bot's first words.
fn said(started: &Value) -> Vec<String> {
    texts(&started["messages"])
}

/// A bot of another organization.
async fn bot_of(owner: &Client, name: &str, start: &str) -> Value {
    let bot = owner.post("/bots", json!({ "name": name, "slug": name })).await.assert_status(201).data();
    let path = format!("/bots/{}/package", bot["bot_id"].as_str().expect("an id"));
    owner.put_zip(&path, package(start)).await.assert_status(200);
    bot
}

#[botserver_test]
async fn a_bot_remembers_for_all_who_use_it(app: App) {
    let bot = app.bot("Visits", VISITS).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);

    assert_eq!(said(&ann.converse(&bot).await), ["Visit 1"]);
    assert_eq!(said(&bob.converse(&bot).await), ["Visit 2"]);
    let app_token = ann.token().to_owned();
    let app = app.restart().await;

    assert_eq!(said(&app.with_token(&app_token).converse(&bot).await), ["Visit 3"]);
}

#[botserver_test(balanced)]
async fn conversations_that_count_at_once_count_right(app: App) {
    let bot = app.bot("Visits", VISITS).await;
    let ann = app.user("ann").await;

    let started = join_all((0..20).map(|_| ann.converse(&bot))).await;

    let mut counted: Vec<_> = started.iter().flat_map(said).collect();
    counted.sort_by_key(|text| text.trim_start_matches("Visit ").parse::<u32>().expect("a number"));
    assert_eq!(counted, (1..=20).map(|n| format!("Visit {n}")).collect::<Vec<_>>());
}

#[botserver_test]
async fn values_keep_their_type_and_null_forgets(app: App) {
    let script = r#"
SET BOT MEMORY "n", 4
SET BOT MEMORY "list", [1, "two", #{ three: 3.5 }]
TALK GET BOT MEMORY("n") + 1
HEAR x
m = GET BOT MEMORY("list")
TALK m[2].three + GET BOT MEMORY("n")
SET BOT MEMORY "n", NULL
TALK GET BOT MEMORY("n") IS NULL
HEAR x
TALK GET BOT MEMORY("n") IS NULL
"#;
    let bot = app.bot("Types", script).await;
    let ann = app.user("ann").await;

    let started = ann.converse(&bot).await;

    assert_eq!(said(&started), ["5"]);
    assert_eq!(ann.say(&started, "go").await, ["7.5", "true"]);
    assert_eq!(ann.say(&started, "go").await, ["true"]);
}

#[botserver_test]
async fn neither_bots_nor_organizations_see_each_others_memory(app: App) {
    let keep = r#"
SET BOT MEMORY "secret", "mine"
REMEMBER "diet", "vegan"
SET CONTEXT "hours" AS "nine"
SET SESSION "topic", "refund"
TALK session.id
"#;
    let look = r#"
TALK "[" + GET BOT MEMORY("secret") + RECALL("diet") + GET("secret") + GET("bot.secret") + "]"
HEAR other
ON ERROR RESUME NEXT
TALK "[" + GET SESSION(other, "topic") + "]"
TALK GET SESSION(other, "channel")
TALK ERROR MESSAGE
"#;
    let keeper = app.bot("Keeper", keep).await;
    let looker = app.bot("Looker", look).await;
    let ann = app.user("ann").await;
    let stranger = app.stranger("sue").await;
    let elsewhere = bot_of(&stranger, "elsewhere", look).await;
    let kept = said(&ann.converse(&keeper).await).remove(0);

    for (client, bot) in [(&ann, &looker), (&stranger, &elsewhere)] {
        let started = client.converse(bot).await;
        assert_eq!(said(&started), ["[]"]);
        let answers = client.say(&started, &kept).await;
        assert_eq!(answers, ["[]", "there is no such conversation with this bot"]);
    }
}

#[botserver_test]
async fn what_is_remembered_of_a_person_is_theirs_and_ends_in_time(app: App) {
    let script = r#"
IF RECALL("diet") THEN
    TALK RECALL("diet") + RECALL("code") + GET("diet")
    EXIT
END IF
HEAR diet
REMEMBER "diet" = diet
REMEMBER "code", "1234", 0.000001
TALK RECALL("code")
"#;
    let bot = app.bot("Diet", script).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let first = ann.converse(&bot).await;
    assert_eq!(ann.say(&first, "vegan").await, ["1234"]);

    assert_eq!(said(&ann.converse(&bot).await), ["veganvegan"], "the code's time is over");
    assert!(said(&bob.converse(&bot).await).is_empty(), "nothing is known of him");
}

#[botserver_test]
async fn what_a_person_says_to_one_bot_is_known_to_the_others_where_it_is_kept_so(app: App) {
    let keep =
        "SET USER MEMORY \"diet\", \"vegan\"\nSET USER FACT \"town\", \"Lima\"\nSET \"user.role\", \"guest\"";
    let look = "f = USER FACTS()\nTALK \"\" + GET USER MEMORY(\"diet\") + f.town + GET(\"user.role\")";
    let (keeper, looker) = (app.bot("Keeper", keep).await, app.bot("Looker", look).await);
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    ann.converse(&keeper).await;

    assert_eq!(said(&ann.converse(&looker).await), ["veganLima"], "attributes stay with their bot");
    assert_eq!(said(&bob.converse(&looker).await), [""]);
}

#[botserver_test(balanced)]
async fn a_turn_that_fails_remembers_nothing(app: App) {
    let script = r#"
DO
    HEAR n AS INTEGER
    SET BOT MEMORY "last", n
    ADD SUGGESTION "again"
    TALK 12 / n
LOOP
"#;
    let bot = app.bot("Divider", script).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    ann.say(&started, "0").await;

    assert_eq!(app.admin().get("/bots/divider/memory").await.items(), Vec::<Value>::new());
    assert_eq!(ann.say(&started, "4").await, ["3"]);
    assert_eq!(app.admin().get("/bots/divider/memory").await.items()[0]["value"], 4);
}

#[botserver_test]
async fn whoever_looks_after_a_bot_sees_and_changes_its_memory(app: App) {
    let bot = app.bot("Greeter", "TALK GET BOT MEMORY(\"greeting\")").await;
    let admin = app.admin();
    let path = "/bots/greeter/memory";
    for (key, value) in [("greeting", json!("Welcome!")), ("menu.1", json!(["tea"])), ("menu.2", json!(2))] {
        admin.put(format!("{path}/{key}"), json!({ "value": value })).await.assert_status(200);
    }

    let menu = admin.get(format!("{path}?prefix=menu.")).await.assert_ok().items();

    assert_eq!(menu.iter().map(|item| &item["key"]).collect::<Vec<_>>(), ["menu.1", "menu.2"]);
    assert_eq!(menu[0]["value"], json!(["tea"]));
    assert_eq!(said(&admin.converse(&bot).await), ["Welcome!"]);
    admin.delete(format!("{path}/greeting")).await.assert_status(204);
    admin.delete(format!("{path}/greeting")).await.assert_error(404, "NOT_FOUND", "");
    assert_eq!(said(&admin.converse(&bot).await), [""]);
}

#[botserver_test]
async fn a_value_that_cannot_be_kept_is_refused(app: App) {
    app.bot("Greeter", "TALK 1").await;
    let admin = app.admin();
    let long = "x".repeat(201);

    for (key, value) in
        [("greeting", json!(null)), ("greeting", json!("x".repeat(70_000))), (&long, json!(1))]
    {
        let answer = admin.put(format!("/bots/greeter/memory/{key}"), json!({ "value": value })).await;
        assert_eq!(answer.status.as_u16(), 422, "{}", answer.body);
    }
    let member = app.user("ann").await;
    member.put("/bots/greeter/memory/x", json!({ "value": 1 })).await.assert_error(403, "FORBIDDEN", "");
}

#[botserver_test]
async fn a_script_that_remembers_too_much_fails_with_a_reason(app: App) {
    let script = r#"
ON ERROR RESUME NEXT
SET BOT MEMORY REPEAT("x", 201), 1
TALK ERROR MESSAGE
CLEAR ERROR
SET BOT MEMORY "large", REPEAT("x", 70000)
TALK ERROR MESSAGE
"#;
    let bot = app.bot("Hoarder", script).await;

    assert_eq!(
        said(&app.user("ann").await.converse(&bot).await),
        [
            "a key has 1 to 200 characters, and none of them is U+0000",
            "what is remembered under one key has at most 65536 bytes"
        ]
    );
}

#[botserver_test]
async fn a_turn_that_remembers_too_much_in_all_fails_with_a_reason(app: App) {
    let script = r#"
FOR i = 1 TO 100
    SET BOT MEMORY "one", REPEAT("x", 60000)
NEXT
TALK "replaced"
HEAR go
FOR i = 1 TO 100
    SET BOT MEMORY "k" + i, REPEAT("x", 60000)
NEXT
TALK "kept"
"#;
    let bot = app.bot("Hoarder", script).await;
    let ann = app.user("ann").await;

    let started = ann.converse(&bot).await;
    assert_eq!(said(&started), ["replaced"]);
    assert_eq!(ann.say(&started, "go").await, ["Something went wrong. Please try again later."]);
    let kept = app.admin().get("/bots/hoarder/memory").await.data();
    assert_eq!(kept["total"], 1, "a turn that fails remembers nothing");
    let logged = app.admin().get("/bots/hoarder/logs").await.items();
    assert!(
        logged.iter().any(|line| line["message"] == "one turn remembers at most 4194304 bytes"),
        "{logged:?}"
    );
}

#[crate::support::each_database]
fn a_place_holds_so_many_values_and_no_more() {
    crate::support::run_with(
        |config| config.bots.memory_values = 3,
        |app| async move {
            let script = "HEAR n\nFOR i = 1 TO n\nSET BOT MEMORY \"k\" + i, i\nNEXT\nTALK \"kept\"";
            let bot = app.bot("Hoarder", script).await;
            let ann = app.user("ann").await;
            let (few, many) = (ann.converse(&bot).await, ann.converse(&bot).await);

            assert_eq!(ann.say(&few, "3").await, ["kept"]);
            assert_eq!(ann.say(&many, "4").await, ["Something went wrong. Please try again later."]);
            assert_eq!(ann.say(&many, "3").await, ["kept"], "what is there can be changed");
            let refused = app.admin().put("/bots/hoarder/memory/k4", json!({ "value": 4 })).await;
            refused.assert_error(409, "CONFLICT", "memory_limit");
        },
    );
}

#[botserver_test]
async fn a_deleted_bot_is_forgotten_with_all_it_remembers(app: App) {
    let bot = app.bot("Visits", "SET BOT MEMORY \"a\", 1\nREMEMBER \"b\", 2\nSET SESSION \"c\", 3").await;
    app.user("ann").await.converse(&bot).await;
    assert_eq!(memories(&app).await, 3);

    let deleted = app.admin().delete("/bots/visits").await.assert_status(202).data();

    let job = format!("/admin/jobs/{}", deleted["job_id"].as_str().expect("an id"));
    until(&app.admin(), &job, "completed").await;
    assert_eq!(memories(&app).await, 0);
}

async fn memories(app: &App) -> i64 {
    let counted = app.database().read_server(|tx| {
        let rows: Vec<(i64,)> = tx.across_organizations("SELECT COUNT(*) FROM memories")?;
        Ok::<_, platform::db::DbError>(rows[0].0)
    });
    counted.await.expect("a count")
}

#[botserver_test]
async fn a_script_of_the_package_uses_what_another_remembers(app: App) {
    let bot = app.admin().post("/bots", json!({ "name": "Two" })).await.assert_status(201).data();
    let zip = zip_of(&[
        (
            "t.gbai/t.gbdialog/start.bas",
            b"SET BOT MEMORY \"a\", 1\nCALL \"add\"\nTALK GET BOT MEMORY(\"a\")".as_slice(),
        ),
        ("t.gbai/t.gbdialog/add.bas", b"SET BOT MEMORY \"a\", GET BOT MEMORY(\"a\") + 1".as_slice()),
    ]);
    app.admin().put_zip("/bots/two/package", zip).await.assert_status(200);

    assert_eq!(said(&app.user("ann").await.converse(&bot).await), ["2"]);
}
