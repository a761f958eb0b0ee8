//! A host made of data: tables, HTTP answers, memories and files given as JSON. For trying scripts and for tests.
//!
//! It performs what needs nothing but that data; what would reach somebody outside is written down in
//! [`FakeHost::log`]. Commands it does not have fail in the script, as on a server that does not have them.
//!
//! ```
//! use basic::fake::FakeHost;
//! let host: FakeHost = serde_json::from_str(r#"{ "tables": { "stock": [{ "sku": "A", "qty": 5 }] } }"#).unwrap();
//! assert_eq!(host.tables["stock"].len(), 1);
//! ```

mod tables;

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset};
use serde::Deserialize;

use crate::data::{Data, File, Response};
use crate::step::{Answer, Clause, Command, ErrorCode, HostError};

/// What the host knows, and what scripts did to it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FakeHost {
    /// Rows by table.
    pub tables: BTreeMap<String, Vec<Data>>,
    /// Answers to HTTP requests.
    pub http: Vec<FakeAnswer>,
    /// Attributes of the conversation.
    pub session: BTreeMap<String, Data>,
    /// Memory of the bot.
    pub memory: BTreeMap<String, Data>,
    /// Memory of the user.
    pub user: BTreeMap<String, Data>,
    /// Files by path.
    pub files: BTreeMap<String, String>,
    /// What the language model answers, in turn.
    pub model: Vec<String>,
    /// The records that the language model finds in prose, in turn.
    pub extracted: Vec<Data>,
    /// What scripts did that would reach somebody outside, one line each.
    #[serde(skip)]
    pub log: Vec<String>,
    #[serde(skip)]
    asked: usize,
    #[serde(skip)]
    found: usize,
    #[serde(skip)]
    made: u64,
}

/// An answer to an HTTP request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FakeAnswer {
    /// `GET`, `POST` and so on; any where there is none.
    pub method: Option<String>,
    /// How the address begins; any where there is none.
    pub url: Option<String>,
    /// The status code.
    #[serde(default = "ok")]
    pub status: u16,
    /// The body.
    #[serde(default)]
    pub body: Data,
}

fn ok() -> u16 {
    200
}

fn failed(code: ErrorCode, message: impl Into<String>) -> Answer {
    Answer::Failed(HostError { code, message: message.into() })
}

/// A value by its name, or null.
fn known(values: &BTreeMap<String, Data>, name: &str) -> Answer {
    Answer::Value(values.get(name).cloned().unwrap_or_default())
}

fn is_address(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

fn file(name: &str, path: &str) -> Data {
    let fields = [("filename", name), ("name", name), ("path", path), ("url", path)];
    let fields = fields.map(|(key, value)| (key.to_owned(), Data::Text(value.to_owned())));
    Data::File(Box::new(File { fields: fields.into() }))
}

impl FakeHost {
    /// Performs a command; one that this host does not have fails, or does nothing where it gives no value.
    pub fn perform(&mut self, command: &Command, now: DateTime<FixedOffset>) -> Answer {
        self.try_perform(command, now).unwrap_or_else(|| match command.keyword.phrase {
            "EXTENSION" => {
                let name = command.name.as_deref().unwrap_or_default();
                failed(ErrorCode::Unknown, format!("unknown function {name}"))
            }
            phrase if command.keyword.gives_value => {
                failed(ErrorCode::Unknown, format!("{phrase} is not available here"))
            }
            _ => Answer::Done,
        })
    }

    /// Performs a command, if this host has it.
    pub fn try_perform(&mut self, command: &Command, now: DateTime<FixedOffset>) -> Option<Answer> {
        let text = |index: usize| command.arguments.get(index).map(ToString::to_string).unwrap_or_default();
        let value = |index: usize| command.arguments.get(index).cloned().unwrap_or_default();
        let count = command.arguments.len();
        if let Some(answer) = self.remembered(command) {
            return Some(answer);
        }
        Some(match command.keyword.phrase {
            "GET" => self.get(&text(0)),
            "POST" | "PUT" | "PATCH" | "WEBHOOK POST" => {
                let method = command.keyword.phrase.split(' ').next_back().unwrap_or_default();
                self.request(method, &text(0))
            }
            "DELETE HTTP" => self.request("DELETE", &text(0)),
            "DELETE" if count == 1 && is_address(&text(0)) => self.request("DELETE", &text(0)),
            "CALL" if text(0).starts_with('/') => self.request("GET", &text(0)),
            "LLM" | "REWRITE" | "ANSWER" => Answer::Value(Data::Text(self.asked_model())),
            "READ" => self.files.get(&text(0)).map_or_else(
                || failed(ErrorCode::NotFound, format!("there is no file {}", text(0))),
                |text| Answer::Value(Data::Text(text.clone())),
            ),
            "WRITE" => {
                self.files.insert(text(0), text(1));
                Answer::Done
            }
            "LIST" | "DIR" => self.list(&text(0)),
            "COPY" | "MOVE" | "DELETE FILE" => self.move_file(command.keyword.phrase, &text(0), &text(1)),
            "DOWNLOAD" | "UPLOAD" => {
                let path = if count > 1 { text(1) } else { text(0) };
                Answer::Value(file(path.rsplit('/').next().unwrap_or_default(), &path))
            }
            "GENERATE CODE" => {
                let digits = command.arguments.first().and_then(Data::as_integer).unwrap_or_default();
                Answer::Value(Data::Text(
                    "0123456789".chars().cycle().take(digits.clamp(0, 100) as usize).collect(),
                ))
            }
            "FIND"
            | "SAVE"
            | "INSERT INTO"
            | "UPDATE"
            | "DELETE"
            | "SET"
            | "MERGE"
            | "AGGREGATE"
            | "SAVE FROM UNSTRUCTURED"
            | "PRODUCT"
            | "SEARCH PRODUCTS" => self.data(command, now),
            "TALK TO" | "SEND FILE" | "SEND FILE TO" | "SET CONTEXT" | "SET SYSTEM PROMPT" | "USE KB"
            | "CLEAR KB" | "ADD TOOL" | "CLEAR TOOLS" | "ADD SUGGESTION" | "CLEAR SUGGESTIONS"
            | "SET SCHEDULE" | "SET HEADER" | "CLEAR HEADERS" | "USE WEBSITE" | "SET ANSWER MODE"
            | "USE MODEL" | "LOG" | "LOG ACTIVITY" | "RECORD METRIC" => {
                self.note(command);
                Answer::Done
            }
            "WAIT" | "DELAY" => match command.arguments.first().and_then(Data::as_number) {
                Some(seconds) if seconds >= 0.0 => Answer::Done,
                _ => failed(ErrorCode::Argument, "the seconds to wait are a number that is not negative"),
            },
            "SEND MAIL" | "SEND SMS" | "CREATE DRAFT" => {
                self.note(command);
                Answer::Value(Data::Bool(true))
            }
            "SEND TEMPLATE" | "SEND TEMPLATE TO" => {
                self.note(command);
                let sent = vec![("success".to_owned(), Data::Bool(true)), ("error".to_owned(), Data::Null)];
                Answer::Value(Data::Array(vec![Data::Object(sent)]))
            }
            "CREATE TASK" => {
                self.note(command);
                self.made += 1;
                let id = Data::Text(format!("id-{}", self.made));
                Answer::Value(Data::Object(vec![("id".to_owned(), id), ("title".to_owned(), value(0))]))
            }
            _ => return None,
        })
    }

    /// Memories and attributes of the conversation.
    fn remembered(&mut self, command: &Command) -> Option<Answer> {
        let text = |index: usize| command.arguments.get(index).map(ToString::to_string).unwrap_or_default();
        let value = |index: usize| command.arguments.get(index).cloned().unwrap_or_default();
        let count = command.arguments.len();
        Some(match command.keyword.phrase {
            "GET BOT MEMORY" | "CACHE GET" => known(&self.memory, &text(0)),
            "SET BOT MEMORY" | "CACHE SET" => {
                self.memory.insert(text(0), value(1));
                Answer::Done
            }
            "REMEMBER" | "SET USER MEMORY" | "SET USER FACT" => {
                self.user.insert(text(0), value(1));
                Answer::Done
            }
            "RECALL" | "GET USER MEMORY" => known(&self.user, &text(0)),
            "CLEAR USER MEMORY" => {
                if count == 0 {
                    self.user.clear();
                } else {
                    self.user.remove(&text(0));
                }
                Answer::Done
            }
            "USER FACTS" => {
                Answer::Value(Data::Object(self.user.iter().map(|(k, v)| (k.clone(), v.clone())).collect()))
            }
            "GET SESSION" => known(&self.session, &text(count.saturating_sub(1))),
            "SET SESSION" => {
                self.session.insert(text(count.saturating_sub(2)), value(count.saturating_sub(1)));
                Answer::Done
            }
            "SET" if count < 3 => {
                let target = text(0);
                let (values, name) = self.attributes(&target);
                values.insert(name.to_owned(), value(1));
                Answer::Done
            }
            _ => return None,
        })
    }

    /// Writes down what would reach somebody outside.
    fn note(&mut self, command: &Command) {
        let mut line = command.keyword.phrase.to_owned();
        for (index, argument) in command.arguments.iter().enumerate() {
            line.push_str(if index == 0 { " " } else { ", " });
            line.push_str(&argument.to_string());
        }
        for (name, clause) in &command.clauses {
            line.push(' ');
            line.push_str(name);
            let values: Vec<String> = match clause {
                Clause::Values(values) => values.iter().map(ToString::to_string).collect(),
                Clause::Fields(fields) => {
                    fields.iter().map(|(name, value)| format!("{name} = {value}")).collect()
                }
            };
            if !values.is_empty() {
                line.push(' ');
                line.push_str(&values.join(", "));
            }
        }
        self.log.push(line);
    }

    /// The next answer of the model.
    fn asked_model(&mut self) -> String {
        let answer = self.model.get(self.asked).cloned().unwrap_or_default();
        self.asked += 1;
        answer
    }

    /// The names in a folder, each once.
    fn list(&self, folder: &str) -> Answer {
        let folder = folder.trim_matches('/');
        let mut names: Vec<Data> = Vec::new();
        for path in self.files.keys() {
            let inside = match folder {
                "" | "." => Some(path.as_str()),
                _ => path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')),
            };
            let name = inside.and_then(|rest| rest.split('/').next());
            if let Some(name) =
                name.map(|name| Data::Text(name.to_owned())).filter(|name| !names.contains(name))
            {
                names.push(name);
            }
        }
        Answer::Value(Data::Array(names))
    }

    fn move_file(&mut self, phrase: &str, from: &str, to: &str) -> Answer {
        let Some(text) = self.files.get(from).cloned() else {
            return failed(ErrorCode::NotFound, format!("there is no file {from}"));
        };
        if phrase != "COPY" {
            self.files.remove(from);
        }
        if phrase == "DELETE FILE" {
            return Answer::Done;
        }
        self.files.insert(to.to_owned(), text);
        Answer::Value(file(to.rsplit('/').next().unwrap_or_default(), to))
    }

    fn get(&mut self, address: &str) -> Answer {
        if is_address(address) || address.starts_with('/') {
            return self.request("GET", address);
        }
        if let Some(text) = self.files.get(address) {
            return Answer::Value(Data::Text(text.clone()));
        }
        let (values, name) = self.attributes(address);
        let known = values.get(name).cloned();
        Answer::Value(known.or_else(|| self.memory.get(address).cloned()).unwrap_or_default())
    }

    /// Where the attribute that a text names is kept, and under which name: of the user without a prefix.
    fn attributes<'a>(&mut self, name: &'a str) -> (&mut BTreeMap<String, Data>, &'a str) {
        match name.split_once('.') {
            Some(("session", name)) => (&mut self.session, name),
            Some(("user", name)) => (&mut self.user, name),
            Some(("bot", name)) => (&mut self.memory, name),
            _ => (&mut self.user, name),
        }
    }

    fn request(&mut self, method: &str, address: &str) -> Answer {
        let found = self.http.iter().find(|answer| {
            answer.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
                && answer.url.as_deref().is_none_or(|start| address.starts_with(start))
        });
        match found {
            Some(answer) => Answer::Value(Data::Response(Box::new(Response {
                status: answer.status,
                status_text: String::new(),
                headers: Vec::new(),
                body: answer.body.clone(),
            }))),
            None => failed(ErrorCode::Http, format!("no answer is given for {method} {address}")),
        }
    }
}
