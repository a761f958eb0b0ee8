//! Numbers by pattern: `#,##0.00`, `0%`, `R$ #,##0.00`, `N2`, `C2[pt]`, `currency`.

use super::decimal::Decimal;
use super::number::Number;

/// How a culture writes numbers and money.
struct Culture {
    point: char,
    group: char,
    /// Money symbol before the amount, with its blank.
    before: &'static str,
    /// Money symbol after the amount, with its blank.
    after: &'static str,
}

const ENGLISH: Culture = Culture { point: '.', group: ',', before: "$", after: "" };

impl Culture {
    /// A culture by its tag (`pt`, `pt-BR`, `EN_us`); `None` for a tag not known.
    fn from_tag(tag: &str) -> Option<Self> {
        let tag = tag.trim().to_ascii_lowercase().replace('_', "-");
        let language = tag.split('-').next().unwrap_or("");
        let euro = |group| Self { point: ',', group, before: "", after: " €" };
        Some(match (tag.as_str(), language) {
            ("pt-pt", _) => euro('.'),
            (_, "pt") => Self { point: ',', group: '.', before: "R$ ", after: "" },
            ("en-gb", _) => Self { before: "£", ..ENGLISH },
            ("en-in", _) => Self { before: "₹", ..ENGLISH },
            ("es-mx", _) | (_, "en") => ENGLISH,
            ("de-ch" | "fr-ch" | "it-ch", _) => Self { point: '.', group: '’', before: "CHF ", after: "" },
            (_, "de" | "es" | "it" | "nl") => euro('.'),
            (_, "fr") => euro(' '),
            (_, "ja" | "zh") => Self { before: "¥", ..ENGLISH },
            _ => return None,
        })
    }
}

/// A pattern with a culture in brackets at its end, taken apart. An unknown tag counts as English where the pattern is
/// a named one (`C2[xx]`), else it is no culture but literal text.
fn split_culture(pattern: &str) -> (&str, Culture) {
    if let Some((body, tag)) = pattern.strip_suffix(']').and_then(|p| p.rsplit_once('[')) {
        if let Some(culture) = Culture::from_tag(tag) {
            return (body, culture);
        }
        if Named::from_text(body).is_some() {
            return (body, ENGLISH);
        }
    }
    (pattern, ENGLISH)
}

/// Patterns that are words.
enum Named {
    /// `N`, `N2`: grouped, with that many places.
    Grouped(usize),
    /// `C`, `C2`, `currency`: grouped, with the symbol of money.
    Money(usize),
}

/// More places than any float has digits for.
const PLACES_MAX: usize = 99;

impl Named {
    fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("currency") {
            return Some(Self::Money(2));
        }
        let mut chars = text.chars();
        let letter = chars.next()?;
        let places = match chars.as_str() {
            "" => 2,
            digits if digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok()?
            }
            _ => return None,
        };
        match letter {
            'N' | 'n' => Some(Self::Grouped(places)),
            'C' | 'c' => Some(Self::Money(places)),
            _ => None,
        }
    }
}

/// Whether a pattern says anything about a number.
pub(super) fn is_number_pattern(pattern: &str) -> bool {
    pattern.contains(['0', '#']) || Named::from_text(split_culture(pattern).0).is_some()
}

/// A number by a pattern.
///
/// `0` is a digit that is always written, `#` one only where needed, `,` between them groups by threes, the first `.`
/// among them is the decimal point, `%` multiplies by 100 and stays, `+` before the digits asks for the sign of
/// positive numbers too. What stands before and after is literal, and so is other text among the digits
/// (`000-000`). Named patterns: `N2` grouped with two places, `C2` and `currency` money; a culture in brackets
/// (`C2[pt]`) chooses separators and symbol. Rounds half away from zero as the number reads. A pattern that asks for
/// nothing gives the text of the number.
///
/// ```
/// use basic::scalar::{format::format_number, Number};
/// assert_eq!(format_number(Number::Float(-1234.555), "R$ #,##0.00"), "-R$ 1,234.56");
/// assert_eq!(format_number(Number::Float(0.256), "0.0%"), "25.6%");
/// assert_eq!(format_number(Number::Int(1234), "C2[pt]"), "R$ 1.234,00");
/// ```
pub fn format_number(number: Number, pattern: &str) -> String {
    let (body, culture) = split_culture(pattern);
    match Named::from_text(body) {
        Some(Named::Grouped(places)) => {
            let picture = Picture { places_min: places, places_max: places, ..Picture::grouped() };
            picture.write(number, &culture)
        }
        Some(Named::Money(places)) => {
            let (before, after) = (culture.before, culture.after);
            let picture =
                Picture { before, after, places_min: places, places_max: places, ..Picture::grouped() };
            picture.write(number, &culture)
        }
        None => match Picture::parse(body) {
            Some(picture) => picture.write(number, &culture),
            None => number.to_string(),
        },
    }
}

/// A pattern understood.
#[derive(Debug)]
struct Picture<'a> {
    /// Literal text before the digits, without the `+`.
    before: &'a str,
    /// What stood before the digits after a `+`.
    before_sign: Option<&'a str>,
    /// Literal text after the digits.
    after: &'a str,
    /// Digits that are always written before the point.
    whole_min: usize,
    grouped: bool,
    places_min: usize,
    places_max: usize,
    percent: bool,
    /// Literal text among the digits before the point: how many digit places are to its right, and the character.
    inner: Vec<(usize, char)>,
}

impl<'a> Picture<'a> {
    fn grouped() -> Self {
        Self {
            before: "",
            before_sign: None,
            after: "",
            whole_min: 1,
            grouped: true,
            places_min: 0,
            places_max: 0,
            percent: false,
            inner: Vec::new(),
        }
    }

    /// `None` without a digit place.
    fn parse(pattern: &'a str) -> Option<Self> {
        let mut start = pattern.find(['0', '#'])?;
        let end = pattern.rfind(['0', '#'])? + 1;
        if pattern[..start].ends_with('.') {
            start -= 1;
        }
        let (before, digits, after) = (&pattern[..start], &pattern[start..end], &pattern[end..]);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let places = whole.chars().filter(|c| matches!(c, '0' | '#'));
        let whole_places = places.clone().count();
        let mut seen = 0;
        let mut inner = Vec::new();
        for c in whole.chars() {
            match c {
                '0' | '#' => seen += 1,
                ',' => {}
                other => inner.push((whole_places - seen, other)),
            }
        }
        let (before, before_sign) = match before.split_once('+') {
            Some((outer, inside)) => (outer, Some(inside)),
            None => (before, None),
        };
        Some(Self {
            before,
            before_sign,
            after: after.strip_prefix(',').filter(|rest| rest.is_empty()).unwrap_or(after),
            whole_min: places.skip_while(|c| *c == '#').count(),
            grouped: whole.contains(','),
            places_min: fraction.rfind('0').map_or(0, |at| count_places(&fraction[..=at])),
            places_max: count_places(fraction).min(PLACES_MAX * 4),
            percent: pattern.contains('%'),
            inner,
        })
    }

    fn write(&self, number: Number, culture: &Culture) -> String {
        let scale = if self.percent { 2 } else { 0 };
        let decimal = Decimal::of(number).scaled(scale).rounded(self.places_max as i32);
        let mut fraction = decimal.fraction(self.places_max);
        let needed = fraction.trim_end_matches('0').len().max(self.places_min);
        fraction.truncate(needed);

        let mut out = String::with_capacity(self.before.len() + self.after.len() + fraction.len() + 24);
        let sign = match (decimal.negative, self.before_sign.is_some()) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        match self.before_sign {
            Some(inside) => out.extend([self.before, sign, inside]),
            None => out.extend([sign, self.before]),
        }
        self.write_whole(&decimal.whole(), culture, &mut out);
        if !fraction.is_empty() {
            out.push(culture.point);
            out.push_str(&fraction);
        }
        out.push_str(self.after);
        out
    }

    fn write_whole(&self, digits: &str, culture: &Culture, out: &mut String) {
        let count = digits.len().max(self.whole_min);
        let padding = std::iter::repeat_n('0', count - digits.len());
        let mut inner = self.inner.iter().peekable();
        // Text left of every digit place, such as the bracket of `#(0)`, which no digit reaches.
        while inner.peek().is_some_and(|(right, _)| *right > count) {
            inner.next();
        }
        for (at, digit) in padding.chain(digits.chars()).enumerate() {
            let right = count - at;
            while let Some((_, c)) = inner.next_if(|(r, _)| *r == right) {
                out.push(*c);
            }
            if self.grouped && at > 0 && right.is_multiple_of(3) {
                out.push(culture.group);
            }
            out.push(digit);
        }
        out.extend(inner.map(|(_, c)| *c));
    }
}

fn count_places(fraction: &str) -> usize {
    fraction.bytes().filter(|b| matches!(b, b'0' | b'#')).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pictures() {
        for (number, pattern, expected) in [
            (1234.5, "#,##0", "1,235"),
            (0.0, "#,##0", "0"),
            (1_234_567.891, "#,##0.00", "1,234,567.89"),
            (-0.001, "0.00", "0.00"),
            (1.005, "0.00", "1.01"),
            (7.0, "000", "007"),
            (7.0, "00,000", "00,007"),
            (5.0, "0.##", "5"),
            (5.25, "0.0##", "5.25"),
            (0.5, "#.0", ".5"),
            (0.5, ".00", ".50"),
            (0.0, "$#,###", "$"),
            (1234.5, "R$ #,##0.00", "R$ 1,234.50"),
            (-5.0, "$#,##0.00", "-$5.00"),
            (0.256, "0.0%", "25.6%"),
            (3.0, "+0.0", "+3.0"),
            (-3.0, "+0.0", "-3.0"),
            (3.0, "$+0", "$+3"),
            (12.0, "0 kg", "12 kg"),
            (123_456.0, "000-000", "123-456"),
            (1_155_512_345.0, "(00) 0000-0000", "(11) 5551-2345"),
            (2.5, "literal", "2.5"),
            (1e21, "#,##0", "1,000,000,000,000,000,000,000"),
        ] {
            assert_eq!(format_number(Number::Float(number), pattern), expected, "{number} by {pattern}");
        }
        assert_eq!(format_number(Number::Int(i64::MIN), "#,##0"), "-9,223,372,036,854,775,808");
    }

    #[test]
    fn named_patterns_and_cultures() {
        for (number, pattern, expected) in [
            (1234.5, "N2", "1,234.50"),
            (1234.5, "n0", "1,235"),
            (1234.5, "C2[pt]", "R$ 1.234,50"),
            (-1234.5, "C2[pt-BR]", "-R$ 1.234,50"),
            (1234.5, "C2", "$1,234.50"),
            (1234.5, "currency", "$1,234.50"),
            (1234.5, "C[de]", "1.234,50 €"),
            (1234.5, "N1[xx]", "1,234.5"),
            (1234.5, "#,##0.00[pt]", "1.234,50"),
            (5.0, "0 [pcs]", "5 [pcs]"),
        ] {
            assert_eq!(format_number(Number::Float(number), pattern), expected, "{number} by {pattern}");
        }
    }

    proptest! {
        #[test]
        fn grouping_only_adds_separators(int: i64) {
            let grouped = format_number(Number::Int(int), "#,##0");
            prop_assert_eq!(grouped.replace(',', ""), int.to_string());
            let well_grouped = grouped.trim_start_matches('-').split(',').skip(1).all(|group| group.len() == 3);
            prop_assert!(well_grouped);
        }

        #[test]
        fn cents_agree_with_integer_arithmetic(cents in -1_000_000_000_i64..1_000_000_000) {
            let sign = if cents < 0 { "-" } else { "" };
            let naive = format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100);
            prop_assert_eq!(format_number(Number::Float(cents as f64 / 100.0), "0.00"), naive);
        }
    }
}
