//! Answers that are words of a list: languages and colours.

/// ISO 639-1 codes with the names people use: English, the language's own, and Portuguese where it differs much.
const LANGUAGES: &[(&str, &[&str])] = &[
    ("ar", &["arabic", "العربية", "árabe"]),
    ("bg", &["bulgarian", "български"]),
    ("bn", &["bengali", "বাংলা"]),
    ("ca", &["catalan", "català", "catalão"]),
    ("cs", &["czech", "čeština", "tcheco"]),
    ("da", &["danish", "dansk", "dinamarquês"]),
    ("de", &["german", "deutsch", "alemão", "alemán", "allemand"]),
    ("el", &["greek", "ελληνικά", "grego"]),
    ("en", &["english", "inglês", "ingles", "inglés", "anglais", "englisch"]),
    ("es", &["spanish", "español", "espanol", "castellano", "espanhol", "espagnol", "spanisch"]),
    ("et", &["estonian", "eesti"]),
    ("fa", &["persian", "farsi", "فارسی"]),
    ("fi", &["finnish", "suomi", "finlandês"]),
    ("fr", &["french", "français", "francais", "francês", "francés", "französisch"]),
    ("he", &["hebrew", "עברית", "hebraico"]),
    ("hi", &["hindi", "हिन्दी"]),
    ("hr", &["croatian", "hrvatski", "croata"]),
    ("hu", &["hungarian", "magyar", "húngaro"]),
    ("id", &["indonesian", "bahasa indonesia", "indonésio"]),
    ("it", &["italian", "italiano", "italien", "italienisch"]),
    ("ja", &["japanese", "日本語", "japonês", "japonés"]),
    ("ko", &["korean", "한국어", "coreano"]),
    ("lt", &["lithuanian", "lietuvių"]),
    ("lv", &["latvian", "latviešu"]),
    ("ms", &["malay", "bahasa melayu"]),
    ("nl", &["dutch", "nederlands", "holandês", "neerlandês"]),
    ("no", &["norwegian", "norsk", "norueguês"]),
    ("pl", &["polish", "polski", "polonês"]),
    ("pt", &["portuguese", "português", "portugues", "portugués", "portugais", "portugiesisch"]),
    ("ro", &["romanian", "română", "romeno"]),
    ("ru", &["russian", "русский", "russo", "ruso"]),
    ("sk", &["slovak", "slovenčina", "eslovaco"]),
    ("sl", &["slovenian", "slovenščina"]),
    ("sr", &["serbian", "српски", "sérvio"]),
    ("sv", &["swedish", "svenska", "sueco"]),
    ("th", &["thai", "ไทย", "tailandês"]),
    ("tr", &["turkish", "türkçe", "turco"]),
    ("uk", &["ukrainian", "українська", "ucraniano"]),
    ("ur", &["urdu", "اردو"]),
    ("vi", &["vietnamese", "tiếng việt", "vietnamita"]),
    ("zh", &["chinese", "中文", "chinês", "chino", "mandarin"]),
];

/// The two-letter code of a language given by code (`pt`, `pt-BR`) or name.
pub(super) fn language(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let code = lower.split(['-', '_']).next().unwrap_or("");
    let found = LANGUAGES.iter().find(|(known, names)| *known == code || names.contains(&lower.as_str()));
    found.map(|(code, _)| (*code).to_owned())
}

/// Common colour names of CSS Color Level 4.
const COLORS: &[(&str, &str)] = &[
    ("aqua", "#00FFFF"),
    ("beige", "#F5F5DC"),
    ("black", "#000000"),
    ("blue", "#0000FF"),
    ("brown", "#A52A2A"),
    ("chocolate", "#D2691E"),
    ("coral", "#FF7F50"),
    ("crimson", "#DC143C"),
    ("cyan", "#00FFFF"),
    ("darkblue", "#00008B"),
    ("darkgray", "#A9A9A9"),
    ("darkgreen", "#006400"),
    ("darkred", "#8B0000"),
    ("fuchsia", "#FF00FF"),
    ("gold", "#FFD700"),
    ("gray", "#808080"),
    ("green", "#008000"),
    ("grey", "#808080"),
    ("indigo", "#4B0082"),
    ("ivory", "#FFFFF0"),
    ("khaki", "#F0E68C"),
    ("lavender", "#E6E6FA"),
    ("lightblue", "#ADD8E6"),
    ("lightgray", "#D3D3D3"),
    ("lightgreen", "#90EE90"),
    ("lime", "#00FF00"),
    ("magenta", "#FF00FF"),
    ("maroon", "#800000"),
    ("navy", "#000080"),
    ("olive", "#808000"),
    ("orange", "#FFA500"),
    ("orchid", "#DA70D6"),
    ("pink", "#FFC0CB"),
    ("plum", "#DDA0DD"),
    ("purple", "#800080"),
    ("red", "#FF0000"),
    ("salmon", "#FA8072"),
    ("silver", "#C0C0C0"),
    ("skyblue", "#87CEEB"),
    ("tan", "#D2B48C"),
    ("teal", "#008080"),
    ("tomato", "#FF6347"),
    ("turquoise", "#40E0D0"),
    ("violet", "#EE82EE"),
    ("white", "#FFFFFF"),
    ("yellow", "#FFFF00"),
];

/// A colour as `#RRGGBB`, from a name, `#rgb`, `#rrggbb` or `rgb(r, g, b)`.
pub(super) fn color(text: &str) -> Option<String> {
    let compact: String =
        text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    if let Some((_, hex)) = COLORS.iter().find(|(name, _)| *name == compact) {
        return Some((*hex).to_owned());
    }
    if let Some(hex) = compact.strip_prefix('#') {
        let hex = hex.to_ascii_uppercase();
        let fits = hex.bytes().all(|b| b.is_ascii_hexdigit());
        return match hex.len() {
            6 if fits => Some(format!("#{hex}")),
            3 if fits => Some(hex.chars().fold("#".to_owned(), |color, c| color + &format!("{c}{c}"))),
            _ => None,
        };
    }
    let channels = compact.strip_prefix("rgb(")?.strip_suffix(')')?.split(',');
    let channels = channels.map(|c| c.parse::<u8>().ok()).collect::<Option<Vec<_>>>()?;
    let [red, green, blue] = channels.as_slice() else {
        return None;
    };
    Some(format!("#{red:02X}{green:02X}{blue:02X}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_by_code_and_name() {
        for (text, code) in [
            ("pt-BR", Some("pt")),
            ("EN", Some("en")),
            ("Português", Some("pt")),
            ("Deutsch", Some("de")),
            ("klingon", None),
        ] {
            assert_eq!(language(text).as_deref(), code, "{text}");
        }
    }

    #[test]
    fn colours_by_name_and_number() {
        for (text, hex) in [
            ("Red", Some("#FF0000")),
            ("light blue", Some("#ADD8E6")),
            ("#abc", Some("#AABBCC")),
            ("#12ab9F", Some("#12AB9F")),
            ("rgb(255, 0, 16)", Some("#FF0010")),
            ("rgb(256,0,0)", None),
            ("rgb(1,2)", None),
            ("#12", None),
            ("#ééé", None),
            ("reddish", None),
        ] {
            assert_eq!(color(text).as_deref(), hex, "{text}");
        }
    }
}
