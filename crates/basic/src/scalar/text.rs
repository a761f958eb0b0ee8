//! Text functions. Positions and lengths count characters (Unicode scalar values), the first character is 1.

use super::like::fold;

/// A text would grow beyond the limit given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text would be longer than {limit} bytes")]
pub struct TooLong {
    /// The limit in bytes.
    pub limit: usize,
}

/// `LEN`: the number of characters.
pub fn length(text: &str) -> usize {
    text.chars().count()
}

/// Byte position after the first `count` characters, or the end. Looks at no more than these, so that short pieces of a
/// long text are cheap.
fn byte_at(text: &str, count: usize) -> usize {
    match text.as_bytes().get(..count) {
        // Every character has at least one byte.
        None => text.len(),
        Some(start) if start.is_ascii() => count,
        Some(_) => text.char_indices().nth(count).map_or(text.len(), |(at, _)| at),
    }
}

/// `LEFT(s, n)`: the first `count` characters; none for a negative count.
///
/// ```
/// assert_eq!(basic::scalar::text::left("Grüße", 3), "Grü");
/// ```
pub fn left(text: &str, count: i64) -> &str {
    &text[..byte_at(text, natural(count))]
}

/// `RIGHT(s, n)`: the last `count` characters; none for a negative count.
pub fn right(text: &str, count: i64) -> &str {
    let count = natural(count);
    if count == 0 {
        return "";
    }
    text.char_indices().nth_back(count - 1).map_or(text, |(at, _)| &text[at..])
}

/// `MID(s, start[, n])`: from character `start` (the first is 1; smaller values mean 1) to the end or for `count`
/// characters.
///
/// ```
/// use basic::scalar::text::mid;
/// assert_eq!(mid("Grüße", 3, Some(2)), "üß");
/// assert_eq!(mid("xyz", 2, None), "yz");
/// ```
pub fn mid(text: &str, start: i64, count: Option<i64>) -> &str {
    let rest = &text[byte_at(text, natural(start.saturating_sub(1)))..];
    count.map_or(rest, |count| left(rest, count))
}

fn natural(count: i64) -> usize {
    usize::try_from(count.max(0)).unwrap_or(usize::MAX)
}

/// `INSTR([start,] s, find)`: the position of the first occurrence at or after character `start`, 0 if there is none;
/// case counts. An empty `find` is found at `start` unless that is past the end.
///
/// ```
/// use basic::scalar::text::position;
/// assert_eq!(position("Grüße, Welt", "Welt", 1), 8);
/// assert_eq!(position("Grüße, Welt", "G", 9), 0);
/// ```
pub fn position(text: &str, find: &str, start: i64) -> i64 {
    let skipped = natural(start.saturating_sub(1));
    let from = byte_at(text, skipped);
    match text[from..].find(find) {
        // Found at the end only by an empty text, which is found at no character.
        Some(at) if from + at < text.len() => (skipped + length(&text[from..from + at])) as i64 + 1,
        _ => 0,
    }
}

/// `CAPITALIZE`: the first character in upper case, the rest as it is.
pub fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `REPLACE(s, a, b)`: every `find` replaced; an empty `find` replaces nothing. Errors beyond `limit` bytes.
pub fn replace(text: &str, find: &str, with: &str, limit: usize) -> Result<String, TooLong> {
    if find.is_empty() {
        return Ok(text.to_owned());
    }
    let mut result = String::with_capacity(text.len().min(limit));
    let mut copied = 0;
    for (at, _) in text.match_indices(find) {
        push_bounded(&mut result, &text[copied..at], limit)?;
        push_bounded(&mut result, with, limit)?;
        copied = at + find.len();
    }
    push_bounded(&mut result, &text[copied..], limit)?;
    Ok(result)
}

fn push_bounded(result: &mut String, part: &str, limit: usize) -> Result<(), TooLong> {
    if part.len() > limit.saturating_sub(result.len()) {
        return Err(TooLong { limit });
    }
    result.push_str(part);
    Ok(())
}

/// `REPEAT(s, n)`: the text `count` times, empty for a negative count. Errors beyond `limit` bytes.
pub fn repeat(text: &str, count: i64, limit: usize) -> Result<String, TooLong> {
    let count = natural(count);
    match text.len().checked_mul(count) {
        Some(0) => Ok(String::new()),
        Some(length) if length <= limit => Ok(text.repeat(count)),
        _ => Err(TooLong { limit }),
    }
}

/// `SPLIT(s, sep)`: the parts between the separators; the single characters for an empty separator, and nothing for an
/// empty text, so that a loop over the parts of a missing value does not run.
///
/// ```
/// use basic::scalar::text::split;
/// assert_eq!(split("a,,b", ",").collect::<Vec<_>>(), ["a", "", "b"]);
/// assert_eq!(split("äb", "").collect::<Vec<_>>(), ["ä", "b"]);
/// assert_eq!(split("", ",").count(), 0);
/// ```
pub fn split<'a>(text: &'a str, separator: &'a str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
    if text.is_empty() {
        Box::new(std::iter::empty())
    } else if separator.is_empty() {
        Box::new(text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]))
    } else {
        Box::new(text.split(separator))
    }
}

/// `EXTRACT_BETWEEN(s, a, b)`: what stands between the first `a` and the next `b`; empty when either is absent.
pub fn extract_between<'a>(text: &'a str, a: &str, b: &str) -> &'a str {
    text.split_once(a).and_then(|(_, rest)| rest.split_once(b)).map_or("", |(found, _)| found)
}

/// `EXTRACT_BEFORE(s, a)`: what stands before the first `a`; empty when it is absent.
pub fn extract_before<'a>(text: &'a str, a: &str) -> &'a str {
    text.split_once(a).map_or("", |(found, _)| found)
}

/// `EXTRACT_AFTER(s, a)`: what stands after the first `a`; empty when it is absent.
pub fn extract_after<'a>(text: &'a str, a: &str) -> &'a str {
    text.split_once(a).map_or("", |(_, found)| found)
}

/// `CHR(n)`: the character with this code point, `None` where there is no character.
pub fn chr(code: i64) -> Option<char> {
    u32::try_from(code).ok().and_then(char::from_u32)
}

/// `ASC(s)`: the code point of the first character, 0 for an empty text.
pub fn asc(text: &str) -> i64 {
    text.chars().next().map_or(0, |c| i64::from(u32::from(c)))
}

/// `FIRST(s)`: the first word; empty when there is none. Words are parted by blanks.
pub fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or("")
}

/// `LAST(s)`: the last word; empty when there is none.
pub fn last_word(text: &str) -> &str {
    text.split_whitespace().next_back().unwrap_or("")
}

/// `FIRST(s, n)`: the text of the first `count` words, with the blanks between them as they are.
///
/// ```
/// assert_eq!(basic::scalar::text::first_words("  one two  three ", 2), "one two");
/// ```
pub fn first_words(text: &str, count: i64) -> &str {
    let text = text.trim();
    match text.split_whitespace().nth(natural(count)) {
        Some(next) => text[..offset_in(text, next)].trim_end(),
        None => text,
    }
}

/// `LAST(s, n)`: the text of the last `count` words, with the blanks between them as they are.
pub fn last_words(text: &str, count: i64) -> &str {
    let text = text.trim();
    match text.split_whitespace().nth_back(natural(count)) {
        Some(before) => text[offset_in(text, before) + before.len()..].trim_start(),
        None => text,
    }
}

/// Where a part of a text begins in it, in bytes.
fn offset_in(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

/// `s CONTAINS v` for texts: whether `find` occurs, ignoring case. The empty text occurs everywhere.
///
/// ```
/// assert!(basic::scalar::text::contains("Straße ÄÖ", "äö"));
/// ```
pub fn contains(text: &str, find: &str) -> bool {
    find.len() <= text.len().saturating_mul(4) && (text.contains(find) || fold(text).contains(&fold(find)))
}

/// `s STARTS WITH v`; case counts.
pub fn starts_with(text: &str, start: &str) -> bool {
    text.starts_with(start)
}

/// `s ENDS WITH v`; case counts.
pub fn ends_with(text: &str, end: &str) -> bool {
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn positions_count_characters() {
        let text = "Grüße, Welt";
        assert_eq!((length(text), left(text, 5), mid(text, 8, Some(2))), (11, "Grüße", "We"));
        assert_eq!((position(text, "Welt", 1), position(text, "G", 9)), (8, 0));
        assert_eq!((right(text, 2), right(text, 99), right(text, -1), right(text, 0)), ("lt", text, "", ""));
        assert_eq!(
            (mid("abc", 0, Some(2)), mid("abc", 9, None), mid("abc", i64::MIN, Some(-1))),
            ("ab", "", "")
        );
        assert_eq!((position("abc", "", 2), position("", "", 1), position("aXbX", "X", 3)), (2, 0, 4));
    }

    #[test]
    fn words_of_a_text() {
        assert_eq!((first_word(" jane roe "), last_word("jane roe "), first_word("  ")), ("jane", "roe", ""));
        assert_eq!((first_words("a b  c", 2), last_words("a b  c", 2)), ("a b", "b  c"));
        assert_eq!(
            (first_words("a b", 9), last_words("a b", 9), first_words("a b", 0), last_words("a b", -1)),
            ("a b", "a b", "", "")
        );
    }

    #[test]
    fn parts_between_marks_are_empty_when_a_mark_is_absent() {
        assert_eq!(extract_between("<b>x</b>", "<b>", "</b>"), "x");
        assert_eq!(extract_between("<b>x", "<b>", "</b>"), "");
        assert_eq!((extract_before("a=b", "="), extract_after("a=b", "=")), ("a", "b"));
        assert_eq!((extract_before("ab", "="), extract_after("ab", "=")), ("", ""));
    }

    #[test]
    fn growth_is_bounded() {
        assert_eq!(repeat("ab", 3, 6).as_deref(), Ok("ababab"));
        assert_eq!(repeat("ab", i64::MAX, 6), Err(TooLong { limit: 6 }));
        assert_eq!(repeat("", i64::MAX, 6).as_deref(), Ok(""));
        assert_eq!(replace("aaa", "a", "bb", 6).as_deref(), Ok("bbbbbb"));
        assert_eq!(replace("aaa", "a", "bbb", 6), Err(TooLong { limit: 6 }));
        assert_eq!(replace("abc", "", "x", 6).as_deref(), Ok("abc"));
    }

    #[test]
    fn small_functions() {
        assert_eq!(capitalize("élan vital"), "Élan vital");
        assert_eq!((chr(65), chr(-1), chr(0xD800)), (Some('A'), None, None));
        assert_eq!((asc("ß"), asc("")), (223, 0));
        assert!(contains("Abc", "BC") && contains("x", "") && !contains("", "x"));
    }

    proptest! {
        #[test]
        fn slices_agree_with_a_list_of_characters(text in "\\PC{0,12}", start in -3_i64..15, count in -3_i64..15) {
            let chars: Vec<char> = text.chars().collect();
            let from = (start.max(1) - 1).min(chars.len() as i64) as usize;
            let n = count.max(0) as usize;
            let naive: String = chars[from..].iter().take(n).collect();
            prop_assert_eq!(mid(&text, start, Some(count)), naive);
            let naive: String = chars.iter().take(n).collect();
            prop_assert_eq!(left(&text, count), naive);
            let naive: String = chars[chars.len().saturating_sub(n)..].iter().collect();
            prop_assert_eq!(right(&text, count), naive);
        }

        #[test]
        fn position_agrees_with_a_search_through_characters(text in "[aäb]{0,9}", find in "[aäb]{1,2}", start in 0_i64..9) {
            let (chars, wanted): (Vec<char>, Vec<char>) = (text.chars().collect(), find.chars().collect());
            let naive = (start.max(1) as usize - 1..chars.len())
                .find(|at| chars[*at..].starts_with(&wanted))
                .map_or(0, |at| at as i64 + 1);
            prop_assert_eq!(position(&text, &find, start), naive);
        }

        #[test]
        fn replace_agrees_with_the_standard_library(text in "[ab]{0,9}", find in "[ab]{1,2}", with in "[abc]{0,3}") {
            prop_assert_eq!(replace(&text, &find, &with, 1000), Ok(text.replace(&find, &with)));
            prop_assert_eq!(split(&text, &find).collect::<Vec<_>>().join(&find), text);
        }
    }
}
