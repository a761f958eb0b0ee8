//! Reading a configuration: defaults, then a file, then environment variables, then flags; each value with where it
//! came from, and unknown keys refused by name. What is changed while the server runs is a layer above all of these.

mod keys;

use std::{
    collections::{BTreeMap, HashSet},
    ffi::OsString,
    fmt,
    marker::PhantomData,
    path::{Path, PathBuf},
    sync::Arc,
};

use figment::{
    Figment, Profile,
    providers::{Format, Serialized, Toml},
    value::{Dict, Value as Given},
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use keys::{Key, ValueKind};

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
    /// A change made while the server ran, which wins over all others.
    Runtime,
}

impl Origin {
    /// What kind of source it is: `default`, `file`, `environment`, `flag` or `runtime`.
    pub const fn source(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File(_) => "file",
            Self::Environment(_) => "environment",
            Self::Flag(_) => "flag",
            Self::Runtime => "runtime",
        }
    }

    /// The file, the variable or the flag.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Default | Self::Runtime => None,
            Self::File(path) => Some(path.display().to_string()),
            Self::Environment(name) | Self::Flag(name) => Some(name.clone()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source())?;
        self.name().map_or(Ok(()), |name| write!(f, " {name}"))
    }
}

/// What a configuration is made of: structs with a default for every field, whose doc comments describe the keys.
pub trait Configuration: Serialize + DeserializeOwned + JsonSchema + Default + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + JsonSchema + Default + Send + Sync + 'static> Configuration for T {}

/// Values by key, where not all keys need have one.
pub type Values = BTreeMap<String, Value>;

/// One value in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The key.
    pub key: Arc<Key>,
    /// The value; `"***"` for secrets.
    pub value: Value,
    /// What it is if nobody says otherwise.
    pub default: Value,
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
    /// A value of another kind than the key takes, or outside its range.
    #[error("{origin}: {key} can't be read: {problem}")]
    BadValue {
        /// The key.
        key: String,
        /// Where the value came from.
        origin: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The structs themselves can't be written as values.
    #[error("the configuration can't be written: {0}")]
    Unwritable(String),
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
    pub fn read<T: Configuration>(&self) -> Result<Layers<T>, ConfigError> {
        let mut layers = Layers::of(&T::default())?;
        let known = layers.defaults.clone();
        if let Some(path) = &self.file {
            let given = read_file(path)?;
            for key in leaves(&given, &known) {
                let origin = Origin::File(path.clone());
                layers.origins.insert(check(&key, &known, &origin)?, origin);
            }
            layers.given = layers.given.merge(Serialized::from(given, Profile::Default));
        }
        for (name, value) in &self.variables {
            if self.ignored.contains(name.as_str()) {
                continue;
            }
            let origin = Origin::Environment(name.clone());
            let key = self.key_of(name, &known)?;
            let Some(value) = value.to_str() else {
                let (origin, problem) = (origin.to_string(), "it is not UTF-8".to_owned());
                return Err(ConfigError::BadValue { key, origin, problem });
            };
            layers.give(&key, read_value(value, known.get(&key)), origin);
        }
        for (key, value) in &self.flags {
            let origin = Origin::Flag(format!("--{}", key.replace('_', "-")));
            layers.give(key, read_value(value, known.get(*key)), origin);
        }
        Ok(layers)
    }

    /// `BOTSERVER_RATE_LIMIT_ANONYMOUS` is `rate_limit.anonymous`: only the known keys tell where the dots are.
    fn key_of(&self, name: &str, known: &Values) -> Result<String, ConfigError> {
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

/// All that was said at the start, ready to be put together with what is changed later. Nothing is read again.
#[derive(Debug, Clone)]
pub struct Layers<T> {
    keys: Arc<[Arc<Key>]>,
    defaults: Values,
    given: Figment,
    origins: BTreeMap<String, Origin>,
    of: PhantomData<fn() -> T>,
}

impl<T: Configuration> Layers<T> {
    /// A configuration that a program made itself. Its secrets are not taken along.
    pub fn of(value: &T) -> Result<Self, ConfigError> {
        let given = redacted_as_absent(&to_value(value)?);
        Ok(Self {
            keys: keys::of::<T>().into_iter().map(Arc::new).collect(),
            defaults: flat(&to_value(&T::default())?),
            given: Figment::from(Serialized::defaults(given)),
            origins: BTreeMap::new(),
            of: PhantomData,
        })
    }

    fn give(&mut self, key: &str, value: Value, origin: Origin) {
        self.given = std::mem::take(&mut self.given).merge(Serialized::default(key, value));
        self.origins.insert(key.to_owned(), origin);
    }

    /// Every key, in alphabetical order.
    pub fn keys(&self) -> &Arc<[Arc<Key>]> {
        &self.keys
    }

    /// The configuration with these changes above all that was said at the start.
    pub fn load(&self, changes: &Values) -> Result<Loaded<T>, ConfigError> {
        let (mut given, mut origins) = (self.given.clone(), self.origins.clone());
        for (key, value) in changes {
            check(key, &self.defaults, &Origin::Runtime)?;
            given = given.merge(Serialized::default(key, value));
            origins.insert(key.clone(), Origin::Runtime);
        }
        let value: T = given.extract().map_err(|error| bad_value(&error, &origins))?;
        let mut values = flat(&to_value(&value)?);
        let mut items = Vec::with_capacity(self.keys.len());
        for key in self.keys.iter() {
            let value = values.remove(&key.name).unwrap_or_default();
            let origin = origins.remove(&key.name).unwrap_or(Origin::Default);
            if let Some(problem) = key.out_of_range(&value) {
                let (key, origin) = (key.name.clone(), origin.to_string());
                return Err(ConfigError::BadValue { key, origin, problem });
            }
            let default = self.defaults.get(&key.name).cloned().unwrap_or_default();
            items.push(Item { key: Arc::clone(key), value, default, origin });
        }
        Ok(Loaded { value, items })
    }
}

fn to_value(value: &impl Serialize) -> Result<Value, ConfigError> {
    serde_json::to_value(value).map_err(|cause| ConfigError::Unwritable(cause.to_string()))
}

/// The values of a tree by the paths of their keys.
pub fn flat(value: &Value) -> Values {
    let mut values = Values::new();
    flatten("", value, &mut values);
    values
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

fn flatten(prefix: &str, value: &Value, into: &mut Values) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&key, value, into);
            }
        }
        Value::Object(_) if prefix.is_empty() => {}
        leaf => {
            into.insert(prefix.to_owned(), leaf.clone());
        }
    }
}

/// The keys of a file, as deep as the known ones go.
fn leaves(given: &Dict, known: &Values) -> Vec<String> {
    fn walk(prefix: &str, dict: &Dict, known: &Values, found: &mut Vec<String>) {
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

fn check(key: &str, known: &Values, origin: &Origin) -> Result<String, ConfigError> {
    if known.contains_key(key) {
        return Ok(key.to_owned());
    }
    let nearest = nearest(key, known.keys().cloned());
    Err(ConfigError::UnknownKey { key: key.to_owned(), origin: origin.to_string(), nearest })
}

/// The known name that looks most like the wanted one, if any looks like it at all.
pub fn nearest(wanted: &str, known: impl Iterator<Item = String>) -> Option<String> {
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
    // The path of a list's item goes on behind the key that has an origin.
    let known = (1..=error.path.len()).rev().find_map(|length| origins.get(&error.path[..length].join(".")));
    let origin = known.unwrap_or(&Origin::Default);
    ConfigError::BadValue { origin: origin.to_string(), problem: error.kind.to_string(), key }
}

#[cfg(test)]
mod tests;
