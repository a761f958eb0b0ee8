//! What a webhook keeps sealed: its signing secrets, and its headers, which often carry a token.

use std::collections::BTreeMap;

use kernel::{Timestamp, id::WebhookId};
use platform::secrets::{Secrets, SecretsError};

use super::{signing::SigningSecret, store::WebhookRow};

/// Headers of one's own.
pub(super) type Headers = BTreeMap<String, String>;

/// Where a sealed value belongs.
#[derive(Clone, Copy)]
enum Place {
    Secret,
    Headers,
}

fn context(id: WebhookId, place: Place) -> Vec<u8> {
    let place = match place {
        Place::Secret => "secret",
        Place::Headers => "headers",
    };
    format!("webhooks/{id}/{place}").into_bytes()
}

pub(super) fn seal_secret(
    secrets: &Secrets,
    id: WebhookId,
    secret: &SigningSecret,
) -> Result<Vec<u8>, SecretsError> {
    secrets.seal(&context(id, Place::Secret), secret.bytes())
}

pub(super) fn seal_headers(
    secrets: &Secrets,
    id: WebhookId,
    headers: &Headers,
) -> Result<Vec<u8>, SecretsError> {
    let text = serde_json::to_vec(headers).unwrap_or_default();
    secrets.seal(&context(id, Place::Headers), &text)
}

impl WebhookRow {
    /// The headers, in clear.
    pub(super) fn headers(&self, secrets: &Secrets) -> Result<Headers, SecretsError> {
        let text = secrets.unseal(&context(self.id, Place::Headers), &self.headers)?;
        serde_json::from_slice(&text).map_err(|_| SecretsError::Corrupt)
    }

    /// The secrets that sign at that instant, the newest first.
    pub(super) fn signing(
        &self,
        secrets: &Secrets,
        now: Timestamp,
    ) -> Result<Vec<SigningSecret>, SecretsError> {
        let before =
            self.previous_secret.as_ref().filter(|_| self.previous_until.is_some_and(|end| now < end));
        let sealed = [Some(&self.secret), before];
        let context = context(self.id, Place::Secret);
        sealed
            .into_iter()
            .flatten()
            .map(|sealed| Ok(SigningSecret::from_bytes(secrets.unseal(&context, sealed)?)))
            .collect()
    }
}
