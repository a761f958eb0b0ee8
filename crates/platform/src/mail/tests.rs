//! What a mail looks like, and what is refused of a configuration. That mails arrive is shown where they are sent to a
//! real server, over the API.

use kernel::{Secret, Surroundings};
use lettre::message::Mailbox;
use proptest::prelude::*;
use serde_json::json;

use super::{message::Letter, post::Post, template::Templates, *};

static TEMPLATE: Template = Template {
    name: "test",
    subject: "{{ name }} asks",
    text: "Hello {{ name }}, see {{ link }}",
    html: "{% extends 'layout.html' %}{% block content %}<p>Hello {{ name }}</p>{% endblock %}\
           {% block action %}See{% endblock %}",
};

fn rendered(name: &str) -> Letter {
    let values = json!({ "name": name, "link": "https://bots.example.com/x#token=a" });
    Templates::new("https://bots.example.com")
        .render(&Mail::new("ann@example.com", &TEMPLATE, values))
        .unwrap()
}

fn headers(letter: Letter) -> String {
    let from: Mailbox = "BotServer <bots@example.com>".parse().unwrap();
    let world = Surroundings::system();
    let message = letter.message(&from, world.uuid(), world.now()).unwrap();
    let text = String::from_utf8(message.formatted()).unwrap();
    text.split_once("\r\n\r\n").unwrap().0.to_owned()
}

fn names(headers: &str) -> Vec<&str> {
    let lines = headers.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    lines.map(|line| line.split(':').next().unwrap()).collect()
}

#[test]
fn values_are_escaped_in_html_and_only_there() {
    let letter = rendered("<b>Ann</b> & \"Co\"");

    assert!(
        letter.html.contains("Hello &lt;b&gt;Ann&lt;&#x2f;b&gt; &amp; &quot;Co&quot;"),
        "{}",
        letter.html
    );
    assert!(letter.html.contains(">See</a>") && letter.html.contains("https:&#x2f;&#x2f;bots.example.com"));
    assert!(letter.text.contains("Hello <b>Ann</b> & \"Co\""), "{}", letter.text);
}

#[test]
fn a_value_that_is_not_given_is_an_error() {
    let mail = Mail::new("ann@example.com", &TEMPLATE, json!({ "name": "Ann" }));

    assert!(Templates::new("x").render(&mail).is_err());
}

#[test]
fn an_address_that_would_begin_a_header_is_no_address() {
    for to in ["ann@example.com\r\nBcc: eve@example.com", "ann@example.com, eve@example.com", "<a@b>\n", ""] {
        let letter = Letter { to: to.to_owned(), ..rendered("Ann") };
        let from: Mailbox = "bots@example.com".parse().unwrap();
        let world = Surroundings::system();

        assert!(letter.message(&from, world.uuid(), world.now()).is_err(), "{to}");
    }
}

proptest! {
    #[test]
    fn no_value_makes_a_header(name in ".*", line in "(\r\n|\n|\r|\u{2028}|\u{85})") {
        let plain = headers(rendered("Ann"));
        let attacked = headers(rendered(&format!("{name}{line}Bcc: eve@example.com{line}{line}{name}")));

        prop_assert_eq!(names(&attacked), names(&plain), "{}", attacked);
    }
}

fn configured(change: impl FnOnce(&mut Settings)) -> Result<bool, String> {
    let mut settings = Settings {
        host: Some("mail.example.com".to_owned()),
        from: Some("bots@example.com".to_owned()),
        ..Settings::default()
    };
    change(&mut settings);
    Post::new(&settings, None).map(|post| post.is_some()).map_err(|error| error.to_string())
}

#[test]
fn what_can_not_be_used_of_a_configuration_is_told_by_its_key() {
    let refused = |change: fn(&mut Settings)| configured(change).unwrap_err();

    assert_eq!(configured(|_| {}), Ok(true));
    assert_eq!(configured(|of| of.host = None), Ok(false));
    assert!(refused(|of| of.host = Some("a b".to_owned())).starts_with("mail.host "));
    assert!(refused(|of| of.from = None).starts_with("mail.from "));
    assert!(refused(|of| of.from = Some("nobody".to_owned())).starts_with("mail.from "));
    assert!(refused(|of| of.from_name = "a\r\nBcc: b".to_owned()).starts_with("mail.from_name "));
    assert!(refused(|of| of.user = Some("bots".to_owned())).starts_with("mail.password "));
    assert!(refused(|of| of.password = Some(Secret::new("x"))).starts_with("mail.user "));
    assert!(refused(|of| of.ca = Some("/nowhere.pem".into())).starts_with("mail.ca "));
    let in_the_clear = refused(|of| {
        (of.tls, of.user, of.password) = (TlsMode::None, Some("bots".to_owned()), Some(Secret::new("x")));
    });
    assert!(in_the_clear.contains("in the clear"), "{in_the_clear}");
}
