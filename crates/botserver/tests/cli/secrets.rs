//! Secrets are nowhere but with those whom they were given to: not in the log at its most talkative, not in what the
//! server answers later, not in its files, not in its tables.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use platform::db::{Db, DbError, DbOptions};
use reqwest::Method;
use serde_json::{Value, json};
use test_database::{Engine, TestDatabase, each_database};
use totp_rs::Builder;

use crate::Desk;

const SECRET_KEY: &str = "dGhlIG1hc3RlciBrZXkgb2YgYWxsIHRoZSB0ZXN0cyE=";
const PASSWORD: &str = "Planted-Horse-7-Battery";
const NEXT_PASSWORD: &str = "Planted-Horse-8-Battery";
/// Everything is logged, and nothing has to wait.
const SETTINGS: &str = "
[log]
level = \"trace\"
[rate_limit]
operations = false
[identity]
logins_per_minute = 0
[identity.two_factor]
codes_per_minute = 0
[identity.hashing]
memory_kib = 8
passes = 1
";
/// What people type in the wrong place, or wrongly.
const MISTYPED: &str = "Planted-Mistake-9-Battery";

/// The program, which serves until it is dropped.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Serving {
    /// Starts it with its log in a file beside the data; gives its address and the administrator's password.
    fn start(desk: &Desk) -> (Self, String, String) {
        let mut command = desk.command(&["serve", "--listen", "127.0.0.1:0"]);
        let log = File::create(desk.path().join("log")).expect("a file");
        let child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("the program runs");
        let mut serving = Self(child);
        let shown = BufReader::new(serving.0.stdout.take().expect("output")).lines().map_while(Result::ok);
        let shown: Vec<_> = shown.take_while(|line| !line.contains("Ctrl-C")).collect();
        let after = |label: &str| {
            let line = shown.iter().find_map(|line| Some(line.split_once(label)?.1.to_owned()));
            let word = line.as_deref().and_then(|line| line.split_whitespace().next().map(str::to_owned));
            word.unwrap_or_else(|| panic!("no {label} in {shown:?}"))
        };
        let (address, password) = (after("API "), after("password "));
        (serving, address, password)
    }

    fn stop(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        assert!(told.expect("kill runs").success());
        self.0.wait().expect("an end");
    }
}

/// The API, and what it said that must tell no secret.
struct Api {
    address: String,
    http: reqwest::Client,
    said: Vec<(String, String)>,
}

impl Api {
    async fn send(&self, method: Method, path: &str, token: &str, body: &Value) -> (u16, String) {
        let mut request = self.http.request(method, format!("{}/v1{path}", self.address));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.text().await.expect("a body"))
    }

    /// Asks for what hands out secrets; gives it.
    async fn given(&self, path: &str, token: &str, body: Value) -> Value {
        let (status, text) = self.send(Method::POST, path, token, &body).await;
        assert!((200..300).contains(&status), "{path}: {status} {text}");
        serde_json::from_str::<Value>(&text).expect("JSON")["data"].clone()
    }

    /// Asks for what must hand out none.
    async fn tells(&mut self, method: Method, path: &str, token: &str, body: Value) -> Value {
        let (status, text) = self.send(method.clone(), path, token, &body).await;
        let json = serde_json::from_str(&text).unwrap_or_default();
        self.said.push((format!("{method} {path}: {status}"), text));
        json
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// A secret in every way in which somebody might have kept it.
struct Planted {
    what: String,
    forms: Vec<Vec<u8>>,
}

impl Planted {
    fn text(what: &str, secret: &str) -> Self {
        Self { what: what.to_owned(), forms: vec![secret.as_bytes().to_vec()] }
    }

    /// A text, and the bytes that it stands for.
    fn encoded(what: &str, secret: &str, bytes: &[u8]) -> Self {
        let mut planted = Self::text(what, secret);
        planted.forms.push(bytes.to_vec());
        for digits in [b"0123456789abcdef", b"0123456789ABCDEF"] {
            let digit = |four: u8| digits[usize::from(four)];
            planted.forms.push(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect());
        }
        planted
    }

    /// One of the server's own tokens: without its prefix, too.
    fn token(what: &str, token: &str) -> Self {
        let own = token.rsplit('_').next().filter(|_| token.matches('_').count() == 1);
        let own = own.unwrap_or(&token[4..]);
        let bytes = URL_SAFE_NO_PAD.decode(own).unwrap_or_default();
        let mut planted =
            if bytes.len() < 16 { Self::text(what, token) } else { Self::encoded(what, token, &bytes) };
        planted.forms.push(own.as_bytes().to_vec());
        planted
    }

    fn is_in(&self, place: &[u8]) -> bool {
        self.forms.iter().any(|form| stands_in(form, place))
    }
}

/// Does it stand there? Digits count only where they are no part of a longer number.
fn stands_in(form: &[u8], place: &[u8]) -> bool {
    let is_number = form.iter().all(u8::is_ascii_digit);
    let digit = |at: Option<usize>| at.and_then(|at| place.get(at)).is_some_and(u8::is_ascii_digit);
    memchr::memmem::find_iter(place, form)
        .any(|at| !is_number || !(digit(at.checked_sub(1)) || digit(Some(at + form.len()))))
}

fn code(shared: &str, steps: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let secret = totp_rs::Secret::try_from_base32(shared).expect("base32");
    let totp = Builder::new().with_secret(secret).build().expect("an authenticator");
    totp.generate(now.saturating_add_signed(steps * 30)).to_string()
}

/// Lives through everything that has to do with secrets; gives those.
async fn plant(api: &mut Api, admin_password: &str) -> Vec<Planted> {
    let mut planted = vec![
        Planted::text("the administrator's password", admin_password),
        Planted::text("a password", PASSWORD),
        Planted::text("a later password", NEXT_PASSWORD),
        Planted::text("a mistyped password", MISTYPED),
    ];
    let login = json!({ "username": "admin", "password": admin_password });
    let admin = text(&api.given("/auth/login", "", login).await["access_token"]);
    planted.push(Planted::token("an access token", &admin));

    let new =
        json!({ "username": "ann", "email": "ann@example.com", "password": PASSWORD, "roles": ["member"] });
    api.tells(Method::POST, "/users", &admin, new).await;
    let invited = json!({ "username": "bob", "email": "bob@example.com" });
    let invited = api.given("/users", &admin, invited).await;
    let link = text(&invited["password_link"]);
    planted.push(Planted::token("a password link", link.split_once("token=").expect("a token").1));

    let login = json!({ "username": "ann", "password": PASSWORD });
    let tokens = api.given("/auth/login", "", login.clone()).await;
    let (ann, refresh) = (text(&tokens["access_token"]), text(&tokens["refresh_token"]));
    planted.push(Planted::token("a user's access token", &ann));
    planted.push(Planted::token("a refresh token", &refresh));

    let setup = api.given("/users/me/2fa/enable", &ann, json!({ "password": PASSWORD })).await;
    let shared = text(&setup["secret"]);
    let bytes = totp_rs::Secret::try_from_base32(&shared).expect("base32");
    planted.push(Planted::encoded("what the authenticator shares", &shared, bytes.as_ref()));
    for backup in setup["backup_codes"].as_array().expect("codes") {
        planted.push(Planted::text("a backup code", &text(backup)));
    }
    api.tells(Method::POST, "/users/me/2fa/verify", &ann, json!({ "code": code(&shared, -1) })).await;
    let challenge = api.given("/auth/login", "", login).await;
    let session_token = text(&challenge["session_token"]);
    planted.push(Planted::token("a challenge", &session_token));
    let wrong = json!({ "session_token": session_token, "code": "000000" });
    api.tells(Method::POST, "/auth/2fa/verify", "", wrong).await;
    let backup = json!({ "session_token": session_token, "code": setup["backup_codes"][0] });
    let second = text(&api.given("/auth/2fa/verify", "", backup).await["access_token"]);
    planted.push(Planted::token("the access token of a second step", &second));

    let key = json!({ "name": "Program", "scopes": ["users:read", "chat:read"] });
    let key = api.given("/api-keys", &ann, key).await;
    planted.push(Planted::token("an API key", &text(&key["api_key"])));
    api.tells(Method::GET, "/users", &text(&key["api_key"]), Value::Null).await;
    let rotate = format!("/api-keys/{}/rotate", text(&key["key_id"]));
    let rotated = api.given(&rotate, &ann, json!({})).await;
    planted.push(Planted::token("a rotated API key", &text(&rotated["api_key"])));

    let hook = json!({ "url": "https://hooks.invalid/", "events": ["webhook.disabled"] });
    let hook = api.given("/webhooks", &ann, hook).await;
    planted.push(Planted::token("a webhook's secret", &text(&hook["secret"])));
    let rotate = format!("/webhooks/{}/rotate-secret", text(&hook["webhook_id"]));
    let rotated = api.given(&rotate, &ann, json!({})).await;
    planted.push(Planted::token("a webhook's next secret", &text(&rotated["secret"])));

    let renewed = api.given("/auth/refresh", "", json!({ "refresh_token": refresh })).await;
    let ann = text(&renewed["access_token"]);
    planted.push(Planted::token("the next access token", &ann));
    planted.push(Planted::token("the next refresh token", &text(&renewed["refresh_token"])));
    let change = json!({ "current_password": PASSWORD, "new_password": NEXT_PASSWORD });
    api.tells(Method::POST, "/users/me/password", &ann, change).await;
    for (path, body) in [
        // A secret in the place of another, of a wrong type, beside a mistake.
        ("/auth/login", json!({ "username": MISTYPED, "password": MISTYPED })),
        ("/auth/login", json!({ "username": "ann", "password": [MISTYPED] })),
        (
            "/auth/login",
            json!({ "username": "ann", "password": MISTYPED, "two_factor_code": { "a": MISTYPED } }),
        ),
        ("/auth/login", json!({ "username": ["x"], "password": MISTYPED, "extra": MISTYPED })),
        ("/auth/refresh", json!({ "refresh_token": refresh })),
        ("/auth/refresh", json!({ "refresh_token": [refresh] })),
        ("/auth/password/reset", json!({ "token": refresh, "password": MISTYPED })),
        ("/users", json!({ "username": "cid", "email": "no", "password": MISTYPED })),
        ("/users/me/password", json!({ "current_password": MISTYPED, "new_password": "short" })),
        ("/users/me/2fa/disable", json!({ "password": MISTYPED })),
    ] {
        let token = if path.starts_with("/auth") { "" } else { admin.as_str() };
        api.tells(Method::POST, path, token, body).await;
    }
    for path in ["/users/me", "/nothing/here", "/auth/verify"] {
        api.tells(Method::GET, path, &ann, Value::Null).await;
        api.tells(Method::DELETE, path, &key["api_key"].to_string().replace('"', ""), Value::Null).await;
    }
    look_around(api, &admin).await;
    planted
}

/// Everything that shows what happened.
async fn look_around(api: &mut Api, admin: &str) {
    for path in [
        "/audit?limit=100",
        "/audit/summary",
        "/users?limit=100",
        "/sessions?limit=100",
        "/api-keys?limit=100",
        "/webhooks?limit=100",
        "/admin/config",
        "/admin/jobs?limit=100",
        "/monitoring/metrics",
        "/settings/security",
    ] {
        api.tells(Method::GET, path, admin, Value::Null).await;
    }
    for format in ["csv", "json", "jsonl"] {
        let export = json!({ "format": format, "date_range": { "start": "2020-01-01" } });
        let job = api.given("/audit/export", admin, export).await["job_id"].clone();
        let path = format!("/jobs/{}", text(&job));
        let done = async {
            loop {
                let told = api.send(Method::GET, &path, admin, &Value::Null).await.1;
                if told.contains("\"completed\"") {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), done).await.expect("it is made in time");
        let path = format!("/audit/export/{}", text(&job));
        api.tells(Method::GET, &path, admin, Value::Null).await;
        let (_, exported) = api.said.last().expect("an answer");
        assert!(exported.contains("login_failed"), "{exported}");
    }
}

/// Everything that the server keeps, by its place.
fn kept(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            kept(&path, found);
        } else if path.is_file() {
            found.push((path.display().to_string(), fs::read(&path).expect("a file")));
        }
    }
}

/// All rows of the database, with bytes in hexadecimal.
async fn rows(url: &str) -> String {
    let db = Db::open(&DbOptions::new(url)).expect("the database");
    let rows = db.read_server(|tx| {
        tx.across_organizations::<(String,)>(
            "WITH so AS MATERIALIZED (SELECT set_config('xmlbinary', 'hex', false))
             SELECT CAST(schema_to_xml('public', true, false, '') AS text) FROM so",
        )
    });
    let rows: Result<Vec<(String,)>, DbError> = rows.await;
    let rows = rows.expect("rows").into_iter().map(|(rows,)| rows).collect();
    db.close().await;
    rows
}

#[each_database]
fn no_secret_is_anywhere_but_with_whom_it_was_given_to() {
    let desk = Desk::new();
    let database = (Engine::current() == Engine::Postgres).then(TestDatabase::empty);
    let mut settings = String::new();
    if let Some(database) = &database {
        let url = database.url();
        settings = format!("secret_key = {SECRET_KEY:?}\n[database]\nurl = {url:?}\nconnections = 3\n");
    }
    settings.push_str(SETTINGS);
    desk.write("botserver.toml", &settings);
    let (serving, address, admin_password) = Serving::start(&desk);
    let mut api = Api { address, http: reqwest::Client::new(), said: Vec::new() };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");

    let planted = runtime.block_on(plant(&mut api, &admin_password));
    serving.stop();

    let mut places: Vec<_> = api.said.into_iter().map(|(what, body)| (what, body.into_bytes())).collect();
    kept(desk.path(), &mut places);
    if let Some(database) = &database {
        let rows = runtime.block_on(rows(database.url()));
        assert!(rows.contains("<server_credentials>") && rows.contains("ann@example.com"), "all rows");
        places.push(("the tables".to_owned(), rows.into_bytes()));
    }
    assert!(places.iter().any(|(place, content)| place.ends_with("/log") && content.len() > 10_000));
    // Whoever looks finds what is there: in the tables, and in what was answered.
    let email = Planted::text("an address", "ann@example.com");
    assert!(places.iter().filter(|(_, content)| email.is_in(content)).count() > 3);
    let mut found = Vec::new();
    for (place, content) in &places {
        let here = planted.iter().filter(|secret| secret.is_in(content));
        found.extend(here.map(|secret| format!("{} is in {place}", secret.what)));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
