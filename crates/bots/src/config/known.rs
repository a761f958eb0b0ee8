//! The settings that a bot's `config.csv` may hold: what is known of each, and what of any other.

use kernel::Secret;
use platform::schedules::Times;
use serde_json::Value;

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Takes {
    /// Any text in one line.
    Text,
    /// A whole number between these.
    Integer(i64, i64),
    /// A number between these.
    Number(f64, f64),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A code such as `en` or `pt-BR`.
    Language,
    /// A web address.
    Address,
    /// A time zone of the IANA database.
    Zone,
}

/// A setting that is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// Its name in `config.csv`.
    pub(crate) key: &'static str,
    /// What it takes.
    pub(crate) takes: Takes,
    /// What holds without it.
    pub(crate) default: Option<&'static str>,
    /// What it is for.
    pub(crate) about: &'static str,
}

const fn setting(
    key: &'static str,
    takes: Takes,
    default: Option<&'static str>,
    about: &'static str,
) -> Setting {
    Setting { key, takes, default, about }
}

use Takes::{Address, Integer, Language, Number, OneOf, Text, Zone};

/// All that are known, by their names.
pub(crate) const KNOWN: &[Setting] = &[
    setting(
        "answer-mode",
        OneOf(&["default", "direct"]),
        Some("default"),
        "How the model answers: with what the dialog set up, or directly.",
    ),
    setting("avatar-url", Address, None, "The picture of the bot."),
    setting("bot-description", Text, None, "What the bot is for."),
    setting("bot-name", Text, None, "What the bot calls itself."),
    setting("email-from", Text, None, "Who mails of the bot come from."),
    setting("email-password", Text, None, "The password of the mail account."),
    setting("email-port", Integer(1, 65535), Some("587"), "The port of the mail server."),
    setting("email-server", Text, None, "The server that sends the bot's mails."),
    setting("email-user", Text, None, "The name of the mail account."),
    setting("embedding-model", Text, None, "The model that makes documents findable by meaning."),
    setting("embedding-url", Address, None, "Where that model answers."),
    setting(
        "episodic-memory-history",
        Integer(0, 1000),
        Some("2"),
        "Messages that stay as they are when older ones are summarized.",
    ),
    setting(
        "episodic-memory-threshold",
        Integer(0, 1000),
        Some("4"),
        "Messages from which on older ones are summarized.",
    ),
    setting("error-message", Text, None, "What people read when a script fails."),
    setting("fallback-message", Text, None, "What the bot says where no dialog waits for an answer."),
    setting("hear-timeout-secs", Integer(1, 31_536_000), None, "Seconds after which a question is given up."),
    setting("language", Language, Some("en"), "The language of the bot."),
    setting("llm-key", Text, None, "The key of the model's provider."),
    setting("llm-model", Text, None, "The language model."),
    setting("llm-provider", Text, None, "Who provides the model."),
    setting("llm-temperature", Number(0.0, 2.0), None, "How freely the model answers."),
    setting("llm-url", Address, None, "Where the model answers."),
    setting(
        "log-level",
        OneOf(&["debug", "info", "warn", "error"]),
        Some("info"),
        "From which level on the bot's log is kept.",
    ),
    setting("max-retries", Integer(0, 100), Some("3"), "How often a question is asked again."),
    setting("max-tokens", Integer(1, 10_000_000), None, "The longest answer of the model."),
    setting(
        "session-timeout",
        Integer(60, 31_536_000),
        Some("1800"),
        "Seconds after which a visitor's session ends.",
    ),
    setting("start-dialog", Text, Some("start"), "The script that begins a conversation."),
    setting("supported-languages", Text, None, "Languages that the bot speaks, parted by commas."),
    setting("system-prompt", Text, None, "What the model is told before everything else."),
    setting("temperature", Number(0.0, 2.0), None, "How freely the model answers."),
    setting("theme-color", Text, None, "The same as theme-color1."),
    setting("theme-color1", Text, None, "The colour of what matters most on the chat page, such as #0d2b55."),
    setting("theme-color2", Text, None, "The colour of what the bot says on the chat page."),
    setting("theme-logo", Text, None, "The logo of the chat page: a file of the theme folder."),
    setting("theme-title", Text, None, "The title of the chat page."),
    setting("timeout-message", Text, None, "What people read when a question is given up."),
    setting("timezone", Zone, Some("UTC"), "The time zone of the bot's schedules, such as Europe/Berlin."),
    setting(
        "webhook-auth",
        OneOf(&["secret", "none"]),
        Some("secret"),
        "Whether whoever calls a script's address must show its secret.",
    ),
    setting("welcome-message", Text, None, "What the bot says before everything else."),
];

/// Beginnings of names that belong together; what else there is among them is for other parts of the server.
const FAMILIES: &[&str] = &[
    "a2a-",
    "bm25-",
    "bot-reflection-",
    "botmodels-",
    "conn-",
    "custom-",
    "discord-",
    "email-",
    "embedding-",
    "episodic-memory-",
    "image-generator-",
    "instagram-",
    "llm-",
    "mcp-",
    "model-",
    "param-",
    "rag-",
    "sandbox-",
    "server-",
    "sites-",
    "slack-",
    "sms-",
    "sync-",
    "system-context-",
    "teams-",
    "telegram-",
    "theme-",
    "twilio-",
    "user-memory-",
    "video-generator-",
    "website-",
    "wechat-",
    "whatsapp-",
];

/// What is known of the setting.
pub(crate) fn known(key: &str) -> Option<&'static Setting> {
    KNOWN.binary_search_by(|setting| setting.key.cmp(key)).ok().and_then(|at| KNOWN.get(at))
}

/// Is it a name that a package may use?
pub(crate) fn is_expected(key: &str) -> bool {
    known(key).is_some() || FAMILIES.iter().any(|family| key.starts_with(family))
}

/// How words end that say so of what nobody may see. `tokens` are mostly those that a model counts.
const TELLING: [&str; 14] = [
    "credential",
    "credentials",
    "key",
    "keys",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "pwd",
    "pwds",
    "secret",
    "secrets",
    "token",
];

/// Is the value of a setting with that name one that nobody may see? A word of the name says so, also as part of a
/// longer one and with a number behind it: rather one is hidden too many than one too few.
pub(crate) fn is_secret(key: &str) -> bool {
    key.split(|c: char| !c.is_alphanumeric()).any(|part| {
        let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
        word == "pass" || TELLING.iter().any(|telling| word.ends_with(telling))
    })
}

/// What stands in place of a secret.
pub(crate) const HIDDEN: &str = "***";

/// The variable that a `param-…` setting becomes in all scripts.
pub(crate) fn variable(key: &str) -> Option<String> {
    let name = key.strip_prefix("param-").filter(|name| !name.is_empty())?;
    let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    (!name.starts_with(|c: char| c.is_ascii_digit())).then_some(name)
}

impl Takes {
    /// What is wrong with the text, if anything is.
    pub(crate) fn problem(self, text: &str) -> Option<String> {
        let fits = match self {
            Self::Text => true,
            Self::Integer(least, most) => {
                text.parse().is_ok_and(|number: i64| (least..=most).contains(&number))
            }
            Self::Number(least, most) => {
                text.parse().is_ok_and(|number: f64| (least..=most).contains(&number))
            }
            Self::OneOf(words) => words.contains(&text),
            Self::Language => {
                matches!(text.len(), 2..=8) && text.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
            }
            Self::Address => {
                let is_web = |url: url::Url| matches!(url.scheme(), "http" | "https");
                text.parse().is_ok_and(is_web)
            }
            Self::Zone => Times::parse("* * * * *", text).is_ok(),
        };
        (!fits).then(|| match self {
            Self::Text => "must be a text".to_owned(),
            Self::Integer(least, most) => format!("must be a whole number from {least} to {most}"),
            Self::Number(least, most) => format!("must be a number from {least} to {most}"),
            Self::OneOf(words) => format!("must be {}", words.join(" or ")),
            Self::Language => "must be a code such as en or pt-BR".to_owned(),
            Self::Address => "must be an address that begins with http:// or https://".to_owned(),
            Self::Zone => "must be a time zone such as Europe/Berlin".to_owned(),
        })
    }

    /// What it is called in the API.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Integer(..) => "integer",
            Self::Number(..) => "number",
            Self::Text | Self::OneOf(_) | Self::Language | Self::Address | Self::Zone => "string",
        }
    }
}

/// A value as its setting takes it: a text where that says so, else what it looks like.
pub(crate) fn typed(key: &str, text: &str) -> Value {
    let takes = known(key).map(|setting| setting.takes);
    if is_secret(key) || takes.is_some_and(|takes| takes.name() == "string") {
        return text.into();
    }
    guessed(text)
}

/// A whole number, a number, true or false; else the text.
fn guessed(text: &str) -> Value {
    // As it would be written again: 007 and +1 are texts, as numbers of phones and articles are.
    let whole = text.parse::<i64>().ok().filter(|number| number.to_string() == text).map(Value::from);
    let looks =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    let leads =
        text.trim_start_matches('-').starts_with('0') && !text.trim_start_matches('-').starts_with("0.");
    let number = || text.parse::<f64>().ok().filter(|_| looks && !leads).map(Value::from);
    whole.or_else(number).unwrap_or_else(|| match text.to_ascii_lowercase().as_str() {
        "true" => true.into(),
        "false" => false.into(),
        _ => text.into(),
    })
}

/// The secrets of a package, by their settings.
pub(crate) type Secrets = std::collections::BTreeMap<String, Secret>;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_is_in_order_and_its_defaults_fit() {
        assert!(KNOWN.is_sorted_by(|one, other| one.key < other.key));
        for setting in KNOWN {
            let problem = setting.default.and_then(|default| setting.takes.problem(default));
            assert_eq!(problem, None, "{}", setting.key);
            assert!(setting.about.ends_with('.'));
        }
    }

    #[test]
    fn what_nobody_may_see_is_known_by_its_name() {
        for key in [
            "llm-key",
            "param-db-password",
            "whatsapp-webhook-verify-token",
            "conn-erp-password",
            "a-secret-b",
            "key",
            "llm-key-2",
            "llm-key2",
            "key-of-erp",
            "param-apikey",
            "openai-apikey-test",
            "param-aws.accesskey",
            "param-ssh-private-keys",
            "smtp-pass",
            "param-dbpassword1",
            "param-db-pwd",
        ] {
            assert!(is_secret(key), "{key}");
        }
        for key in [
            "max-tokens",
            "twilio-account-sid",
            "keyboard",
            "keywords",
            "param-compass",
            "param-host",
            "welcome-message",
        ] {
            assert!(!is_secret(key), "{key}");
        }
    }

    #[test]
    fn values_of_unknown_settings_are_what_they_look_like() {
        for (text, value) in [
            ("5", json!(5)),
            ("-5", json!(-5)),
            ("1.50", json!(1.5)),
            ("0.5", json!(0.5)),
            ("007", json!("007")),
            ("TRUE", json!(true)),
            ("1-2", json!("1-2")),
            ("1e5", json!("1e5")),
            ("", json!("")),
            ("+1", json!("+1")),
        ] {
            assert_eq!(typed("param-x", text), value, "{text}");
        }
        assert_eq!(typed("welcome-message", "5"), json!("5"));
        assert_eq!(typed("max-tokens", "5"), json!(5));
    }

    #[test]
    fn a_parameter_becomes_a_name_that_scripts_can_write() {
        assert_eq!(variable("param-max-items").as_deref(), Some("max_items"));
        assert_eq!(variable("param-1st"), None);
        assert_eq!(variable("theme-x"), None);
    }
}
