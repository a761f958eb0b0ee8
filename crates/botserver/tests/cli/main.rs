//! The command line as people use it: the program itself, in a folder of its own.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that can not go on fails")]

mod audit;
mod nodes;
mod secrets;
mod telemetry;

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, text).expect("a file");
    }

    /// The program with nothing configured but what the test says.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_botserver"));
        command.args(arguments).current_dir(self.path());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BOTSERVER_")) {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).expect("text")
    }
}

const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/table-booking.gbai");

#[test]
fn config_prints_every_value_and_where_it_comes_from() {
    let desk = Desk::new();
    desk.write("botserver.toml", "[rate_limit]\nanonymous = 7\n");

    let text = desk.good(&["config", "--listen", "127.0.0.1:9999"]);

    let line = |key: &str| {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(key));
        line.unwrap_or_else(|| panic!("no {key} in {text}")).to_owned()
    };
    assert!(
        line("rate_limit.anonymous").contains('7') && line("rate_limit.anonymous").contains("botserver.toml")
    );
    assert!(line("listen").contains("flag --listen"));
    assert!(line("rate_limit.admin").ends_with("default"));
}

#[test]
fn config_tells_programs_what_each_key_is_and_never_a_secret() {
    let desk = Desk::new();
    let output =
        desk.command(&["config", "--format", "json"]).env("BOTSERVER_BOOTSTRAP_SECRET", "hush-hush").output();

    let text = String::from_utf8(output.expect("the program runs").stdout).expect("text");

    assert!(!text.contains("hush-hush"), "{text}");
    let settings: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    let of = |key: &str| settings.iter().find(|setting| setting["key"] == key).expect("the key");
    let secret = of("bootstrap_secret");
    assert_eq!(
        (&secret["value"], &secret["secret"], &secret["source"]),
        (&"***".into(), &true.into(), &"environment".into())
    );
    assert_eq!(secret["source_name"], "BOTSERVER_BOOTSTRAP_SECRET");
    assert!(desk.good(&["config", "--explain"]).contains("# Where the server listens.\nlisten "));
}

#[test]
fn a_number_outside_its_range_stops_the_start() {
    let desk = Desk::new();
    desk.write("botserver.toml", "[http]\nrequest_timeout_seconds = 0\n");

    let error = desk.refused(&[]);

    assert!(
        error.contains("http.request_timeout_seconds can't be read: must be from 1 to 86400, not 0"),
        "{error}"
    );
}

#[test]
fn an_unknown_key_stops_the_start_and_is_named() {
    let desk = Desk::new();
    desk.write("botserver.toml", "listne = \"127.0.0.1:1\"\n");

    let error = desk.refused(&[]);

    assert!(error.contains("there is no key listne; did you mean listen?"), "{error}");
    assert!(!desk.path().join("data").exists(), "nothing was begun");
}

#[test]
fn an_unknown_variable_stops_the_start_and_is_named() {
    let desk = Desk::new();

    let output = desk.command(&["config"]).env("BOTSERVER_LISTN", "x").output().expect("the program runs");

    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("BOTSERVER_LISTN"), "{error}");
}

#[test]
fn migrate_brings_the_schema_up_to_date_once() {
    let desk = Desk::new();

    assert!(desk.good(&["migrate"]).contains("applied m20261123_01_platform_audit"));
    assert_eq!(desk.good(&["migrate"]), "The schema is up to date.\n");
}

#[test]
fn a_package_is_imported_and_listed() {
    let desk = Desk::new();

    let imported = desk.good(&["bot", "import", PACKAGE]);

    assert!(imported.contains("Installed table-booking (bot_"), "{imported}");
    assert!(desk.good(&["bot", "list"]).contains("table-booking"));
    assert!(desk.good(&["bot", "import", PACKAGE]).contains("version 2"), "the same bot gets the new state");
}

#[test]
fn an_exported_package_imports_as_the_same() {
    let desk = Desk::new();
    desk.good(&["bot", "import", PACKAGE]);

    assert_eq!(desk.good(&["bot", "export", "table-booking"]), "Wrote table-booking.gbai.zip.\n");
    let first = std::fs::read(desk.path().join("table-booking.gbai.zip")).expect("the zip");
    assert!(desk.refused(&["bot", "export", "table-booking"]).contains("table-booking.gbai.zip"));
    desk.good(&["bot", "import", "table-booking.gbai.zip", "--name", "Copy"]);
    desk.good(&["bot", "export", "table-booking", "--output", "table-booking.gbai.zip", "--force"]);

    assert!(desk.good(&["bot", "list"]).contains("copy"));
    assert!(std::fs::read(desk.path().join("table-booking.gbai.zip")).expect("the zip") == first);
    assert!(desk.refused(&["bot", "export", "none"]).contains("There is no such bot."));
}

#[test]
fn a_broken_package_is_refused_with_its_reasons() {
    let desk = Desk::new();
    desk.write("broken.gbai/broken.gbdialog/start.bas", "IF 1 = 1\nTALK \"x\"\nEND IF\n");

    let error = desk.refused(&["bot", "import", "broken.gbai"]);

    assert!(error.contains("broken.gbdialog/start.bas:1:") && error.contains("THEN"), "{error}");
    assert_eq!(desk.good(&["bot", "list"]), "", "no bot is left without a package");

    desk.write("broken.gbai/broken.gbdialog/start.bas", "TALK \"x\"\n");
    assert!(desk.good(&["bot", "import", "broken.gbai"]).contains("version 1"));
    desk.write("broken.gbai/broken.gbdialog/start.bas", "TALK (\n");
    desk.refused(&["bot", "import", "broken.gbai"]);
    desk.write("broken.gbai/broken.gbdialog/start.bas", "TALK \"y\"\n");
    assert!(
        desk.good(&["bot", "import", "broken.gbai"]).contains("version 2"),
        "nothing came of the refused one"
    );
}

#[test]
fn a_package_whose_name_makes_no_slug_is_imported_into_the_same_bot_again() {
    let desk = Desk::new();
    for package in ["default.gbai", "templates.gbai", "\u{2192}.gbai"] {
        desk.write(&format!("{package}/x.gbdialog/start.bas"), "TALK \"x\"\n");

        assert!(desk.good(&["bot", "import", package]).contains("version 1"), "{package}");
        assert!(desk.good(&["bot", "import", package]).contains("version 2"), "{package}");
    }

    assert_eq!(desk.good(&["bot", "list"]).lines().count(), 3);
}

#[test]
fn a_user_is_created_with_a_link_that_sets_the_password() {
    let desk = Desk::new();

    let text = desk.good(&["user", "create", "ann", "ann@example.com", "--role", "manager"]);

    assert!(text.contains("Created ann (usr_") && text.contains("/set-password#token="), "{text}");
    let twice = desk.refused(&["user", "create", "ann", "other@example.com"]);
    assert!(twice.contains("The username is taken."), "{twice}");
}

#[test]
fn basic_check_reports_and_fails_on_errors() {
    let desk = Desk::new();
    desk.write("good.bas", "TALK \"hello\"\n");
    desk.write("bad.bas", "FOR EACH a IN [1]\nIF a = 1\nTALK \"x\"\nEND IF\nNEXT b\n");

    assert!(desk.run(&["basic", "check", "good.bas"]).status.success());
    let output = desk.run(&["basic", "check", "good.bas", "bad.bas"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("bad.bas:2:") && text.contains("bad.bas:5:"), "all errors at once: {text}");

    let json = desk.run(&["basic", "check", "--format", "json", "bad.bas"]).stdout;
    let reports: Vec<serde_json::Value> = serde_json::from_slice(&json).expect("JSON");
    assert_eq!((&reports[0]["file"], &reports[0]["line"]), (&"bad.bas".into(), &2.into()));
}

#[test]
fn basic_run_holds_the_dialog_in_the_terminal() {
    let desk = Desk::new();
    desk.write("hello.bas", "HEAR name WITH \"Your name?\"\nTALK \"Hello \" + name\n");
    let mut command = desk.command(&["basic", "run", "hello.bas"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program runs");

    child.stdin.take().expect("input").write_all(b"Ada\n").expect("a line");
    let output = child.wait_with_output().expect("an end");

    assert_eq!(String::from_utf8_lossy(&output.stdout), "Your name?\n> Hello Ada\n");
}

#[test]
fn basic_run_finds_outside_what_a_file_says() {
    let desk = Desk::new();
    desk.write(
        "order.bas",
        "PARAM dish AS STRING\nDESCRIPTION \"Orders a dish\"\nr = FIND \"menu\" WHERE name = dish\n\
         g = GET \"https://shop.test/stock\"\nSEND MAIL \"ann@example.com\", \"Order\", dish\n\
         RETURN r.price * g.left\n",
    );
    desk.write(
        "host.json",
        r#"{ "tables": { "menu": [{ "name": "soup", "price": 4 }] },
             "http": [{ "url": "https://shop.test/", "body": { "left": 3 } }] }"#,
    );

    let output = desk.run(&["basic", "run", "order.bas", "--host", "host.json", "--input", "dish=soup"]);

    assert_eq!(String::from_utf8_lossy(&output.stdout), "= 12\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "(SEND MAIL ann@example.com, Order, soup)\n");
    let missing = desk.refused(&["basic", "run", "order.bas"]);
    assert!(missing.contains("dish is required"), "{missing}");
}

#[test]
fn basic_run_gives_a_script_what_a_server_gives_it() {
    let desk = Desk::new();
    let script = "shop.gbai/shop.gbdialog/start.bas";
    desk.write(script, "TALK hour + \" \" + session.id + \" \" + seats * 2 + \" \" + title\n");
    let settings = "name,value\nParam-Seats,5\nPARAM TITLE,\"Blue, \"\"green\"\"\"\n#param-x,1\nparam-,2\n";
    desk.write("shop.gbai/shop.gbot/config.csv", settings);
    let now = ["--now", "2025-03-14T09:30:00Z"];

    let output = desk.run(&[&["basic", "run", script], &now[..]].concat());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "9 terminal 10 Blue, \"green\"\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");

    let output = desk.run(&[&["basic", "run", script, "--input", "Seats=7"], &now[..]].concat());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "9 terminal 14 Blue, \"green\"\n");
}

#[test]
fn basic_check_knows_the_package_around_a_script() {
    let desk = Desk::new();
    desk.write("shop.gbai/shop.gbdialog/start.bas", "ADD TOOL \"price\"\nADD TOOL \"nobody\"\nTALK host\n");
    desk.write("shop.gbai/shop.gbdialog/price.bas", "TALK 1\n");
    desk.write("shop.gbai/shop.gbdialog/tables.bas", "TABLE orders\n    id uuid key\nEND TABLE\n");
    desk.write(
        "shop.gbai/shop.gbot/config.csv",
        "name,value\nparam-host,https://example.com\nParam_Limit,5\nPARAM TITLE,\"Blue, green\"\n",
    );

    let text = desk.good(&["basic", "check", "shop.gbai/shop.gbdialog/start.bas"]);

    assert!(text.contains("there is no tool nobody in this package"), "{text}");
    assert!(!text.contains("price") && !text.contains("host"), "{text}");

    desk.write(
        "shop.gbai/shop.gbdialog/lines.bas",
        "TABLE lines\n    of orders\n    shape blob\nEND TABLE\n",
    );
    let text = desk.good(&["basic", "check", "shop.gbai/shop.gbdialog/lines.bas"]);
    assert!(text.contains("unknown type blob") && !text.contains("orders,"), "{text}");
}

#[test]
fn basic_fmt_indents_and_says_what_would_change() {
    let desk = Desk::new();
    desk.write("loop.bas", "FOR i = 1 TO 2\nTALK i ' each\nNEXT i\n");
    desk.write("bad.bas", "IF x\n");

    let output = desk.run(&["basic", "fmt", "--check", "loop.bas"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "loop.bas would change\n");
    desk.good(&["basic", "fmt", "loop.bas"]);

    let formatted = std::fs::read_to_string(desk.path().join("loop.bas")).expect("the script");
    assert_eq!(formatted, "FOR i = 1 TO 2\n    TALK i ' each\nNEXT i\n");
    desk.good(&["basic", "fmt", "--check", "loop.bas"]);
    assert!(desk.refused(&["basic", "fmt", "bad.bas"]).contains("expected THEN"));
    assert_eq!(std::fs::read_to_string(desk.path().join("bad.bas")).expect("the script"), "IF x\n");
}

#[test]
fn basic_keywords_and_tools_print_what_authors_and_models_need() {
    let desk = Desk::new();
    desk.write("quote.bas", "PARAM product AS STRING\nDESCRIPTION \"Quote a price\"\nRETURN product\n");

    let all = desk.good(&["basic", "keywords"]);
    let one = desk.good(&["basic", "keywords", "set bot memory", "LEN"]);
    let tools = |format: &str| -> serde_json::Value {
        serde_json::from_str(&desk.good(&["basic", "tools", "--format", format, "quote.bas"])).expect("JSON")
    };

    assert!(all.contains("FIND") && all.contains("LEN("));
    assert!(one.contains("SET BOT MEMORY") && one.contains("LEN(") && one.len() < all.len() / 20);
    assert!(desk.refused(&["basic", "keywords", "FROBNICATE"]).contains("there is no command or function"));
    assert_eq!(tools("openai")[0]["function"]["name"], "quote");
    assert_eq!(tools("mcp")[0]["inputSchema"]["required"], serde_json::json!(["product"]));
}

#[test]
fn openapi_prints_the_contract() {
    let desk = Desk::new();

    let contract: serde_json::Value = serde_json::from_str(&desk.good(&["openapi"])).expect("JSON");

    assert_eq!(contract["openapi"], "3.1.0");
    assert!(contract["paths"]["/api/v1/conversations/{conversation_id}/messages"]["post"].is_object());
    assert_eq!(std::fs::read_dir(desk.path()).expect("the folder").count(), 0, "nothing is left behind");
}

#[test]
fn a_folder_in_use_is_left_alone() {
    let desk = Desk::new();
    let mut serving = desk.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut serving = serving.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program runs");
    let shown = BufReader::new(serving.stdout.take().expect("output")).lines();
    let shown: Vec<_> = shown.map_while(Result::ok).take_while(|line| !line.contains("Ctrl-C")).collect();

    let error = desk.refused(&["bot", "list"]);

    serving.kill().expect("an end");
    serving.wait().expect("an end");
    assert!(error.contains("another BotServer is running"), "{error}");
    let shown = shown.join("\n");
    for part in [
        "Chat     http://127.0.0.1:",
        "API      http://127.0.0.1:",
        "Docs     http://",
        "Data     /",
        "username  admin",
        "password  ",
    ] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
}
