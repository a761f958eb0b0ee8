//! Addresses of people, as scripts write them.

use basic::ErrorCode;
use gateway::command::Unperformed;
use identity::membership;
use kernel::{Id, id::kind::User, text};
use platform::db::{DbError, Tx};

use crate::conversations::WEB;

/// Whom a script means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    User(Id<User>),
    /// Folded as names are compared.
    Email(String),
    /// Folded as names are compared.
    Username(String),
}

impl Address {
    /// Reads an e-mail address, the id of a user, a username, or one of these behind a channel.
    pub(super) fn read(address: &str) -> Result<Self, Unperformed> {
        let address = address.trim();
        if let Some((channel, rest)) = address.split_once(':') {
            let channel = channel.trim();
            if channel.eq_ignore_ascii_case(WEB) && !rest.contains(':') {
                return Self::read(rest);
            }
            return Err(not_found(format!("this server has no channel {channel}")));
        }
        if address.is_empty() || address.contains('\0') {
            return Err(Unperformed::argument("the address is an e-mail address, a username or a user's id"));
        }
        if let Ok(user) = address.parse() {
            return Ok(Self::User(user));
        }
        if address.starts_with('+') {
            return Err(not_found(format!("this server can't reach the phone number {address}")));
        }
        let key = text::key(address);
        Ok(if address.contains('@') { Self::Email(key) } else { Self::Username(key) })
    }

    /// The member who has it.
    pub(super) fn user(&self, tx: &Tx<'_>) -> Result<Option<Id<User>>, DbError> {
        match self {
            Self::User(user) => Ok(Some(*user)),
            Self::Email(key) => membership::by_email(tx, key),
            Self::Username(key) => membership::by_username(tx, key),
        }
    }
}

fn not_found(message: String) -> Unperformed {
    Unperformed::failed(ErrorCode::NotFound, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_by_its_form_what_it_is() {
        let user: Id<User> = Id::example();
        let read = |text: &str| Address::read(text).unwrap();

        assert_eq!(read(" Ann@Example.com "), Address::Email("ann@example.com".into()));
        assert_eq!(read("Ann"), Address::Username("ann".into()));
        assert_eq!(read(&user.to_string()), Address::User(user));
        assert_eq!(read(&format!("web:{user}")), Address::User(user));
        assert_eq!(read("WEB: ann"), Address::Username("ann".into()));
    }

    #[test]
    fn what_this_server_cant_reach_is_not_found_and_nothing_is_no_address() {
        for (address, code) in [
            ("whatsapp:4915112345678", ErrorCode::NotFound),
            ("web:web:ann", ErrorCode::NotFound),
            ("+49 151 12345678", ErrorCode::NotFound),
            ("  ", ErrorCode::Argument),
            ("web:", ErrorCode::Argument),
        ] {
            let refused = Address::read(address);
            assert!(
                matches!(&refused, Err(Unperformed::Failed(error)) if error.code == code),
                "{address}: {refused:?}"
            );
        }
    }
}
