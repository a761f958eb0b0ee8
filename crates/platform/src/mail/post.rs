//! Handing a message over to the mail server.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use chrono::TimeDelta;
use kernel::Timestamp;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        extension::ClientId,
    },
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};
use url::Host;
use uuid::Uuid;

use super::{MailError, Settings, TlsMode, message::Letter};

/// Mails that are handed over at once: fewer than a node has workers, so that a mail server that says nothing leaves
/// some of them to other jobs.
const AT_ONCE: usize = 2;
/// How long a mail waits for its turn while the mail server takes mail.
const PATIENCE: Duration = Duration::from_secs(5);
/// What all steps together may take, in times of what the setting says.
const STEPS: u32 = 4;
/// Less than the time limit of the job.
const LONGEST: Duration = Duration::from_mins(9);

/// What refuses a mail for good is asked again for that long: a server, or what it asks about senders, may be set up
/// wrong for a while, and then says so of all mail.
const ASKED_AGAIN: TimeDelta = TimeDelta::hours(1);

/// The way to the mail server. Each mail has a connection of its own: there are few, and a kept one would be found
/// dead.
pub(super) struct Post {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    turns: Semaphore,
    /// Nobody's turn came in time, and no mail was handed over since: nobody waits for theirs.
    is_stuck: AtomicBool,
    longest: Duration,
}

/// Why a mail was not taken.
pub(super) enum Refusal {
    /// It may be, another time.
    Later(String),
    /// It never will.
    Never(String),
}

impl Post {
    /// None if there is no mail server.
    pub(super) fn new(settings: &Settings, greets_as: Option<Host>) -> Result<Option<Self>, MailError> {
        let Some(host) = settings.host.as_deref().map(str::trim).filter(|host| !host.is_empty()) else {
            return Ok(None);
        };
        if Host::parse(host).is_err() {
            return Err(wrong("host", "must be the name or the address of a mail server"));
        }
        let sender = settings.from.as_deref().ok_or_else(|| wrong("from", "is needed with mail.host"))?;
        let sender: Address = sender
            .trim()
            .parse()
            .map_err(|_| wrong("from", "must be an e-mail address such as bots@example.com"))?;
        let name = settings.from_name.trim();
        if name.chars().any(kernel::text::disturbs) {
            return Err(wrong("from_name", "must be one line"));
        }
        let step = Duration::from_secs(settings.timeout_seconds.into());
        let port = settings.port.unwrap_or(settings.tls.usual_port());
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(port)
            .tls(security(settings, host)?)
            .timeout(Some(step))
            .hello_name(match greets_as {
                Some(Host::Domain(domain)) => ClientId::Domain(domain),
                Some(Host::Ipv4(address)) => ClientId::Ipv4(address),
                Some(Host::Ipv6(address)) => ClientId::Ipv6(address),
                None => ClientId::default(),
            });
        match (&settings.user, &settings.password) {
            (None, None) => {}
            (Some(_), Some(_)) if settings.tls == TlsMode::None => {
                return Err(wrong("password", "would go over the network in the clear; set mail.tls"));
            }
            (Some(user), Some(password)) => {
                builder = builder.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
            }
            (None, Some(_)) => return Err(wrong("user", "is needed with mail.password")),
            (Some(_), None) => return Err(wrong("password", "is needed with mail.user")),
        }
        let from = Mailbox::new((!name.is_empty()).then(|| name.to_owned()), sender);
        Ok(Some(Self {
            transport: builder.build(),
            from,
            turns: Semaphore::new(AT_ONCE),
            is_stuck: AtomicBool::new(false),
            longest: (step * STEPS).min(LONGEST),
        }))
    }

    /// Waits for a turn to hand a mail over, for a moment. None if none came.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let patience = if self.is_stuck.load(Ordering::Relaxed) { Duration::ZERO } else { PATIENCE };
        let turn = timeout(patience, self.turns.acquire()).await;
        if turn.is_err() {
            self.is_stuck.store(true, Ordering::Relaxed);
        }
        turn.ok()?.ok()
    }

    /// Hands a mail over that was written then.
    pub(super) async fn deliver(
        &self,
        letter: &Letter,
        id: Uuid,
        written: Timestamp,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let message = letter.clone().message(&self.from, id, written);
        let message = message.map_err(|cause| Refusal::Never(cause.to_string()))?;
        // The transport has a deadline for the connection alone.
        let Ok(sent) = timeout(self.longest, self.transport.send(message)).await else {
            let seconds = self.longest.as_secs();
            return Err(Refusal::Later(format!("the mail server did not take it within {seconds} seconds")));
        };
        self.is_stuck.store(false, Ordering::Relaxed);
        match sent {
            Ok(_) => Ok(()),
            // What the server says of the sign-in (RFC 4954, section 6) is for the operator to mend, who may.
            Err(error)
                if error.is_permanent() && !is_about_sign_in(&error) && now - written >= ASKED_AGAIN =>
            {
                Err(Refusal::Never(described(&error)))
            }
            Err(error) => Err(Refusal::Later(described(&error))),
        }
    }
}

fn is_about_sign_in(error: &lettre::transport::smtp::Error) -> bool {
    error.status().is_some_and(|code| matches!(u16::from(code), 530 | 534 | 535 | 538))
}

/// The error with its causes.
fn described(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        let said = deeper.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = deeper.source();
    }
    text
}

fn security(settings: &Settings, host: &str) -> Result<Tls, MailError> {
    if settings.tls == TlsMode::None {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(path) = &settings.ca {
        let failed = |cause: String| wrong("ca", format!("can't be used: {}: {cause}", path.display()));
        let pem = fs::read(path).map_err(|cause| failed(cause.to_string()))?;
        if CertificateDer::pem_slice_iter(&pem).next().is_none() {
            return Err(failed("it holds no certificate in PEM".to_owned()));
        }
        let authority = Certificate::from_pem(&pem).map_err(|cause| failed(cause.to_string()))?;
        parameters = parameters.add_root_certificate(authority);
    }
    let parameters =
        parameters.build().map_err(|cause| wrong("tls", format!("can't be used: {}", described(&cause))))?;
    Ok(match settings.tls {
        TlsMode::Implicit => Tls::Wrapper(parameters),
        TlsMode::StartTls | TlsMode::None => Tls::Required(parameters),
    })
}

fn wrong(key: &'static str, problem: impl Into<String>) -> MailError {
    MailError::Setting(key, problem.into())
}
