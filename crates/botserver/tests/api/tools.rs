//! Tools, single runs, logs, and bots that are made with a package.

use http::Method;
use reqwest::multipart::{Form, Part};

use crate::support::{Answer, App, Client, Value, botserver_test, json, package, texts, zip_of};

const BOOK: &str = r#"PARAM people AS INTEGER LIKE 4 DESCRIPTION "How many people come"
PARAM day AS DATE
PARAM meal AS "lunch", "dinner"
PARAM note AS STRING OPTIONAL
DESCRIPTION "Books a table."
TALK "Booked for " + people
PRINT "booking"
SET BOT MEMORY "last", people
RETURN people * 2
"#;

async fn bot_of(app: &App, scripts: &[(&str, &str)]) -> Value {
    let bot = app.admin().post("/bots", json!({ "name": "Tables" })).await.assert_status(201).data();
    install(app, scripts).await;
    bot
}

async fn install(app: &App, scripts: &[(&str, &str)]) {
    let paths: Vec<_> = scripts.iter().map(|(name, _)| format!("t.gbdialog/{name}.bas")).collect();
    let files: Vec<_> =
        paths.iter().zip(scripts).map(|(path, (_, source))| (path.as_str(), source.as_bytes())).collect();
    app.admin().put_zip("/bots/tables/package?strict=false", zip_of(&files)).await.assert_ok();
}

#[botserver_test]
async fn a_tool_is_told_in_three_forms(app: App) {
    bot_of(&app, &[("book table", BOOK), ("start", "TALK 1"), ("zebra", "DESCRIPTION \"Last\"\nRETURN 1")])
        .await;
    let admin = app.admin();

    let tools = admin.get("/bots/tables/tools").await.assert_ok().items();
    assert_eq!(tools.len(), 2);
    assert_eq!(
        tools[0],
        json!({
            "name": "book_table", "description": "Books a table.", "script": "book table",
            "parameters": [
                { "name": "people", "type": "integer", "required": true, "description": "How many people come",
                  "example": "4" },
                { "name": "day", "type": "date", "required": true, "description": "day" },
                { "name": "meal", "type": "string", "required": true, "description": "meal",
                  "enum": ["lunch", "dinner"] },
                { "name": "note", "type": "string", "required": false, "description": "note" },
            ],
        })
    );
    let mcp = admin.get("/bots/tables/tools/book_table?format=mcp").await.assert_ok().data();
    assert_eq!(mcp["inputSchema"]["required"], json!(["people", "day", "meal"]));
    assert_eq!(mcp["inputSchema"]["properties"]["day"]["format"], "date");
    let openai = admin.get("/bots/tables/tools?format=openai").await.assert_ok().items();
    assert_eq!((&openai[1]["type"], &openai[1]["function"]["name"]), (&json!("function"), &json!("zebra")));
    assert_eq!(openai[0]["function"]["parameters"]["additionalProperties"], false);
    admin.get("/bots/tables/tools?format=xml").await.assert_status(422);
    admin.get("/bots/tables/tools?format=mcp&format=mcp").await.assert_status(422);
    admin.get("/bots/tables/tools?kind=tool").await.assert_status(422);
    let page = async |query: &str| admin.get(format!("/bots/tables/tools?{query}")).await.assert_ok().data();
    let first = page("format=mcp&limit=1&order=desc").await;
    assert_eq!((&first["total"], &first["items"][0]["name"]), (&json!(2), &json!("zebra")));
    assert!(first["items"][0]["inputSchema"].is_object(), "{first}");
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = page(&format!("limit=1&order=desc&cursor={cursor}")).await;
    assert_eq!((&second["items"][0]["name"], &second["next_cursor"]), (&json!("book_table"), &Value::Null));
    assert_eq!(page("search=BOOKS").await["items"][0]["name"], "book_table");
    admin.get("/bots/tables/tools/start").await.assert_error(404, "NOT_FOUND", "not_a_tool");
    admin.get("/bots/tables/tools/none").await.assert_error(404, "NOT_FOUND", "script_not_found");
    assert_eq!(admin.get("/bots/tables").await.data()["package"]["tools"], 2);
}

#[botserver_test]
async fn a_tool_takes_checked_parameters_and_acts_with_the_callers_rights(app: App) {
    let whoami = "PARAM x AS STRING OPTIONAL\nRETURN session.user_id";
    bot_of(&app, &[("book", BOOK), ("whoami", whoami)]).await;
    let ann = app.user("ann").await;
    let call =
        async |params: Value| ann.post("/bots/tables/tools/book/invoke", json!({ "params": params })).await;

    let done = call(json!({ "people": "3", "day": "tomorrow", "meal": "DINNER" })).await.assert_ok().data();
    assert_eq!(done, json!({ "result": 6, "output": ["Booked for 3"] }));
    let memory = app.admin().get("/bots/tables/memory").await.assert_ok().items();
    assert_eq!((&memory[0]["key"], &memory[0]["value"]), (&json!("last"), &json!(3)));

    call(json!({ "day": "2030-01-01", "meal": "lunch" })).await.assert_fields(&["params.people"]);
    call(json!({ "people": 1.5, "day": "2030-01-01", "meal": "lunch" }))
        .await
        .assert_fields(&["params.people"]);
    call(json!({ "people": 1, "day": "2030-01-01", "meal": "tea" })).await.assert_fields(&["params.meal"]);
    call(json!({ "people": 1, "day": "2030-01-01", "meal": "lunch", "x": 1 }))
        .await
        .assert_fields(&["params.x"]);
    let me = ann.post("/bots/tables/tools/whoami/invoke", json!({})).await.assert_ok().data();
    assert_eq!(me["result"], ann.me().await["user_id"]);
    app.stranger("eve").await.post("/bots/tables/tools/whoami/invoke", json!({})).await.assert_status(404);
}

#[botserver_test]
async fn a_tool_sees_the_conversation_that_the_caller_names(app: App) {
    let tool = "DESCRIPTION \"x\"\nRETURN GET SESSION(\"topic\")";
    let bot = bot_of(&app, &[("start", "SET SESSION \"topic\", \"refund\"\nHEAR x"), ("tool", tool)]).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let conversation = json!({ "conversation_id": ann.converse(&bot).await["conversation_id"] });

    let seen = ann.post("/bots/tables/tools/tool/invoke", conversation.clone()).await.assert_ok().data();
    assert_eq!(seen["result"], "refund");
    let alone = ann.post("/bots/tables/tools/tool/invoke", json!({})).await.assert_ok().data();
    assert_eq!(alone["result"], Value::Null);
    bob.post("/bots/tables/tools/tool/invoke", conversation).await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn a_script_is_run_once_and_leaves_nothing_if_it_fails(app: App) {
    let scripts = [
        ("good", "FOR i = 1 TO 9\nNEXT\nTALK \"a\"\nTALK \"b\"\nRETURN CALL(\"double\", 21)"),
        ("double", "PARAM n AS INTEGER\nRETURN n * 2"),
        ("bad", "SET BOT MEMORY \"left\", 1\nPRINT \"before\"\nTALK \"x\"\nx = 1 / 0"),
        ("asks", "TALK \"hm\"\nHEAR x"),
        ("waits", "WAIT 5"),
        ("broken", "TALK ("),
        ("session", "SET SESSION \"a\", 1\nRETURN GET SESSION(\"a\")"),
    ];
    bot_of(&app, &scripts).await;
    let admin = app.admin();
    let run = async |name: &str| admin.post(format!("/bots/tables/scripts/{name}/run"), json!({})).await;

    let good = run("good").await.assert_ok().data();
    assert_eq!((&good["output"], &good["result"]), (&json!(["a", "b"]), &json!(42)));
    assert!(
        good["steps"].as_u64() > Some(3) && good["duration_ms"].is_u64() && good["error"].is_null(),
        "{good}"
    );
    let bad = run("bad").await.assert_ok().data();
    assert_eq!((&bad["error"]["line"], &bad["result"]), (&json!(4), &Value::Null), "{bad}");
    assert_eq!(admin.get("/bots/tables/memory").await.data()["total"], 0, "nothing of it stays");
    for (name, text) in [("asks", "nobody is there"), ("waits", "can't wait")] {
        let failed = run(name).await.assert_ok().data();
        assert!(failed["error"]["message"].as_str().is_some_and(|m| m.contains(text)), "{failed}");
    }
    assert_eq!(run("session").await.assert_ok().data()["result"], 1);
    run("broken").await.assert_error(409, "CONFLICT", "compile_failed");
    run("none").await.assert_error(404, "NOT_FOUND", "script_not_found");
    admin
        .post("/bots/tables/scripts/good/run", json!({ "params": { "n": 1 } }))
        .await
        .assert_fields(&["params.n"]);
    admin.patch("/bots/tables", json!({ "status": "inactive" })).await.assert_ok();
    run("good").await.assert_error(409, "CONFLICT", "bot_inactive");
    app.user("ann").await.post("/bots/tables/scripts/good/run", json!({})).await.assert_status(403);
}

#[botserver_test]
async fn a_script_that_never_ends_is_ended(app: App) {
    // The limit of instructions, which is the same on every machine, comes first.
    let app = app.restart_with(|config| config.bots.script_run_seconds = 300).await;
    bot_of(&app, &[("loop", "SET BOT MEMORY \"began\", 1\nWHILE TRUE\nx = x + 1\nWEND")]).await;

    let ended = app.admin().post("/bots/tables/scripts/loop/run", json!({})).await.assert_ok().data();

    let message = ended["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("instructions"), "{ended}");
    assert!(ended["steps"].as_u64() >= Some(1_000_000), "{ended}");
    assert_eq!(app.admin().get("/bots/tables/memory").await.data()["total"], 0, "nothing of it stays");
}

#[botserver_test]
async fn roles_that_a_script_allows_are_asked_for(app: App) {
    bot_of(&app, &[("secret", "DESCRIPTION \"x\"\nALLOW ROLE \"manager\"\nRETURN 7")]).await;
    let path = "/bots/tables/tools/secret/invoke";

    let ann = app.user("ann").await;
    ann.post(path, json!({})).await.assert_error(403, "FORBIDDEN", "role_required");
    let boss = app.user_with_role("boss", "manager").await;
    assert_eq!(boss.post(path, json!({})).await.assert_ok().data()["result"], 7);
}

#[botserver_test]
async fn roles_that_a_script_allows_are_asked_for_in_conversations_too(app: App) {
    let secret = "ALLOW ROLE \"manager\"\nTALK \"secret\"";
    let calls = "HEAR x\nCALL \"secret\"";
    let bot = bot_of(&app, &[("start", calls), ("secret", secret)]).await;
    let (ann, boss) = (app.user("ann").await, app.user_with_role("boss", "manager").await);

    assert_eq!(boss.say(&boss.converse(&bot).await, "x").await, ["secret"]);
    assert_ne!(ann.say(&ann.converse(&bot).await, "x").await, ["secret"]);
    install(&app, &[("start", secret)]).await;
    assert_eq!(texts(&boss.converse(&bot).await["messages"]), ["secret"]);
    assert_ne!(texts(&ann.converse(&bot).await["messages"]), ["secret"]);
    let lines = app.admin().get("/bots/tables/logs").await.assert_ok().body;
    assert!(lines.contains("the script is for people with the role manager"), "{lines}");
    // Another name of the role of everybody.
    install(&app, &[("start", "ALLOW ROLE \"user\"\nTALK \"open\"")]).await;
    assert_eq!(texts(&ann.converse(&bot).await["messages"]), ["open"]);
}

#[botserver_test]
async fn a_tool_adds_to_what_its_conversation_offers(app: App) {
    let start = "ADD SUGGESTION \"first\"\nDO\nHEAR x\nTALK x\nLOOP";
    let tool = "DESCRIPTION \"x\"\nADD SUGGESTION \"second\"\nRETURN 1";
    let bot = bot_of(&app, &[("start", start), ("more", tool)]).await;
    let ann = app.user("ann").await;
    let conversation = ann.converse(&bot).await;
    let id = conversation["conversation_id"].clone();

    ann.post("/bots/tables/tools/more/invoke", json!({ "conversation_id": id })).await.assert_ok();

    let path = format!("/conversations/{}/messages", id.as_str().expect("an id"));
    let said = ann.post(path, json!({ "content": "x" })).await.assert_status(201).data();
    let offered = json!([{ "text": "first", "value": "first" }, { "text": "second", "value": "second" }]);
    assert_eq!(said["suggestions"], offered);
}

#[botserver_test]
async fn what_scripts_print_and_why_they_fail_is_kept_for_their_author(app: App) {
    let scripts = [
        ("start", "PRINT \"began\"\nHEAR x\nPRINT \"said \" + x\nCALL \"fails\""),
        ("fails", "PRINT \"about to\"\ny = 1 / 0"),
    ];
    let bot = bot_of(&app, &scripts).await;
    let ann = app.user("ann").await;
    let conversation = ann.converse(&bot).await;
    ann.say(&conversation, "go").await;

    let admin = app.admin();
    let lines = admin.get("/bots/tables/logs?order=asc").await.assert_ok().items();

    let told: Vec<_> =
        lines.iter().map(|line| json!([line["level"], line["script"], line["line"]])).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!((&lines[0]["message"], &lines[0]["script"]), (&json!("began"), &json!("start")));
    let error = lines.iter().find(|line| line["level"] == "error").expect("an error");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("ivision")), "{told:?}");
    assert_eq!(error["conversation_id"], conversation["conversation_id"]);
    let errors = admin.get("/bots/tables/logs?filter[level]=error").await.assert_ok().items();
    assert_eq!(errors.len(), 1);
    let of_fails = admin.get("/bots/tables/logs?filter[script]=fails").await.assert_ok().items();
    assert!(of_fails.iter().any(|line| line["message"] == "about to"));
    ann.get("/bots/tables/logs").await.assert_status(403);
    app.stranger("eve").await.get("/bots/tables/logs").await.assert_status(404);
}

async fn post_form(client: &Client, form: Form) -> Answer {
    Client::send(client.request(Method::POST, "/bots").multipart(form)).await
}

#[botserver_test]
async fn a_bot_is_made_of_a_template(app: App) {
    let templates = app.admin().get("/bots/templates").await.assert_ok().items();
    let template = templates.iter().find(|one| one["template"] == "table-booking").expect("a template");
    assert_eq!(template["name"], "Table Booking");

    let new = json!({ "name": "My tables", "template": "table-booking" });
    let made = app.admin().post("/bots", new).await.assert_status(201).data();

    assert_eq!(
        (&made["slug"], &made["version"], &made["package"]["scripts"]),
        (&json!("my-tables"), &json!(1), &json!(1))
    );
    assert_ne!(app.admin().converse(&made).await["messages"], json!([]));
    let none = json!({ "name": "Other", "template": "none" });
    app.admin().post("/bots", none).await.assert_fields(&["template"]);
    app.user("ann").await.get("/bots/templates").await.assert_status(403);
    let named = app.admin().post("/bots", json!({ "name": "Templates" })).await.assert_status(201).data();
    assert_ne!(named["slug"], "templates", "the word is taken by the address of templates");
    app.admin().post("/bots", json!({ "name": "x", "slug": "templates" })).await.assert_fields(&["slug"]);
}

#[botserver_test]
async fn a_bot_is_made_of_a_package_that_is_sent(app: App) {
    let admin = app.admin();
    let zip = |start: &str| Part::bytes(package(start)).file_name("any.zip");

    let form = Form::new().part("file", zip("TALK \"sent\"")).text("description", "From a form");
    let made = post_form(&admin, form).await.assert_status(201).data();
    assert_eq!(
        (&made["name"], &made["slug"], &made["description"]),
        (&json!("test"), &json!("test"), &json!("From a form"))
    );
    assert_eq!(admin.converse(&made).await["messages"][0]["content"], "sent");

    let broken = Form::new().text("name", "Broken").part("file", zip("TALK ("));
    post_form(&admin, broken).await.assert_error(422, "VALIDATION_ERROR", "compile_failed");
    admin.get("/bots/broken").await.assert_status(404);
    let taken = Form::new().part("file", zip("TALK 1"));
    post_form(&admin, taken).await.assert_error(409, "CONFLICT", "slug_taken");
    let wrong = Form::new().part("file", zip("TALK 1")).text("visibility", "all").text("colour", "red");
    post_form(&admin, wrong).await.assert_fields(&["colour", "visibility"]);
    post_form(&admin, Form::new().text("name", "No file")).await.assert_error(400, "BAD_REQUEST", "");
    post_form(&app.user("ann").await, Form::new().part("file", zip("TALK 1"))).await.assert_status(403);
    assert_eq!(admin.get("/bots").await.data()["total"], 1);
}

#[botserver_test]
async fn a_copy_has_the_package_settings_and_secrets_and_goes_its_own_way(app: App) {
    let original = app.bot("Shop", "TALK greeting + api_key").await;
    let admin = app.admin();
    let settings = json!({ "param-greeting": "hello ", "param-api-key": "hush" });
    admin.patch("/bots/shop/config", settings).await.assert_ok();
    admin.patch("/bots/shop", json!({ "visibility": "public", "description": "Sells" })).await.assert_ok();

    let copy = admin.post("/bots/shop/clone", json!({ "name": "Shop two" })).await.assert_status(201);
    assert_eq!(
        copy.header("location"),
        format!("/api/v1/bots/{}", copy.data()["bot_id"].as_str().expect("an id"))
    );
    let copy = copy.data();

    let told = ["slug", "visibility", "description", "default", "version"].map(|field| copy[field].clone());
    assert_eq!(json!(told), json!(["shop-two", "public", "Sells", false, 1]));
    let says = async |bot: &Value| admin.converse(bot).await["messages"][0]["content"].clone();
    assert_eq!(says(&copy).await, "hello hush");
    admin.patch("/bots/shop-two/config", json!({ "param-greeting": "bye " })).await.assert_ok();
    assert_eq!((says(&copy).await, says(&original).await), (json!("bye hush"), json!("hello hush")));
    let unnamed = admin.post("/bots/shop/clone", json!({})).await.assert_status(201).data();
    assert_eq!(unnamed["name"], "Copy of Shop");
    admin.post("/bots/shop/clone", json!({ "slug": "shop-two" })).await.assert_error(
        409,
        "CONFLICT",
        "slug_taken",
    );
    admin.post("/bots/none/clone", json!({})).await.assert_status(404);
    app.user("ann").await.post("/bots/shop/clone", json!({})).await.assert_status(403);
}

#[botserver_test]
async fn a_copy_is_for_the_same_people_as_its_original(app: App) {
    app.bot("Shop", "TALK 1").await;
    let (admin, ann, bob) = (app.admin(), app.user("ann").await, app.user("bob").await);
    let id = async |client: &Client| client.me().await["user_id"].clone();
    let access = json!({
        "visibility": "private", "allowed_users": [id(&ann).await, id(&bob).await], "denied_users": [id(&bob).await],
        "allowed_roles": ["manager"], "anonymous_allowed": true, "max_concurrent_sessions": 3,
    });
    let set = admin.put("/bots/shop/access", access).await.assert_ok().data();

    let copy = admin.post("/bots/shop/clone", json!({ "name": "Shop two" })).await.assert_status(201).data();

    assert_eq!(copy["anonymous_allowed"], true);
    assert_eq!(admin.get("/bots/shop-two/access").await.assert_ok().data(), set);
    ann.get("/bots/shop-two").await.assert_ok();
    bob.get("/bots/shop-two").await.assert_status(404);
    // What is changed of one is not changed of the other.
    admin.put("/bots/shop/access", json!({})).await.assert_ok();
    assert_eq!(admin.get("/bots/shop-two/access").await.assert_ok().data(), set);
}
