//! Reading a configuration: defaults, then a file, then environment variables, then flags; each value with where it
//! came from, and unknown keys refused by name.

use std::{
    collections::{BTreeMap, HashSet},
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use figment::{
    Figment, Profile,
    providers::{Format, Serialized, Toml},
    value::{Dict, Value as Given},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said otherwise.
    Default,
    /// The file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One value in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// The key, such as `rate_limit.anonymous`.
    pub key: String,
    /// The value; `"***"` for secrets.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

/// A configuration with the origin of each value.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    /// The configuration.
    pub value: T,
    /// Every key, in alphabetical order.
    pub items: Vec<Item>,
}

/// Why a configuration can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A key that nobody reads: most likely a typing mistake.
    #[error("{origin}: there is no key {key}{}", nearest.as_ref().map(|key| format!("; did you mean {key}?")).unwrap_or_default())]
    UnknownKey {
        /// The key, as it was written.
        key: String,
        /// Where it was written.
        origin: String,
        /// The known key that looks most like it.
        nearest: Option<String>,
    },
    /// A value of another kind than the key takes.
    #[error("{0}")]
    BadValue(String),
    /// The file can't be read.
    #[error("the configuration file {path}: {1}", path = .0.display())]
    File(PathBuf, String),
}

/// Who has a say.
#[derive(Debug, Clone)]
pub struct Sources {
    prefix: &'static str,
    ignored: HashSet<&'static str>,
    file: Option<PathBuf>,
    variables: Vec<(String, OsString)>,
    flags: Vec<(&'static str, String)>,
}

impl Sources {
    /// The process's environment, as far as its names begin with the prefix.
    pub fn new(prefix: &'static str) -> Self {
        // Not `vars`, which panics at any variable of the process that is not UTF-8.
        Self::with_variables(
            prefix,
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))),
        )
    }

    /// The same with the given environment.
    pub fn with_variables(
        prefix: &'static str,
        variables: impl IntoIterator<Item = (String, impl Into<OsString>)>,
    ) -> Self {
        let variables = variables.into_iter().filter(|(name, _)| name.starts_with(prefix));
        let variables = variables.map(|(name, value)| (name, value.into())).collect();
        Self { prefix, ignored: HashSet::new(), file: None, variables, flags: Vec::new() }
    }

    /// A variable with the prefix that is no key.
    #[must_use]
    pub fn ignore_variable(mut self, name: &'static str) -> Self {
        self.ignored.insert(name);
        self
    }

    /// A file in TOML. It must be there.
    #[must_use]
    pub fn file(mut self, path: PathBuf) -> Self {
        self.file = Some(path);
        self
    }

    /// A flag, which wins over everything else.
    #[must_use]
    pub fn flag(mut self, key: &'static str, value: String) -> Self {
        self.flags.push((key, value));
        self
    }

    /// Puts them together over the defaults, which name every key there is.
    pub fn load<T: Serialize + DeserializeOwned>(&self, defaults: &T) -> Result<Loaded<T>, ConfigError> {
        let text =
            serde_json::to_value(defaults).map_err(|cause| ConfigError::BadValue(cause.to_string()))?;
        let mut known = BTreeMap::new();
        flatten("", &text, &mut known);
        let mut origins: BTreeMap<String, Origin> = BTreeMap::new();

        let mut figment = Figment::from(Serialized::defaults(redacted_as_absent(&text)));
        if let Some(path) = &self.file {
            let given = read_file(path)?;
            for key in leaves(&given, &known) {
                let origin = Origin::File(path.clone());
                origins.insert(check(&key, &known, &origin)?, origin);
            }
            figment = figment.merge(Serialized::from(given, Profile::Default));
        }
        for (name, value) in &self.variables {
            if self.ignored.contains(name.as_str()) {
                continue;
            }
            let origin = Origin::Environment(name.clone());
            let key = self.key_of(name, &known)?;
            let Some(value) = value.to_str() else {
                return Err(ConfigError::BadValue(format!("{origin}: {key} can't be read: it is not UTF-8")));
            };
            figment = figment.merge(Serialized::default(&key, read_value(value, known.get(&key))));
            origins.insert(key, origin);
        }
        for (key, value) in &self.flags {
            figment = figment.merge(Serialized::default(key, read_value(value, known.get(*key))));
            origins.insert((*key).to_owned(), Origin::Flag(format!("--{}", key.replace('_', "-"))));
        }

        let value: T = figment.extract().map_err(|error| bad_value(&error, &origins))?;
        let in_force =
            serde_json::to_value(&value).map_err(|cause| ConfigError::BadValue(cause.to_string()))?;
        let mut values = BTreeMap::new();
        flatten("", &in_force, &mut values);
        let items = values.into_iter().map(|(key, value)| {
            let origin = origins.get(&key).cloned().unwrap_or(Origin::Default);
            Item { key, value, origin }
        });
        Ok(Loaded { value, items: items.collect() })
    }

    /// `BOTSERVER_RATE_LIMIT_ANONYMOUS` is `rate_limit.anonymous`: only the known keys tell where the dots are.
    fn key_of(&self, name: &str, known: &BTreeMap<String, Value>) -> Result<String, ConfigError> {
        let wanted = name[self.prefix.len()..].to_ascii_lowercase();
        let found = known.keys().find(|key| key.replace('.', "_") == wanted).cloned();
        found.ok_or_else(|| {
            let nearest = nearest(&wanted, known.keys().map(|key| key.replace('.', "_")));
            ConfigError::UnknownKey {
                key: name.to_owned(),
                origin: "environment".to_owned(),
                nearest: nearest.map(|key| format!("{}{}", self.prefix, key.to_ascii_uppercase())),
            }
        })
    }
}

/// Secrets serialize as `***`; a default that is one must not be read back as a value.
fn redacted_as_absent(defaults: &Value) -> Value {
    match defaults {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(_, v)| **v != "***")
                .map(|(k, v)| (k.clone(), redacted_as_absent(v)))
                .collect(),
        ),
        other => other.clone(),
    }
}

fn flatten(prefix: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&key, value, into);
            }
        }
        leaf => {
            into.insert(prefix.to_owned(), leaf.clone());
        }
    }
}

/// The keys of a file, as deep as the known ones go.
fn leaves(given: &Dict, known: &BTreeMap<String, Value>) -> Vec<String> {
    fn walk(prefix: &str, dict: &Dict, known: &BTreeMap<String, Value>, found: &mut Vec<String>) {
        for (name, value) in dict {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            match value {
                Given::Dict(_, inner) if !known.contains_key(&key) && !inner.is_empty() => {
                    walk(&key, inner, known, found);
                }
                _ => found.push(key),
            }
        }
    }
    let mut found = Vec::new();
    walk("", given, known, &mut found);
    found
}

fn check(key: &str, known: &BTreeMap<String, Value>, origin: &Origin) -> Result<String, ConfigError> {
    if known.contains_key(key) {
        return Ok(key.to_owned());
    }
    let nearest = nearest(key, known.keys().cloned());
    Err(ConfigError::UnknownKey { key: key.to_owned(), origin: origin.to_string(), nearest })
}

/// The known name that looks most like the wanted one, if any looks like it at all.
fn nearest(wanted: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let scored = known.map(|name| (strsim::jaro_winkler(wanted, &name), name));
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

fn read_file(path: &Path) -> Result<Dict, ConfigError> {
    let failed = |problem: String| ConfigError::File(path.to_owned(), problem);
    let text = std::fs::read_to_string(path).map_err(|cause| failed(cause.to_string()))?;
    Toml::from_str(&text).map_err(|cause: <Toml as Format>::Error| failed(cause.to_string()))
}

/// The text of a variable or a flag, read as what the default is; text where the default says nothing. Lists are parted by commas.
fn read_value(text: &str, default: Option<&Value>) -> Value {
    let parsed = || serde_json::from_str(text.trim()).unwrap_or_else(|_| Value::from(text));
    match default {
        Some(Value::Bool(_) | Value::Number(_)) => parsed(),
        Some(Value::Array(_)) => {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect()
        }
        _ => Value::from(text),
    }
}

fn bad_value(error: &figment::Error, origins: &BTreeMap<String, Origin>) -> ConfigError {
    let key = error.path.join(".");
    let origin = origins.get(&key).unwrap_or(&Origin::Default);
    ConfigError::BadValue(format!("{origin}: {key} can't be read: {}", error.kind))
}

#[cfg(test)]
mod tests;
