//! From TABLE to a table: with an installation, only by adding, until the bot is deleted.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, routing};
use tokio::net::TcpListener;

use super::{TABLES, install, said, shop};
use crate::support::{App, Value, botserver_test, json, run_with, until};

const COUNT: &str = "TALK UBOUND(FIND \"stock\")";

#[botserver_test]
async fn an_installation_only_adds_and_says_what_it_leaves(app: App) {
    let start = "SAVE \"stock\", #{ sku: \"A\", qty: 1, owner: \"ann\" }";
    let bot = shop(&app, "Shop", TABLES, start).await;
    let ann = app.user("ann").await;
    ann.converse(&bot).await;

    let tables = r#"
TABLE stock
    sku string(40) key
    qty text
    price number(10,2) UNIQUE
    since date NOT NULL
    colour string DEFAULT "red"
    code string
    must integer NOT NULL
END TABLE
CREATE INDEX by_colour ON stock(colour, code)
CREATE UNIQUE INDEX one_day ON stock(since)
TABLE extra
    id integer key
END TABLE
"#;
    let look = r#"
s = FIND "stock", "colour=red"
TALK s.sku + s.qty + s.owner + s.colour + (s.code IS NULL)
SAVE "stock", #{ sku: REPEAT("y", 30), qty: 2 }
SAVE "extra", #{ id: 4 }
TALK FIRST(FIND "extra").id
ON ERROR RESUME NEXT
SAVE "stock", #{ sku: "q", must: 1 }
TALK ERROR MESSAGE
"#;
    let warnings = install(&app.admin(), &bot, tables, look).await;

    assert_eq!(said(&ann, &bot).await, ["A1annredtrue", "4", "stock has no column must"]);
    let expected = [
        "No script declares the table orders any more; it stays with its rows.",
        "stock.qty stays integer: it can't become text without losing something.",
        "stock.price can't become UNIQUE: rows could break it.",
        "stock.since can't become NOT NULL: rows could break it.",
        "stock.must isn't added: it is NOT NULL and has no default for the rows that are there.",
        "stock.owner isn't declared any more; it stays.",
        "stock: one_day (since) isn't kept: rows could break it.",
    ];
    for warning in expected {
        assert!(warnings.iter().any(|said| said == warning), "{warning}\n{warnings:#?}");
    }
    let again = install(&app.admin(), &bot, TABLES, "TALK FIRST(FIND \"stock\").colour").await;
    assert_eq!(said(&ann, &bot).await, ["red"], "what is not declared stays: {again:?}");
}

#[botserver_test]
async fn a_package_that_is_only_tried_makes_no_table(app: App) {
    let bot = shop(&app, "Shop", "", "TALK 1").await;
    let path = format!("/bots/{}/package?dry_run=true", bot["bot_id"].as_str().expect("an id"));
    let zip = crate::support::zip_of(&[("t.gbai/t.gbdialog/tables.bas", TABLES.as_bytes())]);
    app.admin().put_zip(&path, zip).await.assert_status(200);

    assert_eq!(tables(&app).await, 0);
}

#[botserver_test]
async fn a_copy_of_a_bot_has_its_tables_without_their_rows(app: App) {
    let start = format!("SAVE \"stock\", #{{ sku: GUID() }}\n{COUNT}").replace("GUID()", "LEFT(GUID(), 8)");
    let bot = shop(&app, "Shop", TABLES, &start).await;
    let ann = app.user("ann").await;
    assert_eq!(said(&ann, &bot).await, ["1"]);
    assert_eq!(said(&ann, &bot).await, ["2"]);

    let path = format!("/bots/{}/clone", bot["bot_id"].as_str().expect("an id"));
    let copy = app.admin().post(&path, json!({})).await.assert_status(201).data();

    assert_eq!(said(&ann, &copy).await, ["1"]);
    assert_eq!(said(&ann, &bot).await, ["3"]);
}

#[botserver_test]
async fn the_tables_of_a_deleted_bot_are_dropped(app: App) {
    let circle = "TABLE a\n id integer key\n b b\nEND TABLE\nTABLE b\n id integer key\n a integer REFERENCES a(id)\n self b\nEND TABLE";
    let start = r#"
SAVE "stock", #{ sku: "A" }
SAVE "orders", #{ sku: "A" }
SAVE "b", #{ id: 1, self: 1 }
SAVE "a", #{ id: 1, b: 1 }
UPDATE "b" SET a = 1 WHERE id = 1
"#;
    let kept = shop(&app, "Kept", TABLES, COUNT).await;
    let bot = shop(&app, "Shop", &format!("{TABLES}{circle}"), start).await;
    let ann = app.user("ann").await;
    ann.converse(&bot).await;
    assert_eq!(tables(&app).await, 6);

    let deleted = app.admin().delete("/bots/shop").await.assert_status(202).data();

    let job = format!("/admin/jobs/{}", deleted["job_id"].as_str().expect("an id"));
    until(&app.admin(), &job, "completed").await;
    assert_eq!(tables(&app).await, 2);
    assert_eq!(said(&ann, &kept).await, ["0"]);
}

/// How many tables of bots there are.
async fn tables(app: &App) -> i64 {
    let counted = app.database().read_server(|tx| {
        let rows: Vec<(i64,)> = tx.across_organizations("SELECT COUNT(*) FROM bot_tables")?;
        Ok::<_, platform::db::DbError>(rows[0].0)
    });
    counted.await.expect("a count")
}

#[botserver_test]
async fn a_table_of_another_script_can_be_referred_to_and_one_that_cannot_be_read_stays(app: App) {
    let bot = shop(&app, "Shop", TABLES, COUNT).await;
    let path = format!("/bots/{}/scripts/more", bot["bot_id"].as_str().expect("an id"));
    let more = "TABLE crates\n    id integer key\n    of stock\nEND TABLE\nSAVE \"stock\", #{ sku: \"A\" }\nSAVE \"crates\", #{ of: \"A\" }\nRETURN FIRST(FIND \"crates\").of";
    app.admin().put(&path, json!({ "source": more })).await.assert_ok();

    let ran = app.admin().post(format!("{path}/run"), json!({})).await.assert_ok().data();
    assert_eq!(ran["result"], json!("A"), "{ran}");
    let broken =
        app.admin().put(&path, json!({ "source": format!("{more}\nEND IF") })).await.assert_ok().data();

    let warnings = broken["warnings"].as_array().cloned().unwrap_or_default();
    assert_eq!(warnings, Vec::<Value>::new(), "the table is still declared");
}

/// While a turn waits for another server, somebody installs a column that no row may be without.
#[crate::support::each_database]
fn a_turn_that_an_installation_overtakes_writes_rows_of_the_new_shape() {
    let reaches_the_test = |config: &mut botserver::Config| {
        config.egress.allow = vec!["127.0.0.1/32".parse().expect("a network")];
        config.egress.http = true;
    };
    run_with(reaches_the_test, |app| async move {
        let before = "TABLE goods\n    id integer key\nEND TABLE\n";
        let after = "TABLE goods\n    id integer key\n    n integer NOT NULL DEFAULT 3\nEND TABLE\n";
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let start = format!(
            "r = FIND \"goods\"\nx = GET \"http://{}/\"\nSAVE \"goods\", #{{ id: 1 }}\ng = FIND \"goods\"\nTALK g.n",
            listener.local_addr().expect("an address")
        );
        let bot = shop(&app, "Shop", before, &start).await;
        let (installs, asked) = ((app.admin(), bot.clone(), start.clone()), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&asked);
        let answer = move || {
            let (admin, bot, start) = installs.clone();
            let is_first = counter.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if is_first {
                    install(&admin, &bot, after, &start).await;
                }
                "fine"
            }
        };
        let router = Router::new().route("/", routing::get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });

        assert_eq!(said(&app.user("ann").await, &bot).await, ["3"]);
        assert_eq!(asked.load(Ordering::SeqCst), 2, "the turn ran again");
    });
}

#[botserver_test]
async fn the_bot_itself_may_do_everything_with_its_tables(app: App) {
    let tables = "TABLE log READ BY \"owner\" WRITE BY \"owner\"\n    id integer key\nEND TABLE\n";
    let tick =
        "SET SCHEDULE \"0 9 * * *\"\nSAVE \"log\", #{ id: 1 }\nPRINT \"rows: \" + UBOUND(FIND \"log\")";
    app.bot_of("Shop", &[("tables", tables), ("tick", tick), ("start", "TALK 1")]).await;
    let schedule = app.admin().get("/bots/shop/schedules").await.assert_ok().items()[0].clone();
    let path = format!("/bots/shop/schedules/{}/run", schedule["schedule_id"].as_str().expect("an id"));

    let job = app.admin().post(path, json!({})).await.assert_status(202).data();
    let job = format!("/jobs/{}", job["job_id"].as_str().expect("an id"));
    until(&app.admin(), &job, "completed").await;

    let log = app.admin().get("/bots/shop/logs").await.assert_ok().items();
    assert_eq!(log[0]["message"], "rows: 1", "{log:?}");
}
