//! Several nodes on one database server: what each finds at its start, and what it says when it can't.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use test_database::{Engine, TestDatabase};

use crate::Desk;

const SECRET_KEY: &str = "dGhlIG1hc3RlciBrZXkgb2YgYWxsIHRoZSB0ZXN0cyE=";

/// A desk whose program finds the database and the key in its configuration.
fn node(database: &str, key: Option<&str>) -> Desk {
    let desk = Desk::new();
    let key = key.map(|key| format!("secret_key = {key:?}\n")).unwrap_or_default();
    desk.write("botserver.toml", &format!("{key}[database]\nurl = {database:?}\nconnections = 3\n"));
    desk
}

/// A node that serves, until it is dropped.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.kill().expect("an end");
        self.0.wait().expect("an end");
    }
}

impl Serving {
    fn start(desk: &Desk) -> Self {
        let mut command = desk.command(&["serve", "--listen", "127.0.0.1:0"]);
        Self(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program runs"))
    }

    /// What it shows when it is ready.
    fn shown(&mut self) -> String {
        let lines = BufReader::new(self.0.stdout.take().expect("output")).lines().map_while(Result::ok);
        lines.take_while(|line| !line.contains("Ctrl-C")).collect::<Vec<_>>().join("\n")
    }
}

fn on_server(claim: impl FnOnce(&TestDatabase)) {
    Engine::Postgres.run(|| claim(&TestDatabase::empty()));
}

#[test]
fn three_nodes_that_start_together_on_an_empty_database_all_serve() {
    on_server(|database| {
        let desks = [(); 3].map(|()| node(database.url(), Some(SECRET_KEY)));
        let mut nodes = desks.each_ref().map(Serving::start);

        let shown = nodes.each_mut().map(Serving::shown);

        assert!(shown.iter().all(|shown| shown.contains("API      http://127.0.0.1:")), "{shown:?}");
        let administrators = shown.iter().filter(|shown| shown.contains("password  ")).count();
        assert_eq!(administrators, 1, "one made the first administrator: {shown:?}");
        assert_eq!(desks[0].good(&["migrate"]), "The schema is up to date.\n", "beside nodes that serve");
    });
}

#[test]
fn migrate_says_what_it_did_on_a_server_too() {
    on_server(|database| {
        let desk = node(database.url(), Some(SECRET_KEY));

        assert!(desk.good(&["migrate"]).contains("applied m20261123_01_platform_audit"));
        assert_eq!(desk.good(&["migrate"]), "The schema is up to date.\n");
    });
}

#[test]
fn a_node_without_the_others_key_does_not_start() {
    on_server(|database| {
        let first = node(database.url(), None);
        first.good(&["bot", "list"]);

        let keyless = node(database.url(), None).refused(&["bot", "list"]);
        let other = node(database.url(), Some(SECRET_KEY)).refused(&["bot", "list"]);

        assert!(
            keyless.contains("sealed with a key that is not here: put the other node's secret.key"),
            "{keyless}"
        );
        assert!(
            other.contains("sealed with another key") && other.contains("BOTSERVER_SECRET_KEY"),
            "{other}"
        );
        first.good(&["bot", "list"]);
    });
}

#[test]
fn a_server_that_does_not_answer_is_named_as_the_trouble() {
    let gone = node("postgres://ann:secret@127.0.0.1:1/bots", None).refused(&[]);
    let mistyped = node("postgres://ann:secret@127.0.0.1/bots?sslmode=always", None).refused(&[]);

    assert!(gone.contains("the database is not available") && gone.contains("refused"), "{gone}");
    assert!(mistyped.contains("database.url has sslmode=always; it must be disable, prefer"), "{mistyped}");
    assert!(!gone.contains("secret") && !mistyped.contains("secret"));
}
