//! Templates of mails: a subject, a text, and the same as HTML, in which every value is escaped.

use minijinja::{Environment, Error, UndefinedBehavior, Value};

use super::{Mail, message::Letter};

/// What a mail of one kind looks like. A domain has one for each, as a constant.
///
/// The sources are Jinja's. The HTML one extends `layout.html` and fills its blocks `content` and, where the values
/// have a `link`, `action`, the text on the button. A value that is named and not given is an error, in tests too.
#[derive(Debug)]
pub struct Template {
    /// What the mail is called in errors.
    pub name: &'static str,
    /// The subject, in one line.
    pub subject: &'static str,
    /// The text, for whoever reads no HTML.
    pub text: &'static str,
    /// The same as HTML.
    pub html: &'static str,
}

/// Characters of a subject; what a person reads in a list.
const SUBJECT: usize = 150;

/// Renders.
pub(super) struct Templates(Environment<'static>);

impl Templates {
    /// Mails name the server by its address.
    pub(super) fn new(public_url: &str) -> Self {
        let mut environment = Environment::new();
        // A name's ending says how values are escaped: those of `.html` as HTML, others not at all.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_global("server", Value::from(public_url));
        // A layout that can't be read shows at the first mail; a test renders one.
        if let Err(error) = environment.add_template("layout.html", include_str!("layout.html")) {
            tracing::error!(%error, "the layout of mails can't be read");
        }
        Self(environment)
    }

    pub(super) fn render(&self, mail: &Mail) -> Result<Letter, Error> {
        let Template { name, subject, text, html } = mail.template;
        let rendered = |ending: &str, source: &str| {
            self.0.render_named_str(&format!("{name}.{ending}"), source, mail.values.clone())
        };
        Ok(Letter {
            to: mail.to.clone(),
            subject: in_one_line(&rendered("subject", subject)?),
            text: rendered("txt", text)?,
            html: rendered("html", html)?,
        })
    }
}

/// A value must not begin a header of its own.
fn in_one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if kernel::text::disturbs(c) { ' ' } else { c }).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SUBJECT).collect()
}
