//! Opaque tokens: 256 random bits behind a prefix that tells their kind, kept as SHA-256 only.
//!
//! A fast hash is right here, unlike for passwords: nobody guesses 256 bits, so there is nothing to slow down.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Secret, Surroundings};
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

/// What a token is for. The prefix lets scanners of leaked secrets recognize ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Shown with each request.
    Access,
    /// Exchanged once for a new pair.
    Refresh,
    /// Lets somebody set a password, once.
    Password,
    /// Shown with each request by somebody without an account.
    Visitor,
    /// Shown with each request by a program.
    ApiKey,
    /// Shown with the second factor, by who has shown the password.
    Challenge,
    /// Opens one WebSocket, from its address.
    Ticket,
    /// Confirms an address, once.
    Email,
    /// Shown by who answers an invitation.
    Invitation,
}

impl TokenKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "bsa_",
            Self::Refresh => "bsr_",
            Self::Password => "bsp_",
            Self::Visitor => "bsv_",
            Self::ApiKey => "bsk_",
            Self::Challenge => "bsc_",
            Self::Ticket => "bst_",
            Self::Email => "bse_",
            Self::Invitation => "bsi_",
        }
    }
}

/// The form in which the database knows a token.
pub(crate) type TokenHash = [u8; 32];

/// A token just made: the text for its owner, the hash for the database.
#[derive(Clone)]
pub(crate) struct NewToken {
    pub(crate) text: Disclosed,
    pub(crate) hash: TokenHash,
}

impl NewToken {
    /// A new token of that kind.
    pub(crate) fn of(kind: TokenKind, world: &Surroundings) -> Self {
        let text = format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(world.bytes::<32>()));
        Self { hash: digest(&text), text: Disclosed::new(text) }
    }

    /// How the token begins, to know it by: 48 of its 256 bits.
    pub(crate) fn prefix(&self) -> String {
        self.text.reveal().chars().take(12).collect()
    }
}

/// The hash of a token that somebody shows, or nothing if it can't be one of that kind.
pub(crate) fn read(kind: TokenKind, text: &str) -> Option<TokenHash> {
    // 32 bytes in unpadded base64 are 43 characters.
    (text.starts_with(kind.prefix()) && text.len() == kind.prefix().len() + 43).then(|| digest(text))
}

fn digest(text: &str) -> TokenHash {
    Sha256::digest(text.as_bytes()).into()
}

/// Are two secrets the same? The time it takes tells nothing of where they differ, nor of their lengths.
pub(crate) fn same(one: &Secret, other: &Secret) -> bool {
    digest(one.reveal()).ct_eq(&digest(other.reveal())).into()
}

/// A secret on its way to its owner: written into the one answer that carries it, never into a log.
///
/// The counterpart of [`Secret`], which comes in and is never written anywhere.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(value_type = String, description = "A secret, shown in this one answer.", example = "bsp_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu")]
#[serde(transparent)]
pub struct Disclosed(String);

impl Disclosed {
    /// Lets the text be seen, in one answer.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Disclosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash() {
        let token = NewToken::of(TokenKind::Access, &Surroundings::system());

        assert_eq!(read(TokenKind::Access, token.text.reveal()), Some(token.hash));
        assert_eq!(read(TokenKind::Refresh, token.text.reveal()), None, "of another kind");
    }

    #[test]
    fn a_token_does_not_show_itself_in_a_log() {
        let token = NewToken::of(TokenKind::Refresh, &Surroundings::system());

        assert_eq!(format!("{:?}", token.text), "***");
    }

    #[test]
    fn no_two_tokens_are_alike() {
        let world = Surroundings::system();
        let make = || NewToken::of(TokenKind::Access, &world).hash;

        assert_ne!(make(), make());
    }

    proptest! {
        #[test]
        fn secrets_are_the_same_exactly_if_their_texts_are(one in "\\PC{0,8}", other in "\\PC{0,8}") {
            prop_assert_eq!(same(&Secret::new(one.clone()), &Secret::new(other.clone())), one == other);
        }

        #[test]
        fn what_is_no_token_is_not_even_hashed(text in ".{0,80}") {
            prop_assume!(!text.starts_with("bsa_"));
            prop_assert_eq!(read(TokenKind::Access, &text), None);
        }
    }
}
