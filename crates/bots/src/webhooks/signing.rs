//! Secrets and signatures after the Standard Webhooks specification, version 1: symmetric, HMAC-SHA256.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Secret, Surroundings};
use sha2::Sha256;

/// How secrets begin, so that they are recognized wherever they turn up.
const PREFIX: &str = "whsec_";
/// Bytes of a secret that the specification allows.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What signs the messages of a webhook.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SigningSecret(Vec<u8>);

impl SigningSecret {
    /// A new one.
    pub(super) fn new(world: &Surroundings) -> Self {
        Self(world.bytes::<32>().to_vec())
    }

    /// One that somebody brought along: `whsec_` and 24 to 64 bytes in base64.
    pub(super) fn read(text: &Secret) -> Option<Self> {
        let bytes = STANDARD.decode(text.reveal().strip_prefix(PREFIX)?).ok()?;
        BYTES.contains(&bytes.len()).then_some(Self(bytes))
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text in which its owner gets it.
    pub(crate) fn text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// One signature, with the version before it.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

/// The value of `webhook-signature`: a signature of each secret that counts.
pub(super) fn signatures(secrets: &[SigningSecret], id: &str, timestamp: i64, body: &str) -> String {
    let signatures: Vec<_> =
        secrets.iter().filter_map(|secret| secret.sign(id, timestamp, body.as_bytes())).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn a_message_is_signed_as_the_specification_says() {
        let secret = SigningSecret::read(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();

        let signature =
            signatures(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);

        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_read_back_and_others_are_refused() {
        let secret = SigningSecret::new(&Surroundings::system());

        assert!(SigningSecret::read(&Secret::new(secret.text())) == Some(secret));
        let long = format!("whsec_{}", STANDARD.encode([0; 65]));
        for text in
            ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_no base64", &long]
        {
            assert!(SigningSecret::read(&Secret::new(text)).is_none(), "{text}");
        }
    }
}
