//! What lists cost with many users beside what they cost with few.

use anyhow::Context;
use rusqlite::Connection;

use crate::{
    http::Load,
    report::{Case, Report},
    server::Server,
};

/// Rows that a page has.
const PAGE: usize = 20;
/// The page whose cost is compared, where there are so many.
const DEEP: usize = 5_000;

/// Measures the lists of users with a few, then with many.
pub(crate) async fn measure(
    report: &mut Report,
    load: &Load,
    few: usize,
    many: usize,
    start: impl AsyncFn() -> anyhow::Result<Server>,
) -> anyhow::Result<()> {
    let (small, small_paths) = filled(start().await?, few).await?;
    let (large, large_paths) = filled(start().await?, many).await?;
    for ((name, path), (_, large_path)) in small_paths.iter().zip(&large_paths) {
        let (request, large_request) = (small.get(path), large.get(large_path));
        let (make, large_make) = (|_| request.clone(), |_| large_request.clone());
        let [measured, large_measured] = load.compare([&small.side(&make), &large.side(&large_make)]).await?;
        let name = |users: usize| format!("{name}, {users} users");
        report.case(Case::beside(name(many), large_measured, &name(few), &measured));
        report.case(Case::mark(name(few), measured));
    }
    Ok(())
}

/// A server with so many users, and the addresses of its lists.
async fn filled(mut server: Server, users: usize) -> anyhow::Result<(Server, Vec<(&'static str, String)>)> {
    server.process.stop();
    fill(&server, users)?;
    server.go_on().await?;
    let paths = paths(&server, users).await?;
    Ok((server, paths))
}

async fn paths(server: &Server, users: usize) -> anyhow::Result<Vec<(&'static str, String)>> {
    let deep = cursor_of_page(server, DEEP.min(users / PAGE - 1)).await?;
    Ok(vec![
        ("first page", format!("/api/v1/users?limit={PAGE}")),
        ("first page by name", format!("/api/v1/users?limit={PAGE}&sort=username")),
        ("search of one", format!("/api/v1/users?limit={PAGE}&search={}", name(users as u64 / 2))),
        ("search of nobody", format!("/api/v1/users?limit={PAGE}&search=nobody%20at%20all")),
        ("search of everybody", format!("/api/v1/users?limit={PAGE}&search=example.com")),
        ("search of two letters", format!("/api/v1/users?limit={PAGE}&search=zq")),
        ("filter of a state that nobody has", format!("/api/v1/users?limit={PAGE}&filter[status]=deleted")),
        ("filter that fits nobody", format!("/api/v1/users?limit={PAGE}&filter[email_verified]=true")),
        ("deep page by cursor", format!("/api/v1/users?limit={PAGE}&cursor={deep}")),
    ])
}

async fn cursor_of_page(server: &Server, page: usize) -> anyhow::Result<String> {
    let mut path = format!("/api/v1/users?limit={PAGE}&count=false");
    for _ in 1..page {
        let answer = server.read(&path).await?;
        let cursor = answer["next_cursor"].as_str().context("the list ended early")?;
        path = format!("/api/v1/users?limit={PAGE}&cursor={cursor}");
    }
    path.rsplit_once("cursor=").map(|(_, cursor)| cursor.to_owned()).context("the list is too short")
}

/// Letters of a name.
const LETTERS: u32 = 7;
/// A prime that so many letters can number, and a factor that has no pattern with it (Park and Miller's).
const PRIME: u64 = 2_147_483_647;
const FACTOR: u64 = 48_271;

/// The name of the user of that number: letters as they fall, so that a part of a name is as rare as it is among
/// people, or rarer.
fn name(number: u64) -> String {
    let mixed = number * FACTOR % PRIME;
    let letter = |place| char::from(b'a' + (mixed / 26_u64.pow(place) % 26) as u8);
    (0..LETTERS).map(letter).collect()
}

/// The same in SQL, where `character` gives the one of a number.
fn letters(character: &str) -> String {
    let letter = |place| {
        format!("{character}(CAST(97 + n * {FACTOR} % {PRIME} / {} % 26 AS integer))", 26_u64.pow(place))
    };
    (0..LETTERS).map(letter).collect::<Vec<_>>().join(" || ")
}

/// Writes users past the server, which would hash a password for each, and leaves the indexes as the server keeps them.
fn fill(server: &Server, users: usize) -> anyhow::Result<()> {
    match server.database() {
        None => {
            let connection = Connection::open(server.sqlite())?;
            connection.execute_batch(&format!(
                "PRAGMA synchronous = OFF;
                 BEGIN;
                 CREATE TEMP TABLE people AS
                     WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {users})
                     SELECT n, unhex(printf('0190000000007000a000%012x', n)) AS id, {} AS name FROM numbers;
                 {};
                 COMMIT;
                 INSERT INTO members_search(members_search) VALUES ('optimize');
                 PRAGMA wal_checkpoint(TRUNCATE);",
                letters("char"),
                insert("CAST(metadata AS TEXT)", "0")
            ))?;
        }
        Some(database) => {
            database.run(&format!(
                "CREATE TABLE people AS
                     SELECT n, ('01900000-0000-7000-a000-' || lpad(to_hex(n), 12, '0'))::uuid AS id,
                         {} AS name
                     FROM generate_series(1, {users}::bigint) n;
                 {};
                 DROP TABLE people;",
                letters("chr"),
                insert("metadata", "false")
            ))?;
            database.run("VACUUM ANALYZE")?;
        }
    }
    Ok(())
}

/// The first user's organization gets all of `people`.
fn insert(metadata: &str, no: &str) -> String {
    format!(
        "INSERT INTO server_users (id, home_org_id, username, username_key, email, email_key, email_verified,
             display_name, display_name_key, metadata, status, two_factor_enabled, last_login, search_key, names_key,
             rev, created_at, updated_at)
         SELECT p.id, u.home_org_id, p.name, p.name, p.name || '@example.com', p.name || '@example.com', {no},
             p.name, p.name, {metadata}, 'active', {no}, 0, p.name || ' ' || p.name || '   ' || p.name ||
             '@example.com', p.name || ' ' || p.name, 1, u.created_at + p.n, u.created_at + p.n
         FROM people p, (SELECT * FROM server_users ORDER BY created_at LIMIT 1) u;
         INSERT INTO members (org_id, user_id, joined_at, created_at, username_key, email_key, display_name_key,
             last_login, search_key, names_key)
         SELECT u.home_org_id, u.id, u.created_at, u.created_at, u.username_key, u.email_key, u.display_name_key,
             u.last_login, u.search_key, u.names_key
         FROM server_users u JOIN people p ON p.id = u.id"
    )
}
