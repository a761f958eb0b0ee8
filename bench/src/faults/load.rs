//! Writers and talkers who remember what was acknowledged to them.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Context, bail, ensure};
use futures_util::future::{join_all, try_join_all};
use serde_json::{Value, json};

use super::dialog::{self, Dialog};
use crate::{
    http::{self, Connection},
    server::Server,
    socket::Socket,
};

/// Who does what at once.
const WRITERS: usize = 8;
const TALKERS: usize = 8;

/// Everybody who works on the server.
pub(super) struct Load {
    writers: Vec<Writer>,
    talkers: Vec<Talker>,
    dialogs: Vec<Dialog>,
}

/// Makes bots, each once, by an idempotency key.
struct Writer {
    name: String,
    acknowledged: usize,
    /// Was the next one asked for and not answered?
    under_way: bool,
    checked: usize,
}

/// Says numbers to a bot that repeats them.
struct Talker {
    conversation: String,
    acknowledged: usize,
    under_way: bool,
}

/// Where and as whom.
#[derive(Clone)]
pub(super) struct Target {
    address: SocketAddr,
    token: String,
    /// Is there somebody to turn to again when a connection breaks?
    through_a_proxy: bool,
}

impl Target {
    pub(super) fn of(server: &Server) -> Self {
        Self { address: server.address, token: server.token.clone(), through_a_proxy: false }
    }

    /// The same server, reached over a proxy.
    pub(super) fn over(server: &Server, proxy: SocketAddr) -> Self {
        Self { address: proxy, through_a_proxy: true, ..Self::of(server) }
    }

    /// A connection for requests.
    pub(super) async fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(self.address).await
    }

    /// A WebSocket. The query begins with its question mark.
    pub(super) async fn open_socket(&self, query: &str) -> anyhow::Result<Socket> {
        Socket::open_at(self.address, &self.token, query).await
    }

    pub(super) fn post(&self, path: &str, key: Option<&str>, body: &Value) -> Vec<u8> {
        let key = key.map(|key| format!("\r\nidempotency-key: {key}")).unwrap_or_default();
        let kind = format!("application/json{key}");
        http::with_body("POST", path, self.address, Some(&self.token), &kind, body.to_string().as_bytes())
    }

    pub(super) async fn read(&self, path: &str) -> anyhow::Result<Value> {
        let request = http::get(path, self.address, Some(&self.token));
        let answer: Value =
            serde_json::from_slice(Connection::open(self.address).await?.exchange(&request).await?)?;
        Ok(answer["data"].clone())
    }
}

impl Load {
    pub(super) async fn begin(server: &Server) -> anyhow::Result<Self> {
        let writer = |number| Writer {
            name: format!("w{number}-{}", std::process::id()),
            acknowledged: 0,
            under_way: false,
            checked: 0,
        };
        let mut talkers = Vec::new();
        for _ in 0..TALKERS {
            let conversation = server.converse(&server.bot).await?;
            talkers.push(Talker { conversation, acknowledged: 0, under_way: false });
        }
        Ok(Self { writers: (0..WRITERS).map(writer).collect(), talkers, dialogs: Vec::new() })
    }

    /// Nobody but so many people in dialogs of several steps, half of them over WebSockets.
    pub(super) async fn of_dialogs(server: &Server, dialogs: usize) -> anyhow::Result<Self> {
        let bot = server.make_bot("Steps", &[("start", dialog::SCRIPT)]).await?;
        let begun = try_join_all((0..dialogs).map(|number| Dialog::begin(server, &bot, number))).await?;
        Ok(Self { writers: Vec::new(), talkers: Vec::new(), dialogs: begun })
    }

    /// Those who are in dialogs.
    pub(super) fn dialogs(&mut self) -> &mut [Dialog] {
        &mut self.dialogs
    }

    /// Works until told to stop or until the server is gone. Gives how often it was refused or broken off: the server
    /// may be in trouble, but must say so.
    pub(super) async fn work(&mut self, target: &Target, stop: &AtomicBool) -> usize {
        let writing = self.writers.iter_mut().map(|writer| writer.work(target, stop));
        let talking = self.talkers.iter_mut().map(|talker| talker.work(target, stop));
        let conversing = self.dialogs.iter_mut().map(|dialog| dialog.work(target, stop));
        let (written, talked, conversed) =
            tokio::join!(join_all(writing), join_all(talking), join_all(conversing));
        written.into_iter().chain(talked).chain(conversed).sum()
    }

    /// Everything acknowledged is there, once; what was under way is done once more, and is there once.
    pub(super) async fn check(&mut self, target: &Target) -> anyhow::Result<()> {
        for writer in &mut self.writers {
            writer.check(target).await?;
        }
        for talker in &mut self.talkers {
            talker.check(target).await?;
        }
        try_join_all(self.dialogs.iter_mut().map(|dialog| dialog.check(target))).await?;
        Ok(())
    }

    /// Was something of each kind acknowledged more often than that?
    pub(super) fn was_busy(&self, times: usize) -> bool {
        let (bots, turns) = self.acknowledged();
        turns > times && (bots > times || self.writers.is_empty())
    }

    /// Bots that were made, and turns that were taken.
    pub(super) fn acknowledged(&self) -> (usize, usize) {
        let bots = self.writers.iter().map(|writer| writer.acknowledged).sum();
        let talked: usize = self.talkers.iter().map(|talker| talker.acknowledged).sum();
        (bots, talked + self.dialogs.iter().map(Dialog::acknowledged).sum::<usize>())
    }
}

/// Asks for one thing after another: `ask` gives the request for the next. Returns how often it was refused.
async fn ask_on(
    target: &Target,
    stop: &AtomicBool,
    acknowledged: &mut usize,
    under_way: &mut bool,
    ask: impl Fn(usize) -> Vec<u8>,
) -> usize {
    let mut refused = 0;
    let Ok(mut connection) = Connection::open(target.address).await else { return 0 };
    while !stop.load(Ordering::Relaxed) {
        *under_way = true;
        match connection.ask(&ask(*acknowledged)).await {
            Ok((200..300, _)) => (*acknowledged, *under_way) = (*acknowledged + 1, false),
            Ok(_) => {
                refused += 1;
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            Err(_) if !target.through_a_proxy => break,
            // The same once more, over another connection: what was under way must not be done twice.
            Err(_) => {
                refused += 1;
                match Connection::open(target.address).await {
                    Ok(another) => connection = another,
                    Err(_) => break,
                }
            }
        }
    }
    refused
}

impl Writer {
    fn request(name: &str, target: &Target, number: usize) -> Vec<u8> {
        let (key, body) = (format!("{name}-{number}"), json!({ "name": format!("{name}-{number}") }));
        target.post("/api/v1/bots", Some(&key), &body)
    }

    async fn work(&mut self, target: &Target, stop: &AtomicBool) -> usize {
        let ask = |number| Self::request(&self.name, target, number);
        ask_on(target, stop, &mut self.acknowledged, &mut self.under_way, ask).await
    }

    async fn check(&mut self, target: &Target) -> anyhow::Result<()> {
        if self.under_way {
            let request = Self::request(&self.name, target, self.acknowledged);
            let mut connection = Connection::open(target.address).await?;
            let (status, body) = connection.ask(&request).await?;
            let answer: Value = serde_json::from_slice(body)?;
            let done_before = answer["error"]["details"]["reason"] == "already_done";
            ensure!(status == 201 || (status == 409 && done_before), "a repeat gave {status}: {answer}");
            (self.acknowledged, self.under_way) = (self.acknowledged + 1, false);
        }
        for number in self.checked..self.acknowledged {
            let name = format!("{}-{number}", self.name);
            let bot = target.read(&format!("/api/v1/bots/{name}")).await?;
            ensure!(bot["name"] == name.as_str(), "{name} is {bot}");
        }
        self.checked = self.acknowledged;
        Ok(())
    }
}

impl Talker {
    fn request(conversation: &str, target: &Target, number: usize) -> Vec<u8> {
        let body = json!({ "content": number.to_string(), "client_message_id": format!("m{number}") });
        target.post(&format!("/api/v1/conversations/{conversation}/messages"), None, &body)
    }

    async fn work(&mut self, target: &Target, stop: &AtomicBool) -> usize {
        let ask = |number| Self::request(&self.conversation, target, number);
        ask_on(target, stop, &mut self.acknowledged, &mut self.under_way, ask).await
    }

    /// The whole conversation, its last part first: each number once, each answered by itself, none missing.
    async fn check(&mut self, target: &Target) -> anyhow::Result<()> {
        if self.under_way {
            let request = Self::request(&self.conversation, target, self.acknowledged);
            Connection::open(target.address).await?.exchange(&request).await?;
            (self.acknowledged, self.under_way) = (self.acknowledged + 1, false);
        }
        let path = format!("/api/v1/conversations/{}/messages?limit=100", self.conversation);
        let page = target.read(&path).await?;
        let messages = page["items"].as_array().context("no messages")?;
        let mut number = self.acknowledged;
        for pair in messages.chunks_exact(2) {
            let Some(said) = number.checked_sub(1) else { break };
            let (answer, question) = (&pair[0]["content"], &pair[1]["content"]);
            if question != &said.to_string() || answer != &format!("You said {said}") {
                bail!("instead of {said}: {question}, {answer}");
            }
            number = said;
        }
        Ok(())
    }
}
