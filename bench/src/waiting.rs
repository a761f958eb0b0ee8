//! Conversations that wait in the database: what a million of them cost the server's memory, and going on with one.

use std::{collections::BTreeSet, time::Instant};

use anyhow::{Context, ensure};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rusqlite::Connection as Sqlite;
use serde_json::json;

use crate::{
    database::Database,
    http::{Connection, latencies, with_body},
    report::Report,
    server::Server,
};

/// How often one is gone on with, each time another one that nobody has touched since the server started.
const RESUMED: usize = 300;
/// How many are gone on with before, so that the program and the connections are there.
const BEFORE: usize = 20;
/// How much longer it may take among many.
const ASKED_TIMES: f64 = 1.3;
/// How much more memory the server may hold after its start.
const ASKED_MEMORY: f64 = 1.1;
/// How much more it may hold, in MiB, when it has looked at some: of more pages SQLite's caches keep more, up to 16 MiB
/// for the writer and for each reader.
const ASKED_CACHES: f64 = 48.0;

/// Waits in a script that another one called, which is to go on, too.
const SCRIPTS: &[(&str, &str)] = &[
    ("start", "place = \"Lisbon\"\nDO\n  CALL \"ask\", place\nLOOP\n"),
    (
        "ask",
        "PARAM place AS STRING\nseats = [2, 4, 6]\nguest = #{ name: \"Ann\", city: place }\nHEAR said WITH \"What next?\"\n\
         TALK guest.name + \" of \" + guest.city + \" said \" + said + \" to \" + seats[1]\n",
    ),
];

/// What is copied: the table, the column that names the conversation, and what else differs in a copy: a column and
/// what stands in it, where `n` is the copy's number, `one` the row that is copied, and `id(x)` an id made of x.
type Copied = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const COPIED: &[Copied] = &[
    (
        "conversations",
        "id",
        &[("last_activity", "one.last_activity + n"), ("created_at", "one.created_at + n")],
    ),
    // Each message has an id; a conversation has fewer than sixteen.
    (
        "messages",
        "conversation_id",
        &[("id", "id(n * 16 + one.seq)"), ("in_reply_to", "id(n * 16 + one.seq - 1)")],
    ),
    ("conversation_runs", "conversation_id", &[]),
    ("conversation_callers", "conversation_id", &[]),
];

/// A server with conversations that wait.
struct Waiting {
    server: Server,
    conversations: usize,
    /// Memory after its start, in MiB.
    started: f64,
}

/// Measures with a few, then with many.
pub(crate) async fn measure(
    report: &mut Report,
    few: usize,
    many: usize,
    on: &str,
    start: impl AsyncFn() -> anyhow::Result<Server>,
) -> anyhow::Result<()> {
    let small = Waiting::make(start().await?, few).await?;
    let large = Waiting::make(start().await?, many).await?;
    let (mut here, mut there) = (latencies()?, latencies()?);
    let (small_ids, large_ids) = (small.some(BEFORE + RESUMED), large.some(BEFORE + RESUMED));
    let (mut to_small, mut to_large) = (small.connect().await?, large.connect().await?);
    // In turn: what else the machine does burdens both alike.
    for (number, (small_id, large_id)) in small_ids.into_iter().zip(large_ids).enumerate() {
        let took = small.go_on(&mut to_small, &small_id).await?;
        let took_there = large.go_on(&mut to_large, &large_id).await?;
        if number >= BEFORE {
            here.record(took)?;
            there.record(took_there)?;
        }
    }
    let (p50, p50_there) = (here.value_at_quantile(0.5) as f64, there.value_at_quantile(0.5) as f64);
    let name = |what: &str| format!("{what}, {many} waiting conversations beside {few}{on}");
    report.note(
        format!("going on with one of {few} and of {many} waiting conversations, p50{on}"),
        format!("{:.2} and {:.2} ms", p50 / 1000.0, p50_there / 1000.0),
    );
    report.at_most(name("going on with one, p50"), p50_there / p50, "times", ASKED_TIMES);
    let (few, many) = (small.started, large.started);
    let text = format!("memory after the start ({few:.1} and {many:.1} MiB)");
    report.at_most(name(&text), many / few, "times", ASKED_MEMORY);
    let (few, many) = (small.server.process.resident_mib()?, large.server.process.resident_mib()?);
    let text = format!("more memory after going on with {RESUMED} ({few:.1} and {many:.1} MiB)");
    report.at_most(name(&text), many - few, "MiB", ASKED_CACHES);
    Ok(())
}

impl Waiting {
    async fn make(mut server: Server, conversations: usize) -> anyhow::Result<Self> {
        let bot = server.make_bot("Waits", SCRIPTS).await?;
        let conversation = server.converse(&bot).await?;
        server.say(&conversation, "hello").await?;
        server.process.stop();
        copy(&server, conversations)?;
        server.go_on().await?;
        let waiting = Self { started: server.process.resident_mib()?, server, conversations };
        let list = waiting.server.read("/api/v1/conversations?limit=1&count=exact").await?;
        ensure!(list["total"] == conversations + 1, "instead of {conversations} there are {}", list["total"]);
        Ok(waiting)
    }

    async fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(self.server.address).await
    }

    /// The ids of so many of them, drawn alike each time.
    fn some(&self, count: usize) -> Vec<String> {
        let mut dice = StdRng::seed_from_u64(1);
        let mut numbers = BTreeSet::new();
        let mut drawn = Vec::new();
        while drawn.len() < count {
            let number = dice.random_range(1..=self.conversations as u128);
            if numbers.insert(number) {
                drawn.push(type_id("conv", FIRST_ID + number));
            }
        }
        drawn
    }

    /// Says something in one of them, and gives how long the answer took, in microseconds.
    async fn go_on(&self, connection: &mut Connection, conversation: &str) -> anyhow::Result<u64> {
        let path = format!("/api/v1/conversations/{conversation}/messages");
        let (token, body) = (Some(self.server.token.as_str()), json!({ "content": "yes" }).to_string());
        let request =
            with_body("POST", &path, self.server.address, token, "application/json", body.as_bytes());
        let sent = Instant::now();
        let answer = connection.exchange(&request).await?;
        let took = sent.elapsed().as_micros() as u64;
        let answer = std::str::from_utf8(answer)?;
        ensure!(answer.contains("Ann of Lisbon said yes to 4"), "the dialog does not go on: {answer}");
        Ok(took)
    }
}

/// The id before that of the first copy; those of others follow.
const FIRST_ID: u128 = 0x0190_0000_0000_7000_a000_0000_0000_0000;

/// An id as the API writes it (the TypeID specification: the number in 26 digits of five bits).
fn type_id(prefix: &str, id: u128) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let digits = (0..26).rev().map(|place| char::from(DIGITS[(id >> (5 * place)) as usize & 31]));
    format!("{prefix}_{}", digits.collect::<String>())
}

/// Copies the one conversation that waits past the server, with all that it has, and leaves the indexes as the server
/// keeps them.
fn copy(server: &Server, conversations: usize) -> anyhow::Result<()> {
    match server.database() {
        None => copy_in_sqlite(&Sqlite::open(server.sqlite())?, conversations),
        Some(database) => copy_in_postgres(database, conversations),
    }
}

fn copy_in_sqlite(connection: &Sqlite, conversations: usize) -> anyhow::Result<()> {
    connection.execute_batch(&format!(
        "PRAGMA synchronous = OFF;
         PRAGMA cache_size = -262144;
         BEGIN;
         CREATE TEMP TABLE numbers AS
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {conversations})
             SELECT n FROM numbers;"
    ))?;
    for (table, key, differs) in COPIED {
        let mut query = connection.prepare("SELECT name FROM pragma_table_info($1)")?;
        let columns = query.query_map([table], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        let id = |of: &str| format!("unhex(printf('0190000000007000a000%012x', {of}))");
        connection.execute_batch(&insert(table, key, differs, &columns, id))?;
    }
    connection.execute_batch(
        "COMMIT;
         INSERT INTO messages_search(messages_search) VALUES ('optimize');
         INSERT INTO conversations_search(conversations_search) VALUES ('optimize');
         PRAGMA wal_checkpoint(TRUNCATE);",
    )?;
    Ok(())
}

fn copy_in_postgres(database: &Database, conversations: usize) -> anyhow::Result<()> {
    database.run(&format!(
        "CREATE TABLE numbers AS SELECT n FROM generate_series(1, {conversations}::bigint) n"
    ))?;
    for (table, key, differs) in COPIED {
        let columns = database.texts(&format!(
            "SELECT column_name::text FROM information_schema.columns WHERE table_name = '{table}'"
        ))?;
        let id = |of: &str| format!("('01900000-0000-7000-a000-' || lpad(to_hex({of}), 12, '0'))::uuid");
        database.run(&insert(table, key, differs, &columns, id)).with_context(|| (*table).to_owned())?;
    }
    database.run("DROP TABLE numbers")?;
    database.run("VACUUM ANALYZE")?;
    database.run("CHECKPOINT")
}

/// Copies the rows that the only conversation has in a table, once for each of `numbers`.
fn insert(
    table: &str,
    key: &str,
    differs: &[(&str, &str)],
    columns: &[String],
    id: impl Fn(&str) -> String,
) -> String {
    let written = |text: &str| match text.strip_prefix("id(").and_then(|text| text.strip_suffix(')')) {
        Some(of) => format!("CASE WHEN one.{{column}} IS NULL THEN NULL ELSE {} END", id(of)),
        None => text.to_owned(),
    };
    let values = columns.iter().map(|column| {
        if column == key {
            return id("n");
        }
        let differs = differs.iter().find(|(named, _)| named == column);
        differs.map_or_else(|| format!("one.{column}"), |(_, text)| written(text).replace("{column}", column))
    });
    let values = values.collect::<Vec<_>>().join(", ");
    // Apart first: what is read is not to grow meanwhile.
    format!(
        "CREATE TABLE one AS SELECT * FROM {table};
         INSERT INTO {table} ({}) SELECT {values} FROM numbers, one;
         DROP TABLE one;",
        columns.join(", ")
    )
}
