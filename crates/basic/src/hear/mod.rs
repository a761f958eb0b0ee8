//! `HEAR`: what a person may answer, and the value it becomes.
//!
//! A reply is judged here and nowhere else, so every channel behaves alike. [`validate`] looks at one reply; counting
//! the tries (see [`TRIES`]), the DEFAULT of an empty reply and of the last try, and asking again are the machine's.

mod clock;
mod contact;
mod files;
mod identity;
mod menu;
mod quantity;
mod retry;
mod words;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use crate::scalar::{Date, Number};
pub use files::Attachment;
pub use retry::{RETRY_LANGUAGES, RETRY_MESSAGES, RetryMessage};

/// How many replies one HEAR takes: the last failed one ends it silently.
pub const TRIES: u32 = 3;

/// What a password given to `HEAR … AS PASSWORD` prints as.
pub const PASSWORD_TEXT: &str = "[PASSWORD SET]";

/// What kind of answer a HEAR waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HearKind {
    /// No type given: any text, also none.
    Any,
    /// A text that is not empty.
    Text,
    /// A whole number.
    Integer,
    /// A number with decimal comma or point.
    Number,
    /// An amount of money, not negative.
    Money,
    /// Yes or no.
    Boolean,
    /// An e-mail address.
    Email,
    /// A person's name.
    Name,
    /// A calendar day.
    Date,
    /// A time of day.
    Hour,
    /// A web address.
    Url,
    /// A UUID.
    Uuid,
    /// A phone number.
    Mobile,
    /// A postal code.
    Zipcode,
    /// A language.
    Language,
    /// A colour.
    Color,
    /// The Brazilian number of a person.
    Cpf,
    /// The Brazilian number of a company.
    Cnpj,
    /// A card number, kept only masked.
    CreditCard,
    /// A password, kept only by the host.
    Password,
    /// Any attached file.
    File,
    /// An attached document.
    Document,
    /// An attached picture.
    Image,
    /// An attached film.
    Video,
    /// An attached recording, turned into its transcript.
    Audio,
    /// An attached picture of a code, turned into its content.
    QrCode,
    /// A sign-in, which the host completes.
    Login,
    /// One of the options.
    Menu,
    /// One of the options or any other text.
    OpenMenu,
}

/// Every kind with the words that name it; the first is [`HearKind::name`].
const WORDS: &[(HearKind, &[&str])] = &[
    (HearKind::Text, &["TEXT", "STRING", "ANY"]),
    (HearKind::Integer, &["INTEGER", "INT"]),
    (HearKind::Number, &["NUMBER", "FLOAT", "DECIMAL", "DOUBLE"]),
    (HearKind::Money, &["MONEY", "CURRENCY", "AMOUNT"]),
    (HearKind::Boolean, &["BOOLEAN", "BOOL"]),
    (HearKind::Email, &["EMAIL"]),
    (HearKind::Name, &["NAME"]),
    (HearKind::Date, &["DATE"]),
    (HearKind::Hour, &["HOUR", "TIME"]),
    (HearKind::Url, &["URL", "LINK"]),
    (HearKind::Uuid, &["UUID", "GUID"]),
    (HearKind::Mobile, &["MOBILE", "PHONE", "TELEPHONE"]),
    (HearKind::Zipcode, &["ZIPCODE", "ZIP", "CEP", "POSTALCODE"]),
    (HearKind::Language, &["LANGUAGE", "LANG"]),
    (HearKind::Color, &["COLOR", "COLOUR"]),
    (HearKind::Cpf, &["CPF"]),
    (HearKind::Cnpj, &["CNPJ"]),
    (HearKind::CreditCard, &["CREDITCARD", "CARD"]),
    (HearKind::Password, &["PASSWORD", "PASS", "SECRET"]),
    (HearKind::File, &["FILE"]),
    (HearKind::Document, &["DOCUMENT", "DOC", "PDF"]),
    (HearKind::Image, &["IMAGE", "PHOTO", "PICTURE"]),
    (HearKind::Video, &["VIDEO"]),
    (HearKind::Audio, &["AUDIO", "VOICE"]),
    (HearKind::QrCode, &["QRCODE", "QR"]),
    (HearKind::Login, &["LOGIN", "AUTH"]),
    (HearKind::Menu, &["MENU"]),
];

impl HearKind {
    /// The kind a type word names, ignoring case. [`HearKind::Any`] and [`HearKind::OpenMenu`] have no word: they are
    /// the HEAR without a type, and the one whose options include `*`.
    ///
    /// ```
    /// use basic::hear::HearKind;
    /// assert_eq!(HearKind::from_word("int"), Some(HearKind::Integer));
    /// assert_eq!(HearKind::from_word("sandwich"), None);
    /// ```
    pub fn from_word(word: &str) -> Option<Self> {
        WORDS
            .iter()
            .find(|(_, words)| words.iter().any(|w| w.eq_ignore_ascii_case(word)))
            .map(|(kind, _)| *kind)
    }

    /// Every word that names a kind, for suggestions to authors.
    pub fn words() -> impl Iterator<Item = &'static str> {
        WORDS.iter().flat_map(|(_, words)| words.iter().copied())
    }

    /// The type word of the kind, as the reference lists it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "ANY",
            Self::OpenMenu => "MENU",
            _ => WORDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, words)| words[0]),
        }
    }

    /// Whether the answer is an attachment rather than text.
    pub fn wants_attachment(self) -> bool {
        matches!(self, Self::File | Self::Document | Self::Image | Self::Video | Self::Audio | Self::QrCode)
    }
}

/// The value a valid reply becomes.
#[derive(Debug, Clone, PartialEq)]
pub enum HearValue {
    /// A text.
    Text(String),
    /// A number.
    Number(Number),
    /// Yes or no.
    Boolean(bool),
    /// A calendar day.
    Date(Date),
    /// The attachment at this index, as a file.
    File(usize),
    /// What the host reads out of the attachment at this index: the transcript of a recording, the content of a code.
    TextOf(usize),
    /// The reply itself is a secret: the machine keeps an opaque handle that prints [`PASSWORD_TEXT`], and only the
    /// host has the text behind it.
    Secret,
}

/// Judges one reply.
///
/// - `kind` and `options`: what the HEAR asks for; `options` only matter for menus.
/// - `text`, `attachments`: the reply as the channel delivered it.
/// - `now`: the time of the conversation, for `today` and `tomorrow`.
///
/// Errors with the message to say before waiting again. An empty reply is an error for every kind but
/// [`HearKind::Any`]; the caller takes the DEFAULT first if there is one. A reply of attachments alone is an error for
/// every kind that wants text.
///
/// ```
/// use basic::hear::{validate, HearKind, HearValue};
/// let now = chrono::DateTime::parse_from_rfc3339("2025-03-14T09:30:00Z").unwrap();
/// let none: [&str; 0] = [];
/// assert_eq!(validate(HearKind::Integer, &none, "1,200", &[], now), Ok(HearValue::Number(1200.into())));
/// let refused = validate(HearKind::Boolean, &none, "maybe", &[], now).unwrap_err();
/// assert_eq!(refused.to_string(), "Please answer yes or no.");
/// let options = ["Apple", "Pear", "Plum"];
/// assert_eq!(validate(HearKind::Menu, &options, "pea", &[], now), Ok(HearValue::Text("Pear".into())));
/// ```
pub fn validate<S: AsRef<str>>(
    kind: HearKind,
    options: &[S],
    text: &str,
    attachments: &[Attachment<'_>],
    now: DateTime<FixedOffset>,
) -> Result<HearValue, RetryMessage> {
    let text = text.trim();
    let value = match kind {
        _ if kind.wants_attachment() => files::choose(kind, attachments),
        HearKind::Any if text.is_empty() && attachments.is_empty() => Some(HearValue::Text(String::new())),
        _ if text.is_empty() => None,
        HearKind::Any | HearKind::Text => Some(HearValue::Text(text.to_owned())),
        HearKind::Integer => quantity::integer(text).map(|int| HearValue::Number(Number::Int(int))),
        HearKind::Number => quantity::number(text).map(HearValue::Number),
        HearKind::Money => quantity::money(text).map(HearValue::Number),
        HearKind::Boolean => quantity::boolean(text).map(HearValue::Boolean),
        HearKind::Date => clock::day(text, now).map(|day| HearValue::Date(Date::Day(day))),
        HearKind::Password => (text.chars().count() >= 8).then_some(HearValue::Secret),
        HearKind::Menu => menu::choose(text, options).map(HearValue::Text),
        HearKind::OpenMenu => Some(HearValue::Text(menu::choose_or_take(text, options))),
        // Signing in happens beside the conversation; the host ends this HEAR with the user object.
        HearKind::Login => None,
        _ => as_text(kind, text).map(HearValue::Text),
    };
    value.ok_or_else(|| RetryMessage::new(kind, options))
}

/// The kinds whose value is a text in a canonical form.
fn as_text(kind: HearKind, text: &str) -> Option<String> {
    match kind {
        HearKind::Email => contact::email(text),
        HearKind::Name => contact::name(text),
        HearKind::Url => contact::url(text),
        HearKind::Uuid => identity::uuid(text),
        HearKind::Mobile => contact::mobile(text),
        HearKind::Zipcode => contact::zipcode(text),
        HearKind::Hour => clock::hour(text),
        HearKind::Language => words::language(text),
        HearKind::Color => words::color(text),
        HearKind::Cpf => identity::cpf(text),
        HearKind::Cnpj => identity::cnpj(text),
        HearKind::CreditCard => identity::masked_card(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: &[HearKind] = &[
        HearKind::Any,
        HearKind::Text,
        HearKind::Integer,
        HearKind::Number,
        HearKind::Money,
        HearKind::Boolean,
        HearKind::Email,
        HearKind::Name,
        HearKind::Date,
        HearKind::Hour,
        HearKind::Url,
        HearKind::Uuid,
        HearKind::Mobile,
        HearKind::Zipcode,
        HearKind::Language,
        HearKind::Color,
        HearKind::Cpf,
        HearKind::Cnpj,
        HearKind::CreditCard,
        HearKind::Password,
        HearKind::File,
        HearKind::Document,
        HearKind::Image,
        HearKind::Video,
        HearKind::Audio,
        HearKind::QrCode,
        HearKind::Login,
        HearKind::Menu,
        HearKind::OpenMenu,
    ];

    fn now() -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339("2025-03-14T09:30:00Z").unwrap()
    }

    fn hear(kind: HearKind, text: &str) -> Result<HearValue, String> {
        validate(kind, &["a", "b"], text, &[], now()).map_err(|e| e.to_string())
    }

    #[test]
    fn text_is_trimmed_and_only_a_bare_hear_takes_nothing() {
        assert_eq!(hear(HearKind::Text, "  hi "), Ok(HearValue::Text("hi".into())));
        assert_eq!(hear(HearKind::Any, " "), Ok(HearValue::Text(String::new())));
        assert_eq!(hear(HearKind::Text, " "), Err("Please type your answer.".into()));
        let photo = [Attachment { mime_type: "image/png", filename: "x.png" }];
        let none: [&str; 0] = [];
        assert!(validate(HearKind::Any, &none, "", &photo, now()).is_err(), "a file is no text");
    }

    #[test]
    fn every_kind_has_its_own_message_and_is_found_by_its_name() {
        for kind in ALL {
            let message = RetryMessage::new(*kind, &["x"]);
            assert!(message.to_string().starts_with("Please "), "{kind:?}: {message}");
            if !matches!(kind, HearKind::Any | HearKind::OpenMenu) {
                assert_eq!(HearKind::from_word(&kind.name().to_lowercase()), Some(*kind));
            }
        }
    }

    #[test]
    fn a_password_is_never_part_of_the_value() {
        let heard = hear(HearKind::Password, "correct horse").unwrap();
        assert_eq!(format!("{heard:?}"), "Secret");
        assert!(hear(HearKind::Password, "short").is_err());
    }

    #[test]
    fn a_text_does_not_sign_anybody_in() {
        assert!(hear(HearKind::Login, "let me in").is_err());
    }

    proptest! {
        #[test]
        fn no_reply_breaks_any_kind(text: String, likely in "[0-9a-zA-Z@.,:/+$€%#()ãé' -]{0,40}") {
            let file = [Attachment { mime_type: &text, filename: &likely }];
            for kind in ALL {
                for reply in [&text, &likely] {
                    let _ = validate(*kind, &[&text, &likely], reply, &[], now());
                    let _ = validate(*kind, &[&text], reply, &file, now());
                }
            }
        }

        #[test]
        fn a_canonical_value_is_accepted_again_unchanged(digits in "[1-9][0-9]{8}", name in "[a-zé]{2,9} [a-z]{2,9}") {
            for (kind, text) in [(HearKind::Name, name), (HearKind::Mobile, format!("1{digits}")), (HearKind::Zipcode, digits[1..].to_owned())] {
                let Ok(HearValue::Text(once)) = hear(kind, &text) else { panic!("{kind:?} refuses {text}") };
                prop_assert_eq!(hear(kind, &once), Ok(HearValue::Text(once.clone())));
            }
        }
    }
}
