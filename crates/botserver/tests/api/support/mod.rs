//! A server of its own for each test: on a free port, in a fresh folder, with one organization and its administrator.

mod answer;
mod balanced;
mod client;
mod contract;
mod packages;
mod socket;
mod stand;
mod wire;

use std::{net::SocketAddr, sync::OnceLock};

pub(crate) use answer::Answer;
pub(crate) use balanced::run_balanced;
pub(crate) use client::{Client, texts, until};
pub(crate) use contract::{Operation, prefix};
pub(crate) use packages::{package, zip_of};
pub(crate) use serde_json::{Value, json};
pub(crate) use socket::Socket;
pub(crate) use stand::{GOOD, Stand};
pub(crate) use test_database::{botserver_test, each_database};
pub(crate) use wire::{RawAnswer, Wire};

use botserver::{
    Config, Server,
    server::{House, Opened},
};
use kernel::{Secret, Surroundings};
use tempfile::TempDir;
use test_database::{Engine, TestDatabase};

/// A running server under test.
pub(crate) struct App {
    server: Server,
    config: Config,
    place: Place,
    http: reqwest::Client,
    admin_token: String,
    balanced: Option<balanced::Balanced>,
}

/// What a server keeps its things in.
struct Place {
    _folder: TempDir,
    _database: Option<TestDatabase>,
}

/// The password of every user that tests make.
pub(crate) const PASSWORD: &str = "Correct-Horse-7-Battery";

/// Starts a server and runs a test with it.
pub(crate) fn run<F: Future>(claim: impl FnOnce(App) -> F) -> F::Output {
    run_with(|_| {}, claim)
}

/// The same with settings of the test's own.
pub(crate) fn run_with<F: Future>(
    change: impl FnOnce(&mut Config),
    claim: impl FnOnce(App) -> F,
) -> F::Output {
    run_test(async { claim(App::start_with(change).await).await })
}

/// Runs a test that starts what it needs itself.
pub(crate) fn run_test<F: Future>(claim: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(claim)
}

/// The master key where a server's database isn't in its folder.
const SECRET_KEY: &str = "dGhlIG1hc3RlciBrZXkgb2YgYWxsIHRoZSB0ZXN0cyE=";

/// A folder as a first start leaves it, made once for all tests: hashing a password takes most of a start's time.
fn template() -> &'static (TempDir, String) {
    static TEMPLATE: OnceLock<(TempDir, String)> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config_in(folder.path());
        let password = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(first_start(&config))
        });
        (folder, password.join().expect("the template"))
    })
}

/// Starts for the first time; gives the administrator's password.
async fn first_start(config: &Config) -> String {
    let Opened { house, .. } = House::open(config, Surroundings::system()).await.expect("a house");
    let first = house.identity.first_administrator().await.expect("an answer").expect("the first");
    house.close().await;
    first.password.reveal().to_owned()
}

impl Place {
    /// One where a server has started before, with its configuration and the administrator's password.
    async fn new() -> (Self, Config, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config_in(folder.path());
        match Engine::current() {
            Engine::Sqlite => {
                let (template, password) = template();
                copy(template.path(), folder.path());
                (Self { _folder: folder, _database: None }, config, password.clone())
            }
            Engine::Postgres => {
                let first = async |url: String| {
                    let folder = tempfile::tempdir().expect("a folder");
                    first_start(&on_server(config_in(folder.path()), &url)).await
                };
                let database = TestDatabase::filled("server", first).await;
                let (config, password) = (on_server(config, database.url()), database.note().to_owned());
                (Self { _folder: folder, _database: Some(database) }, config, password)
            }
        }
    }
}

/// The same with its rows on a database server.
fn on_server(mut config: Config, url: &str) -> Config {
    config.database.url = Some(Secret::new(url));
    config.database.connections = 4;
    config.secret_key = Some(Secret::new(SECRET_KEY));
    config
}

fn config_in(folder: &std::path::Path) -> Config {
    let mut config = Config {
        data: folder.to_owned(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..Config::default()
    };
    // Tests ask more than people do. Those about limits set their own.
    config.rate_limit = gateway::RateLimits { anonymous: 0, authenticated: 0, admin: 0, operations: false };
    config.identity.logins_per_minute = 0;
    config.identity.two_factor.codes_per_minute = 0;
    config.identity.fast_hashing_for_tests();
    config
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the template") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

impl App {
    /// A server with settings of the test's own.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let (place, mut config, password) = Place::new().await;
        change(&mut config);
        let server = serve(&config).await;
        let http = reqwest::Client::builder().build().expect("a client");
        let mut app = Self { server, config, place, http, admin_token: String::new(), balanced: None };
        app.admin_token = app.anonymous().sign_in("admin", &password).await;
        app
    }

    /// Another server on the same database, with a folder of its own.
    pub(crate) async fn another_node(&self) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config { data: folder.path().to_owned(), ..self.config.clone() };
        let server = serve(&config).await;
        let place = Place { _folder: folder, _database: None };
        let (http, admin_token) = (self.http.clone(), self.admin_token.clone());
        Self { server, config, place, http, admin_token, balanced: None }
    }

    /// Waits until the server hears other nodes.
    pub(crate) async fn hears_others(&self) {
        self.server.house.hears_others().await;
    }

    /// Stops the server and starts another one on the same folder.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut Config)) -> Self {
        let Self { server, mut config, place, http, admin_token, balanced } = self;
        assert!(balanced.is_none(), "the proxy would look for the server at its old address");
        // What it holds is large.
        Box::pin(server.stop()).await;
        change(&mut config);
        let server = Box::pin(serve(&config)).await;
        Self { server, config, place, http, admin_token, balanced }
    }

    /// Stops the server and gives its folder back.
    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }

    /// The server's database.
    pub(crate) fn database(&self) -> &platform::db::Db {
        &self.server.house.db
    }

    /// Has the server read its certificate again? False if it has none.
    pub(crate) async fn reload_certificate(&self) -> bool {
        self.server.reload_certificate().await
    }

    /// The address of the server, or of the proxy before it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where the server listens, or the proxy before it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.balanced.as_ref().map_or(self.server.address, |balanced| balanced.proxy.address())
    }

    /// A client that shows no credentials.
    pub(crate) fn anonymous(&self) -> Client {
        Client::new(self.http.clone(), self.url(), None)
    }

    /// The administrator of the first organization (role `owner`).
    pub(crate) fn admin(&self) -> Client {
        self.with_token(&self.admin_token)
    }

    /// The administrator's token.
    pub(crate) fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// A client with that token.
    pub(crate) fn with_token(&self, token: &str) -> Client {
        Client::new(self.http.clone(), self.url(), Some(token.to_owned()))
    }

    /// A new member of that name, signed in.
    pub(crate) async fn user(&self, name: &str) -> Client {
        self.user_with_role(name, "member").await
    }

    /// A new user of that name and role, signed in.
    pub(crate) async fn user_with_role(&self, name: &str, role: &str) -> Client {
        let new = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD, "roles": [role] });
        self.admin().post("/users", new).await.assert_status(201);
        let token = self.anonymous().sign_in(name, PASSWORD).await;
        self.with_token(&token)
    }

    /// The owner of another organization of the same server, signed in. There is no way to make one over the API yet,
    /// so the rows are written as that way will write them.
    pub(crate) async fn stranger(&self, name: &str) -> Client {
        let new = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD, "roles": ["owner"] });
        let user = self.admin().post("/users", new).await.assert_status(201).data();
        let user_id: kernel::id::UserId = user["user_id"].as_str().expect("an id").parse().expect("an id");
        let old: kernel::id::OrganizationId =
            user["organization_id"].as_str().expect("an id").parse().expect("an id");
        let moved = self.server.house.db.write_server(move |unit| {
            let other: kernel::id::OrganizationId = Surroundings::system().id();
            unit.execute(
                "INSERT INTO server_organizations (id, name, slug, founding, rev, created_at, updated_at)
                 VALUES ($1, 'Other', 'other', NULL, 1, 0, 0)",
                &[&other],
            )?;
            unit.execute("UPDATE server_users SET home_org_id = $1 WHERE id = $2", &[&other, &user_id])?;
            unit.org(other).execute(
                "INSERT INTO members (org_id, user_id, joined_at, created_at, username_key, email_key,
                    display_name_key, last_login, search_key, names_key)
                 SELECT $1, user_id, joined_at, created_at, username_key, email_key, display_name_key, last_login,
                    search_key, names_key FROM members WHERE user_id = $2 AND org_id <> $1",
                &[&user_id],
            )?;
            unit.org(other).execute(
                "INSERT INTO member_roles (org_id, user_id, role_id, created_at)
                 SELECT $1, user_id, role_id, created_at FROM member_roles WHERE user_id = $2 AND org_id <> $1",
                &[&user_id],
            )?;
            unit.org(old).execute("DELETE FROM members WHERE org_id = $1 AND user_id = $2", &[&user_id])
        });
        let moved: Result<u64, platform::db::DbError> = moved.await;
        moved.expect("the user moved");
        self.with_token(&self.anonymous().sign_in(name, PASSWORD).await)
    }

    /// How many rows of that table belong to the conversation.
    pub(crate) async fn rows_of(&self, table: &'static str, conversation: &Value) -> i64 {
        let id: kernel::id::ConversationId =
            conversation["conversation_id"].as_str().expect("an id").parse().expect("an id");
        let org = self.organization().await;
        let counted = self.server.house.db.read(org, move |tx| match table {
            "messages" => tx.one::<(i64,)>(
                "SELECT count(*) FROM messages WHERE org_id = $1 AND conversation_id = $2",
                &[&id],
            ),
            "conversation_runs" => tx.one(
                "SELECT count(*) FROM conversation_runs WHERE org_id = $1 AND conversation_id = $2",
                &[&id],
            ),
            "conversation_tags" => tx.one(
                "SELECT count(*) FROM conversation_tags WHERE org_id = $1 AND conversation_id = $2",
                &[&id],
            ),
            "conversation_attachments" => tx.one(
                "SELECT count(*) FROM conversation_attachments WHERE org_id = $1 AND conversation_id = $2",
                &[&id],
            ),
            "object_claims" => tx.one("SELECT count(*) FROM object_claims WHERE org_id = $1", &[]),
            "conversations" => {
                tx.one("SELECT count(*) FROM conversations WHERE org_id = $1 AND id = $2", &[&id])
            }
            other => panic!("no test asks for {other}"),
        });
        let counted: Result<_, platform::db::DbError> = counted.await;
        counted.expect("rows").map_or(0, |(count,)| count)
    }

    /// Every module of the server.
    pub(crate) fn modules(&self) -> Vec<gateway::Module> {
        self.server.house.contract_modules()
    }

    /// Lets so many days pass for a conversation.
    pub(crate) async fn age(&self, conversation: &Value, days: i64) {
        let id: kernel::id::ConversationId =
            conversation["conversation_id"].as_str().expect("an id").parse().expect("an id");
        let microseconds = days * 86_400_000_000;
        let aged = self.server.house.db.write(self.organization().await, move |unit| {
            unit.execute(
                "UPDATE conversations SET last_activity = last_activity - $3 WHERE org_id = $1 AND id = $2",
                &[&id, &microseconds],
            )
        });
        let aged: Result<_, platform::db::DbError> = aged.await;
        assert_eq!(aged.expect("a change"), 1);
    }

    /// Lets the time of waiting jobs of that kind come.
    pub(crate) async fn hasten_jobs(&self, kind: &'static str) {
        let hastened = self.server.house.db.write(self.organization().await, move |unit| {
            unit.execute(
                "UPDATE jobs SET place = 'due' WHERE org_id = $1 AND kind = $2 AND place = 'later'",
                &[&kind],
            )?;
            unit.enqueue(&platform::jobs::PRUNE.job(&()))
        });
        let hastened: Result<_, platform::db::DbError> = hastened.await;
        hastened.expect("a change");
    }

    /// How many entries of that action the audit log has.
    pub(crate) async fn audited(&self, action: &'static str) -> i64 {
        let org = self.organization().await;
        let counted = self.server.house.db.read(org, move |tx| {
            tx.one::<(i64,)>("SELECT count(*) FROM audit WHERE org_id = $1 AND action = $2", &[&action])
        });
        let counted: Result<_, platform::db::DbError> = counted.await;
        counted.expect("rows").map_or(0, |(count,)| count)
    }

    /// The details of the entries of that action in the audit log, oldest first.
    pub(crate) async fn audit_details(&self, action: &'static str) -> Vec<Value> {
        let org = self.organization().await;
        let entries = self.server.house.db.read(org, move |tx| {
            tx.all::<(Option<platform::db::Json>,)>(
                "SELECT details FROM audit WHERE org_id = $1 AND action = $2 ORDER BY at, id",
                &[&action],
            )
        });
        let entries: Result<Vec<_>, platform::db::DbError> = entries.await;
        let read = |details: Option<platform::db::Json>| {
            details.map_or(Value::Null, |json| json.read().expect("JSON"))
        };
        entries.expect("entries").into_iter().map(|(details,)| read(details)).collect()
    }

    /// Waits until every entry of the audit log has its number.
    pub(crate) async fn audit_is_sealed(&self) {
        let (org, db) = (self.organization().await, self.database().clone());
        let looks = async {
            loop {
                let waits = db.read(org, |tx| {
                    tx.one::<(i64,)>("SELECT count(*) FROM audit WHERE org_id = $1 AND number IS NULL", &[])
                });
                let waits: Result<_, platform::db::DbError> = waits.await;
                if waits.expect("rows") == Some((0,)) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), looks).await.expect("it is sealed in time");
    }

    /// Changes an entry of the audit log that has a number, as nobody can over the API.
    pub(crate) async fn tamper_with_audit(&self) {
        let org = self.organization().await;
        let changed = self.server.house.db.write(org, |unit| {
            unit.execute("UPDATE audit SET action = 'nothing' WHERE org_id = $1 AND number = 1", &[])
        });
        let changed: Result<_, platform::db::DbError> = changed.await;
        assert_eq!(changed.expect("a change"), 1);
    }

    /// The server's first organization.
    pub(crate) async fn organization(&self) -> kernel::id::OrganizationId {
        let me = self.admin().me().await;
        me["organization_id"].as_str().expect("an id").parse().expect("an id")
    }

    /// A job of that client's, as something it called would enqueue it.
    pub(crate) async fn enqueue(&self, client: &Client, job: platform::jobs::NewJob) -> String {
        let me = client.me().await;
        let org: kernel::id::OrganizationId =
            me["organization_id"].as_str().expect("an id").parse().expect("an id");
        let user: kernel::id::UserId = me["user_id"].as_str().expect("an id").parse().expect("an id");
        let job = job.by(user);
        let enqueued = self.server.house.db.write(org, move |unit| unit.enqueue(&job));
        enqueued.await.expect("a job").to_string()
    }

    /// A new bot of that name with one script, `start.bas`.
    pub(crate) async fn bot(&self, name: &str, start: &str) -> Value {
        self.bot_of(name, &[("start", start)]).await
    }

    /// A new bot of that name with these scripts.
    pub(crate) async fn bot_of(&self, name: &str, scripts: &[(&str, &str)]) -> Value {
        let bot = self.admin().post("/bots", json!({ "name": name })).await.assert_status(201).data();
        let path = format!("/bots/{}/package", bot["bot_id"].as_str().expect("an id"));
        let paths: Vec<_> = scripts.iter().map(|(name, _)| format!("test.gbdialog/{name}.bas")).collect();
        let files: Vec<_> =
            paths.iter().zip(scripts).map(|(path, (_, source))| (path.as_str(), source.as_bytes())).collect();
        self.admin().put_zip(&path, zip_of(&files)).await.assert_status(200);
        bot
    }
}

async fn serve(config: &Config) -> Server {
    let Opened { house, .. } = House::open(config, Surroundings::system()).await.expect("a house");
    Server::start(config, house).await.expect("a server")
}
