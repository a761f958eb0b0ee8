//! `LIKE`: patterns with `%` or `*` for any run and `_` or `?` for one character, ignoring case.
//!
//! A pattern is a row of segments between runs. Each is searched at its first possible place, which is right because
//! a run accepts anything; none is ever tried again. A segment without `_` is found by the linear search of the
//! standard library, one with `_` by shifting a bit set along the text.

/// A `LIKE` segment with `_` is longer than [`SEGMENT_MAX`] characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a LIKE pattern may have at most {SEGMENT_MAX} characters around _ or ?")]
pub struct PatternTooLong;

/// How many characters may stand between two runs of a pattern where one of them is `_`.
///
/// The search costs the length of the text times this divided by 64.
pub const SEGMENT_MAX: usize = 256;

/// Characters in a form in which case does not count; one character stays one.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().map(fold_char).collect()
}

fn fold_char(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(single), None) => single,
        _ => c,
    }
}

/// Whether the text fits the pattern. A pattern without wildcard fits a text that contains it.
///
/// ```
/// use basic::scalar::like::like;
/// assert_eq!(like("Anna Schmidt", "anna%"), Ok(true));
/// assert_eq!(like("A-17", "?-*"), Ok(true));
/// assert_eq!(like("Anna Schmidt", "schm"), Ok(true));
/// ```
pub fn like(text: &str, pattern: &str) -> Result<bool, PatternTooLong> {
    let (text, pattern) = (fold(text), fold(pattern));
    if !pattern.contains(['%', '*', '_', '?']) {
        return Ok(text.contains(&pattern));
    }
    let segments = pattern.split(['%', '*']).map(Segment::new).collect::<Result<Vec<_>, _>>()?;
    let [first, middle @ .., last] = segments.as_slice() else {
        // No run at all: the one segment must be the text.
        return Ok(segments.first().is_some_and(|only| only.prefix_of(&text) == Some(text.len())));
    };
    let Some(after) = first.prefix_of(&text) else {
        return Ok(false);
    };
    let mut rest = &text[after..];
    let Some(tail) = last.suffix_of(rest) else {
        return Ok(false);
    };
    rest = &rest[..tail];
    for segment in middle {
        match segment.find_end(rest) {
            Some(end) => rest = &rest[end..],
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// What stands between two runs.
enum Segment<'a> {
    /// Text to be found as it is.
    Plain(&'a str),
    /// Characters of which some (`None`) fit any.
    Open(Vec<Option<char>>),
}

impl<'a> Segment<'a> {
    fn new(text: &'a str) -> Result<Self, PatternTooLong> {
        if !text.contains(['_', '?']) {
            return Ok(Self::Plain(text));
        }
        let chars: Vec<_> =
            text.chars().map(|c| if matches!(c, '_' | '?') { None } else { Some(c) }).collect();
        if chars.len() > SEGMENT_MAX { Err(PatternTooLong) } else { Ok(Self::Open(chars)) }
    }

    /// The byte where the segment ends if the text begins with it.
    fn prefix_of(&self, text: &str) -> Option<usize> {
        match self {
            Self::Plain(plain) => text.starts_with(plain).then_some(plain.len()),
            Self::Open(chars) => {
                let mut rest = text.chars();
                let fits =
                    chars.iter().all(|wanted| rest.next().is_some_and(|c| wanted.is_none_or(|w| w == c)));
                fits.then(|| text.len() - rest.as_str().len())
            }
        }
    }

    /// The byte where the segment begins if the text ends with it.
    fn suffix_of(&self, text: &str) -> Option<usize> {
        match self {
            Self::Plain(plain) => text.ends_with(plain).then(|| text.len() - plain.len()),
            Self::Open(chars) => {
                let mut rest = text.chars();
                let mut wanted = chars.iter().rev();
                let fits =
                    wanted.all(|wanted| rest.next_back().is_some_and(|c| wanted.is_none_or(|w| w == c)));
                fits.then_some(rest.as_str().len())
            }
        }
    }

    /// The byte where the first occurrence in the text ends.
    fn find_end(&self, text: &str) -> Option<usize> {
        match self {
            Self::Plain(plain) => text.find(plain).map(|at| at + plain.len()),
            Self::Open(chars) => find_open(text, chars),
        }
    }
}

/// The bit-parallel search known as Shift-And: bit `i` says that the last `i + 1` characters fit the start of the
/// segment.
fn find_open(text: &str, segment: &[Option<char>]) -> Option<usize> {
    const WORDS: usize = SEGMENT_MAX / 64;
    let words = segment.len().div_ceil(64);
    let mut any = [0_u64; WORDS];
    let mut masks: std::collections::HashMap<char, [u64; WORDS]> = std::collections::HashMap::new();
    for (i, wanted) in segment.iter().enumerate() {
        match wanted {
            None => any[i / 64] |= 1 << (i % 64),
            Some(c) => masks.entry(*c).or_default()[i / 64] |= 1 << (i % 64),
        }
    }
    let last = segment.len() - 1;
    let mut state = [0_u64; WORDS];
    for (at, c) in text.char_indices() {
        let mask = masks.get(&c);
        let mut carry = 1;
        for word in 0..words {
            let overflow = state[word] >> 63;
            state[word] = (state[word] << 1 | carry) & (any[word] | mask.map_or(0, |m| m[word]));
            carry = overflow;
        }
        if state[last / 64] >> (last % 64) & 1 == 1 {
            return Some(at + c.len_utf8());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    #[test]
    fn wildcards_and_case() {
        let fits = |text, pattern| like(text, pattern).unwrap();
        assert!(fits("Order 17", "order%") && fits("Order 17", "*17") && fits("Order 17", "o____ __"));
        assert!(!fits("Order 17", "17%") && fits("Order 17", "order"));
        assert!(fits("", "%") && fits("", "") && !fits("", "_"));
        assert!(fits("ÄRGER", "ä_ger") && fits("İ", "_"), "one character stays one");
        assert!(!fits("ab", "ab%b"), "the ends do not overlap");
    }

    #[test]
    fn hostile_patterns_take_linear_time() {
        let text = "a".repeat(200_000);
        let start = Instant::now();
        assert_eq!(like(&text, &format!("{}b", "%a".repeat(5_000))), Ok(false));
        assert_eq!(like(&text, &format!("%{}b%", "a".repeat(100_000))), Ok(false));
        assert_eq!(like(&text, &format!("%{}b%", "a_".repeat(100))), Ok(false));
        assert_eq!(like(&text, &"_".repeat(300)), Err(PatternTooLong));
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    fn naive(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%' | '*', rest @ ..] => (0..=text.len()).any(|at| naive(&text[at..], rest)),
            ['_' | '?', rest @ ..] => !text.is_empty() && naive(&text[1..], rest),
            [c, rest @ ..] => text.first() == Some(c) && naive(&text[1..], rest),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_backtracking(text in "[abä]{0,10}", pattern in "[abä%*_?]{0,7}") {
            let (chars, wanted): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
            let naive = if pattern.contains(['%', '*', '_', '?']) { naive(&chars, &wanted) } else { text.contains(&pattern) };
            prop_assert_eq!(like(&text, &pattern), Ok(naive));
        }

        #[test]
        fn a_long_open_segment_is_found(before in "[ab]{0,80}", text in "[ab]{60,140}") {
            let open: String = text.chars().enumerate().map(|(i, c)| if i % 3 == 0 { '_' } else { c }).collect();
            let haystack = format!("{before}{text}b");
            prop_assert_eq!(like(&haystack, &format!("%{open}%")), Ok(true));
        }
    }
}
