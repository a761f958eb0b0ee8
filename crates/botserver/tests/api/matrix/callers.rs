//! Callers of every kind.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Confinement, Id, id::kind};
use platform::db::DbError;

use crate::support::{App, Client, Operation, PASSWORD, Value, json};

/// A password that is in no example, so that no example changes it.
const OWN_PASSWORD: &str = "Staple-Of-Many-9-Callers";

/// What somebody shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credentials {
    /// Nothing.
    None,
    /// A token that is worth nothing, for that reason.
    Dead(&'static str),
    /// A key that is good somewhere else.
    Elsewhere,
    /// A session's token.
    Session,
    /// A session's token that is good for this alone.
    Confined(&'static str),
    /// A visitor's token.
    Visit,
    /// An API key.
    Key,
}

/// Somebody who calls.
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) credentials: Credentials,
    /// What they may do.
    pub(super) permissions: BTreeSet<String>,
    pub(super) client: Client,
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn texts(values: &Value) -> BTreeSet<String> {
    values.as_array().expect("a list").iter().map(text).collect()
}

/// What the token's bearer may do, as the server says.
async fn scopes(client: &Client) -> BTreeSet<String> {
    texts(&client.get("/auth/verify").await.assert_ok().data()["scopes"])
}

impl Caller {
    async fn new(name: impl Into<String>, credentials: Credentials, client: Client) -> Self {
        let knows = matches!(credentials, Credentials::Session | Credentials::Visit | Credentials::Key);
        let permissions = if knows { scopes(&client).await } else { BTreeSet::new() };
        Self { name: name.into(), credentials, permissions, client }
    }

    /// Signs in again where what they did has ended their session.
    pub(super) async fn come_back(&mut self, app: &App) {
        let is_worth_something =
            matches!(self.credentials, Credentials::Session | Credentials::Confined(_) | Credentials::Visit);
        if !is_worth_something || self.client.get("/auth/verify").await.status != 401 {
            return;
        }
        self.client = match self.credentials {
            Credentials::Visit => visitor(app).await,
            Credentials::Confined(to) => confined(app, &self.name, to).await,
            _ => app.with_token(&app.anonymous().sign_in(&self.name, OWN_PASSWORD).await),
        };
    }

    /// What is wrong if they may do something else by now.
    pub(super) async fn is_who_they_were(&self) -> Option<String> {
        if !matches!(self.credentials, Credentials::Session | Credentials::Visit) {
            return None;
        }
        let now = scopes(&self.client).await;
        (now != self.permissions).then(|| format!("{} may do something else by now: {now:?}", self.name))
    }
}

/// A new user of that name and role.
async fn user(app: &App, name: &str, role: &str) -> Client {
    let (email, password) = (format!("{name}@example.com"), OWN_PASSWORD);
    let new = json!({ "username": name, "email": email, "password": password, "roles": [role] });
    app.admin().post("/users", new).await.assert_status(201);
    app.with_token(&app.anonymous().sign_in(name, OWN_PASSWORD).await)
}

async fn visitor(app: &App) -> Client {
    let visit = app.anonymous().post("/auth/anonymous", json!({ "bot_name": "open" })).await;
    app.with_token(&text(&visit.assert_status(201).data()["token"]))
}

/// A session of theirs that is good for one thing alone.
async fn confined(app: &App, name: &str, to: &'static str) -> Client {
    let client = app.with_token(&app.anonymous().sign_in(name, OWN_PASSWORD).await);
    sessions_of(app, name, "UPDATE server_sessions SET confined = $2 WHERE user_id = $1", to).await;
    client
}

/// Changes the sessions of somebody whom no node has seen with them yet.
async fn sessions_of(app: &App, name: &str, statement: &'static str, value: impl Into<Told>) {
    let user: Id<kind::User> = id_of(app, name).await.parse().expect("an id");
    let value = value.into();
    let changed: Result<u64, DbError> = app
        .database()
        .write_server(move |unit| match &value {
            Told::Text(text) => unit.execute(statement, &[&user, text]),
            Told::Time(time) => unit.execute(statement, &[&user, time]),
        })
        .await;
    assert!(changed.expect("a change") >= 1);
}

/// A value of a statement.
#[derive(Clone)]
enum Told {
    Text(&'static str),
    Time(i64),
}

impl From<&'static str> for Told {
    fn from(text: &'static str) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Told {
    fn from(time: i64) -> Self {
        Self::Time(time)
    }
}

async fn id_of(app: &App, name: &str) -> String {
    let found = app.admin().get(format!("/users?search={name}")).await.assert_ok().items();
    let of_name = found.iter().find(|user| user["username"] == name);
    text(&of_name.expect("a user")["user_id"])
}

/// A key of the administrator's with these scopes, and more of what a key may have.
async fn key(app: &App, scopes: &[&str], more: &[(&str, Value)]) -> Value {
    let mut new = json!({ "name": "Program", "scopes": scopes });
    for (name, value) in more {
        new[name] = value.clone();
    }
    app.admin().post("/api-keys", new).await.assert_status(201).data()
}

fn program(app: &App, key: &Value) -> Client {
    app.with_token(&text(&key["api_key"]))
}

/// One of each role, and of every other kind that has or had a session.
pub(super) async fn with_sessions(app: &App) -> Vec<Caller> {
    let bot = app.bot("Open", "HEAR x\nTALK x").await;
    let access = json!({ "visibility": "public", "anonymous_allowed": true });
    app.admin().put(format!("/bots/{}/access", text(&bot["bot_id"])), access).await.assert_ok();

    let mut callers = Vec::new();
    for role in app.admin().get("/roles?limit=100").await.assert_ok().items() {
        let role = text(&role["name"]);
        let name = format!("a-{role}").replace('_', "-");
        let caller = Caller::new(&name, Credentials::Session, user(app, &name, &role).await).await;
        let shown = app.admin().get(format!("/roles/{role}")).await.assert_ok().data();
        assert_eq!(caller.permissions, texts(&shown["effective_permissions"]), "{role}");
        callers.push(caller);
    }
    assert!(callers.len() > 20, "{} roles", callers.len());
    callers.push(Caller::new("a-visitor", Credentials::Visit, visitor(app).await).await);
    let stranger = app.stranger("a-stranger").await;
    let own = json!({ "current_password": PASSWORD, "new_password": OWN_PASSWORD });
    stranger.post("/users/me/password", own).await.assert_ok();
    callers.push(Caller::new("a-stranger", Credentials::Session, stranger).await);
    for to in [Confinement::TwoFactorSetup, Confinement::PasswordChange] {
        let name = format!("a-{}", to.reason()).replace('_', "-");
        user(app, &name, "owner").await;
        let client = confined(app, &name, to.reason()).await;
        callers.push(Caller::new(&name, Credentials::Confined(to.reason()), client).await);
    }
    callers.extend(dead(app).await);
    callers
}

/// Those whose credentials are worth nothing.
async fn dead(app: &App) -> Vec<Caller> {
    let suspended = user(app, "a-suspended", "owner").await;
    let of_suspended =
        suspended.post("/api-keys", json!({ "name": "Program", "scopes": ["users:read"] })).await;
    let of_suspended = program(app, &of_suspended.assert_status(201).data());
    let suspend = format!("/users/{}", id_of(app, "a-suspended").await);
    app.admin().patch(suspend, json!({ "status": "suspended" })).await.assert_ok();

    let expired = user(app, "an-expired", "owner").await;
    let end = "UPDATE server_sessions SET token_expires_at = $2 WHERE user_id = $1";
    sessions_of(app, "an-expired", end, 1_i64).await;

    let left = user(app, "a-left", "owner").await;
    left.post("/auth/logout", json!({})).await.assert_ok();

    let revoked = key(app, &["users:read"], &[]).await;
    app.admin().delete(format!("/api-keys/{}", text(&revoked["key_id"]))).await.assert_status(204);
    let elsewhere = key(app, &["users:read"], &[("ip_allowlist", json!(["203.0.113.0/24"]))]).await;

    let mut callers = Vec::new();
    for (name, credentials, client) in [
        ("nobody", Credentials::None, app.anonymous()),
        ("a-guesser", Credentials::Dead("token_invalid"), app.with_token("bsa_guessed")),
        ("a-suspended", Credentials::Dead("session_ended"), suspended),
        ("a-suspended-key", Credentials::Dead("key_revoked"), of_suspended),
        ("an-expired", Credentials::Dead("token_expired"), expired),
        ("a-left", Credentials::Dead("session_ended"), left),
        ("a-revoked-key", Credentials::Dead("key_revoked"), program(app, &revoked)),
        ("a-key-elsewhere", Credentials::Elsewhere, program(app, &elsewhere)),
    ] {
        callers.push(Caller::new(name, credentials, client).await);
    }
    callers
}

/// Keys with one scope that operations need, each beside a key with all such scopes that don't contain it.
struct Keys {
    with: Client,
    allows: BTreeSet<String>,
    without: Client,
    allows_else: BTreeSet<String>,
}

/// For every operation a key with exactly what it needs, and, where it needs a permission, one with all that other
/// operations need.
pub(super) async fn with_keys(app: &App, operations: &[Operation]) -> Vec<(Operation, Caller)> {
    let needed: BTreeSet<&str> = operations.iter().filter_map(Operation::permission).collect();
    let mut exact = BTreeMap::new();
    for permission in &needed {
        let with = program(app, &key(app, &[permission], &[]).await);
        let allows = scopes(&with).await;
        assert!(allows.contains(*permission), "{permission}");
        exact.insert(*permission, (with, allows));
    }
    let mut keys = BTreeMap::new();
    for (permission, (with, allows)) in &exact {
        let others = exact.iter().filter(|(_, (_, allows))| !allows.contains(*permission));
        let others: Vec<_> = others.map(|(other, _)| *other).collect();
        let without = program(app, &key(app, &others, &[]).await);
        let allows_else = scopes(&without).await;
        assert!(!allows_else.contains(*permission), "{permission}");
        let (with, allows) = (with.clone(), allows.clone());
        keys.insert(*permission, Keys { with, allows, without, allows_else });
    }
    let (_, any) = keys.first_key_value().expect("an operation that needs a permission");
    let caller = |name: String, permissions: &BTreeSet<String>, client: &Client| {
        let (permissions, client) = (permissions.clone(), client.clone());
        Caller { name, credentials: Credentials::Key, permissions, client }
    };
    let of_operation = |operation: &Operation| {
        let keys = operation.permission().map_or(any, |permission| &keys[permission]);
        let with = caller("a key with it".to_owned(), &keys.allows, &keys.with);
        let without = caller("a key without it".to_owned(), &keys.allows_else, &keys.without);
        [with, without].map(|caller| (operation.clone(), caller))
    };
    operations.iter().flat_map(of_operation).collect()
}
