//! The page on which people talk to bots: the files of `web/chat`, built into the program.
//!
//! They are served as they lie in the folder; there is no build step and nothing is loaded from elsewhere. What the
//! page does it does over the API that everybody has.

use gateway::{Asset, Module};
use include_dir::{Dir, include_dir};

static CHAT: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../web/chat");

/// The page that names all others, served at the root.
const INDEX: &str = "index.html";

/// The page runs its own files and reaches nothing but this server; text never becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types 'none'";

/// `/` with the files that it is made of below `/chat`.
pub fn module() -> Module {
    files(&CHAT).into_iter().fold(Module::new("chat"), |module, (name, content)| {
        let asset = Asset::new(name, content);
        match name {
            INDEX => module.asset("/", asset.policy(POLICY)),
            part => module.asset(format!("/chat/{part}"), asset),
        }
    })
}

/// The files of a folder and of those within, by their paths.
fn files(folder: &'static Dir<'static>) -> Vec<(&'static str, &'static [u8])> {
    let own = folder.files().filter_map(|file| Some((file.path().to_str()?, file.contents())));
    own.chain(folder.dirs().flat_map(files)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn text(name: &str) -> &'static str {
        CHAT.get_file(name).unwrap_or_else(|| panic!("{name} is missing")).contents_utf8().unwrap()
    }

    /// The texts between these two marks.
    fn between(text: &'static str, open: &'static str, close: char) -> impl Iterator<Item = &'static str> {
        text.split(open).skip(1).filter_map(move |rest| rest.split(close).next())
    }

    #[test]
    fn the_page_names_every_file_that_there_is_and_no_other() {
        let index = text(INDEX);
        let named = between(index, "src=\"", '"').chain(between(index, "href=\"", '"'));
        let named: BTreeSet<_> = named.filter_map(|address| address.strip_prefix("/chat/")).collect();

        let there: BTreeSet<_> = files(&CHAT).into_iter().map(|(name, _)| name).collect();

        let parts: BTreeSet<_> = there.iter().copied().filter(|name| *name != INDEX).collect();
        assert_eq!(named, parts, "modules are named, too, so that they are loaded at once");
    }

    #[test]
    fn a_module_imports_only_files_beside_it() {
        for (name, _) in files(&CHAT) {
            for import in between(text(name), " from \"", '"') {
                let file = import.strip_prefix("./").unwrap_or_else(|| panic!("{name} imports {import}"));
                text(file);
            }
        }
    }

    #[test]
    fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        let index = text(INDEX);

        assert!(!index.contains("<style") && !index.contains(" style=") && !index.contains(" on"), "inline");
        assert_eq!(
            index.matches("<script").count(),
            index.matches("<script src=\"/chat/").count()
                + index.matches("<script type=\"module\" src=\"/chat/").count()
        );
        for (name, content) in files(&CHAT) {
            let content = String::from_utf8_lossy(content);
            // The name of the format of pictures is one that nobody loads.
            let content = content.replace("http://www.w3.org/2000/svg", "");
            assert!(!content.contains("://"), "{name} names another origin");
            assert!(!content.contains("innerHTML"), "{name} makes text into markup");
        }
    }
}
