//! Choosing from options.

use crate::scalar::like::fold;

/// The option a reply means: equal ignoring case, else its number from 1, else the only one that contains the reply.
pub(super) fn choose<S: AsRef<str>>(reply: &str, options: &[S]) -> Option<String> {
    let mut options = options.iter().map(AsRef::as_ref);
    let wanted = fold(reply);
    if let Some(equal) = equal(&wanted, options.clone()) {
        return Some(equal.to_owned());
    }
    if let Ok(number) = reply.parse::<usize>()
        && let Some(option) = number.checked_sub(1).and_then(|at| options.clone().nth(at))
    {
        return Some(option.to_owned());
    }
    let mut containing = options.by_ref().filter(|option| fold(option).contains(&wanted));
    match (containing.next(), containing.next()) {
        (Some(only), None) => Some(only.to_owned()),
        _ => None,
    }
}

/// As [`choose`] where any other text is an answer too. A number or a part of an option is then just text: whoever
/// answers "1" to `"all", *` means one.
pub(super) fn choose_or_take<S: AsRef<str>>(reply: &str, options: &[S]) -> String {
    equal(&fold(reply), options.iter().map(AsRef::as_ref)).unwrap_or(reply).to_owned()
}

fn equal<'a>(folded: &str, mut options: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    options.find(|option| fold(option.trim()) == folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_then_number_then_part() {
        let fruit = ["Apple", "Pear", "Plum"];
        for (reply, option) in [
            ("pear", Some("Pear")),
            ("2", Some("Pear")),
            ("pea", Some("Pear")),
            ("p", None),
            ("4", None),
            ("0", None),
        ] {
            assert_eq!(choose(reply, &fruit).as_deref(), option, "{reply}");
        }
        assert_eq!(choose("20", &["10", "20"]).as_deref(), Some("20"), "equality comes before counting");
    }

    #[test]
    fn an_open_menu_takes_any_text_as_it_is() {
        assert_eq!(choose_or_take("DONE", &["done"]), "done");
        assert_eq!(choose_or_take("1", &["done"]), "1");
        assert_eq!(choose_or_take("do", &["done"]), "do");
    }
}
