//! Numbers with check digits: CPF, CNPJ, payment cards; and UUIDs.

/// A UUID in its canonical form, from any of the usual spellings (braces, `urn:uuid:`, without hyphens).
pub(super) fn uuid(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let inner = lower.strip_prefix("urn:uuid:").unwrap_or(&lower);
    let inner = inner.strip_prefix('{').map_or(Some(inner), |rest| rest.strip_suffix('}'))?;
    let hyphenated =
        inner.len() == 36 && [8, 13, 18, 23].iter().all(|at| inner.as_bytes().get(*at) == Some(&b'-'));
    let hex: String =
        if hyphenated { inner.chars().filter(|c| *c != '-').collect() } else { inner.to_owned() };
    if hex.len() != 32 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    Some(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

/// The characters of a number without the marks people write between them.
fn without_marks(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '.' | '-' | '/' | ' ')).collect()
}

/// A CPF as `123.456.789-09`. The check digits must be right, and not all digits equal.
pub(super) fn cpf(text: &str) -> Option<String> {
    let number = without_marks(text);
    if number.len() != 11 || !number.bytes().all(|b| b.is_ascii_digit()) || all_equal(&number) {
        return None;
    }
    let check = |count: usize| check_digit(&number[..count], |at| count + 1 - at);
    let right = number[9..] == format!("{}{}", check(9), check(10));
    right.then(|| format!("{}.{}.{}-{}", &number[..3], &number[3..6], &number[6..9], &number[9..]))
}

/// A CNPJ as `12.345.678/0001-95`. The check digits must be right, and not all digits equal.
///
/// The first twelve places may hold letters, as the Receita Federal issues since July 2026 (IN RFB 2.229/2024).
pub(super) fn cnpj(text: &str) -> Option<String> {
    let number = without_marks(text).to_ascii_uppercase();
    let fits = number.len() == 14
        && number.bytes().all(|b| b.is_ascii_alphanumeric())
        && number[12..].bytes().all(|b| b.is_ascii_digit());
    if !fits || all_equal(&number) {
        return None;
    }
    // Weights 2 to 9 from the right, over and over.
    let check = |count: usize| check_digit(&number[..count], |at| (count - 1 - at) % 8 + 2);
    if number[12..] != format!("{}{}", check(12), check(13)) {
        return None;
    }
    let n = &number;
    Some(format!("{}.{}.{}/{}-{}", &n[..2], &n[2..5], &n[5..8], &n[8..12], &n[12..]))
}

fn all_equal(number: &str) -> bool {
    number.bytes().all(|b| Some(&b) == number.as_bytes().first())
}

/// The modulo-11 check digit of both numbers: weighted sum, 11 minus the rest, 10 and 11 count as 0. A letter counts
/// as its ASCII code minus 48, as digits do.
fn check_digit(number: &str, weight: impl Fn(usize) -> usize) -> usize {
    let sum: usize =
        number.bytes().enumerate().map(|(at, b)| usize::from(b.saturating_sub(b'0')) * weight(at)).sum();
    match sum % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    }
}

/// A card number of 13 to 19 digits that passes the Luhn check, as `4111 **** **** 1111`. No more than the first and
/// last four digits leave this function.
pub(super) fn masked_card(text: &str) -> Option<String> {
    let number = without_marks(text);
    let fits =
        (13..=19).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit()) && luhn(&number);
    fits.then(|| format!("{} **** **** {}", &number[..4], &number[number.len() - 4..]))
}

/// ISO/IEC 7812-1, annex B.
fn luhn(number: &str) -> bool {
    let digit = |(at, b): (usize, u8)| {
        let digit = u32::from(b - b'0');
        match at % 2 {
            0 => digit,
            _ if digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        }
    };
    !all_equal(number) && number.bytes().rev().enumerate().map(digit).sum::<u32>().is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cpf_numbers() {
        assert_eq!(cpf("12345678909").as_deref(), Some("123.456.789-09"));
        assert_eq!(cpf("123.456.789-09").as_deref(), Some("123.456.789-09"));
        for text in ["12345678900", "11111111111", "1234567890", "123.456.789-0a", ""] {
            assert_eq!(cpf(text), None, "{text}");
        }
    }

    #[test]
    fn cnpj_numbers() {
        assert_eq!(cnpj("12345678000195").as_deref(), Some("12.345.678/0001-95"));
        assert_eq!(cnpj("12.abc.345/01de-35").as_deref(), Some("12.ABC.345/01DE-35"));
        for text in ["12345678000196", "00000000000000", "1234567800019", "12ABC34501DE3A"] {
            assert_eq!(cnpj(text), None, "{text}");
        }
    }

    #[test]
    fn cards_leave_only_masked() {
        assert_eq!(masked_card("4111 1111 1111 1111").as_deref(), Some("4111 **** **** 1111"));
        assert_eq!(masked_card("3782-822463-10005").as_deref(), Some("3782 **** **** 0005"));
        for text in ["4111 1111 1111 1112", "0000000000000000", "4111", "4111 1111 1111 111x"] {
            assert_eq!(masked_card(text), None, "{text}");
        }
    }

    #[test]
    fn uuids() {
        let canonical = Some("550e8400-e29b-41d4-a716-446655440000");
        for text in [
            "550E8400-E29B-41D4-A716-446655440000",
            "550e8400e29b41d4a716446655440000",
            "{550e8400-e29b-41d4-a716-446655440000}",
            "urn:uuid:550e8400-e29b-41d4-a716-446655440000",
        ] {
            assert_eq!(uuid(text).as_deref(), canonical, "{text}");
        }
        for text in ["550e8400-e29b-41d4-a716-44665544000", "{550e8400e29b41d4a716446655440000", "hello"] {
            assert_eq!(uuid(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_always_noticed(at in 0_usize..16, digit in 0_u8..10) {
            let mut number = *b"4111111111111111";
            number[at] = b'0' + digit;
            let text = String::from_utf8(number.to_vec()).unwrap();
            prop_assert_eq!(masked_card(&text).is_some(), text == "4111111111111111");
        }
    }
}
