//! The tables of bots, and the data commands of scripts.

mod changes;
mod declarations;
mod files;
mod rights;

use futures_util::future::join_all;

use crate::support::{App, Client, Value, botserver_test, json, texts, zip_of};

/// Two tables of a shop.
const TABLES: &str = r"
TABLE stock
    sku string(20) key
    qty integer NOT NULL DEFAULT 0
    owner string(50)
    price number(10,2)
    since date
    CHECK (qty >= 0)
END TABLE
TABLE orders
    id integer key
    sku stock
    amount integer
    note text
    rush boolean DEFAULT false
    at datetime DEFAULT NOW()
    extra json
END TABLE
";

/// A bot with these declarations and this start script.
async fn shop(app: &App, name: &str, tables: &str, start: &str) -> Value {
    let bot = app.admin().post("/bots", json!({ "name": name })).await.assert_status(201).data();
    install(&app.admin(), &bot, tables, start).await;
    bot
}

/// Installs these declarations and this start script; gives what is said of it.
async fn install(client: &Client, bot: &Value, tables: &str, start: &str) -> Vec<String> {
    let path = format!("/bots/{}/package", bot["bot_id"].as_str().expect("an id"));
    let zip = zip_of(&[
        ("t.gbai/t.gbdialog/tables.bas", tables.as_bytes()),
        ("t.gbai/t.gbdialog/start.bas", start.as_bytes()),
    ]);
    let done = client.put_zip(&path, zip).await.assert_status(200).data();
    let warnings = done["warnings"].as_array().expect("warnings");
    warnings.iter().map(|warning| warning.as_str().expect("a text").to_owned()).collect()
}

/// What the start script of a bot says to somebody new.
async fn said(client: &Client, bot: &Value) -> Vec<String> {
    texts(&client.converse(bot).await["messages"])
}

#[botserver_test]
async fn rows_are_found_as_the_conformance_case_says(app: App) {
    let start = r#"
SAVE "stock", #{ sku: "A", qty: 5, owner: "ann" }
SAVE "stock", #{ sku: "B", qty: 0, owner: "bob" }
owner = "bob"
r = FIND "stock", "sku=A"
TALK r.qty + " " + UBOUND(r)
q = FIND "stock" WHERE owner = owner ORDER BY sku LIMIT 5
TALK q[0].sku
IF NOT FIND("stock", "sku=Z") THEN TALK "nothing"
UPDATE "stock" SET qty = r.qty - 2 WHERE sku = "A"
z = FIND "stock", "qty > 0 AND owner = ann"
TALK SUM(z, "qty")
"#;
    let bot = shop(&app, "Shop", TABLES, start).await;

    assert_eq!(said(&app.user("ann").await, &bot).await, ["5 1", "B", "nothing", "3"]);
}

#[botserver_test(balanced)]
async fn rows_stay_with_their_types_for_everybody_who_talks_to_the_bot(app: App) {
    let start = r#"
r = FIND "orders", "id=1"
IF r THEN
    TALK r.sku + " " + r.amount + " " + r.rush + " " + (r.extra.size + 1) + " " + YEAR(r.at) + " " + (r.note IS NULL)
    s = FIND "stock"
    TALK s.price + " " + s.since + " " + DATEDIFF(s.since, "2025-03-01", "day")
ELSE
    SAVE "stock", #{ sku: "A", qty: "7", price: 2.345, since: "14/02/2025" }
    SAVE "orders", #{ sku: "A", amount: 3, rush: "true", extra: #{ size: 41 }, at: "2024-01-31 10:00" }
    TALK "saved"
END IF
"#;
    let bot = shop(&app, "Shop", TABLES, start).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);

    assert_eq!(said(&ann, &bot).await, ["saved"]);
    assert_eq!(said(&bob, &bot).await, ["A 3 true 42 2024 true", "2.35 2025-02-14 15"]);
}

#[botserver_test]
async fn every_form_of_find_finds(app: App) {
    let start = r#"
FOR i = 1 TO 12
    SAVE "stock", #{ sku: "s" + i, qty: i, owner: IIF(i MOD 2 = 0, "ann", "bob") }
NEXT
TALK UBOUND(FIND "stock")
a = FIND "stock", "owner=ann AND qty>4 ORDER BY qty DESC LIMIT 2"
TALK a[0].sku + a[1].sku + UBOUND(a)
b = FIND "stock", "sku", "s3"
TALK b.qty
c = FIND "stock" WITH "qty<3"
TALK UBOUND(c)
d = FIND ALL "stock" WHERE qty >= 11
TALK UBOUND(d)
e = FIND "stock" WHERE owner = "bob" ORDER BY qty DESC FIRST
TALK e.sku
wanted = ["s1", "s2", "zzz"]
f = FIND "stock" WHERE sku IN wanted
TALK UBOUND(f)
g = FIND ".STOCK", "sku LIKE s1%"
TALK UBOUND(g)
TALK UBOUND(FIND("stock", "price IS NULL AND NOT qty > 1"))
"#;
    let bot = shop(&app, "Shop", TABLES, start).await;

    let expected = ["12", "s12s102", "3", "2", "2", "s11", "2", "4", "1"];
    assert_eq!(said(&app.user("ann").await, &bot).await, expected);
}

#[botserver_test]
async fn what_a_turn_changes_is_seen_by_it_and_stands_only_if_it_ends_well(app: App) {
    let start = r#"
DO
    HEAR n AS INTEGER
    before = UBOUND(FIND "stock")
    SAVE "stock", #{ sku: "x" + n, qty: n }
    UPDATE "stock" SET owner = "ann" WHERE qty = n
    rows = FIND "stock", "owner = ann"
    TALK before + " " + UBOUND(rows) + " " + (12 / n)
LOOP
"#;
    let bot = shop(&app, "Shop", TABLES, start).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    assert_eq!(ann.say(&started, "1").await, ["0 1 12"]);
    assert_eq!(ann.say(&started, "0").await, ["Something went wrong. Please try again later."]);
    assert_eq!(ann.say(&started, "2").await, ["1 2 6"], "nothing of the turn that failed is there");
}

#[botserver_test(balanced)]
async fn conversations_that_take_from_stock_at_once_lose_nothing(app: App) {
    let start = r#"
r = FIND "stock", "sku=A"
IF NOT r THEN
    SAVE "stock", #{ sku: "A", qty: 100 }
    EXIT
END IF
UPDATE "stock" SET qty = r.qty - 1 WHERE sku = "A"
SAVE "orders", #{ sku: "A", amount: 1 }
left = FIND "stock", "sku=A"
TALK left.qty
"#;
    let bot = shop(&app, "Shop", TABLES, start).await;
    let ann = app.user("ann").await;
    ann.converse(&bot).await;

    let started = join_all((0..20).map(|_| said(&ann, &bot))).await;

    let mut left: Vec<u32> = started.iter().flatten().map(|text| text.parse().expect("a number")).collect();
    left.sort_unstable();
    assert_eq!(left, (80..100).collect::<Vec<_>>());
    let count = shop_count(&app, &bot).await;
    assert_eq!(count, json!(20), "each order has a key of its own");
}

/// How many orders there are, as a script counts them.
async fn shop_count(app: &App, bot: &Value) -> Value {
    let id = bot["bot_id"].as_str().expect("an id");
    let admin = app.admin();
    let source = json!({ "source": "RETURN AGGREGATE(\"orders\", \"COUNT\", \"id\")" });
    admin.put(format!("/bots/{id}/scripts/count"), source).await.assert_ok();
    let ran = admin.post(format!("/bots/{id}/scripts/count/run"), json!({})).await.assert_ok().data();
    assert_eq!(ran["error"], Value::Null, "{ran}");
    ran["result"].clone()
}

#[botserver_test]
async fn rows_in_memory_are_joined_grouped_and_mapped(app: App) {
    let start = r#"
SAVE "stock", #{ sku: "A", qty: 5, owner: "ann" }
SAVE "stock", #{ sku: "B", qty: 2, owner: "bob" }
SAVE "stock", #{ sku: "C", qty: 1, owner: "ann" }
SAVE "orders", #{ sku: "A", amount: 3 }
stock = FIND "stock"
orders = FIND "orders"
both = JOIN(orders, stock, "sku")
TALK both[0].owner + both[0].amount
groups = GROUP BY stock, "owner"
TALK UBOUND(groups.ann) + groups.bob[0].sku
p = PIVOT(stock, "owner", "sku", "qty")
TALK p[0].A + p[0].C
m = MAP(stock, "sku->code")
TALK m[1].code
f = FILL(stock, "{{sku}} has {{qty}}")
TALK f
few = FILTER stock, "qty > 1"
TALK UBOUND(few) + " " + AGGREGATE("SUM", few, "qty")
"#;
    let bot = shop(&app, "Shop", TABLES, start).await;

    assert_eq!(said(&app.user("ann").await, &bot).await, ["ann3", "2B", "6", "B", "A has 5", "2 7"]);
}

#[botserver_test]
async fn nothing_in_names_or_values_becomes_part_of_a_statement(app: App) {
    let tables = r#"
TABLE orders
    "id'; DROP TABLE bots; --" string key
    "select" text
    "größe µ" integer
END TABLE
TABLE ŝtelo_with_a_name_that_is_much_longer_than_sixty_three_bytes_which_is_the_most_that_postgresql_takes
    id string key
END TABLE
"#;
    let start = r#"
evil = "x'; DROP TABLE bots; --"
WITH row
    .select = "' OR '1'='1"
END WITH
row["id'; DROP TABLE bots; --"] = evil
row["größe µ"] = 7
SAVE "orders", row
SAVE "orders", #{ "select": "other" }
TALK UBOUND(FIND "orders" WHERE select = evil)
found = FIND "orders", "select = '" + row.select + "'"
TALK UBOUND(found) + " " + found["größe µ"]
TALK UBOUND(FIND("orders", "[größe µ] = 7"))
name = "ŝtelo_with_a_name_that_is_much_longer_than_sixty_three_bytes_which_is_the_most_that_postgresql_takes"
SAVE name, #{ id: "\"; '" }
TALK FIRST(FIND name).id
ON ERROR RESUME NEXT
x = FIND "bots; DROP TABLE bots"
TALK ERR
"#;
    let bot = shop(&app, "Shop", tables, start).await;

    assert_eq!(said(&app.user("ann").await, &bot).await, ["0", "1 7", "1", "\"; '", "53"]);
    app.admin().get("/bots").await.assert_ok();
}

#[botserver_test]
async fn neither_bots_nor_organizations_see_each_others_tables(app: App) {
    let look = r#"
r = FIND "stock"
TALK UBOUND(r)
ON ERROR RESUME NEXT
x = FIND "secrets"
TALK ERROR MESSAGE
"#;
    let keep = "SAVE \"stock\", #{ sku: \"A\", qty: 1 }\nTALK UBOUND(FIND \"stock\")";
    let secrets = "TABLE secrets\n    id string key\nEND TABLE\n";
    let keeper = shop(&app, "Keeper", &format!("{TABLES}{secrets}"), keep).await;
    let looker = shop(&app, "Looker", TABLES, look).await;
    let stranger = app.stranger("sue").await;
    let elsewhere = stranger.post("/bots", json!({ "name": "Elsewhere" })).await.assert_status(201).data();
    install(&stranger, &elsewhere, TABLES, look).await;
    let ann = app.user("ann").await;

    assert_eq!(said(&ann, &keeper).await, ["1"]);
    let nothing = ["0", "there is no table secrets; TABLE declares one"];
    assert_eq!(said(&ann, &looker).await, nothing);
    assert_eq!(said(&stranger, &elsewhere).await, nothing);
}
