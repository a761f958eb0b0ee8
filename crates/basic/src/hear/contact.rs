//! How to reach somebody: names, e-mail and web addresses, phone numbers, postal codes.

/// One e-mail address in lower case.
///
/// Stricter than RFC 5321: no quoted local part, no address literal, and the domain has a dot.
pub(super) fn email(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c);
    let local_fits =
        local.len() <= 64 && local.split('.').all(|part| !part.is_empty() && part.chars().all(plain));
    (local_fits && text.len() <= 254 && is_domain(domain)).then(|| text.to_lowercase())
}

/// A host name of at least two labels, the last of which is no number.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let last = text.rsplit('.').next().unwrap_or("");
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(label)
        && last.chars().count() >= 2
        && !last.bytes().all(|b| b.is_ascii_digit())
}

/// A web address with its scheme, `https://` where none is given.
///
/// Only `http` and `https`, and no user before the host: an address that says one thing and leads to another is
/// nothing a dialog needs.
pub(super) fn url(text: &str) -> Option<String> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    if scheme.is_some_and(|s| !s.eq_ignore_ascii_case("http") && !s.eq_ignore_ascii_case("https")) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let host_fits = is_domain(host)
        || host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::Ipv4Addr>().is_ok();
    if !host_fits || port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return None;
    }
    Some(if scheme.is_some() { text.to_owned() } else { format!("https://{text}") })
}

/// A name: 2 to 100 letters, blanks, `-` and apostrophes, beginning with a letter. Each word gets a capital; the rest
/// stays as typed unless the whole name is in one case.
pub(super) fn name(text: &str) -> Option<String> {
    let count = text.chars().count();
    let fits = |c: char| c.is_alphabetic() || is_mark(c) || matches!(c, ' ' | '-' | '\'' | '’');
    if !(2..=100).contains(&count) || !text.chars().all(fits) || !text.starts_with(char::is_alphabetic) {
        return None;
    }
    let letters = || text.chars().filter(|c| c.is_alphabetic());
    let one_case = !letters().any(char::is_lowercase) || !letters().any(char::is_uppercase);
    let mut out = String::with_capacity(text.len());
    let mut word = 0;
    let mut elided = false;
    for c in text.chars() {
        if c == ' ' && out.ends_with(' ') {
            continue;
        }
        // O'Brien and D'Angelo, but not Jo's.
        let starts = word == 0 || elided && out.ends_with(['\'', '’']);
        if starts && c.is_alphabetic() {
            out.extend(c.to_uppercase());
        } else if one_case {
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
        elided = matches!(c, '\'' | '’') && word == 1;
        word = if matches!(c, ' ' | '-') { 0 } else { word + 1 };
    }
    Some(out)
}

/// Combining accents, which a phone may send apart from their letter.
fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// A phone number of 10 to 15 digits: `+digits` if given with `+`, else in the Brazilian and North American forms, or
/// bare digits.
pub(super) fn mobile(text: &str) -> Option<String> {
    let (plus, rest) = text.strip_prefix('+').map_or((false, text), |rest| (true, rest));
    if !rest.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '\u{a0}' | '(' | ')' | '-' | '.' | '/'))
    {
        return None;
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    Some(match digits.len() {
        10..=15 if plus => format!("+{digits}"),
        10 => format!("({}) {}-{}", &digits[..3], &digits[3..6], &digits[6..]),
        11 => format!("({}) {}-{}", &digits[..2], &digits[2..7], &digits[7..]),
        12..=15 => digits,
        _ => return None,
    })
}

/// A postal code: Brazilian (8 digits), United States (5 or 5+4), or British.
pub(super) fn zipcode(text: &str) -> Option<String> {
    let compact: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.')).collect();
    if compact.bytes().all(|b| b.is_ascii_digit()) {
        return match compact.len() {
            5 => Some(compact),
            8 | 9 => Some(format!("{}-{}", &compact[..5], &compact[5..])),
            _ => None,
        };
    }
    british(&compact.to_ascii_uppercase())
}

/// `A9 9AA`, `A99 9AA`, `AA9 9AA`, `AA99 9AA`, `A9A 9AA`, `AA9A 9AA`.
fn british(compact: &str) -> Option<String> {
    if !compact.is_ascii() || !(5..=7).contains(&compact.len()) {
        return None;
    }
    let (outward, inward) = compact.split_at(compact.len() - 3);
    let shape: String = outward
        .chars()
        .map(|c| match c {
            '0'..='9' => '9',
            'A'..='Z' => 'A',
            _ => '?',
        })
        .collect();
    let outward_fits = matches!(shape.as_str(), "A9" | "A99" | "AA9" | "AA99" | "A9A" | "AA9A");
    let inward_fits = inward.starts_with(|c: char| c.is_ascii_digit())
        && inward[1..].bytes().all(|b| b.is_ascii_uppercase());
    (outward_fits && inward_fits).then(|| format!("{outward} {inward}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(read: impl Fn(&str) -> Option<String>, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(read(text).unwrap_or_else(|| "-".into()), *expected, "{text}");
        }
    }

    #[test]
    fn email_addresses() {
        check(
            email,
            &[
                ("Ann.Lee+x@Example.COM", "ann.lee+x@example.com"),
                ("info@müller.de", "info@müller.de"),
                ("ann@localhost", "-"),
                ("ann@example.c", "-"),
                ("ann@exa mple.com", "-"),
                ("a@b@example.com", "-"),
                ("a..b@example.com", "-"),
                ("@example.com", "-"),
                ("ann@-example.com", "-"),
                ("ann@1.2.3.44", "-"),
                ("a@x.com, b@x.com", "-"),
            ],
        );
    }

    #[test]
    fn names() {
        check(
            name,
            &[
                ("ann lee", "Ann Lee"),
                ("JOÃO DA SILVA", "João Da Silva"),
                ("Ronald McDonald", "Ronald McDonald"),
                ("o'brien-smith", "O'Brien-Smith"),
                ("jean  luc", "Jean Luc"),
                ("x", "-"),
                ("R2D2", "-"),
                ("-ann", "-"),
            ],
        );
    }

    #[test]
    fn web_addresses() {
        check(
            url,
            &[
                ("example.com/a?b#c", "https://example.com/a?b#c"),
                ("http://Example.com:8080", "http://Example.com:8080"),
                ("localhost:3000", "https://localhost:3000"),
                ("javascript:alert(1)", "-"),
                ("ftp://example.com", "-"),
                ("https://good.com@evil.com", "-"),
                ("https://", "-"),
                ("hello", "-"),
                ("example.com:99999", "-"),
                ("two words.com", "-"),
            ],
        );
    }

    #[test]
    fn phone_numbers() {
        check(
            mobile,
            &[
                ("+55 (11) 99999-8888", "+5511999998888"),
                ("11999998888", "(11) 99999-8888"),
                ("555.123.4567", "(555) 123-4567"),
                ("005511999998888", "005511999998888"),
                ("12345", "-"),
                ("call me", "-"),
                ("1234567890123456", "-"),
            ],
        );
    }

    #[test]
    fn postal_codes() {
        check(
            zipcode,
            &[
                ("12345678", "12345-678"),
                ("12345-678", "12345-678"),
                ("90210", "90210"),
                ("90210-1234", "90210-1234"),
                ("sw1a1aa", "SW1A 1AA"),
                ("m1 1ae", "M1 1AE"),
                ("1234", "-"),
                ("ABCDE", "-"),
            ],
        );
    }
}
