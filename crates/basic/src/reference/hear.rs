//! The table of what HEAR may ask for.

use chrono::{DateTime, FixedOffset};

use crate::hear::{Attachment, HearKind, HearValue, PASSWORD_TEXT, validate};

/// What a kind takes and gives, and a reply that shows it; none where the reply is no text.
fn about(kind: HearKind) -> (&'static str, Option<&'static str>) {
    match kind {
        HearKind::Any => ("Any text, without blanks around it; it may be empty.", Some(" hello ")),
        HearKind::Text => ("A text that is not empty, without blanks around it.", Some(" hello ")),
        HearKind::Integer => (
            "A whole number with or without a sign; blanks, commas and points that group thousands fall away.",
            Some("1,200"),
        ),
        HearKind::Number => ("A number with a decimal comma or point.", Some("3,5")),
        HearKind::Money => (
            "An amount that is not negative; signs of currencies fall away, and of comma and point the last is the decimal one.",
            Some("R$ 1.234,50"),
        ),
        HearKind::Boolean => (
            "Yes, y, true, 1, ok, sure, sim, si, oui, ja and the like for true; no, n, false, 0, nope, cancel, não, non, nein and the like for false.",
            Some("sure"),
        ),
        HearKind::Email => ("One e-mail address, in small letters.", Some("Ann@Example.com")),
        HearKind::Name => (
            "Two to a hundred letters, blanks, hyphens and apostrophes; words in capitals or small letters get a capital first letter.",
            Some("ann o'neil"),
        ),
        HearKind::Date => (
            "A day in a form of date, with the month as a word, or today, tomorrow and yesterday.",
            Some("25 Dec 2024"),
        ),
        HearKind::Hour => ("A time of day, as the text `HH:mm`.", Some("2:30 PM")),
        HearKind::Url => {
            ("A web address; `https://` is put before one without it.", Some("example.com/menu"))
        }
        HearKind::Uuid => {
            ("A UUID in its usual form, in small letters.", Some("6E7D9A345C1B4F0E9D273B8A4C21F05E"))
        }
        HearKind::Mobile => (
            "A phone number of 10 to 15 digits: with `+` the digits after it, else in the form of the country that its length shows.",
            Some("+49 151 1234 5678"),
        ),
        HearKind::Zipcode => {
            ("A postal code of Brazil, the United States or the United Kingdom.", Some("01310100"))
        }
        HearKind::Language => {
            ("A language by its name or its code, as the code of two letters.", Some("English"))
        }
        HearKind::Color => ("A colour by its name, `#rgb`, `#rrggbb` or `rgb()`, as `#RRGGBB`.", Some("red")),
        HearKind::Cpf => ("The Brazilian number of a person with right check digits.", Some("12345678909")),
        HearKind::Cnpj => {
            ("The Brazilian number of a company with right check digits.", Some("12345678000195"))
        }
        HearKind::CreditCard => (
            "The number of a card with a right check digit; only its masked form is kept.",
            Some("4111 1111 1111 1111"),
        ),
        HearKind::Password => (
            "A password of at least 8 characters; the script only gets a mark in its place.",
            Some("correct horse"),
        ),
        HearKind::File => ("Any attachment, as a file.", None),
        HearKind::Document => ("An attached document, as a file.", None),
        HearKind::Image => ("An attached picture, as a file.", None),
        HearKind::Video => ("An attached film, as a file.", None),
        HearKind::Audio => ("An attached recording, as the text that is spoken in it.", None),
        HearKind::QrCode => ("An attached picture of a code, as the content of the code.", None),
        HearKind::Login => ("A sign-in beside the conversation, as the object of the user.", None),
        HearKind::Menu => (
            "One of the options: as written whatever the case, its number from 1, or a part that only one option has.",
            Some("2"),
        ),
        HearKind::OpenMenu => ("One of the options, or any other text as it is.", Some("banana")),
    }
}

/// The options of the example of menus.
const OPTIONS: [&str; 2] = ["Apple", "Pear"];

fn now() -> DateTime<FixedOffset> {
    DateTime::UNIX_EPOCH.fixed_offset()
}

/// All kinds: how they are written, what they take, an example, and what is said when a reply does not fit.
pub(super) fn kinds() -> String {
    let mut kinds: Vec<(HearKind, Vec<&str>)> = vec![(HearKind::Any, Vec::new())];
    for word in HearKind::words() {
        let Some(kind) = HearKind::from_word(word) else { continue };
        match kinds.last_mut() {
            Some((last, words)) if *last == kind => words.push(word),
            _ => kinds.push((kind, vec![word])),
        }
    }
    kinds.push((HearKind::OpenMenu, Vec::new()));
    let rows = kinds.into_iter().map(|(kind, words)| {
        let (takes, reply) = about(kind);
        let shown = match kind {
            HearKind::Any => "nothing".to_owned(),
            HearKind::Menu => r#"`MENU "Apple", "Pear"` or `"Apple", "Pear"`"#.to_owned(),
            HearKind::OpenMenu => r#"`"Apple", "Pear", *`"#.to_owned(),
            _ => super::codes(words),
        };
        [shown, takes.to_owned(), reply.map(|reply| example(kind, reply)).unwrap_or_default(), refusal(kind)]
    });
    super::table(["AS", "what it takes", "example", "what it says otherwise"], rows)
}

fn example(kind: HearKind, reply: &str) -> String {
    let value = match validate(kind, &OPTIONS, reply, &[], now()) {
        Ok(HearValue::Text(text)) => text,
        Ok(HearValue::Number(number)) => number.to_string(),
        Ok(HearValue::Boolean(truth)) => truth.to_string(),
        Ok(HearValue::Date(date)) => date.to_string(),
        Ok(HearValue::Secret) => PASSWORD_TEXT.to_owned(),
        Ok(HearValue::File(_) | HearValue::TextOf(_)) | Err(_) => return String::new(),
    };
    format!("`{}` → `{value}`", reply.trim())
}

fn refusal(kind: HearKind) -> String {
    let nothing: &[Attachment<'_>] = &[];
    match validate(kind, &OPTIONS, "", nothing, now()) {
        Err(message) if kind != HearKind::OpenMenu => message.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_fits_its_kind() {
        for word in HearKind::words() {
            let kind = HearKind::from_word(word).unwrap();
            if let (_, Some(reply)) = about(kind) {
                assert!(!example(kind, reply).is_empty(), "{word}: {reply}");
            }
        }
    }
}
