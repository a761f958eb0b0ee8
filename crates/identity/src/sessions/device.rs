//! What kind of device a `User-Agent` speaks of, in words for a list of sessions. A hint, never a proof.

/// Browsers by what only they say, the most particular first: each also claims to be those below it.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// "Firefox on Linux"; for programs the name that they give themselves.
pub(crate) fn describe(user_agent: &str) -> Option<String> {
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(sign, _)| user_agent.contains(sign)).map(|(_, name)| *name)
    };
    match (find(BROWSERS), find(SYSTEMS)) {
        (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
        (Some(only), None) | (None, Some(only)) => Some(only.to_owned()),
        (None, None) => {
            let product = user_agent.split(['/', ' ', ';', '(']).next().unwrap_or_default();
            (!product.is_empty()).then(|| product.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_named_with_its_system() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36";
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Safari/604.1";

        assert_eq!(describe(chrome).as_deref(), Some("Chrome on Linux"));
        assert_eq!(describe(phone).as_deref(), Some("Safari on iPhone"));
        assert_eq!(describe(&format!("{chrome} Edg/126.0")).as_deref(), Some("Edge on Linux"));
    }

    #[test]
    fn a_program_is_named_as_it_names_itself() {
        assert_eq!(describe("curl/8.7.1").as_deref(), Some("curl"));
        assert_eq!(describe(""), None);
    }
}
