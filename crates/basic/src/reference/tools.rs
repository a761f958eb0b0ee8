//! The table of what a PARAM may take.

use crate::tools::{ParamKind, Parameter};

/// The words of each kind, as authors write them.
const WORDS: &[(ParamKind, &[&str])] = &[
    (ParamKind::String, &["STRING", "TEXT", "ANY"]),
    (ParamKind::Name, &["NAME"]),
    (ParamKind::Integer, &["INTEGER", "INT"]),
    (ParamKind::Number, &["NUMBER", "FLOAT", "DECIMAL", "DOUBLE"]),
    (ParamKind::Money, &["MONEY", "CURRENCY", "AMOUNT"]),
    (ParamKind::Boolean, &["BOOLEAN", "BOOL"]),
    (ParamKind::Date, &["DATE"]),
    (ParamKind::DateTime, &["DATETIME", "TIMESTAMP"]),
    (ParamKind::Hour, &["HOUR", "TIME"]),
    (ParamKind::Email, &["EMAIL"]),
    (ParamKind::Url, &["URL", "LINK"]),
    (ParamKind::Uuid, &["UUID", "GUID"]),
    (ParamKind::Phone, &["PHONE", "MOBILE", "TELEPHONE"]),
    (ParamKind::File, &["FILE", "IMAGE", "QRCODE", "AUDIO", "VIDEO", "DOCUMENT"]),
    (ParamKind::Array, &["ARRAY", "LIST"]),
    (ParamKind::Object, &["OBJECT", "MAP", "JSON"]),
    (ParamKind::Choice, &[]),
];

/// What a call of the model may give for a kind.
fn takes(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::String => "Any text.",
        ParamKind::Name => "The name of a person.",
        ParamKind::Integer => "A whole number.",
        ParamKind::Number => "A number.",
        ParamKind::Money => "An amount of money, not negative.",
        ParamKind::Boolean => "True or false.",
        ParamKind::Date => "A day.",
        ParamKind::DateTime => "An instant.",
        ParamKind::Hour => "A time of day.",
        ParamKind::Email => "An e-mail address.",
        ParamKind::Url => "A web address.",
        ParamKind::Uuid => "A UUID.",
        ParamKind::Phone => "A phone number.",
        ParamKind::File => "A reference to a file.",
        ParamKind::Array => "A list of anything.",
        ParamKind::Object => "An object.",
        ParamKind::Choice => "One of the texts.",
    }
}

/// All types with their JSON Schema.
pub(super) fn types() -> String {
    let rows = WORDS.iter().map(|(kind, words)| {
        let mut parameter = Parameter::new("x", *kind);
        let shown = if words.is_empty() {
            parameter.choices = vec!["small".into(), "large".into()];
            r#"`"small", "large"` or `STRING ENUM ["small", "large"]`"#.to_owned()
        } else {
            super::codes(words.iter().copied())
        };
        let mut schema = parameter.schema();
        if let Some(fields) = schema.as_object_mut() {
            fields.shift_remove("description");
        }
        [shown, takes(*kind).to_owned(), format!("`{schema}`")]
    });
    super::table(["AS", "what it takes", "JSON Schema"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_names_its_kind() {
        for (kind, words) in WORDS {
            for word in *words {
                assert_eq!(ParamKind::from_word(word), Some(*kind), "{word}");
            }
        }
    }
}
