//! What is said when a reply does not fit.

use std::fmt;

use super::HearKind;

/// Every retry message: its key for translations and the English sentence. `{options}` stands for the menu's options.
pub const RETRY_MESSAGES: &[(&str, &str)] = &[
    ("hear.text", "Please type your answer."),
    ("hear.integer", "Please enter a whole number."),
    ("hear.number", "Please enter a number."),
    ("hear.money", "Please enter an amount of money, such as 12.50."),
    ("hear.boolean", "Please answer yes or no."),
    ("hear.email", "Please enter a valid e-mail address."),
    ("hear.name", "Please enter a name of letters only."),
    ("hear.date", "Please enter a date, such as 25/12/2024."),
    ("hear.hour", "Please enter a time, such as 14:30."),
    ("hear.url", "Please enter a web address, such as https://example.com."),
    ("hear.uuid", "Please enter a valid identifier (UUID)."),
    ("hear.mobile", "Please enter a phone number with area code."),
    ("hear.zipcode", "Please enter a valid postal code."),
    ("hear.language", "Please enter a language, such as English or en."),
    ("hear.color", "Please enter a colour, such as red or #FF0000."),
    ("hear.cpf", "Please enter a valid CPF."),
    ("hear.cnpj", "Please enter a valid CNPJ."),
    ("hear.creditcard", "Please enter a valid card number."),
    ("hear.password", "Please choose a password of at least 8 characters."),
    ("hear.file", "Please send a file."),
    ("hear.document", "Please send a document."),
    ("hear.image", "Please send an image."),
    ("hear.video", "Please send a video."),
    ("hear.audio", "Please send a voice message."),
    ("hear.qrcode", "Please send a picture of the code."),
    ("hear.login", "Please sign in to continue."),
    ("hear.menu", "Please choose one of: {options}."),
];

/// What to say before the same HEAR waits again. Prints in English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryMessage {
    /// Key of the sentence in [`RETRY_MESSAGES`], to look up a translation.
    pub key: &'static str,
    /// The options of a menu as written, joined by commas; empty for other kinds.
    pub options: String,
}

impl RetryMessage {
    /// The message of a kind of answer.
    pub(super) fn new<S: AsRef<str>>(kind: HearKind, options: &[S]) -> Self {
        let key = match kind {
            HearKind::Any | HearKind::Text => "hear.text",
            HearKind::Integer => "hear.integer",
            HearKind::Number => "hear.number",
            HearKind::Money => "hear.money",
            HearKind::Boolean => "hear.boolean",
            HearKind::Email => "hear.email",
            HearKind::Name => "hear.name",
            HearKind::Date => "hear.date",
            HearKind::Hour => "hear.hour",
            HearKind::Url => "hear.url",
            HearKind::Uuid => "hear.uuid",
            HearKind::Mobile => "hear.mobile",
            HearKind::Zipcode => "hear.zipcode",
            HearKind::Language => "hear.language",
            HearKind::Color => "hear.color",
            HearKind::Cpf => "hear.cpf",
            HearKind::Cnpj => "hear.cnpj",
            HearKind::CreditCard => "hear.creditcard",
            HearKind::Password => "hear.password",
            HearKind::File => "hear.file",
            HearKind::Document => "hear.document",
            HearKind::Image => "hear.image",
            HearKind::Video => "hear.video",
            HearKind::Audio => "hear.audio",
            HearKind::QrCode => "hear.qrcode",
            HearKind::Login => "hear.login",
            HearKind::Menu | HearKind::OpenMenu => "hear.menu",
        };
        let options = match kind {
            HearKind::Menu | HearKind::OpenMenu => {
                options.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
            }
            _ => String::new(),
        };
        Self { key, options }
    }

    /// The message in the words of a translation, whose `{options}` is filled.
    pub fn in_words(&self, translation: &str) -> String {
        translation.replace("{options}", &self.options)
    }
}

impl fmt::Display for RetryMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let english = RETRY_MESSAGES.iter().find(|(key, _)| *key == self.key).map_or("", |(_, text)| text);
        f.write_str(&self.in_words(english))
    }
}
