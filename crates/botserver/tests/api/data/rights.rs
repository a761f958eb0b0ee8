//! READ BY and WRITE BY.

use super::{install, said, shop};
use crate::support::{App, botserver_test};

const TABLES: &str = r#"
TABLE people
    id integer key
    name string
    salary integer READ BY "manager;owner" WRITE BY "owner"
END TABLE
TABLE audit READ BY "owner" WRITE BY "manager;owner"
    id integer key
    what string
END TABLE
TABLE rules WRITE BY "owner"
    id integer key
END TABLE
"#;

#[botserver_test]
async fn tables_and_columns_are_for_the_roles_that_they_name(app: App) {
    let fill = r#"
SAVE "people", #{ id: 1, name: "Ann", salary: 100 }
SAVE "rules", #{ id: 1 }
"#;
    let bot = shop(&app, "Staff", TABLES, fill).await;
    app.admin().converse(&bot).await;
    let look = r#"
ON ERROR RESUME NEXT
p = FIND "people"
TALK p.name + " " + p.salary + " " + UBOUND(p)
TALK UBOUND(FIND("people", "salary > 1"))
TALK ERR
CLEAR ERROR
UPDATE "people" SET salary = 1 WHERE id = 1
TALK ERR
CLEAR ERROR
UPDATE "people" SET name = "Bo" WHERE id = 1
TALK ERR
CLEAR ERROR
SAVE "audit", #{ what: "looked" }
TALK ERR
CLEAR ERROR
a = FIND "audit"
TALK ERR
CLEAR ERROR
TALK UBOUND(FIND "rules")
SAVE "rules", #{ id: 2 }
TALK ERR
"#;
    install(&app.admin(), &bot, TABLES, look).await;

    let member = app.user("ann").await;
    let manager = app.user_with_role("max", "manager").await;

    assert_eq!(said(&member, &bot).await, ["Ann  1", "70", "70", "0", "70", "70", "1", "70"]);
    assert_eq!(said(&manager, &bot).await, ["Bo 100 1", "1", "0", "70", "0", "0", "70", "1", "70"]);
    assert_eq!(said(&app.admin(), &bot).await, ["Bo 100 1", "1", "0", "0", "0", "0", "0", "1", "0"]);
}

#[botserver_test]
async fn a_row_that_was_found_can_be_saved_by_whoever_may_not_change_all_of_it(app: App) {
    let bot = shop(&app, "Staff", TABLES, "SAVE \"people\", #{ id: 1, name: \"Ann\", salary: 100 }").await;
    app.admin().converse(&bot).await;
    let save = r#"
p = FIND "people"
p.name = "Bo"
SAVE "people", p
q = FIND "people"
TALK q.name + q.salary
"#;
    install(&app.admin(), &bot, TABLES, save).await;

    let manager = app.user_with_role("max", "manager").await;
    assert_eq!(said(&manager, &bot).await, ["Bo100"]);
    let member = app.user("ann").await;
    assert_eq!(said(&member, &bot).await, ["Bo"]);
}

#[botserver_test]
async fn whoever_may_not_read_a_column_can_not_guess_what_stands_in_it(app: App) {
    let bot = shop(&app, "Staff", TABLES, "SAVE \"people\", #{ id: 1, name: \"Ann\", salary: 100 }").await;
    app.admin().converse(&bot).await;
    let guess = r#"
ON ERROR RESUME NEXT
UPDATE "people" SET salary = 100 WHERE id = 1
TALK ERR
CLEAR ERROR
MERGE "people" WITH [#{ salary: 100, name: "Found" }] BY salary
TALK ERR
CLEAR ERROR
p = FIND "people"
TALK p.name
"#;
    install(&app.admin(), &bot, TABLES, guess).await;

    assert_eq!(said(&app.user("ann").await, &bot).await, ["70", "70", "Ann"]);
}
