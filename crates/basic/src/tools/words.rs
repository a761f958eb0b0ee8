//! Names as words.

/// A name in words, for parameters and tools without DESCRIPTION: `customerName` and `customer_name` become
/// `customer name`; runs of capitals stay together.
///
/// ```
/// use basic::tools::in_words;
/// assert_eq!(in_words("customerName"), "customer name");
/// assert_eq!(in_words("order_id"), "order id");
/// assert_eq!(in_words("userID"), "user ID");
/// ```
pub fn in_words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        if matches!(c, '_' | '-' | ' ') {
            if !words.is_empty() && before != ' ' {
                before = ' ';
            }
            continue;
        }
        let begins = c.is_uppercase() && before.is_lowercase();
        if !words.is_empty() && (before == ' ' || begins) {
            words.push(' ');
        }
        let alone = chars.peek().is_none_or(|next| !next.is_uppercase());
        if c.is_uppercase() && alone && !before.is_uppercase() {
            words.extend(c.to_lowercase());
        } else {
            words.push(c);
        }
        before = c;
    }
    words
}
