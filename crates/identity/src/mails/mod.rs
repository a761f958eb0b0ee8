//! What identity mails to people: links that only who reads the mail can follow, and word of what became of their
//! account.
//!
//! What is said to an address that nobody has confirmed names nothing that whoever gave the address could choose, not
//! even the name to sign in with: the server would carry strangers' words to strangers.

use std::sync::Arc;

use chrono::TimeDelta;
use kernel::{Error, Surroundings, Timestamp};
use platform::{
    db::Unit,
    mail::{Mail, Mailer, Template},
};
use serde_json::json;

use crate::{
    Settings,
    tokens::{Disclosed, NewToken, TokenHash, TokenKind},
    users::{model::Status, store::Account},
};

macro_rules! template {
    ($name:literal, $subject:literal) => {
        Template {
            name: $name,
            subject: $subject,
            text: include_str!(concat!($name, ".txt")),
            html: include_str!(concat!($name, ".html")),
        }
    };
}

static INVITATION: Template = template!("invitation", "Set the password of your new account");
static PASSWORD_RESET: Template = template!("password_reset", "Set a new password");
static CONFIRM_EMAIL: Template = template!("confirm_email", "Confirm your e-mail address");
static NOTICE: Template = template!("notice", "{{ title }}");

/// A link for its owner, and what the database keeps of it.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) url: Disclosed,
    pub(crate) expires_at: Timestamp,
    pub(crate) hash: TokenHash,
    pub(crate) made_at: Timestamp,
    lasts: TimeDelta,
}

impl Link {
    /// How long it works, in words.
    fn lasts(&self) -> String {
        let (minutes, hours) = (self.lasts.num_minutes(), self.lasts.num_hours());
        match hours {
            1 if minutes == 60 => "one hour".to_owned(),
            0 | 1 => format!("{minutes} minutes"),
            _ => format!("{hours} hours"),
        }
    }
}

/// Makes links and mails them. A cheap handle.
#[derive(Clone)]
pub(crate) struct Mails {
    mailer: Mailer,
    public_url: Arc<str>,
    settings: Arc<Settings>,
}

impl Mails {
    pub(crate) fn new(mailer: Mailer, public_url: &str, settings: Arc<Settings>) -> Self {
        Self { mailer, public_url: public_url.trim_end_matches('/').into(), settings }
    }

    /// Is mail sent at all?
    pub(crate) fn are_sent(&self) -> bool {
        self.mailer.is_configured()
    }

    /// Refuses what can't be done without mail.
    pub(crate) fn require(&self) -> Result<(), Error> {
        self.mailer.require()
    }

    /// A link that sets the first password of an account.
    pub(crate) fn invitation_link(&self, world: &Surroundings) -> Link {
        let lasts = TimeDelta::hours(self.settings.password_link_hours.get().into());
        self.link(TokenKind::Password, "set-password", lasts, world)
    }

    /// A link that sets another password.
    pub(crate) fn reset_link(&self, world: &Surroundings) -> Link {
        let lasts = TimeDelta::minutes(self.settings.reset_link_minutes.get().into());
        self.link(TokenKind::Password, "set-password", lasts, world)
    }

    /// A link that confirms an address.
    pub(crate) fn confirmation_link(&self, world: &Surroundings) -> Link {
        let lasts = TimeDelta::hours(self.settings.email_link_hours.get().into());
        self.link(TokenKind::Email, "confirm-email", lasts, world)
    }

    /// The token stands behind `#`, where browsers keep it from servers, their logs and the next page. The page only
    /// asks for a click: programs that follow the links of a mail to look at them must not use the token up.
    fn link(&self, kind: TokenKind, page: &str, lasts: TimeDelta, world: &Surroundings) -> Link {
        let (token, now) = (NewToken::of(kind, world), world.now());
        Link {
            url: Disclosed::new(format!("{}/{page}#token={}", self.public_url, token.text.reveal())),
            expires_at: now + lasts,
            hash: token.hash,
            made_at: now,
            lasts,
        }
    }

    /// Lets somebody set the password of the account that was made for them.
    pub(crate) fn invite(&self, unit: &Unit<'_>, account: &Account, link: &Link) -> Result<(), Error> {
        self.mail_link(unit, &account.email, &INVITATION, Some(&account.username), link)
    }

    /// Lets somebody set another password.
    pub(crate) fn reset(&self, unit: &Unit<'_>, account: &Account, link: &Link) -> Result<(), Error> {
        let known = account.status != Status::PendingVerification;
        self.mail_link(unit, &account.email, &PASSWORD_RESET, known.then_some(&account.username), link)
    }

    /// Asks whoever reads that address to confirm it.
    pub(crate) fn confirm(&self, unit: &Unit<'_>, address: &str, link: &Link) -> Result<(), Error> {
        self.mail_link(unit, address, &CONFIRM_EMAIL, None, link)
    }

    fn mail_link(
        &self,
        unit: &Unit<'_>,
        to: &str,
        template: &'static Template,
        username: Option<&String>,
        link: &Link,
    ) -> Result<(), Error> {
        let values = json!({ "username": username, "link": link.url.reveal(), "lasts": link.lasts() });
        self.mailer.enqueue(unit, &Mail::new(to, template, values).until(link.expires_at))
    }

    /// Tells somebody that their password is another one.
    pub(crate) fn password_changed(&self, unit: &Unit<'_>, account: &Account) -> Result<(), Error> {
        self.tell(
            unit,
            &account.email,
            account,
            "Your password was changed",
            &["The password of your account was changed.".to_owned()],
        )
    }

    /// Tells the present address that another one shall take its place.
    pub(crate) fn email_change_asked(
        &self,
        unit: &Unit<'_>,
        account: &Account,
        wanted: &str,
    ) -> Result<(), Error> {
        self.tell(
            unit,
            &account.email,
            account,
            "Your e-mail address is about to change",
            &[
                format!("The address of your account shall become {wanted}."),
                "Until somebody confirms it there, this address stays.".to_owned(),
            ],
        )
    }

    /// Tells somebody that their address was wanted for another account, which gets no link.
    pub(crate) fn email_wanted(&self, unit: &Unit<'_>, account: &Account) -> Result<(), Error> {
        self.tell(
            unit,
            &account.email,
            account,
            "Your e-mail address was asked for",
            &[
                "Somebody asked for this address for another account; it is yours already.".to_owned(),
                "Nothing changes. If it was you, change the address of this account first.".to_owned(),
            ],
        )
    }

    /// Tells the address that was in force before.
    pub(crate) fn email_changed(
        &self,
        unit: &Unit<'_>,
        before: &Account,
        after: &Account,
    ) -> Result<(), Error> {
        self.tell(
            unit,
            &before.email,
            after,
            "Your e-mail address was changed",
            &[
                format!("The address of your account is now {}.", after.email),
                "Mail of your account no longer comes here.".to_owned(),
            ],
        )
    }

    /// Tells somebody which roles they have now.
    pub(crate) fn roles_changed(
        &self,
        unit: &Unit<'_>,
        account: &Account,
        roles: &[impl AsRef<str>],
    ) -> Result<(), Error> {
        let names: Vec<_> = roles.iter().map(AsRef::as_ref).collect();
        let now = if names.is_empty() { "You have none now".to_owned() } else { names.join(", ") };
        self.tell(
            unit,
            &account.email,
            account,
            "Your roles were changed",
            &[format!("What you may do was changed. Your roles: {now}.")],
        )
    }

    /// Tells somebody that a second factor is, or is no longer, asked for.
    pub(crate) fn second_factor(&self, unit: &Unit<'_>, account: &Account, is_on: bool) -> Result<(), Error> {
        let (title, line) = if is_on {
            ("Your second factor is on", "From now on, signing in asks for a code of your authenticator.")
        } else {
            ("Your second factor is off", "From now on, signing in asks for no second factor.")
        };
        self.tell(unit, &account.email, account, title, &[line.to_owned()])
    }

    fn tell(
        &self,
        unit: &Unit<'_>,
        to: &str,
        account: &Account,
        title: &str,
        lines: &[String],
    ) -> Result<(), Error> {
        let values = json!({ "title": title, "username": account.username, "lines": lines });
        self.mailer.enqueue(unit, &Mail::new(to, &NOTICE, values))
    }
}
