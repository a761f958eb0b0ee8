//! What is true of a second factor without a database: which code is right when, and what is kept of it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Error, Id, Surroundings, Timestamp, id::kind::User};
use platform::secrets::{Secrets, SecretsError};
use sha2::Sha256;
use totp_rs::{Algorithm, Builder, Totp};

use crate::tokens::{Disclosed, TokenHash};

/// Seconds that a code is shown.
const STEP: u64 = 30;
/// Steps that the clocks may differ by.
const DRIFT: u16 = 1;
/// Bytes that the authenticator and the server share: RFC 4226 recommends 160 bits.
const SHARED: usize = 20;
/// Bytes of the key under which backup codes are hashed.
const KEY: usize = 32;
/// Who issues the codes, as authenticators show it.
const ISSUER: &str = "BotServer";
/// Backup codes that are made at once.
const BACKUP_CODES: usize = 10;

/// The secret part of somebody's second factor.
#[derive(Clone)]
pub(crate) struct Factor {
    shared: [u8; SHARED],
    key: [u8; KEY],
}

/// What somebody typed as a code, by what it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typed<'a> {
    /// Six digits, of the authenticator.
    Totp(&'a str),
    /// Eight digits, from the list.
    Backup(&'a str),
}

impl<'a> Typed<'a> {
    /// Nothing if it can't be a code.
    pub(crate) fn read(code: &'a str) -> Option<Self> {
        let code = code.trim();
        let digits = code.bytes().all(|b| b.is_ascii_digit());
        match code.len() {
            6 if digits => Some(Self::Totp(code)),
            8 if digits => Some(Self::Backup(code)),
            _ => None,
        }
    }
}

impl Factor {
    pub(crate) fn new(world: &Surroundings) -> Self {
        Self { shared: world.bytes(), key: world.bytes() }
    }

    /// Sealed for that user: a row that is given to somebody else doesn't open.
    pub(crate) fn sealed(&self, secrets: &Secrets, user: Id<User>) -> Result<Vec<u8>, SecretsError> {
        secrets.seal(&context(user), &[self.shared.as_slice(), &self.key].concat())
    }

    pub(crate) fn opened(secrets: &Secrets, user: Id<User>, sealed: &[u8]) -> Result<Self, SecretsError> {
        let bytes = secrets.unseal(&context(user), sealed)?;
        let parts = bytes.split_first_chunk::<SHARED>();
        let (shared, key) = parts.ok_or(SecretsError::Corrupt)?;
        let key = <[u8; KEY]>::try_from(key).map_err(|_| SecretsError::Corrupt)?;
        Ok(Self { shared: *shared, key })
    }

    fn totp(&self, account: &str) -> Result<Totp, Error> {
        // A colon parts issuer and account in the address.
        let account = account.replace(':', "_");
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_skew(DRIFT)
            .with_step_duration(STEP)
            .with_secret(self.shared)
            .with_account_name(account)
            .with_issuer(Some(ISSUER))
            .build()
            .map_err(|cause| Error::internal(cause.to_string()))
    }

    /// The step whose code it is, if it is one of now or next to now, and later than the last one that was used. The
    /// comparison takes the same time whatever is wrong.
    pub(crate) fn step_of(&self, code: &str, now: Timestamp, last: i64) -> Result<Option<i64>, Error> {
        let Ok(seconds) = u64::try_from(now.timestamp()) else { return Ok(None) };
        let step = self.totp("")?.check(code, seconds).and_then(|step| i64::try_from(step).ok());
        Ok(step.filter(|step| *step > last))
    }

    /// What is kept of a backup code.
    pub(crate) fn backup_hash(&self, code: &str) -> Result<TokenHash, Error> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).map_err(|cause| Error::internal(cause.to_string()))?;
        mac.update(code.as_bytes());
        Ok(mac.finalize().into_bytes().into())
    }

    /// New backup codes, no two alike.
    pub(crate) fn new_backup_codes(world: &Surroundings) -> Vec<String> {
        let mut codes = Vec::with_capacity(BACKUP_CODES);
        while codes.len() < BACKUP_CODES {
            let number = u64::from_be_bytes(world.bytes());
            // 2^64 is so much more than 10^8 that no code is likelier than another by any measure.
            let code = format!("{:08}", number % 100_000_000);
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        codes
    }

    /// The shared secret as people type it in.
    pub(crate) fn base32(&self) -> Disclosed {
        Disclosed::new(totp_rs::Secret::from(self.shared).to_base32())
    }

    /// The address that authenticators read, and a picture of it as a data URL.
    pub(crate) fn shown(&self, account: &str) -> Result<(Disclosed, Disclosed), Error> {
        let totp = self.totp(account)?;
        let url = totp.to_url().map_err(|cause| Error::internal(cause.to_string()))?;
        let picture = totp.to_qr_png().map_err(|_| Error::internal("a QR code could not be drawn"))?;
        let picture = format!("data:image/png;base64,{}", STANDARD.encode(picture));
        Ok((Disclosed::new(url), Disclosed::new(picture)))
    }

    /// The code of a moment, for tests.
    #[cfg(test)]
    pub(crate) fn code_at(&self, now: Timestamp) -> String {
        self.totp("").unwrap().generate(now.timestamp().unsigned_abs()).to_string()
    }
}

fn context(user: Id<User>) -> Vec<u8> {
    [b"two-factor/".as_slice(), user.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use proptest::prelude::*;

    use super::*;

    fn factor() -> Factor {
        // The key of the test vectors in RFC 6238, appendix B.
        Factor { shared: *b"12345678901234567890", key: [7; KEY] }
    }

    fn at(seconds: i64) -> Timestamp {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // Its eight digits, cut to the last six.
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(factor().step_of(code, at(seconds), 0).unwrap(), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_one_step_around_its_own_and_once() {
        let (factor, shown) = (factor(), at(3_000));
        let code = factor.code_at(shown);
        let good = |seconds: i64, last: i64| factor.step_of(&code, at(seconds), last).unwrap().is_some();

        assert!(good(2_970, 0) && good(3_000, 0) && good(3_059, 0));
        assert!(!good(2_969, 0) && !good(3_060, 0));
        assert!(!good(3_000, 100), "it was used");
    }

    #[test]
    fn what_looks_like_no_code_is_none() {
        assert_eq!(Typed::read(" 123456 "), Some(Typed::Totp("123456")));
        assert_eq!(Typed::read("12345678"), Some(Typed::Backup("12345678")));
        for text in ["", "12345", "1234567", "12345a", "１２３４５６", "123456789"] {
            assert_eq!(Typed::read(text), None, "{text}");
        }
    }

    #[test]
    fn authenticators_are_shown_an_address_and_its_picture() {
        let (url, picture) = factor().shown("ann").unwrap();

        assert!(
            url.reveal().starts_with("otpauth://totp/BotServer:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
        );
        assert!(picture.reveal().starts_with("data:image/png;base64,iVBOR"));
    }

    #[test]
    fn backup_codes_are_ten_of_eight_digits_and_hashed_under_a_key_of_their_own() {
        let codes = Factor::new_backup_codes(&Surroundings::system());
        let other = Factor { key: [8; KEY], ..factor() };

        assert!(
            codes.len() == 10 && codes.iter().all(|code| matches!(Typed::read(code), Some(Typed::Backup(_))))
        );
        assert_eq!(factor().backup_hash("12345678").unwrap(), factor().backup_hash("12345678").unwrap());
        assert_ne!(factor().backup_hash("12345678").unwrap(), other.backup_hash("12345678").unwrap());
    }

    proptest! {
        #[test]
        fn no_code_panics_and_none_is_good_twice(code in ".*", seconds in 0_i64..4_000_000_000) {
            if let Some(step) = factor().step_of(&code, at(seconds), -1).unwrap() {
                prop_assert_eq!(factor().step_of(&code, at(seconds), step).unwrap(), None);
            }
        }
    }
}
