//! The settings of bots, and earlier states of their packages.

use http::Method;

use crate::support::{App, Client, Value, botserver_test, json, zip_of};

const FILE: &str = "/bots/shop/package/files/shop.gbot/config.csv";

/// A bot named Shop with that script and these settings.
async fn shop(app: &App, start: &str, settings: &str) -> Value {
    let bot = app.admin().post("/bots", json!({ "name": "Shop" })).await.assert_status(201).data();
    install(app, start, settings).await;
    bot
}

async fn install(app: &App, start: &str, settings: &str) -> Value {
    let zip = zip_of(&[
        ("shop.gbdialog/start.bas", start.as_bytes()),
        ("shop.gbot/config.csv", settings.as_bytes()),
    ]);
    app.admin().put_zip("/bots/shop/package", zip).await.assert_ok().data()
}

async fn put_settings(client: &Client, text: &'static str) {
    let request = client.request(Method::PUT, FILE).header("content-type", "text/csv").body(text);
    Client::send(request).await.assert_ok();
}

fn item<'a>(config: &'a Value, key: &str) -> &'a Value {
    let items = config["items"].as_array().expect("items");
    items.iter().find(|item| item["key"] == key).unwrap_or_else(|| panic!("no {key} in {config}"))
}

#[botserver_test]
async fn settings_are_typed_and_told_with_their_defaults(app: App) {
    let csv = "name,value\nWelcome Message,\"Hello, you\"\nmax_tokens,500\nparam-limit,7\nbot-name,5\nfavourite,blue\n\
               session-timeout,soon\n";
    let bot = shop(&app, "TALK 1", "").await;
    let installed = install(&app, "TALK 1", csv).await;
    assert_eq!(
        installed["warnings"],
        json!([
            "The setting favourite is not known; it is kept.",
            "The setting session-timeout must be a whole number from 60 to 31536000."
        ])
    );

    let config = app.admin().get("/bots/shop/config").await.assert_ok().data();

    let flat = [
        "welcome-message",
        "max-tokens",
        "param-limit",
        "bot-name",
        "favourite",
        "session-timeout",
        "language",
    ];
    let values: Vec<_> = flat.iter().map(|key| config[*key].clone()).collect();
    assert_eq!(json!(values), json!(["Hello, you", 500, 7, "5", "blue", 1800, "en"]));
    let tokens = item(&config, "max-tokens");
    assert_eq!((&tokens["source"], &tokens["type"]), (&json!("package"), &json!("integer")));
    assert!(tokens["description"].is_string());
    assert_eq!(item(&config, "session-timeout")["source"], "default");
    assert_eq!(item(&config, "theme-logo")["value"], Value::Null);
    assert_eq!(config["theme-logo"], Value::Null);
    assert_eq!(bot["language"], "en");
}

#[botserver_test]
async fn changing_a_setting_and_writing_the_file_are_the_same(app: App) {
    shop(&app, "TALK 1", "name,value\n# colours\ntheme-color,red\nWelcome Message,Hello\n").await;
    let admin = app.admin();

    let patch =
        json!({ "welcome_message": "Hi, you", "theme-color": null, "language": "pt", "max-tokens": 9 });
    let config = admin.patch("/bots/shop/config", patch).await.assert_ok().data();

    assert_eq!((&config["welcome-message"], &config["theme-color"]), (&json!("Hi, you"), &Value::Null));
    assert_eq!(
        admin.get(FILE).await.assert_ok().body,
        "name,value\n# colours\nWelcome Message,\"Hi, you\"\nlanguage,pt\nmax-tokens,9\n"
    );
    put_settings(&admin, "name,value\nlanguage,de\navatar-url,https://example.com/a.png\n").await;
    let bot = admin.get("/bots/shop").await.assert_ok().data();
    assert_eq!(
        (&bot["language"], &bot["avatar_url"], &bot["welcome_message"]),
        (&json!("de"), &json!("https://example.com/a.png"), &Value::Null)
    );
    assert_eq!(admin.get("/bots/shop/config").await.data()["language"], "de");
}

#[botserver_test]
async fn a_setting_that_is_wrong_changes_nothing(app: App) {
    shop(&app, "TALK 1", "language,pt\n").await;
    let admin = app.admin();
    let wrong = json!({
        "language": "Portuguese of Brazil", "max-tokens": "many", "a/b": 1, "theme-title": "two\nlines",
        "avatar-url": "javascript:alert(1)", "theme-color": ["red"], "name": "value", "llm-model": "fine",
    });

    let refused = admin.patch("/bots/shop/config", wrong).await;

    refused.assert_fields(&[
        "a/b",
        "avatar-url",
        "language",
        "max-tokens",
        "name",
        "theme-color",
        "theme-title",
    ]);
    let config = admin.get("/bots/shop/config").await.assert_ok();
    assert_eq!((&config.data()["language"], &config.data()["llm-model"]), (&json!("pt"), &Value::Null));
    let tag = config.header("etag").to_owned();
    admin.patch("/bots/shop/config", json!({ "language": "de" })).await.assert_ok();
    admin
        .with("if-match", &tag)
        .patch("/bots/shop/config", json!({ "language": "en" }))
        .await
        .assert_status(412);
    app.user("ann").await.get("/bots/shop/config").await.assert_status(403);
    app.stranger("eve").await.patch("/bots/shop/config", json!({})).await.assert_status(404);
}

#[botserver_test]
async fn settings_of_a_bot_without_a_package_make_one(app: App) {
    app.admin().post("/bots", json!({ "name": "Shop" })).await.assert_status(201);

    app.admin().patch("/bots/shop/config", json!({ "welcome-message": "Hi" })).await.assert_ok();

    assert_eq!(app.admin().get(FILE).await.assert_ok().body, "name,value\nwelcome-message,Hi\n");
}

#[botserver_test]
async fn a_secret_is_shown_to_nobody_and_known_to_scripts(app: App) {
    let bot =
        shop(&app, "TALK api_key + \"|\" + host", "param-api-key,hush-1\nparam-host,example.com\n").await;
    let admin = app.admin();
    let says = async || app.admin().converse(&bot).await["messages"][0]["content"].clone();
    assert_eq!(says().await, "hush-1|example.com");

    let config = admin.get("/bots/shop/config").await.assert_ok();
    assert_eq!(config.data()["param-api-key"], "***");
    assert!(!config.body.contains("hush") && item(&config.data(), "param-api-key")["secret"] == true);
    assert_eq!(admin.get(FILE).await.assert_ok().body, "param-api-key,***\nparam-host,example.com\n");

    // What comes back hidden stays as it is.
    admin
        .patch("/bots/shop/config", json!({ "param-api-key": "***", "param-host": "a.org" }))
        .await
        .assert_ok();
    assert_eq!(says().await, "hush-1|a.org");
    put_settings(&admin, "param-api-key,***\nparam-host,b.org\n").await;
    assert_eq!(says().await, "hush-1|b.org");
    admin.patch("/bots/shop/config", json!({ "param-api-key": "hush-2" })).await.assert_ok();
    assert_eq!(says().await, "hush-2|b.org");
    put_settings(&admin, "param-host,b.org\n").await;
    assert_eq!(says().await, "|b.org");
    put_settings(&admin, "param-api-key,***\nparam-host,b.org\n").await;
    assert_eq!(says().await, "|b.org", "there is nothing any more that the stars could stand for");

    let kept = app.database().read(org(&admin).await, |tx| {
        tx.all::<(Option<Vec<u8>>, Option<String>)>(
            "SELECT secrets, config FROM bot_versions WHERE org_id = $1",
            &[],
        )
    });
    let kept: Result<_, platform::db::DbError> = kept.await;
    for (secrets, config) in kept.expect("the versions") {
        let sealed = String::from_utf8_lossy(&secrets.unwrap_or_default()).into_owned();
        assert!(!sealed.contains("hush") && !config.unwrap_or_default().contains("hush"));
    }
}

#[botserver_test]
async fn a_secret_is_hidden_in_every_form_in_which_a_file_can_hold_it(app: App) {
    let csv = "#param-api-key,hush-old\nparam-api-key,\"hush-1\nhush-2\"\nllm-key-2;hush-3\nparam-key-of-erp,hush-4\n";
    let bot = shop(&app, "TALK api_key + key_of_erp", csv).await;
    let admin = app.admin();

    let file = admin.get(FILE).await.assert_ok().body;

    assert_eq!(file, "#param-api-key,***\nparam-api-key,***\nllm-key-2;***\nparam-key-of-erp,***\n");
    assert!(!admin.get("/bots/shop/config").await.assert_ok().body.contains("hush"));
    assert_eq!(admin.converse(&bot).await["messages"][0]["content"], "hush-1\nhush-2hush-4");
    let open = "llm-key,\"hush-5\nhush-6\n";
    let request = admin.request(Method::PUT, FILE).header("content-type", "text/csv").body(open);
    let refused = Client::send(request).await.assert_error(422, "VALIDATION_ERROR", "package_invalid");
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("llm-key")), "{refused}");
}

async fn org(client: &Client) -> kernel::id::OrganizationId {
    client.me().await["organization_id"].as_str().expect("an id").parse().expect("an id")
}

#[botserver_test]
async fn parameters_are_variables_of_all_scripts(app: App) {
    let bot = app.admin().post("/bots", json!({ "name": "Shop" })).await.assert_status(201).data();
    let zip = zip_of(&[
        (
            "x.gbdialog/start.bas",
            b"TALK limit + 1\nTALK ready\nTALK CALL \"other\"\nHEAR x\nTALK x\nTALK CALL \"other\"",
        ),
        ("x.gbdialog/other.bas", b"RETURN max_items * 2"),
        ("x.gbot/config.csv", b"param-limit,7\nparam-max-items,1.5\nparam-ready,true\n"),
    ]);
    let installed = app.admin().put_zip("/bots/shop/package", zip).await.assert_ok().data();
    assert_eq!(installed["diagnostics"], json!([]), "the compiler knows them");
    let ann = app.user("ann").await;

    let started = ann.converse(&bot).await;

    let said = crate::support::texts(&started["messages"]);
    assert_eq!(said, ["8", "true", "3"]);
    app.admin().patch("/bots/shop/config", json!({ "param-max-items": 10 })).await.assert_ok();
    assert_eq!(ann.say(&started, "go").await, ["go", "3"], "a run ends with the settings it began with");
    assert_eq!(crate::support::texts(&ann.converse(&bot).await["messages"])[2], "20");
}

#[botserver_test]
async fn an_earlier_version_comes_back_with_its_files_settings_and_secrets(app: App) {
    let bot = shop(&app, "TALK \"one \" + api_key", "param-api-key,first\nwelcome-message,Hello\n").await;
    let admin = app.admin();
    install(&app, "TALK \"two \" + api_key", "param-api-key,second\n").await;
    admin.delete("/bots/shop/scripts/start").await.assert_status(204);

    let versions = admin.get("/bots/shop/versions").await.assert_ok().items();
    let told: Vec<_> = versions.iter().map(|v| json!([v["version"], v["current"], v["action"]])).collect();
    assert_eq!(
        json!(told),
        json!([
            [3, true, "bot_script_deleted"],
            [2, false, "bot_package_installed"],
            [1, false, "bot_package_installed"]
        ])
    );
    assert_eq!(
        (&versions[1]["package"]["scripts"], &versions[0]["package"]["scripts"]),
        (&json!(1), &json!(0))
    );
    assert!(versions[0]["created_by"].is_string());

    let restored = admin.post("/bots/shop/versions/1/restore", json!({})).await.assert_ok().data();

    assert_eq!(
        (&restored["version"], &restored["installed"]["added"]),
        (&json!(4), &json!(["shop.gbdialog/start.bas"]))
    );
    let said = crate::support::texts(&app.user("ann").await.converse(&bot).await["messages"]);
    assert_eq!(said, ["Hello", "one first"]);
    for version in ["99", "0", "-1", "x"] {
        admin.post(format!("/bots/shop/versions/{version}/restore"), json!({})).await.assert_error(
            404,
            "NOT_FOUND",
            "",
        );
    }
    app.stranger("eve").await.get("/bots/shop/versions").await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn only_the_last_versions_are_kept_and_those_that_a_run_needs(app: App) {
    let app = app.restart_with(|config| config.bots.versions_kept = 3).await;
    let bot = shop(&app, "HEAR x\nTALK CALL(\"price\")", "").await;
    let save = async |price: u32| {
        let source = json!({ "source": format!("RETURN {price}") });
        app.admin().put("/bots/shop/scripts/price", source).await.assert_ok();
    };
    let numbers = async || {
        let versions = app.admin().get("/bots/shop/versions").await.assert_ok().items();
        versions.iter().map(|version| version["version"].as_u64().expect("a number")).collect::<Vec<_>>()
    };
    save(2).await;
    let ann = app.user("ann").await;
    let waiting = ann.converse(&bot).await;
    for price in 3..8 {
        save(price).await;
    }

    assert_eq!(numbers().await, [7, 6, 5, 4, 2]);
    assert_eq!(ann.say(&waiting, "go").await, ["2"]);
    save(8).await;
    assert_eq!(numbers().await, [8, 7, 6, 5]);
}

#[botserver_test]
async fn a_sealed_setting_is_hidden_among_the_variables_whatever_it_is_called_there(app: App) {
    let script = "mine = stripe_key\norder = #{ header: \"Bearer \" + stripe_key, n: 1 }\nHEAR x";
    let bot = shop(&app, script, "name,value\nparam-stripe-key,sk-live-1\n").await;
    let conversation = app.user("ann").await.converse(&bot).await;

    let path =
        format!("/conversations/{}/variables", conversation["conversation_id"].as_str().expect("an id"));
    let state = app.admin().get(path).await.assert_ok();

    assert!(!state.body.contains("sk-live-1"), "{}", state.body);
    let variables = &state.data()["scripts"][0]["variables"];
    assert_eq!(
        (&variables["mine"], &variables["order"]),
        (&json!("***"), &json!({ "header": "***", "n": 1 }))
    );
}
