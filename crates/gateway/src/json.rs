//! JSON bodies, read strictly.
//!
//! The quick path is one pass of the parser. Only a body that is refused is looked at again, to tell everything that
//! is wrong with it instead of the first thing.

mod objects;

use std::{collections::BTreeMap, fmt::Write as _, sync::LazyLock};

use kernel::{Error, FieldErrors};
use memchr::memmem::Finder;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, error::Category};
use serde_path_to_error::{Path, Segment};

use objects::Strict;

/// Bodies past this size are told the first problem only: looking again and again would cost too much.
const LOOKED_AT_AGAIN: usize = 64 << 10;
/// How often a body is looked at again.
const LOOKS: usize = 64;
/// Characters of a problem's sentence, which may quote what was sent.
const LONGEST_PROBLEM: usize = 300;

/// The only way to write a NUL character: as it is, it is malformed.
static NUL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r"\u0000"));

/// Reads a body. Malformed is 400; unknown fields and values of the wrong type are 422 and named.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    refuse_nul(bytes)?;
    // Every body is an object.
    if bytes.trim_ascii_start().starts_with(b"[") && serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
        return Err(Error::invalid("body", "must be an object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize(Strict::<_>(&mut reader)) {
        Ok(value) => reader.end().map_err(|error| malformed(&error)).map(|()| value),
        Err(error) if error.inner().classify() == Category::Data => {
            let first = Problem::of(&error);
            Err(Problems::all::<T>(first, bytes).into())
        }
        Err(error) => Err(malformed(error.inner())),
    }
}

fn malformed(error: &serde_json::Error) -> Error {
    Error::bad_request(format!(
        "The body is not well-formed JSON (line {}, column {}).",
        error.line(),
        error.column()
    ))
}

/// 422 for NUL characters, which no database of ours could keep in a text.
pub(crate) fn refuse_nul(bytes: &[u8]) -> Result<(), Error> {
    if NUL.find(bytes).is_none() {
        return Ok(());
    }
    // It may be a backslash and then text; only reading tells. What can't be read is refused for that.
    let mut fields = FieldErrors::default();
    if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
        find_nul(&value, &mut String::new(), &mut fields);
    }
    fields.finish()
}

fn find_nul(value: &Value, path: &mut String, fields: &mut FieldErrors) {
    const PROBLEM: &str = "must not hold the character U+0000";
    let length = path.len();
    match value {
        Value::String(text) if text.contains('\0') => {
            fields.add(if path.is_empty() { "body" } else { path }, PROBLEM);
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let _ = write!(path, "[{index}]");
                find_nul(item, path, fields);
                path.truncate(length);
            }
        }
        Value::Object(members) => {
            for (name, item) in members {
                let dot = if path.is_empty() { "" } else { "." };
                let _ = write!(path, "{dot}{}", name.replace('\0', "\u{fffd}"));
                if name.contains('\0') {
                    fields.add(path, PROBLEM);
                } else {
                    find_nul(item, path, fields);
                }
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// A value that is not allowed: where it stands, and what is wrong with it.
struct Problem {
    place: Vec<Step>,
    text: String,
    is_missing: bool,
}

/// A step down into a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Member(String),
    Item(usize),
}

impl Problem {
    fn of(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        let text = error.inner().to_string();
        let text = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
        Self::at(error.path(), text)
    }

    fn at(path: &Path, text: &str) -> Self {
        let mut place: Vec<_> = path
            .iter()
            .filter_map(|segment| match segment {
                Segment::Seq { index } => Some(Step::Item(*index)),
                Segment::Map { key } => Some(Step::Member(key.clone())),
                Segment::Enum { .. } | Segment::Unknown => None,
            })
            .collect();
        // An unknown, missing or doubled field is named only in the sentence.
        if let Some(name) = named_field(text) {
            let name = Step::Member(name.to_owned());
            if place.last() != Some(&name) {
                place.push(name);
            }
        }
        let short = text.char_indices().nth(LONGEST_PROBLEM).map_or(text, |(end, _)| &text[..end]);
        Self { place, text: short.to_owned(), is_missing: text.starts_with("missing field `") }
    }

    fn field(&self) -> String {
        let mut name = String::new();
        for step in &self.place {
            let _ = match step {
                Step::Member(member) if name.is_empty() => write!(name, "{member}"),
                Step::Member(member) => write!(name, ".{member}"),
                Step::Item(index) => write!(name, "[{index}]"),
            };
        }
        if name.is_empty() { "body".to_owned() } else { name }
    }
}

/// The field that a sentence of serde's names.
pub(crate) fn named_field(text: &str) -> Option<&str> {
    let starts = ["unknown field `", "missing field `", "duplicate field `"];
    let rest = starts.iter().find_map(|start| text.strip_prefix(start))?;
    rest.split('`').next()
}

/// What was put in the place of a bad value, to see what is wrong beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Nothing,
    Text,
    Number,
    Truth,
    List,
    Object,
}

impl Stand {
    fn next(self) -> Option<Self> {
        match self {
            Self::Nothing => Some(Self::Text),
            Self::Text => Some(Self::Number),
            Self::Number => Some(Self::Truth),
            Self::Truth => Some(Self::List),
            Self::List => Some(Self::Object),
            Self::Object => None,
        }
    }

    fn value(self) -> Option<Value> {
        match self {
            Self::Nothing => None,
            Self::Text => Some(Value::from("")),
            Self::Number => Some(Value::from(0)),
            Self::Truth => Some(Value::from(false)),
            Self::List => Some(Value::Array(Vec::new())),
            Self::Object => Some(Value::Object(serde_json::Map::new())),
        }
    }
}

struct Problems {
    fields: FieldErrors,
    stands: BTreeMap<Vec<Step>, Stand>,
}

impl Problems {
    /// Everything that is wrong, as far as it can be told: a bad value is taken away, or something of another type
    /// put in its place, and the rest read again.
    fn all<T: DeserializeOwned>(first: Problem, bytes: &[u8]) -> FieldErrors {
        let mut this = Self { fields: FieldErrors::default(), stands: BTreeMap::new() };
        let document = if bytes.len() > LOOKED_AT_AGAIN { None } else { serde_json::from_slice(bytes).ok() };
        let Some(mut document) = document else {
            this.fields.add(&first.field(), first.text);
            return this.fields;
        };
        let mut next = Some(first);
        for _ in 0..LOOKS {
            let Some(problem) = next else { break };
            if !this.note(problem, &mut document) {
                break;
            }
            next = serde_path_to_error::deserialize::<_, T>(Strict::<_>(&document))
                .err()
                .map(|error| Problem::of(&error));
        }
        this.fields
    }

    /// Notes a problem and mends the document. False if it can't be mended.
    fn note(&mut self, problem: Problem, document: &mut Value) -> bool {
        // What is wrong with something of ours is nothing new.
        let ours = (0..=problem.place.len()).find(|end| self.stands.contains_key(&problem.place[..*end]));
        let place = if let Some(end) = ours {
            problem.place[..end].to_vec()
        } else {
            self.fields.add(&problem.field(), problem.text);
            problem.place
        };
        let stand = match self.stands.get(&place) {
            Some(stand) => stand.next(),
            None if problem.is_missing => Some(Stand::Text),
            None => Some(Stand::Nothing),
        };
        let Some(stand) = stand else {
            return false;
        };
        let mended = put(document, &place, stand.value());
        self.stands.insert(place, stand);
        mended
    }
}

/// Puts a value in a place, or takes away what is there. False if there is no such place.
fn put(document: &mut Value, place: &[Step], value: Option<Value>) -> bool {
    let Some((last, way)) = place.split_last() else {
        return false;
    };
    let mut parent = document;
    for step in way {
        let child = match step {
            Step::Member(name) => parent.get_mut(name),
            Step::Item(index) => parent.get_mut(index),
        };
        let Some(child) = child else {
            return false;
        };
        parent = child;
    }
    match (last, parent, value) {
        (Step::Member(name), Value::Object(members), Some(value)) => {
            members.insert(name.clone(), value);
            true
        }
        (Step::Member(name), Value::Object(members), None) => members.remove(name).is_some(),
        // Taking an item away would move those behind it.
        (Step::Item(index), Value::Array(items), value) => match items.get_mut(*index) {
            Some(item) => {
                *item = value.unwrap_or(Value::Null);
                true
            }
            None => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Address {
        city: String,
        number: u8,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Person {
        name: String,
        address: Option<Address>,
        #[serde(default)]
        tags: Vec<String>,
        #[serde(default)]
        nice: bool,
    }

    fn refused(json: &str) -> (u16, String) {
        let error = read::<Person>(json.as_bytes()).unwrap_err();
        let fields = error.details().get("fields").and_then(|f| f.as_object());
        let names = fields.map(|f| f.keys().cloned().collect::<Vec<_>>().join(" ")).unwrap_or_default();
        (error.kind().status(), names)
    }

    fn bad(names: &str) -> (u16, String) {
        (422, names.to_owned())
    }

    #[test]
    fn malformed_json_is_400() {
        for json in ["", "{", "{\"name\":}", "{\"name\":\"a\"} x", "{\"name\":1e999}", "\u{feff}{}"] {
            assert_eq!(refused(json).0, 400, "{json}");
        }
        let bomb = format!("{{\"a\":{}", "[".repeat(100_000));
        assert_eq!(
            read::<std::collections::HashMap<String, Value>>(bomb.as_bytes()).unwrap_err().kind().status(),
            400
        );
        assert_eq!(read::<Person>(b"{\"name\":\"\xff\"}").unwrap_err().kind().status(), 400);
        assert_eq!(read::<Person>(br#"{"name":"\ud800"}"#).unwrap_err().kind().status(), 400);
    }

    #[test]
    fn a_whole_number_may_have_a_fraction_of_zero() {
        let person: Person = read(br#"{"name":"a","address":{"city":"Rome","number":1.0}}"#).unwrap();
        assert_eq!(person.address.unwrap().number, 1);
    }

    #[test]
    fn a_wrong_value_is_422_and_names_the_field() {
        assert_eq!(refused(r#"{"name":1}"#), bad("name"));
        assert_eq!(refused("{}"), bad("name"));
        assert_eq!(refused("[]"), bad("body"));
        assert_eq!(refused(r#" ["a"]"#), bad("body"));
        assert_eq!(refused(r#"{"name":"a","address":["Rome",1]}"#), bad("address"));
        assert_eq!(refused(r#"{"name":"a","name":"b"}"#), bad("name"));
        assert_eq!(refused(r#"{"name":"a","nick":"b"}"#), bad("nick"));
        for number in ["1.5", "-1.0", "256.0", "1e300"] {
            let json = format!(r#"{{"name":"a","address":{{"city":"Rome","number":{number}}}}}"#);
            assert_eq!(refused(&json), bad("address.number"));
        }
        assert_eq!(refused(r#"{"name":"a","address":{"city":"b","number":300}}"#), bad("address.number"));
        assert_eq!(refused(r#"{"name":"a","address":{"city":"b","number":3,"zip":1}}"#), bad("address.zip"));
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let many = r#"{"nick":1,"address":{"city":7,"zip":2},"tags":["a",3,"b",4],"nice":"x","age":9}"#;

        assert_eq!(
            refused(many),
            bad("address.city address.number address.zip age name nice nick tags[1] tags[3]")
        );
    }

    #[test]
    fn a_nul_character_is_422_wherever_it_stands() {
        assert_eq!(refused(r#"{"name":"a\u0000"}"#), bad("name"));
        assert_eq!(refused(r#"{"name":"a","tags":["x","\u0000"]}"#), bad("tags[1]"));
        assert_eq!(refused(r#"{"a\u0000b":1,"name":"x"}"#).0, 422);
        assert!(read::<Person>(br#"{"name":"a\\u0000"}"#).is_ok(), "a backslash and then text");
    }

    proptest! {
        #[test]
        fn no_body_panics(bytes: Vec<u8>) {
            let _ = read::<Person>(&bytes);
        }

        #[test]
        fn no_document_panics(name in "[a-z\\\\u0]{0,8}", value in "[\\[\\]{}\":,a-z0-9\\\\]{0,40}") {
            let _ = read::<Person>(format!("{{\"{name}\":{value}}}").as_bytes());
        }

        #[test]
        fn what_is_good_is_taken(name in "[a-z]{0,9}", city in "[a-z]{0,9}", number: u8, nice: bool) {
            let json = serde_json::json!({
                "name": name, "address": { "city": city, "number": number }, "nice": nice
            });
            prop_assert!(read::<Person>(json.to_string().as_bytes()).is_ok());
        }
    }
}
