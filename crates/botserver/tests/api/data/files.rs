//! Data files of a package, by name.

use futures_util::future::join_all;

use super::said;
use crate::support::{App, Client, Value, botserver_test, json, zip_of};

const STAFF: &str = "name,age,team\nAnn,30,\"sales, north\"\nBob,007,support\n";

async fn office(app: &App, start: &str) -> Value {
    let bot = app.admin().post("/bots", json!({ "name": "Office" })).await.assert_status(201).data();
    let zip = zip_of(&[
        ("o.gbai/o.gbdialog/start.bas", start.as_bytes()),
        ("o.gbai/o.gbdata/staff.csv", STAFF.as_bytes()),
        ("o.gbai/o.gbdata/prices.json", br#"[{"sku":"A","price":2.5,"tags":["x"]}]"#),
    ]);
    app.admin().put_zip("/bots/office/package", zip).await.assert_status(200);
    bot
}

async fn file(client: &Client, name: &str) -> String {
    client.get(format!("/bots/office/package/files/o.gbdata/{name}")).await.assert_ok().body
}

#[botserver_test]
async fn files_are_read_as_tables(app: App) {
    let start = r#"
a = FIND "staff.csv", "name=Ann"
TALK a.age + 1
TALK a.team
b = FIND "STAFF.csv" WHERE age = "007"
TALK b.name + UBOUND(b)
p = FIND "prices.json", "price > 2"
TALK p.sku + p.tags[0]
TALK UBOUND(FIND "nothing.csv")
TALK AGGREGATE "staff.csv", "COUNT", "name"
ON ERROR RESUME NEXT
x = FIND "budget.xlsx"
TALK ERROR MESSAGE
"#;
    let bot = office(&app, start).await;

    let expected = [
        "31",
        "sales, north",
        "Bob1",
        "Ax",
        "0",
        "2",
        "budget.xlsx can't be read as a table; save it as CSV or JSON",
    ];
    assert_eq!(said(&app.user("ann").await, &bot).await, expected);
}

#[botserver_test(balanced)]
async fn a_turn_that_changes_a_file_makes_another_version_of_the_package(app: App) {
    let start = r#"
SAVE "staff.csv", 9, #{ name: "Cy, \"the\" third", age: 50 }
UPDATE "staff.csv" SET age = 31 WHERE name = "Ann"
TALK DELETE "staff.csv", "name = Bob"
TALK UBOUND(FIND "staff.csv")
new = #{ what: "first" }
SAVE "log.json", new
TALK LEN(new.id)
m = MERGE "prices.json" WITH [#{ sku: "A", price: 3 }, #{ sku: "B" }] BY sku
TALK m.inserted + m.updated
"#;
    let bot = office(&app, start).await;

    assert_eq!(said(&app.user("ann").await, &bot).await, ["1", "2", "36", "2"]);

    let admin = app.admin();
    let expected = "name,age,team,id\nAnn,31,\"sales, north\",\n\"Cy, \"\"the\"\" third\",50,,9\n";
    assert_eq!(file(&admin, "staff.csv").await, expected);
    let prices: Value = serde_json::from_str(&file(&admin, "prices.json").await).expect("JSON");
    assert_eq!(prices, json!([{ "sku": "A", "price": 3, "tags": ["x"] }, { "sku": "B" }]));
    let versions = admin.get("/bots/office/versions").await.assert_ok().items();
    assert_eq!(versions[0]["action"], "bot_data_saved");
    assert_eq!(versions.len(), 2);
}

#[botserver_test]
async fn a_failing_turn_leaves_the_files_and_versions_of_data_leave_room_for_others(app: App) {
    let start = "DO\nHEAR n AS INTEGER\nSAVE \"staff.csv\", n, #{ name: \"N\" + n }\nTALK 6 / n\nLOOP";
    let bot = office(&app, start).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    ann.say(&started, "0").await;
    assert_eq!(file(&app.admin(), "staff.csv").await, STAFF);
    for _ in 0..25 {
        ann.say(&started, "3").await;
    }

    let text = file(&app.admin(), "staff.csv").await;
    assert_eq!(text.lines().count(), 4, "{text}");
    let versions = app.admin().get("/bots/office/versions").await.assert_ok().items();
    let actions: Vec<_> = versions.iter().map(|version| version["action"].clone()).collect();
    assert_eq!(actions, [json!("bot_data_saved"), json!("bot_package_installed")]);
}

#[botserver_test(balanced)]
async fn conversations_that_write_into_a_file_at_once_lose_nothing(app: App) {
    let bot = office(&app, "SAVE \"visits.csv\", #{ who: \"ann\" }\nTALK UBOUND(FIND \"visits.csv\")").await;
    let ann = app.user("ann").await;

    let started = join_all((0..8).map(|_| said(&ann, &bot))).await;

    let mut counted: Vec<u32> =
        started.iter().flatten().map(|text| text.parse().expect("a number")).collect();
    counted.sort_unstable();
    assert_eq!(counted, (1..=8).collect::<Vec<_>>());
}

#[botserver_test]
async fn a_file_never_grows_beyond_what_can_be_read_again(app: App) {
    let rest = format!("1,{}\n", "x".repeat(1_047_000)).repeat(8);
    let big = format!("id,text\n0,{}\n{rest}", "x".repeat(10_000));
    let start = "a = FIND \"big.csv\", \"id = 0\"\nSAVE \"big.csv\", 9, #{ text: a.text }\nTALK \"saved\"";
    let bot = office(&app, "TALK 1").await;
    let zip = zip_of(&[
        ("o.gbai/o.gbdialog/start.bas", start.as_bytes()),
        ("o.gbai/o.gbdata/big.csv", big.as_bytes()),
    ]);
    app.admin().put_zip("/bots/office/package", zip).await.assert_status(200);

    assert_eq!(said(&app.user("ann").await, &bot).await, ["Something went wrong. Please try again later."]);
    assert_eq!(file(&app.admin(), "big.csv").await.len(), big.len());
}
