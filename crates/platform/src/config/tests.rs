//! Who wins, what is told of each value, and what is refused by name.

use kernel::Secret;
use serde::Deserialize;

use super::*;

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Sample {
    listen: String,
    password: Option<Secret>,
    rate_limit: Limits,
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Limits {
    per_hour: u32,
    proxies: Vec<String>,
    trusted: Vec<std::net::IpAddr>,
}

impl Default for Sample {
    fn default() -> Self {
        Self { listen: "here".to_owned(), password: None, rate_limit: Limits::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_hour: 60, proxies: Vec::new(), trusted: Vec::new() }
    }
}

fn with(variables: &[(&str, &str)]) -> Sources {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Sources::with_variables("APP_", variables)
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn later_sources_win_and_every_value_tells_where_it_came_from() {
    let (_folder, path) = file("listen = \"file\"\n[rate_limit]\nper_hour = 5\n");
    let variables = [("APP_RATE_LIMIT_PER_HOUR", "7"), ("APP_RATE_LIMIT_PROXIES", "a, b"), ("OTHER", "x")];

    let loaded = with(&variables).file(path.clone()).flag("listen", "flag".to_owned());
    let loaded = loaded.read::<Sample>().and_then(|layers| layers.load(&Values::new())).unwrap();

    assert_eq!((loaded.value.listen.as_str(), loaded.value.rate_limit.per_hour), ("flag", 7));
    assert_eq!(loaded.value.rate_limit.proxies, ["a", "b"]);
    let origins: Vec<_> =
        loaded.items.iter().map(|item| (item.key.name.as_str(), item.origin.to_string())).collect();
    assert_eq!(origins[0], ("listen", "flag --listen".to_owned()));
    assert_eq!(origins[1], ("password", "default".to_owned()));
    assert_eq!(origins[2], ("rate_limit.per_hour", "environment APP_RATE_LIMIT_PER_HOUR".to_owned()));
}

#[test]
fn secrets_are_read_and_not_shown() {
    let loaded = with(&[("APP_PASSWORD", "hush")])
        .read::<Sample>()
        .and_then(|layers| layers.load(&Values::new()))
        .unwrap();

    assert_eq!(loaded.value.password, Some(Secret::new("hush")));
    assert!(!format!("{:?}", loaded.items).contains("hush"));
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_known_one() {
    let (_folder, path) = file("[rate_limit]\nper_houre = 5\n");
    let in_file = with(&[])
        .file(path)
        .read::<Sample>()
        .and_then(|layers| layers.load(&Values::new()))
        .unwrap_err()
        .to_string();
    let in_environment = with(&[("APP_LISTN", "x")])
        .read::<Sample>()
        .and_then(|layers| layers.load(&Values::new()))
        .unwrap_err()
        .to_string();

    assert!(
        in_file.ends_with("there is no key rate_limit.per_houre; did you mean rate_limit.per_hour?"),
        "{in_file}"
    );
    assert_eq!(in_environment, "environment: there is no key APP_LISTN; did you mean APP_LISTEN?");
}

#[test]
fn a_bad_value_is_named_with_its_key_and_origin() {
    let error = with(&[("APP_RATE_LIMIT_PER_HOUR", "many")])
        .read::<Sample>()
        .and_then(|layers| layers.load(&Values::new()))
        .unwrap_err()
        .to_string();

    assert!(
        error.starts_with("environment APP_RATE_LIMIT_PER_HOUR: rate_limit.per_hour can't be read"),
        "{error}"
    );
}

#[test]
fn a_bad_item_of_a_list_is_named_with_where_the_list_comes_from() {
    let error = with(&[("APP_RATE_LIMIT_TRUSTED", "10.0.0.1, here")])
        .read::<Sample>()
        .and_then(|layers| layers.load(&Values::new()))
        .unwrap_err()
        .to_string();

    assert!(
        error.starts_with("environment APP_RATE_LIMIT_TRUSTED: rate_limit.trusted.1 can't be read"),
        "{error}"
    );
}

#[test]
fn a_flag_is_read_as_what_its_key_takes() {
    let loaded = with(&[])
        .flag("rate_limit.per_hour", "5".to_owned())
        .read::<Sample>()
        .and_then(|layers| layers.load(&Values::new()))
        .unwrap();

    assert_eq!(loaded.value.rate_limit.per_hour, 5);
}

#[test]
fn a_variable_that_is_no_text_is_named_and_others_of_the_process_do_not_matter() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = || OsString::from_vec(vec![0xff, 0xfe]);
    let load = |name: &str| {
        Sources::with_variables("APP_", [(name.to_owned(), bytes())])
            .read::<Sample>()
            .and_then(|layers| layers.load(&Values::new()))
    };

    let error = load("APP_LISTEN").unwrap_err().to_string();
    assert_eq!(error, "environment APP_LISTEN: listen can't be read: it is not UTF-8");
    assert_eq!(load("OTHER").unwrap().value, Sample::default());
}

#[test]
fn an_empty_or_deep_key_of_a_file_is_named_too() {
    for (text, key) in
        [("[listen]\nport = 1\n", "listen"), ("[a.b.c]\nd = 1\n", "a.b.c.d"), ("x = {}\n", "x")]
    {
        let (_folder, path) = file(text);
        let error = with(&[])
            .file(path)
            .read::<Sample>()
            .and_then(|layers| layers.load(&Values::new()))
            .unwrap_err()
            .to_string();

        assert!(error.contains(key), "{text}: {error}");
    }
}

#[test]
fn a_file_that_is_no_toml_is_named() {
    let (_folder, path) = file("listen = ");

    assert!(matches!(
        with(&[]).file(path).read::<Sample>().and_then(|layers| layers.load(&Values::new())),
        Err(ConfigError::File(..))
    ));
}
