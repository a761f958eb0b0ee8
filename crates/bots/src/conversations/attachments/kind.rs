//! What a file is, by its content. What its sender says of it proves nothing.

/// What nothing is known of.
pub(super) const UNKNOWN: &str = "application/octet-stream";

/// Kinds of text that only their names tell apart.
const TEXTS: &[(&str, &str)] = &[
    ("csv", "text/csv"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("json", "application/json"),
    ("md", "text/markdown"),
    ("svg", "image/svg+xml"),
    ("xml", "text/xml"),
];

/// The media type of a file that begins so.
pub(crate) fn of(head: &[u8], name: &str) -> &'static str {
    // Its table of texts is about markup that hides in other files; those are told apart below.
    if let Some(found) = infer::get(head).filter(|found| found.matcher_type() != infer::MatcherType::Text) {
        return found.mime_type();
    }
    if !is_text(head) {
        return UNKNOWN;
    }
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let known = TEXTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(ending));
    known.map_or("text/plain", |(_, kind)| kind)
}

/// Is it UTF-8 without control characters? The last character may be cut.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(cut) if cut.error_len().is_none() => {
            std::str::from_utf8(&head[..cut.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_content_tells_what_a_file_is_and_its_name_does_not() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        for (head, name, kind) in [
            (&png[..], "photo.png", "image/png"),
            (png, "invoice.pdf", "image/png"),
            (b"%PDF-1.7\n", "x", "application/pdf"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "a.txt", "image/jpeg"),
            (b"OggS\0\x02\0\0\0\0\0\0\0\0", "voice", "audio/ogg"),
            (b"a,b\n1,2\n", "t.CSV", "text/csv"),
            (b"plain words", "x.png", "text/plain"),
            ("caf\u{e9}".as_bytes(), "x", "text/plain"),
            (&"caf\u{e9}".as_bytes()[..4], "x", "text/plain"),
            (b"\0\x01\x02\x03junk", "x.png", UNKNOWN),
            (b"\xfe\xff\0h", "x.txt", UNKNOWN),
        ] {
            assert_eq!(of(head, name), kind, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_content_panics(head: Vec<u8>, name: String) {
            let _ = of(&head, &name);
        }
    }
}
