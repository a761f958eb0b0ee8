//! The server under measurement: its folder, its administrator, a bot that echoes.

use std::{
    io::{BufRead, BufReader, Cursor, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::Context;
use serde_json::{Value, json};
use tempfile::TempDir;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{
    database::Database,
    http::{self, Connection, Side},
    process::{self, Process},
};

/// Repeats what it hears, for ever.
const ECHO: &str = "DO\n  HEAR said\n  TALK \"You said \" + said\nLOOP\n";

pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    pub(crate) bot: String,
    binary: PathBuf,
    database: Option<Arc<Database>>,
    variables: Vec<(&'static str, String)>,
    folder: TempDir,
}

/// What a case sends.
pub(crate) enum Request {
    Fixed(Vec<u8>),
    Create { address: SocketAddr, token: String },
}

impl Request {
    pub(crate) fn make(&self, number: u64) -> Vec<u8> {
        match self {
            Self::Fixed(bytes) => bytes.clone(),
            Self::Create { address, token } => {
                let body = json!({ "name": format!("Bot {number}-{}", std::process::id()) }).to_string();
                let kind = "application/json";
                http::with_body("POST", "/api/v1/bots", *address, Some(token), kind, body.as_bytes())
            }
        }
    }

    pub(crate) fn is_read(&self) -> bool {
        matches!(self, Self::Fixed(_))
    }
}

fn spawn(
    binary: &Path,
    folder: &Path,
    address: SocketAddr,
    database: Option<&Database>,
    variables: &[(&str, String)],
) -> anyhow::Result<Process> {
    let mut all = vec![
        ("BOTSERVER_RATE_LIMIT_ANONYMOUS", "0"),
        ("BOTSERVER_RATE_LIMIT_AUTHENTICATED", "0"),
        ("BOTSERVER_RATE_LIMIT_ADMIN", "0"),
        ("BOTSERVER_RATE_LIMIT_OPERATIONS", "false"),
        ("BOTSERVER_BOTS_BOTS_PER_ORGANIZATION", "0"),
        ("BOTSERVER_HTTP_SOCKET_FRAMES_PER_MINUTE", "0"),
        ("BOTSERVER_HTTP_SOCKETS_PER_USER", "1000000"),
        ("BOTSERVER_HTTP_VISITOR_SOCKETS_PER_ADDRESS", "1000000"),
        ("BOTSERVER_HTTP_MAX_CONNECTIONS", "100000"),
        ("BOTSERVER_HTTP_MAX_CONNECTIONS_PER_ADDRESS", "0"),
        ("BOTSERVER_LOG_LEVEL", "warn"),
    ];
    all.extend(variables.iter().map(|(name, value)| (*name, value.as_str())));
    if let Some(database) = database {
        all.push(("BOTSERVER_DATABASE_URL", database.url()));
    }
    let data = folder.join("data").display().to_string();
    Process::spawn(binary, &["serve", "--data", &data, "--listen", &address.to_string()], &all)
}

async fn first_answer(address: SocketAddr) -> anyhow::Result<()> {
    process::until_listening(address).await?;
    http::body_size(address, &http::get("/api/v1/monitoring/health/live", address, None)).await?;
    Ok(())
}

impl Server {
    /// From nothing to the first answer, in an empty folder.
    pub(crate) async fn cold_start(binary: &Path) -> anyhow::Result<String> {
        let folder = tempfile::tempdir()?;
        let address = process::free_address()?;
        let started = Instant::now();
        let _process = spawn(binary, folder.path(), address, None, &[])?;
        first_answer(address).await?;
        Ok(format!("{} ms", started.elapsed().as_millis()))
    }

    /// A server with a bot that echoes: on SQLite in its folder, or on that database.
    pub(crate) async fn start(binary: &Path, database: Option<Arc<Database>>) -> anyhow::Result<Self> {
        Self::start_in(tempfile::tempdir()?, binary, database, Vec::new()).await
    }

    /// The same in that folder, with these variables besides.
    pub(crate) async fn start_in(
        folder: TempDir,
        binary: &Path,
        database: Option<Arc<Database>>,
        variables: Vec<(&'static str, String)>,
    ) -> anyhow::Result<Self> {
        let address = process::free_address()?;
        let mut process = spawn(binary, folder.path(), address, database.as_deref(), &variables)?;
        let password = BufReader::new(process.stdout()?)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                Some(line.trim().strip_prefix("password")?.split_whitespace().next()?.to_owned())
            })
            .context("the server showed no password")?;
        first_answer(address).await?;
        let binary = binary.to_owned();
        let (token, bot) = (String::new(), String::new());
        let mut server = Self { process, address, token, bot, binary, database, variables, folder };
        let login = json!({ "username": "admin", "password": password });
        server.token = text(&server.post("/api/v1/auth/login", &login).await?["access_token"])?;
        server.bot = server.make_bot("Echo", &[("start", ECHO)]).await?;
        Ok(server)
    }

    /// Stops it and measures how long it takes to answer again.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<String> {
        self.process.stop();
        self.go_on().await
    }

    /// Starts it again after something was done to its database.
    pub(crate) async fn go_on(&mut self) -> anyhow::Result<String> {
        self.address = process::free_address()?;
        let started = Instant::now();
        self.process =
            spawn(&self.binary, self.folder.path(), self.address, self.database.as_deref(), &self.variables)?;
        first_answer(self.address).await?;
        Ok(format!("{} ms", started.elapsed().as_millis()))
    }

    /// The same where it was, for whoever knows it by its address.
    pub(crate) async fn go_on_at_the_same_address(&mut self) -> anyhow::Result<()> {
        let (folder, database) = (self.folder.path(), self.database.as_deref());
        self.process = spawn(&self.binary, folder, self.address, database, &self.variables)?;
        first_answer(self.address).await
    }

    /// Another node on the same database, with a folder of its own.
    pub(crate) async fn another(&self) -> anyhow::Result<Self> {
        let (folder, address) = (tempfile::tempdir()?, process::free_address()?);
        let database = self.database.as_deref();
        let process = spawn(&self.binary, folder.path(), address, database, &self.variables)?;
        first_answer(address).await?;
        Ok(Self {
            process,
            address,
            token: self.token.clone(),
            bot: self.bot.clone(),
            binary: self.binary.clone(),
            database: self.database.clone(),
            variables: self.variables.clone(),
            folder,
        })
    }

    /// The database's file, where it is SQLite.
    pub(crate) fn sqlite(&self) -> PathBuf {
        self.folder.path().join("data/botserver.db")
    }

    /// The database, where it is not SQLite.
    pub(crate) fn database(&self) -> Option<&Database> {
        self.database.as_deref()
    }

    /// A GET with the administrator's token.
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        http::get(path, self.address, Some(&self.token))
    }

    /// The `data` of what a GET answers.
    pub(crate) async fn read(&self, path: &str) -> anyhow::Result<Value> {
        let mut connection = Connection::open(self.address).await?;
        let answer: Value = serde_json::from_slice(connection.exchange(&self.get(path)).await?)?;
        Ok(answer["data"].clone())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a bot of these scripts, each a name and a text, and gives its id.
    pub(crate) async fn make_bot(&self, name: &str, scripts: &[(&str, &str)]) -> anyhow::Result<String> {
        let bot = text(&self.post("/api/v1/bots", &json!({ "name": name })).await?["bot_id"])?;
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (script, source) in scripts {
            zip.start_file(format!("bot.gbai/bot.gbdialog/{script}.bas"), SimpleFileOptions::default())?;
            zip.write_all(source.as_bytes())?;
        }
        let package = zip.finish()?.into_inner();
        self.send("PUT", &format!("/api/v1/bots/{bot}/package"), "application/zip", &package).await?;
        Ok(bot)
    }

    /// Lets visitors talk with the bot that echoes.
    pub(crate) async fn open_to_visitors(&self) -> anyhow::Result<()> {
        let access = json!({ "visibility": "public", "anonymous_allowed": true }).to_string();
        let path = format!("/api/v1/bots/{}/access", self.bot);
        self.send("PUT", &path, "application/json", access.as_bytes()).await?;
        Ok(())
    }

    /// Begins a conversation with that bot and gives its id.
    pub(crate) async fn converse(&self, bot: &str) -> anyhow::Result<String> {
        self.converse_as(&self.token, bot).await
    }

    /// The same as whoever has that token.
    pub(crate) async fn converse_as(&self, token: &str, bot: &str) -> anyhow::Result<String> {
        let body = json!({ "bot_id": bot }).to_string();
        let (path, kind) = ("/api/v1/conversations", "application/json");
        text(&self.send_as(token, "POST", path, kind, body.as_bytes()).await?["conversation_id"])
    }

    /// Says something in a conversation and gives what the bot answers.
    pub(crate) async fn say(&self, conversation: &str, content: &str) -> anyhow::Result<Vec<String>> {
        let path = format!("/api/v1/conversations/{conversation}/messages");
        let sent = self.post(&path, &json!({ "content": content })).await?;
        let answers = sent["response"].as_array().context("an answer without messages")?;
        answers.iter().map(|answer| text(&answer["content"])).collect()
    }

    /// Sends JSON and gives the `data` of the answer.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send("POST", path, "application/json", body.to_string().as_bytes()).await
    }

    async fn send(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> anyhow::Result<Value> {
        self.send_as(&self.token, method, path, kind, body).await
    }

    /// The same with that token; an empty one is none.
    async fn send_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> anyhow::Result<Value> {
        let token = (!token.is_empty()).then_some(token);
        let request = http::with_body(method, path, self.address, token, kind, body);
        let mut connection = Connection::open(self.address).await?;
        let answer: Value = serde_json::from_slice(connection.exchange(&request).await?)?;
        Ok(answer["data"].clone())
    }

    /// This server, asked what `make` gives.
    pub(crate) fn side<'a>(&'a self, make: &'a (dyn Fn(u64) -> Vec<u8> + Sync)) -> Side<'a> {
        Side { address: self.address, process: &self.process, make }
    }

    /// Makes users, so that a list has something to list.
    pub(crate) async fn fill(&self, users: usize) -> anyhow::Result<()> {
        for number in 0..users {
            let username = format!("user{number}");
            let user = json!({ "username": username, "email": format!("{username}@example.com") });
            self.post("/api/v1/users", &user).await?;
        }
        Ok(())
    }

    pub(crate) fn cases(&self) -> Vec<(&'static str, Request)> {
        let get = |path| Request::Fixed(self.get(path));
        vec![
            ("users/me", get("/api/v1/users/me")),
            ("users, list of 20 with total", get("/api/v1/users?limit=20")),
            ("durable create of a bot", Request::Create { address: self.address, token: self.token.clone() }),
        ]
    }
}

/// The text in a field of an answer.
pub(crate) fn text(value: &Value) -> anyhow::Result<String> {
    value.as_str().map(str::to_owned).context("an answer without the field")
}
