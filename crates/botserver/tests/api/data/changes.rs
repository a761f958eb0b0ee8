//! Saving, changing and removing rows, and what a table refuses.

use super::{TABLES, install, said, shop};
use crate::support::{App, botserver_test};

#[botserver_test]
async fn every_form_of_save_and_insert_saves(app: App) {
    let start = r#"
TABLE people
    name string
    age integer
END TABLE
a = #{ name: "Ann", age: 30 }
id = SAVE "people", a
TALK (a.id = id) + " " + LEN(id)
a.age = 31
SAVE "people", a
TALK UBOUND(FIND "people") + " " + FIRST(FIND "people").age
name = "Bob"
age = 40
SAVE "people", name, age
SAVE "people", "Cy", 50
SAVE "people" WITH name AS "Di", age AS 60
list = [#{ name: "Ed" }, #{ name: "Flo" }]
SAVE "people", list
TALK LEN(list[1].id)
key = GUID()
SAVE "people", key, #{ name: "Gus" }
TALK FIRST(FIND("people", "id", key)).name
row = INSERT INTO "people" VALUES #{ name: "Hal", age: 1 }
TALK row.name + row.age + LEN(row.id)
INSERT INTO "people" WITH name = "Ida", age = 2
INSERT "people", #{ name: "Jo" }
FOR EACH p IN FIND "people"
    names = names + p.name + " "
NEXT
TALK names
found = FIND "people", "name=Ann"
found.age = 99
SAVE "people", found
TALK FIRST(FIND("people", "name=Ann")).age
"#;
    let bot = shop(&app, "Shop", "", start).await;

    let expected = ["true 36", "1 31", "36", "Gus", "Hal136", "Ann Bob Cy Di Ed Flo Gus Hal Ida Jo ", "99"];
    assert_eq!(said(&app.user("ann").await, &bot).await, expected);
}

#[botserver_test]
async fn every_form_of_update_and_delete_changes_rows_and_counts_them(app: App) {
    let start = r#"
FOR i = 1 TO 6
    SAVE "orders", #{ amount: i, note: "new" }
NEXT
TALK UPDATE "orders" SET note = "done", amount = 10 WHERE amount < 3
TALK UPDATE "orders" WITH note AS "paid" WHERE id = 3
TALK UPDATE "orders", "id=4", #{ note: "open" }
TALK UPDATE "orders", 5, #{ note: "five" }
TALK UPDATE "orders", 6, "note", "six"
note = "both"
amount = 7
TALK UPDATE "orders", "id=6", note, amount
SET "orders", "id=5", "note=set"
TALK UPDATE "orders" SET note = "x" WHERE id = 77
FOR EACH o IN FIND "orders" ORDER BY id
    notes = notes + o.note + o.amount + " "
NEXT
TALK notes
TALK DELETE FROM "orders" WHERE note = "done"
TALK DELETE "orders", "amount > 6"
TALK DELETE "orders", 3
ON ERROR RESUME NEXT
DELETE FROM "orders"
TALK ERROR MESSAGE
CLEAR ERROR
TALK DELETE FROM "orders" WHERE TRUE
TALK UBOUND(FIND "orders")
"#;
    let bot = shop(&app, "Shop", TABLES, start).await;

    let expected = [
        "2",
        "1",
        "1",
        "1",
        "1",
        "1",
        "0",
        "done10 done10 paid3 open4 set5 both7 ",
        "2",
        "1",
        "1",
        "DELETE needs a condition; WHERE TRUE deletes all rows",
        "2",
        "0",
    ];
    assert_eq!(said(&app.user("ann").await, &bot).await, expected);
}

#[botserver_test]
async fn many_rows_are_merged_and_summed(app: App) {
    let start = r#"
TABLE people
    id integer key
    name string UNIQUE
    address_city string
    tags json
    total number(10,2)
END TABLE
m = MERGE "people" WITH [#{ name: "A", address: #{ city: "Lima" }, tags: [1, 2] }, #{ name: "B", total: 2.5 }] BY name
TALK m.inserted + " " + m.updated
m = MERGE "people", [#{ name: "A", total: 4 }, #{ name: "C" }], "name"
TALK m.inserted + " " + m.updated
a = FIND "people", "name=A"
TALK a.address_city + a.tags[1] + a.total
TALK AGGREGATE "people", "SUM", "total"
TALK AGGREGATE "people", "AVG", "total", "total IS NOT NULL"
TALK AGGREGATE "people", "COUNT", "total"
TALK AGGREGATE "people", "MAX", "name"
TALK AGGREGATE "people", "MIN", "total", "name <> B"
"#;
    let bot = shop(&app, "Shop", "", start).await;

    let expected = ["2 0", "1 1", "Lima24", "6.5", "3.25", "2", "C", "4"];
    assert_eq!(said(&app.user("ann").await, &bot).await, expected);
}

#[botserver_test]
async fn what_a_table_refuses_is_an_error_that_the_script_can_catch(app: App) {
    let start = r#"
ON ERROR RESUME NEXT
SUB tell()
    TALK ERR + " " + ERROR MESSAGE
    CLEAR ERROR
END SUB
SAVE "stock", #{ sku: "A", qty: 1 }
SAVE "stock", #{ sku: "B", qty: "many" }
tell()
SAVE "stock", #{ sku: "C", qty: -1 }
tell()
SAVE "stock", #{ sku: REPEAT("x", 21) }
tell()
SAVE "stock", #{ sku: "D", colour: "red" }
tell()
SAVE "stock", #{ sku: "E", qty: NULL }
tell()
INSERT INTO "stock" VALUES #{ sku: "A" }
tell()
SAVE "orders", #{ sku: "Z" }
tell()
SAVE "orders", #{ sku: "A", amount: 3000000000 }
tell()
SAVE "orders", #{ sku: "A", at: "soon" }
tell()
x = FIND "stock", "colour = red"
tell()
x = FIND "nowhere"
tell()
x = FIND "crm.customers"
tell()
SAVE "orders", #{ id: 1, sku: "A" }
DELETE "stock", "sku=A"
tell()
TALK UBOUND(FIND "stock") + " " + UBOUND(FIND "orders")
"#;
    let bot = shop(&app, "Shop", TABLES, start).await;

    let expected = [
        "1004 stock.qty takes a whole number of at most 2147483647, not \"many\"",
        "1004 a row of stock breaks CHECK (qty >= 0)",
        "1004 stock.sku takes at most 20 characters",
        "5 stock has no column colour",
        "1004 stock.qty needs a value",
        "1004 stock has a row with the sku A already",
        "1004 orders.sku: stock has no row Z",
        "1004 orders.amount takes a whole number of at most 2147483647, not \"3000000000\"",
        "1004 orders.at takes a date and time, not \"soon\"",
        "5 stock has no column colour",
        "53 there is no table nowhere; TABLE declares one",
        "53 there is no table crm.customers: this server has no connections to other databases",
        "1004 a row of orders refers to this row of stock",
        "1 1",
    ];
    assert_eq!(said(&app.user("ann").await, &bot).await, expected);
}

#[botserver_test]
async fn rows_go_with_the_rows_that_they_refer_to(app: App) {
    let start = r#"
TABLE customers
    id integer key
    name string
END TABLE
TABLE invoices
    id integer key
    customer_id integer REFERENCES customers(id) ON DELETE CASCADE
END TABLE
TABLE lines
    id integer key
    invoice invoices ON DELETE CASCADE
END TABLE
FOR i = 1 TO 3
    SAVE "customers", #{ name: "c" + i }
    SAVE "invoices", #{ customer_id: i }
    SAVE "lines", #{ invoice: i }
    SAVE "lines", #{ invoice: i }
NEXT
HEAR x
TALK DELETE "customers", "name = c2"
TALK UBOUND(FIND "customers") + " " + UBOUND(FIND "invoices") + " " + UBOUND(FIND "lines")
HEAR x
TALK UBOUND(FIND "customers") + " " + UBOUND(FIND "invoices") + " " + UBOUND(FIND "lines")
"#;
    let bot = shop(&app, "Shop", "", start).await;
    let ann = app.user("ann").await;
    let started = ann.converse(&bot).await;

    assert_eq!(ann.say(&started, "go").await, ["1", "2 2 4"]);
    assert_eq!(ann.say(&started, "go").await, ["2 2 4"]);
}

#[crate::support::each_database]
fn what_is_found_changed_and_looked_at_has_an_end() {
    crate::support::run_with(
        |config| {
            config.bots.table_rows_scanned = 2000;
            config.bots.table_changes_per_turn = 1500;
        },
        |app| async move {
            let start = r#"
DO
    HEAR n AS INTEGER
    FOR i = 1 TO n
        SAVE "orders", #{ note: "n" + i }
    NEXT
    IF n = 0 THEN
        TALK UBOUND(FIND "orders" WHERE note LIKE "n1%" LIMIT 5)
    ELSE
        TALK UBOUND(FIND "orders" WHERE id > 2997)
    END IF
LOOP
"#;
            let bot = shop(&app, "Shop", TABLES, start).await;
            let ann = app.user("ann").await;
            let started = ann.converse(&bot).await;

            let failed = ["Something went wrong. Please try again later."];
            assert_eq!(ann.say(&started, "1501").await, failed, "one turn changes only so much");
            assert_eq!(ann.say(&started, "1500").await, ["0"]);
            assert_eq!(ann.say(&started, "0").await, ["5"]);
            assert_eq!(ann.say(&started, "1500").await, ["3"]);
            assert_eq!(ann.say(&started, "0").await, failed, "and looks at only so much");
        },
    );
}

#[botserver_test]
async fn a_long_chain_of_rows_goes_with_its_first_one(app: App) {
    let tables = "TABLE chain\n    id integer key\n    before chain ON DELETE CASCADE\nEND TABLE\n";
    let start = r#"
SAVE "chain", #{ id: 1 }
FOR i = 2 TO 1500
    SAVE "chain", #{ id: i, before: i - 1 }
NEXT
DELETE "chain", 1
TALK UBOUND(FIND "chain")
"#;
    let bot = shop(&app, "Chain", tables, start).await;

    assert_eq!(said(&app.admin(), &bot).await, ["0"]);
}

#[botserver_test]
async fn a_command_that_fails_leaves_nothing(app: App) {
    let tables = "
TABLE things
    id integer key
    count integer
    CHECK (count >= 0)
END TABLE
TABLE parts
    id integer key
    thing things ON DELETE CASCADE
END TABLE
TABLE zones
    id integer key
    thing things
END TABLE
";
    let start = r#"
SAVE "things", [#{ id: 1, count: 3 }, #{ id: 2, count: 1 }]
SAVE "parts", #{ id: 1, thing: 1 }
SAVE "zones", #{ id: 1, thing: 1 }
ON ERROR RESUME NEXT
SAVE "things", [#{ id: 1, count: 9 }, #{ id: 2, count: -1 }]
TALK ERR
CLEAR ERROR
MERGE "things" WITH [#{ id: 3, count: 1 }, #{ id: 2, count: -1 }] BY id
TALK ERR
CLEAR ERROR
DELETE "things", 1
TALK ERR
CLEAR ERROR
t = FIND "things" ORDER BY id
TALK t[0].count + " " + t[1].count + " " + UBOUND(t) + " " + UBOUND(FIND "parts")
"#;
    let bot = shop(&app, "Things", tables, start).await;

    assert_eq!(said(&app.admin(), &bot).await, ["1004", "1004", "1004", "3 1 2 1"]);
    let look = r#"t = FIND "things" ORDER BY id
TALK t[0].count + " " + t[1].count + " " + UBOUND(t) + " " + UBOUND(FIND "parts")"#;
    install(&app.admin(), &bot, tables, look).await;
    assert_eq!(said(&app.admin(), &bot).await, ["3 1 2 1"]);
}

#[botserver_test]
async fn checks_know_what_is_unknown_and_filters_may_be_long(app: App) {
    let tables = "
TABLE goods
    id integer key
    price integer
    count integer
    CHECK (count >= 0 AND price >= 0)
END TABLE
";
    let ids: Vec<_> = (1..=1500).map(|id| id.to_string()).collect();
    let start = format!(
        r#"
SAVE "goods", #{{ id: 7, count: 1 }}
ON ERROR RESUME NEXT
SAVE "goods", #{{ id: 8, count: -5 }}
TALK ERR
CLEAR ERROR
TALK UBOUND(FIND("goods", "id IN ({})"))
"#,
        ids.join(", ")
    );
    let bot = shop(&app, "Goods", tables, &start).await;

    assert_eq!(said(&app.admin(), &bot).await, ["1004", "1"]);
}

#[botserver_test]
async fn a_text_of_json_is_stored_as_it_is_and_prose_needs_a_model(app: App) {
    let tables = r"
TABLE contacts
    id integer key
    name string
    address_city string
    extra json
END TABLE
";
    let start = r#"
row = SAVE FROM UNSTRUCTURED "contacts", "{\"name\": \"Ann\", \"address\": {\"city\": \"Lima\"}, \"extra\": {\"n\": 1}}"
TALK row.name + " " + row.address_city + " " + row.extra.n + " " + row.id
rows = SAVE FROM UNSTRUCTURED "contacts", [#{ name: "Bob" }, #{ name: "Cy", address: #{ city: "Rome" } }]
TALK UBOUND(rows) + " " + rows[1].address_city
SAVE FROM UNSTRUCTURED "seen.csv", GET("/users/me")
seen = FIND "seen.csv"
TALK seen.username
again = SAVE FROM UNSTRUCTURED "contacts", #{ id: 1, name: "Anna" }
TALK UBOUND(FIND "contacts") + " " + again.name + " " + again.address_city
SAVE FROM UNSTRUCTURED "people.csv", "[{\"id\": 7, \"name\": \"Di\", \"at\": {\"city\": \"Oslo\"}}]"
p = FIND "people.csv"
TALK p.name + " " + p.at_city
ON ERROR RESUME NEXT
x = SAVE FROM UNSTRUCTURED "contacts", "two soups for Ann"
TALK ERR + " " + ERROR MESSAGE
CLEAR ERROR
x = SAVE FROM UNSTRUCTURED "contacts", "[1, 2]"
TALK ERR
CLEAR ERROR
x = SAVE FROM UNSTRUCTURED "contacts", #{ salary: 1 }
TALK ERR
TALK UBOUND(FIND "contacts")
"#;
    let bot = shop(&app, "Shop", tables, start).await;

    let prose = "1003 only a model could read fields out of this text, and this server has none yet; give an object \
                 or a text of JSON";
    let expected = ["Ann Lima 1 1", "2 Rome", "ann", "3 Anna Lima", "Di Oslo", prose, "5", "5", "3"];
    assert_eq!(said(&app.user("ann").await, &bot).await, expected);
}
