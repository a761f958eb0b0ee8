//! What the text of GET and SET names.

/// What a text names, by the first of these that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// An address on the network.
    Address(&'a str),
    /// A path of the server's own API.
    Path(&'a str),
    /// An attribute of the conversation.
    Session(&'a str),
    /// An attribute of the user.
    User(&'a str),
    /// A value of the bot's memory.
    Bot(&'a str),
    /// A file of the package or of the drive.
    File(&'a str),
    /// Anything else: something that was remembered.
    Word(&'a str),
}

impl<'a> Target<'a> {
    /// Reads the text.
    ///
    /// ```
    /// use basic::commands::Target;
    /// assert_eq!(Target::of("session.user_name"), Target::Session("user_name"));
    /// assert_eq!(Target::of("hours.txt"), Target::File("hours.txt"));
    /// assert_eq!(Target::of("greeting"), Target::Word("greeting"));
    /// ```
    pub fn of(text: &'a str) -> Self {
        let after = |prefix: &str| {
            text.get(..prefix.len())
                .filter(|begin| begin.eq_ignore_ascii_case(prefix))
                .map(|_| &text[prefix.len()..])
        };
        if after("http://").is_some() || after("https://").is_some() {
            Self::Address(text)
        } else if text.starts_with('/') {
            Self::Path(text)
        } else if let Some(name) = after("session.") {
            Self::Session(name)
        } else if let Some(name) = after("user.") {
            Self::User(name)
        } else if let Some(name) = after("bot.") {
            Self::Bot(name)
        } else if text.contains('/') || has_file_ending(text) {
            Self::File(text)
        } else {
            Self::Word(text)
        }
    }
}

/// Does it end like the name of a file: a dot and up to five letters and digits, with a letter among them?
fn has_file_ending(text: &str) -> bool {
    text.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty()
            && (1..=5).contains(&ending.len())
            && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && ending.bytes().any(|byte| byte.is_ascii_alphabetic())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_fits_is_meant() {
        for (text, meant) in [
            ("https://example.com/a.txt", Target::Address("https://example.com/a.txt")),
            ("/users/me", Target::Path("/users/me")),
            ("Session.id", Target::Session("id")),
            ("user.name", Target::User("name")),
            ("bot.menu", Target::Bot("menu")),
            ("folder/list", Target::File("folder/list")),
            ("prices.xlsx", Target::File("prices.xlsx")),
            ("version 1.5", Target::Word("version 1.5")),
            (".hidden", Target::Word(".hidden")),
            ("größe", Target::Word("größe")),
            ("", Target::Word("")),
        ] {
            assert_eq!(Target::of(text), meant);
        }
    }
}
