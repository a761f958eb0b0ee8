//! Mail that the server sends: written in the unit of work that wants it, sent by a job.
//!
//! A mail is rendered and sealed when it is asked for ([`Mailer::enqueue`]), and stands in `mails` until the server
//! has taken it, has refused it for good, or its time is over; then the row goes. It is sealed and not made anew when
//! it is sent, because a mail may be sent twice (the node dies between sending and saying so), and both must carry the
//! same link: a token made at each attempt would make the link of a mail that did arrive worthless. So a token is at
//! rest as a hash, and beside that sealed for as long as its mail waits, mostly less than a second.
//!
//! `template` renders, `message` makes the message of it, `post` hands it over, `store` has the SQL.

mod message;
mod post;
mod settings;
mod store;
mod template;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use kernel::{Error, Surroundings, Timestamp};
use minijinja::value::Serde;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::{
    db::{Db, DbError, Migration, Unit},
    jobs::{Handler, JobContext, JobError, JobKind, in_small_units},
    secrets::Secrets,
};
use message::Letter;
use post::{Post, Refusal};
use template::Templates;

pub use settings::{Settings, TlsMode};
pub use template::Template;

/// What waits to be sent.
pub(crate) const TABLE: Migration = Migration::new(
    "m20261202_20_platform_mails",
    "CREATE TABLE mails (
        org_id uuid NOT NULL,
        id uuid NOT NULL,
        sealed bytea NOT NULL,
        expires_at bigint NOT NULL,
        created_at bigint NOT NULL,
        PRIMARY KEY (org_id, id)
    );
    CREATE INDEX mails_by_end ON mails (expires_at);",
);

/// Sends one mail. The number of attempts has no meaning of its own: a mail is given up by the clock.
const SEND: JobKind<Sending> = JobKind::new("mail.send")
    .attempts(1_000)
    .time_limit(Duration::from_mins(10))
    .backoff(Duration::from_secs(20), Duration::from_mins(30));

/// When a mail is looked at again whose turn did not come.
const TURN_LATER: Duration = Duration::from_secs(10);

/// Forgets what stayed behind: mails whose job was cancelled.
pub const SWEEP: JobKind<()> = JobKind::new("mail.sweep");

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Sending {
    mail: Uuid,
}

/// Why mail can't be sent as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// A key has a value that can't be used.
    #[error("mail.{0} {1}")]
    Setting(&'static str, String),
}

/// A mail to be sent. It may hold a link that opens an account, so nothing prints it.
#[derive(Clone)]
pub struct Mail {
    to: String,
    template: &'static Template,
    values: minijinja::Value,
    until: Option<Timestamp>,
}

impl Mail {
    /// A mail to that address. The values are those that the template names, all of them.
    ///
    /// There is no name beside the address: one that somebody chose would be their words in a header.
    pub fn new(to: impl Into<String>, template: &'static Template, values: impl Serialize) -> Self {
        Self { to: to.into(), template, values: minijinja::Value::from(Serde(values)), until: None }
    }

    /// Nobody has a use for it after that time.
    #[must_use]
    pub fn until(self, end: Timestamp) -> Self {
        Self { until: Some(end), ..self }
    }
}

/// Sends mail, if the operator said how. A cheap handle.
#[derive(Clone)]
pub struct Mailer(Arc<Inner>);

struct Inner {
    db: Db,
    world: Surroundings,
    secrets: Secrets,
    templates: Templates,
    post: Option<Post>,
    lasts: TimeDelta,
}

impl Mailer {
    /// A mailer as it is configured; without `mail.host` one that sends nothing. `public_url` is the server's own
    /// address, which mails and the greeting of the mail server name.
    pub fn new(
        settings: &Settings,
        public_url: &str,
        db: Db,
        secrets: Secrets,
        world: Surroundings,
    ) -> Result<Self, MailError> {
        let host = Url::parse(public_url).ok().and_then(|url| url.host().map(|host| host.to_owned()));
        Ok(Self(Arc::new(Inner {
            db,
            world,
            secrets,
            templates: Templates::new(public_url),
            post: Post::new(settings, host)?,
            lasts: TimeDelta::hours(settings.give_up_hours.into()),
        })))
    }

    /// Can mail be sent?
    pub fn is_configured(&self) -> bool {
        self.0.post.is_some()
    }

    /// Refuses what can't be done without mail (503, `service: mail`).
    pub fn require(&self) -> Result<(), Error> {
        if self.is_configured() {
            return Ok(());
        }
        Err(Error::unavailable("mail", "This needs mail, and the server isn't set up to send any."))
    }

    /// Has a mail sent if the unit of work stays. Does nothing where no mail can be sent: what can't go on without
    /// asks [`Mailer::require`] first.
    pub fn enqueue(&self, unit: &Unit<'_>, mail: &Mail) -> Result<(), Error> {
        if !self.is_configured() {
            return Ok(());
        }
        let letter = self.0.templates.render(mail).map_err(Error::internal)?;
        let (now, id) = (self.0.world.now(), self.0.world.uuid());
        let text = serde_json::to_vec(&letter).map_err(Error::internal)?;
        let sealed = self.0.secrets.seal(&context(id), &text)?;
        let longest = now + self.0.lasts;
        let end = mail.until.map_or(longest, |end| end.min(longest));
        store::insert(unit, id, &sealed, end, now)?;
        unit.enqueue(&SEND.job(&Sending { mail: id }))?;
        Ok(())
    }

    /// What sends mails, and what forgets those that stayed behind.
    pub fn handlers(&self) -> [Handler; 2] {
        let (sender, db) = (self.clone(), self.0.db.clone());
        let send = SEND.handled_by(move |job, sending| {
            let sender = sender.clone();
            async move { sender.send(&job, sending.mail).await }
        });
        let sweep = SWEEP.handled_by(move |job, ()| {
            let db = db.clone();
            async move {
                let forget = || db.write_server(|unit| store::sweep(unit, unit.surroundings().now()));
                in_small_units(|| job.check(), store::AT_ONCE, forget).await?;
                Ok(Value::Null)
            }
        });
        [send, sweep]
    }

    async fn send(&self, job: &JobContext, id: Uuid) -> Result<Value, JobError> {
        let found = self.0.db.read(job.org(), move |tx| store::find(tx, id));
        let found: Result<_, DbError> = found.await;
        // It goes together with its job, or before it where it was given up; such a job can be asked to run again.
        let Some(row) = found? else {
            return Err(JobError::fail("The mail is not kept any more."));
        };
        if row.expires_at <= self.0.world.now() {
            return forget(job, id, "given_up", JobError::fail("The mail could not be sent in time.")).await;
        }
        let Some(post) = &self.0.post else {
            return Err(JobError::retry("The server isn't set up to send mail."));
        };
        let letter: Option<Letter> = self
            .0
            .secrets
            .unseal(&context(id), &row.sealed)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok());
        let Some(letter) = letter else {
            return forget(job, id, "refused", JobError::fail("The mail can't be read any more.")).await;
        };
        let Some(turn) = post.turn().await else { return Err(JobError::NotYet(TURN_LATER)) };
        let delivered = post.deliver(&letter, id, row.created_at, self.0.world.now()).await;
        drop(turn);
        match delivered {
            Ok(()) => {
                let done = job.complete_with(move |unit| {
                    store::forget(unit, id)?;
                    Ok(Value::Null)
                });
                let done = done.await?;
                count("sent");
                Ok(done)
            }
            Err(Refusal::Later(cause)) => {
                tracing::warn!(mail = %id, %cause, "a mail is not sent yet");
                Err(JobError::retry("The mail server does not take the mail now."))
            }
            Err(Refusal::Never(cause)) => {
                tracing::warn!(mail = %id, %cause, "a mail is refused");
                forget(job, id, "refused", JobError::fail("The mail server refuses the mail.")).await
            }
        }
    }
}

/// What seals a mail: its own id, so that no row opens in another's place.
fn context(id: Uuid) -> Vec<u8> {
    [b"mails/".as_slice(), id.as_bytes()].concat()
}

/// Ends a mail that is not sent.
async fn forget(job: &JobContext, id: Uuid, outcome: &'static str, why: JobError) -> Result<Value, JobError> {
    job.write(move |unit| Ok(store::forget(unit, id)?)).await?;
    count(outcome);
    Err(why)
}

fn count(outcome: &'static str) {
    metrics::counter!("mails_total", "outcome" => outcome).increment(1);
}
