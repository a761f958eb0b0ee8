//! A host made of data: tables, HTTP answers and memories given as JSON. For trying scripts and for tests.
//!
//! ```
//! use basic::fake::FakeHost;
//! let host: FakeHost = serde_json::from_str(r#"{ "tables": { "stock": [{ "sku": "A", "qty": 5 }] } }"#).unwrap();
//! assert_eq!(host.tables["stock"].len(), 1);
//! ```

use chrono::{DateTime, FixedOffset};
use serde::Deserialize;
use std::collections::BTreeMap;

use crate::data::{Data, Response, Rows};
use crate::filter::Fields;
use crate::scalar::{Number, Scalar};
use crate::step::{Answer, Change, Clause, Command, ErrorCode, HostError};

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
    #[serde(skip)]
    asked: usize,
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

struct Row<'a>(&'a Data);

impl Fields for Row<'_> {
    fn field(&self, column: &str) -> Scalar<'_> {
        let mut value = self.0;
        for part in column.split('.') {
            let Data::Object(fields) = value else {
                return Scalar::Null;
            };
            let found = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(part));
            let Some((_, found)) = found else {
                return Scalar::Null;
            };
            value = found;
        }
        match value {
            Data::Bool(truth) => Scalar::Boolean(*truth),
            Data::Integer(i) => Scalar::Number(Number::Int(*i)),
            Data::Number(f) => Scalar::Number(Number::Float(*f)),
            Data::Date(date) => Scalar::Date(*date),
            Data::Text(text) => Scalar::Text(text),
            _ => Scalar::Null,
        }
    }
}

fn failed(code: ErrorCode, message: impl Into<String>) -> Answer {
    Answer::Failed(HostError { code, message: message.into() })
}

fn set(fields: &mut Vec<(String, Data)>, name: &str, value: Data) {
    match fields.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name)) {
        Some((_, slot)) => *slot = value,
        None => fields.push((name.to_owned(), value)),
    }
}

impl FakeHost {
    /// Performs a command.
    pub fn perform(&mut self, command: &Command, now: DateTime<FixedOffset>) -> Answer {
        let text = |index: usize| command.arguments.get(index).map(ToString::to_string).unwrap_or_default();
        let value = |index: usize| command.arguments.get(index).cloned().unwrap_or_default();
        match command.keyword.phrase {
            "GET BOT MEMORY" | "CACHE GET" => {
                Answer::Value(self.memory.get(&text(0)).cloned().unwrap_or_default())
            }
            "SET BOT MEMORY" | "CACHE SET" => {
                self.memory.insert(text(0), value(1));
                Answer::Done
            }
            "REMEMBER" | "SET USER MEMORY" | "SET USER FACT" => {
                self.user.insert(text(0), value(1));
                Answer::Done
            }
            "RECALL" | "GET USER MEMORY" => {
                Answer::Value(self.user.get(&text(0)).cloned().unwrap_or_default())
            }
            "GET SESSION" => {
                let name = text(command.arguments.len().saturating_sub(1));
                Answer::Value(self.session.get(&name).cloned().unwrap_or_default())
            }
            "SET SESSION" => {
                let count = command.arguments.len();
                self.session.insert(text(count.saturating_sub(2)), value(count.saturating_sub(1)));
                Answer::Done
            }
            "GET" => self.get(&text(0)),
            "SET" => {
                let name = text(0);
                let name = name.strip_prefix("session.").unwrap_or(&name).to_owned();
                self.session.insert(name, value(1));
                Answer::Done
            }
            "POST" | "PUT" | "PATCH" | "WEBHOOK POST" | "DELETE HTTP" => {
                let method = command.keyword.phrase.split(' ').next_back().unwrap_or_default();
                self.request(if method == "HTTP" { "DELETE" } else { method }, &text(0))
            }
            "FIND" => self.find(command, now),
            "SAVE" | "INSERT INTO" => self.save(command),
            "UPDATE" => self.update(command, now),
            "DELETE" => self.delete(command, now),
            "LLM" | "REWRITE" | "ANSWER" => {
                let answer = self.model.get(self.asked).cloned().unwrap_or_default();
                self.asked += 1;
                Answer::Value(Data::Text(answer))
            }
            "READ" => Answer::Value(self.files.get(&text(0)).cloned().map_or(Data::Null, Data::Text)),
            "WRITE" => {
                self.files.insert(text(0), text(1));
                Answer::Done
            }
            "EXTENSION" => {
                let name = command.name.as_deref().unwrap_or_default();
                failed(ErrorCode::Unknown, format!("unknown function {name}"))
            }
            phrase if command.keyword.gives_value => {
                failed(ErrorCode::Unknown, format!("{phrase} is not available here"))
            }
            _ => Answer::Done,
        }
    }

    fn get(&mut self, address: &str) -> Answer {
        if address.starts_with("http://") || address.starts_with("https://") || address.starts_with('/') {
            return self.request("GET", address);
        }
        let attribute = ["session.", "user.", "bot."].iter().find_map(|prefix| address.strip_prefix(prefix));
        let known = match attribute {
            Some(name) => self.session.get(name).cloned(),
            None => self
                .files
                .get(address)
                .map(|text| Data::Text(text.clone()))
                .or_else(|| self.user.get(address).or_else(|| self.memory.get(address)).cloned()),
        };
        Answer::Value(known.unwrap_or_default())
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

    fn table(&mut self, command: &Command) -> Option<(String, &mut Vec<Data>)> {
        let name = command.arguments.first().map(ToString::to_string).unwrap_or_default();
        let name = name.trim_start_matches('.').to_owned();
        let key = self.tables.keys().find(|key| key.eq_ignore_ascii_case(&name)).cloned();
        key.and_then(|key| self.tables.get_mut(&key)).map(|rows| (name, rows))
    }

    fn find(&mut self, command: &Command, now: DateTime<FixedOffset>) -> Answer {
        let Some((name, rows)) = self.table(command) else {
            return failed(ErrorCode::Data, "there is no such table");
        };
        let chosen: Vec<Data> = if let Some(filter) = &command.filter {
            let views: Vec<Row<'_>> = rows.iter().map(Row).collect();
            filter.select(&views, now).into_iter().filter_map(|at| rows.get(at).cloned()).collect()
        } else if let [_, column, value] = command.arguments.as_slice() {
            let column = column.to_string();
            let value = value.to_string();
            rows.iter().filter(|row| Row(row).field(&column).to_text() == value).cloned().collect()
        } else {
            rows.clone()
        };
        Answer::Value(Data::Rows(Rows { table: name, rows: chosen }))
    }

    fn save(&mut self, command: &Command) -> Answer {
        self.made += 1;
        let made = Data::Text(format!("id-{}", self.made));
        let (argument, mut record) = match (command.clauses.first(), command.arguments.as_slice()) {
            (Some((_, Clause::Fields(fields))), _) => (None, fields.clone()),
            (Some((_, Clause::Values(values))), _) => match values.first() {
                Some(Data::Object(fields)) => (None, fields.clone()),
                _ => return failed(ErrorCode::Argument, "expected an object"),
            },
            (_, [.., Data::Object(fields)]) => (Some(command.arguments.len() - 1), fields.clone()),
            _ => return failed(ErrorCode::Argument, "expected an object"),
        };
        let id = match record.iter().find(|(name, _)| name.eq_ignore_ascii_case("id")) {
            Some((_, id)) if !id.is_null() => id.clone(),
            _ => {
                set(&mut record, "id", made.clone());
                made
            }
        };
        let name = command.arguments.first().map(ToString::to_string).unwrap_or_default();
        let rows = self.tables.entry(name).or_default();
        let same = rows.iter_mut().find(|row| Row(row).field("id").to_text() == id.to_string());
        match same {
            Some(row) => *row = Data::Object(record.clone()),
            None => rows.push(Data::Object(record.clone())),
        }
        let value = if command.keyword.phrase == "SAVE" { id.clone() } else { Data::Object(record) };
        match argument {
            Some(argument) => {
                let change = Change { argument, element: None, member: "id".into(), value: id };
                Answer::Changed { value, changes: vec![change] }
            }
            None => Answer::Value(value),
        }
    }

    fn update(&mut self, command: &Command, now: DateTime<FixedOffset>) -> Answer {
        let fields = match (command.clauses.first(), command.arguments.last()) {
            (Some((_, Clause::Fields(fields))), _) => fields.clone(),
            (_, Some(Data::Object(fields))) => fields.clone(),
            _ => return failed(ErrorCode::Argument, "expected SET or an object"),
        };
        let key = command.arguments.get(1).map(ToString::to_string);
        let Some((_, rows)) = self.table(command) else {
            return failed(ErrorCode::Data, "there is no such table");
        };
        let mut changed = 0;
        for row in rows.iter_mut() {
            let fits = match (&command.filter, &key) {
                (Some(filter), _) => filter.matches(&Row(row), now),
                (None, Some(key)) => Row(row).field("id").to_text() == *key,
                (None, None) => true,
            };
            if fits && let Data::Object(own) = row {
                for (name, value) in &fields {
                    set(own, name, value.clone());
                }
                changed += 1;
            }
        }
        Answer::Value(Data::Integer(changed))
    }

    fn delete(&mut self, command: &Command, now: DateTime<FixedOffset>) -> Answer {
        let Some(filter) = &command.filter else {
            return failed(ErrorCode::Argument, "DELETE needs a condition; WHERE TRUE deletes all rows");
        };
        let Some((_, rows)) = self.table(command) else {
            return failed(ErrorCode::Data, "there is no such table");
        };
        let before = rows.len();
        rows.retain(|row| !filter.matches(&Row(row), now));
        Answer::Value(Data::Integer((before - rows.len()) as i64))
    }
}
