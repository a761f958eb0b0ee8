//! Whole numbers, numbers, money, and yes or no, as people type them.

use crate::scalar::{Number, number};

const YES: &[&str] = &[
    "yes",
    "y",
    "true",
    "1",
    "sim",
    "s",
    "si",
    "sí",
    "oui",
    "ja",
    "da",
    "ok",
    "okay",
    "yeah",
    "yep",
    "sure",
    "confirm",
    "confirmed",
    "accept",
    "accepted",
    "agree",
    "agreed",
];
const NO: &[&str] = &[
    "no",
    "n",
    "false",
    "0",
    "não",
    "nao",
    "non",
    "nein",
    "net",
    "nope",
    "cancel",
    "deny",
    "denied",
    "reject",
    "rejected",
    "decline",
    "declined",
    "disagree",
    "disagreed",
];

/// Yes or no in several languages, ignoring case and a full stop or exclamation mark at the end.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let word = text.trim_end_matches(['.', '!']).to_lowercase();
    if YES.contains(&word.as_str()) {
        Some(true)
    } else if NO.contains(&word.as_str()) {
        Some(false)
    } else {
        None
    }
}

/// A whole number; one kind of grouping mark (blank, comma, point) may stand between groups of three digits.
pub(super) fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = split_sign(text);
    let digits = match digits.find(|c: char| !c.is_ascii_digit()) {
        None => digits.to_owned(),
        Some(at) => {
            let mark = digits[at..].chars().next().filter(|c| matches!(c, ',' | '.') || c.is_whitespace())?;
            ungrouped(digits, mark)?
        }
    };
    format!("{sign}{digits}").parse().ok()
}

fn split_sign(text: &str) -> (&str, &str) {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    (&text[..text.len() - digits.len()], digits)
}

/// The digits of `1,234,567`; `None` unless all groups but the first have three.
fn ungrouped(text: &str, mark: char) -> Option<String> {
    let mut groups = text.split(mark);
    let first = groups.next()?;
    let whole =
        is_digits(first) && first.len() <= 3 && groups.all(|group| group.len() == 3 && is_digits(group));
    whole.then(|| text.chars().filter(|c| *c != mark).collect())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// A number with decimal comma or point. With both marks the last is the decimal one; the same mark twice groups.
pub(super) fn number(text: &str) -> Option<Number> {
    let (sign, digits) = split_sign(text);
    number::parse(&format!("{sign}{}", plain(digits, false)?))
}

/// An amount of money, without its symbol; as [`number()`], but a single mark before exactly three digits groups, since
/// money has cents: `1.200` is one thousand two hundred.
pub(super) fn money(text: &str) -> Option<Number> {
    const SYMBOLS: [&str; 6] = ["R$", "US$", "$", "€", "£", "¥"];
    let stripped = SYMBOLS.iter().find_map(|s| text.strip_prefix(s).or_else(|| text.strip_suffix(s)));
    let amount = stripped.unwrap_or(text).trim();
    number::parse(&plain(amount, true)?)
}

/// The digits with a decimal point and nothing else.
fn plain(text: &str, single_mark_groups: bool) -> Option<String> {
    let marks: Vec<(usize, char)> = text.char_indices().filter(|(_, c)| !c.is_ascii_digit()).collect();
    let &[.., (last_at, last)] = marks.as_slice() else {
        return is_digits(text).then(|| text.to_owned());
    };
    let first = marks[0].1;
    let groups_only = marks.len() > 1 && marks.iter().all(|(_, mark)| *mark == last)
        || last.is_whitespace()
        || single_mark_groups
            && marks.len() == 1
            && !text.starts_with('0')
            && ungrouped(text, last).is_some();
    if groups_only {
        return ungrouped(text, last);
    }
    let (whole, fraction) = (&text[..last_at], &text[last_at + last.len_utf8()..]);
    let whole = if marks.len() > 1 { ungrouped(whole, first)? } else { whole.to_owned() };
    let fits = matches!(last, ',' | '.') && (matches!(first, ',' | '.') || first.is_whitespace());
    (fits && is_digits(fraction)).then(|| format!("{whole}.{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(read: impl Fn(&str) -> Option<Number>, text: &str) -> String {
        read(text).map_or("-".into(), |n| n.to_string())
    }

    #[test]
    fn whole_numbers_with_grouping() {
        for (text, value) in [
            ("42", Some(42)),
            ("-7", Some(-7)),
            ("+7", Some(7)),
            ("1,200", Some(1200)),
            ("1.200.300", Some(1_200_300)),
            ("1 200", Some(1200)),
            ("1\u{a0}200", Some(1200)),
            ("12,00", None),
            ("1200,300", None),
            ("1.200,300", None),
            ("12.5", None),
            (",200", None),
            ("- 5", None),
            ("five", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(integer(text), value, "{text}");
        }
    }

    #[test]
    fn numbers_with_comma_or_point() {
        for (text, value) in [
            ("3", "3"),
            ("3.5", "3.5"),
            ("3,5", "3.5"),
            ("-0,5", "-0.5"),
            (".5", "0.5"),
            ("1,234", "1.234"),
            ("1,234.56", "1234.56"),
            ("1.234,56", "1234.56"),
            ("1 234,56", "1234.56"),
            ("1.234.567", "1234567"),
            ("1.23.4", "-"),
            ("1,2,3.4", "-"),
            ("1e5", "-"),
            ("5 kg", "-"),
            ("3.", "-"),
        ] {
            assert_eq!(texts(number, text), value, "{text}");
        }
    }

    #[test]
    fn money_in_several_spellings() {
        for (text, value) in [
            ("R$ 1.234,56", "1234.56"),
            ("$1,234.56", "1234.56"),
            ("12.50 €", "12.5"),
            ("1.200", "1200"),
            ("$1,200", "1200"),
            ("0.125", "0.125"),
            ("7,5", "7.5"),
            ("-5", "-"),
            ("$", "-"),
            ("", "-"),
        ] {
            assert_eq!(texts(money, text), value, "{text}");
        }
    }

    #[test]
    fn yes_and_no() {
        for text in ["Yes", "SIM", "sí", "ok!", "Confirmed.", "1"] {
            assert_eq!(boolean(text), Some(true), "{text}");
        }
        for text in ["No", "NÃO", "nao", "Nope!", "0", "declined"] {
            assert_eq!(boolean(text), Some(false), "{text}");
        }
        assert_eq!(boolean("maybe"), None);
    }

    proptest! {
        #[test]
        fn every_integer_reads_with_and_without_grouping(int: i64) {
            let grouped = crate::scalar::format::format_number(Number::Int(int), "#,##0");
            prop_assert_eq!(integer(&int.to_string()), Some(int));
            prop_assert_eq!(integer(&grouped), Some(int));
            prop_assert_eq!(integer(&grouped.replace(',', " ")), Some(int));
        }
    }
}
