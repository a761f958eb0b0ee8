//! The name of a file as it is kept: what a person recognizes, and nothing that a file system or a page would take
//! specially.

/// Characters of a name.
const LONGEST: usize = 200;
/// What has no name.
const NAMELESS: &str = "file";

/// The last part of the path that was sent, without control characters, marks of direction and separators.
pub(crate) fn cleaned(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown =
        |c: &char| !kernel::text::disturbs(*c) && !matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*');
    let kept: String = last.chars().filter(shown).collect();
    let kept = kept.trim_matches([' ', '.']);
    if kept.is_empty() {
        return NAMELESS.to_owned();
    }
    if kept.chars().count() <= LONGEST {
        return kept.to_owned();
    }
    // The ending stays: people go by it.
    let (stem, ending) = match kept.rsplit_once('.') {
        Some((stem, ending)) if ending.chars().count() <= 16 => (stem, format!(".{ending}")),
        _ => (kept, String::new()),
    };
    let room = LONGEST - ending.chars().count();
    stem.chars().take(room).collect::<String>() + &ending
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_no_path_and_no_markup() {
        for (sent, kept) in [
            ("menu.pdf", "menu.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\Ann\\photo.jpg", "photo.jpg"),
            ("a\u{202e}fdp.exe", "afdp.exe"),
            ("two\nlines\0.txt", "twolines.txt"),
            ("<script>.html", "script.html"),
            (" .. ", "file"),
            ("", "file"),
            ("..", "file"),
            ("folder/", "file"),
            ("Zo\u{eb} \u{674e}.png", "Zo\u{eb} \u{674e}.png"),
        ] {
            assert_eq!(cleaned(sent), kept, "{sent:?}");
        }
        let long = cleaned(&format!("{}.jpeg", "x".repeat(500)));
        assert!(long.len() == 200 && long.ends_with("x.jpeg"));
    }

    proptest! {
        #[test]
        fn a_kept_name_stays_as_it_is(name in "\\PC{0,300}") {
            let kept = cleaned(&name);
            prop_assert!(!kept.is_empty() && kept.chars().count() <= LONGEST);
            let again = cleaned(&kept);
            prop_assert_eq!(again.trim_matches([' ', '.']), kept.trim_matches([' ', '.']));
        }
    }
}
