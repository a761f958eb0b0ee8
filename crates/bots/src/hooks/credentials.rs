//! Who may call a hook: whoever knows its secret. Pure; everything is compared in constant time.

use std::fmt::Write as _;

use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, header};
use kernel::Timestamp;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::webhooks::signing::SigningSecret;

/// How old a signed message may be, and how far ahead the clock of its sender.
pub(super) const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// Characters of a message's name.
const ID: usize = 256;

/// How somebody has shown that they know the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// They showed it, or signed the body with it.
    Secret,
    /// They signed a message of that name: sent again, it has the same.
    Message(String),
}

/// How the headers show that whoever sent this body knows the secret; none if they don't.
pub(super) fn known(
    secret: &SigningSecret,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Option<Known> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if headers.contains_key(header::AUTHORIZATION) {
        return shown(secret, headers);
    }
    if let (Some(id), Some(timestamp), Some(signatures)) =
        (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"))
    {
        if id.len() > ID {
            return None;
        }
        let seconds: Option<i64> = timestamp.parse().ok();
        let sent = seconds.and_then(|seconds| Timestamp::from_timestamp(seconds, 0));
        let sent = sent.filter(|sent| (now - *sent).abs() <= TOLERANCE);
        let expected = sent.and_then(|sent| secret.sign(id, sent.timestamp(), body));
        let good =
            |expected: String| signatures.split(' ').any(|one| same(one.as_bytes(), expected.as_bytes()));
        return expected.is_some_and(good).then(|| Known::Message(id.to_owned()));
    }
    let signed = header("x-hub-signature-256")?.trim().strip_prefix("sha256=")?;
    same(signed.as_bytes(), signed_as_hubs_do(secret, body).as_bytes()).then_some(Known::Secret)
}

/// Is the secret itself shown, as a bearer token?
pub(super) fn shown(secret: &SigningSecret, headers: &HeaderMap) -> Option<Known> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let is_shown =
        scheme.eq_ignore_ascii_case("bearer") && same(token.trim().as_bytes(), secret.text().as_bytes());
    is_shown.then_some(Known::Secret)
}

fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// In hexadecimal, with the secret's text as the key.
fn signed_as_hubs_do(secret: &SigningSecret, body: &[u8]) -> String {
    // Keys of any length are taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.text().as_bytes()) else { return String::new() };
    mac.update(body);
    mac.finalize().into_bytes().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn secret() -> SigningSecret {
        SigningSecret::from_bytes(vec![7; 32])
    }

    const BODY: &[u8] = br#"{"paid":true}"#;

    fn now() -> Timestamp {
        "2026-11-30T09:00:00Z".parse().unwrap()
    }

    fn good(headers: &[(&'static str, String)], body: &[u8]) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::try_from(value.as_str()).unwrap())
        });
        known(&secret(), &headers.collect(), body, now()).is_some()
    }

    #[test]
    fn a_bearer_token_is_the_secret() {
        let bearer = |token: &str| [("authorization", format!("Bearer {token}"))];

        assert!(good(&bearer(&secret().text()), BODY));
        assert!(!good(&bearer(&SigningSecret::from_bytes(vec![8; 32]).text()), BODY));
        assert!(!good(&[("authorization", format!("Basic {}", secret().text()))], BODY));
        assert!(!good(&[], BODY));
    }

    /// Signed by the library of the specification.
    #[test]
    fn a_message_signed_after_standard_webhooks_is_taken_while_it_is_fresh() {
        let signer = standardwebhooks::Webhook::new(&secret().text()).unwrap();
        let sent = |at: i64, body: &[u8]| {
            let signature = signer.sign("msg_1", at, body).unwrap();
            [
                ("webhook-id", "msg_1".to_owned()),
                ("webhook-timestamp", at.to_string()),
                ("webhook-signature", format!("v1,bm90IGl0 {signature}")),
            ]
        };
        let at = now().timestamp();

        assert!(good(&sent(at, BODY), BODY));
        assert!(good(&sent(at - 299, BODY), BODY));
        assert!(!good(&sent(at - 301, BODY), BODY));
        assert!(!good(&sent(at + 301, BODY), BODY));
        assert!(!good(&sent(at, BODY), b"{}"));
    }

    #[test]
    fn a_body_signed_as_hubs_do_is_taken() {
        let hex = signed_as_hubs_do(&secret(), BODY);

        assert!(good(&[("x-hub-signature-256", format!("sha256={hex}"))], BODY));
        assert!(!good(&[("x-hub-signature-256", format!("sha256={hex}"))], b"{}"));
    }
}
