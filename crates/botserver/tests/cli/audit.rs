//! `botserver audit verify`: what it says of a log that holds, and of one that was tampered with.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use kernel::id::OrganizationId;
use platform::db::{Db, DbError, DbOptions};

use crate::Desk;

/// Serves until the first administrator is made, and stops as a supervisor stops it.
fn serve_once(desk: &Desk) {
    let mut serving = desk.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut serving = serving.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program runs");
    let lines = BufReader::new(serving.stdout.take().expect("output")).lines().map_while(Result::ok);
    assert!(lines.take_while(|line| !line.contains("Ctrl-C")).count() > 0);
    let told = Command::new("kill").arg(serving.id().to_string()).status().expect("kill runs");
    assert!(told.success() && serving.wait().expect("an end").success());
}

/// Changes the first entry, as somebody does who has the file alone.
fn tamper(desk: &Desk) {
    let url = format!("sqlite:{}", desk.path().join("data/botserver.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let changed: Result<Vec<(OrganizationId,)>, DbError> = runtime.block_on(async {
        let db = Db::open(&DbOptions::new(&url)).expect("the database");
        let orgs = db.read_server(|tx| tx.all("SELECT id FROM server_organizations", &[])).await?;
        for (org,) in &orgs {
            db.write(*org, |unit| {
                unit.execute("UPDATE audit SET action = 'nothing' WHERE org_id = $1 AND number = 1", &[])
            })
            .await?;
        }
        db.close().await;
        Ok(orgs)
    });
    assert_eq!(changed.expect("a change").len(), 1);
}

#[test]
fn audit_verify_says_what_holds_and_names_what_does_not() {
    let desk = Desk::new();
    serve_once(&desk);

    let told = desk.good(&["audit", "verify"]);

    let (organization, rest) = told.split_once(": ").expect("an organization");
    let place = rest.trim_end().rsplit(' ').next().expect("a place");
    assert!(organization.starts_with("org_") && rest.contains(" entries hold. The last is "), "{told}");
    desk.good(&["audit", "verify", "--organization", organization, "--expect", place]);
    let (number, _) = place.split_once(':').expect("a number");
    let other = format!("{number}:{}", "0".repeat(64));
    let differs = desk.run(&["audit", "verify", "--organization", organization, "--expect", &other]);
    assert_eq!(differs.status.code(), Some(1));

    tamper(&desk);

    let broken = desk.run(&["audit", "verify"]);
    let said = String::from_utf8_lossy(&broken.stdout);
    assert_eq!(broken.status.code(), Some(1), "{said}");
    assert!(said.contains("entry 1 (aud_") && said.contains(") was changed."), "{said}");
    assert!(
        desk.refused(&["audit", "verify", "--organization", "nobody"]).contains("no organization nobody")
    );
}
