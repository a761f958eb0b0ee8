//! What somebody asks for without credentials, on its way to the job that looks who is meant.

use std::{net::IpAddr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use kernel::{Error, Origin, text};
use platform::{
    db::{DbError, ServerUnit},
    jobs::{Handler, JobError, JobKind},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::AskedFor;
use crate::{
    auth::{Auth, service::Result},
    organizations,
    users::fields,
};

/// Looks for the account whose password is to be set, and mails the link.
pub(super) const RESET: JobKind<Sealed> = JobKind::new("identity.reset_password");
/// Looks for the account whose address is to be confirmed, and mails the link.
pub(super) const CONFIRM: JobKind<Sealed> = JobKind::new("identity.confirm_email");

/// What was asked for, sealed: the address may be that of somebody who has nothing to do with the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sealed {
    asked: String,
}

/// What was asked for, and from where.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The folded address.
    pub(super) email: String,
    address: IpAddr,
    user_agent: Option<String>,
    request_id: String,
}

impl Asked {
    /// Where the request came from.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            address: self.address,
            secure: false,
            user_agent: self.user_agent.clone(),
            request_id: self.request_id.as_str().into(),
            asked_within: Vec::new(),
        }
    }
}

impl Auth {
    /// Writes down what was asked for of that address. Does the same for every address.
    pub(super) async fn ask(
        &self,
        kind: &'static JobKind<Sealed>,
        origin: &Arc<Origin>,
        email: &str,
    ) -> Result<AskedFor> {
        const ACCEPTED: AskedFor = AskedFor { status: "accepted" };
        let email = fields::email(email).map_err(|problem| Error::invalid("email", problem))?;
        let email = text::key(&email);
        self.allowance.admit(kind.name(), &email, origin.address, self.world.now()).await?;
        if !self.mails.are_sent() {
            tracing::warn!("somebody asked for a mail, and the server isn't set up to send any");
            return Ok(ACCEPTED);
        }
        let asked = Asked {
            email,
            address: origin.address,
            user_agent: origin.user_agent.clone(),
            request_id: origin.request_id.to_string(),
        };
        let bytes = serde_json::to_vec(&asked).map_err(Error::internal)?;
        let sealed = self.secrets.seal(kind.name().as_bytes(), &bytes).map_err(Error::from)?;
        let job = kind.job(&Sealed { asked: STANDARD_NO_PAD.encode(sealed) });
        let org: std::result::Result<_, DbError> = self.db.read_server(organizations::store::first).await;
        let Some(org) = org? else { return Ok(ACCEPTED) };
        let enqueued: std::result::Result<_, DbError> =
            self.db.write(org, move |unit| unit.enqueue(&job)).await;
        enqueued?;
        Ok(ACCEPTED)
    }

    fn opened(&self, kind: &JobKind<Sealed>, sealed: &Sealed) -> Option<Asked> {
        let bytes = STANDARD_NO_PAD.decode(&sealed.asked).ok()?;
        let bytes = self.secrets.unseal(kind.name().as_bytes(), &bytes).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

/// What does jobs of that kind. What it finds stands nowhere in the job: whoever may look at jobs could ask who is
/// known.
pub(super) fn handler(auth: &Auth, kind: &'static JobKind<Sealed>) -> Handler {
    let auth = auth.clone();
    kind.handled_by(move |job, sealed| {
        let auth = auth.clone();
        async move {
            let Some(asked) = auth.opened(kind, &sealed) else {
                return Err(JobError::fail("What was asked for can't be read any more."));
            };
            job.complete_with(move |unit| {
                let seen_to = see_to(&auth, kind, unit.server(), &asked);
                seen_to.map_err(|error| JobError::from(Error::from(error)))?;
                Ok(Value::Null)
            })
            .await
        }
    })
}

fn see_to(auth: &Auth, kind: &JobKind<Sealed>, unit: &ServerUnit<'_>, asked: &Asked) -> Result<()> {
    if kind.name() == RESET.name() {
        auth.mail_reset(unit, asked)
    } else {
        auth.mail_confirmation(unit, asked)
    }
}
