//! A dialog of several steps, whose every answer tells where it stands: by a variable of the script, and by what the bot
//! remembers. A step that is lost or taken twice shows in the next answer.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::load::Target;
use crate::{http::Connection, server::Server, socket::Socket};

/// Counts in a variable and in the bot's memory, under a name of the dialog's own. Three questions, one of which is
/// answered with two messages.
pub(super) const SCRIPT: &str = r#"
HEAR name
steps = 0
SET BOT MEMORY name, 0
TALK "begun: 0 of 0"
DO
  HEAR said
  steps = steps + 1
  kept = GET BOT MEMORY(name) + 1
  SET BOT MEMORY name, kept
  TALK said + " first: " + steps + " of " + kept
  HEAR said
  steps = steps + 1
  kept = GET BOT MEMORY(name) + 1
  TALK said + " second: " + steps + " of " + kept
  SET BOT MEMORY name, kept
  TALK "that was the second"
  HEAR said
  steps = steps + 1
  SET BOT MEMORY name, GET BOT MEMORY(name) + 1
  kept = GET BOT MEMORY(name)
  TALK said + " third: " + steps + " of " + kept
LOOP
"#;

/// How long an answer may take before the dialog is given up.
const PATIENCE: Duration = Duration::from_mins(2);
/// Messages of a page.
const PAGE: usize = 100;

/// What the bot answers to the step of that number.
fn answers(step: usize) -> Vec<String> {
    let said = |place| format!("{step} {place}: {step} of {step}");
    match (step, step % 3) {
        (0, _) => vec!["begun: 0 of 0".to_owned()],
        (_, 1) => vec![said("first")],
        (_, 2) => vec![said("second"), "that was the second".to_owned()],
        _ => vec![said("third")],
    }
}

/// Somebody in such a dialog.
pub(super) struct Dialog {
    name: String,
    conversation: String,
    /// Over a WebSocket, or over requests?
    over_socket: bool,
    /// Steps whose answer has come.
    acknowledged: usize,
    /// Was the next one asked for and not answered?
    under_way: bool,
    /// Steps that were found in the history.
    checked: usize,
    /// The place of the last message that came over a socket.
    seen: u64,
    /// What came over sockets since the last answered step: it is not told again when a socket is opened anew.
    heard: Vec<Value>,
    /// What should not have been. Found while working, told when all are looked at.
    wrong: Option<String>,
}

/// What came of saying something.
enum Said {
    Answered(Vec<String>),
    Refused,
    /// The connection broke.
    Gone,
}

/// How a dialog speaks with the server.
enum Line {
    Requests(Connection),
    Socket(Box<Socket>),
}

impl Dialog {
    /// Begins the conversation of that number with the bot.
    pub(super) async fn begin(server: &Server, bot: &str, number: usize) -> anyhow::Result<Self> {
        Ok(Self {
            name: format!("d{number}-{}", std::process::id()),
            conversation: server.converse(bot).await?,
            over_socket: number.is_multiple_of(2),
            acknowledged: 0,
            under_way: false,
            checked: 0,
            seen: 0,
            heard: Vec::new(),
            wrong: None,
        })
    }

    /// Steps whose answer has come.
    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged
    }

    /// Takes one step after another until told to stop or until the server is gone. Gives how often it was refused.
    pub(super) async fn work(&mut self, target: &Target, stop: &AtomicBool) -> usize {
        let mut refused = 0;
        let Ok(mut line) = self.open(target).await else { return 0 };
        while !stop.load(Ordering::Relaxed) && self.wrong.is_none() {
            match self.step(target, &mut line).await {
                Said::Answered(_) => {}
                Said::Refused => {
                    refused += 1;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Said::Gone => break,
            }
        }
        refused
    }

    /// Takes the step that is under way once more, or the next one: it must be answered as if nothing had happened.
    pub(super) async fn go_on(&mut self, target: &Target) -> anyhow::Result<()> {
        let mut line = self.open(target).await?;
        loop {
            match tokio::time::timeout(PATIENCE, self.step(target, &mut line)).await? {
                Said::Answered(_) => break,
                Said::Refused => tokio::time::sleep(Duration::from_millis(10)).await,
                Said::Gone => bail!("the connection broke where nothing was done to the server"),
            }
        }
        match &self.wrong {
            None => Ok(()),
            Some(wrong) => bail!("{}: {wrong}", self.name),
        }
    }

    /// Everything acknowledged is there, once; what was under way is done once more, and is there once; and the dialog
    /// goes on with the next step.
    pub(super) async fn check(&mut self, target: &Target) -> anyhow::Result<()> {
        let was_under_way = self.under_way;
        self.go_on(target).await?;
        if was_under_way {
            self.go_on(target).await?;
        }
        self.find_all(target).await
    }

    async fn open(&self, target: &Target) -> anyhow::Result<Line> {
        if !self.over_socket {
            return Ok(Line::Requests(target.connect().await?));
        }
        let query = format!("?conversation_id={}&since={}", self.conversation, self.seen);
        Ok(Line::Socket(Box::new(target.open_socket(&query).await?)))
    }

    /// Takes the next step, which has the same name however often it is taken.
    async fn step(&mut self, target: &Target, line: &mut Line) -> Said {
        self.under_way = true;
        let (step, name) = (self.acknowledged, self.name.clone());
        let content = if step == 0 { name } else { step.to_string() };
        let body = json!({ "content": content, "client_message_id": format!("s{step}") });
        let said = match line {
            Line::Requests(connection) => self.over_requests(target, connection, &body).await,
            Line::Socket(socket) => self.over_socket(socket, body).await,
        };
        let said = said.unwrap_or(Said::Gone);
        if let Said::Answered(answered) = &said {
            if *answered != answers(step) {
                self.wrong = Some(format!("step {step} was answered with {answered:?}"));
            }
            (self.acknowledged, self.under_way) = (step + 1, false);
        }
        said
    }

    async fn over_requests(
        &self,
        target: &Target,
        connection: &mut Connection,
        body: &Value,
    ) -> anyhow::Result<Said> {
        let path = format!("/api/v1/conversations/{}/messages", self.conversation);
        let (status, answer) = connection.ask(&target.post(&path, None, body)).await?;
        if !(200..300).contains(&status) {
            return Ok(Said::Refused);
        }
        let answer: Value = serde_json::from_slice(answer)?;
        let messages = answer["data"]["response"].as_array().context("no answer")?;
        Ok(Said::Answered(messages.iter().map(content).collect()))
    }

    /// An answer is what came in reply to the message that was acknowledged. What is replayed comes along, and whatever
    /// comes must come once and in order.
    async fn over_socket(&mut self, socket: &mut Socket, mut body: Value) -> anyhow::Result<Said> {
        let (id, expected) = (format!("f{}", self.acknowledged), answers(self.acknowledged).len());
        body["type"] = "message".into();
        body["id"] = id.as_str().into();
        body["conversation_id"] = self.conversation.as_str().into();
        socket.send(&body).await?;
        let mut acknowledged = None;
        loop {
            let frame = socket.frame().await?;
            match frame["type"].as_str() {
                Some("message") => self.see(frame),
                Some("ack") if frame["id"] == id.as_str() => acknowledged = Some(frame["message_id"].clone()),
                Some("error") if frame["id"] == id.as_str() => return Ok(Said::Refused),
                Some("error") => bail!("{frame}"),
                _ => {}
            }
            let Some(named) = &acknowledged else { continue };
            let answers = self.heard.iter().filter(|message| message["in_reply_to"] == *named);
            let answers: Vec<_> = answers.map(content).collect();
            if answers.len() >= expected {
                self.heard.clear();
                return Ok(Said::Answered(answers));
            }
        }
    }

    fn see(&mut self, frame: Value) {
        let seq = frame["seq"].as_u64().unwrap_or_default();
        if seq != self.seen + 1 {
            self.wrong = Some(format!("after message {} came {seq} over the socket", self.seen));
        }
        self.seen = seq;
        self.heard.push(frame);
    }

    /// The history since the last look, its last part first: each step once, each answered by itself, none missing.
    async fn find_all(&mut self, target: &Target) -> anyhow::Result<()> {
        let mut expected = Vec::new();
        for step in self.checked..self.acknowledged {
            expected.push(if step == 0 { self.name.clone() } else { step.to_string() });
            expected.extend(answers(step));
        }
        let mut path = format!("/api/v1/conversations/{}/messages?limit={PAGE}", self.conversation);
        let mut found = Vec::new();
        while found.len() < expected.len() {
            let page = target.read(&path).await?;
            found.extend(page["items"].as_array().context("no messages")?.iter().map(content));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path =
                format!("/api/v1/conversations/{}/messages?limit={PAGE}&cursor={cursor}", self.conversation);
        }
        found.truncate(expected.len());
        found.reverse();
        ensure!(found == expected, "{}: instead of {expected:?} there is {found:?}", self.name);
        self.checked = self.acknowledged;
        Ok(())
    }
}

fn content(message: &Value) -> String {
    message["content"].as_str().unwrap_or_default().to_owned()
}
