//! What happens to users, told to whoever subscribed. What there is to know of a person beyond the name is asked of
//! the API by who may know it: events are kept for a while, and outlive an erasure.

use std::borrow::Cow;

use gateway::Module;
use kernel::{Event, Hearer, Permission, PublicEvent, id::UserId};
use serde::Serialize;
use serde_json::Value;

use super::{model::Status, store::Account};

/// The user that something happened to.
#[derive(Debug, Serialize)]
pub(crate) struct About {
    user_id: UserId,
    username: String,
    status: Status,
}

impl From<&Account> for About {
    fn from(account: &Account) -> Self {
        Self { user_id: account.id, username: account.username.clone(), status: account.status }
    }
}

impl About {
    fn example() -> Self {
        Self { user_id: UserId::example(), username: "ann".to_owned(), status: Status::Active }
    }
}

/// Whoever may see the person at all.
fn sees(who: &Hearer, data: &Value) -> bool {
    who.is(&data["user_id"]) || who.may(Permission::USERS_READ)
}

/// Whoever sees the person in full.
fn sees_in_full(who: &Hearer, data: &Value) -> bool {
    who.is(&data["user_id"]) || who.may(Permission::ADMIN_USERS)
}

macro_rules! events {
    ($(
        #[doc = $about:literal]
        $name:ident $text:literal, $may_hear:ident { $($field:ident: $type:ty = $example:expr),* };
    )*) => {
        /// Declares them.
        pub(super) fn declare(module: Module) -> Module {
            module$(.event::<$name>())*
        }

        $(
            #[doc = $about]
            #[derive(Debug, Serialize)]
            pub(crate) struct $name {
                #[serde(flatten)]
                pub(crate) user: About,
                $(pub(crate) $field: $type,)*
            }

            impl Event for $name {
                const NAME: &'static str = $text;

                fn subject(&self) -> String {
                    self.user.user_id.to_string()
                }
            }

            impl PublicEvent for $name {
                const ABOUT: &'static str = $about.trim_ascii();

                fn example() -> Self {
                    Self { user: About::example(), $($field: $example,)* }
                }

                fn may_hear(who: &Hearer, data: &Value) -> bool {
                    $may_hear(who, data)
                }
            }
        )*
    };
}

events! {
    /// A user was made.
    UserCreated "user.created", sees {};
    /// Something about a user was changed: these fields.
    UserUpdated "user.updated", sees { changed: Vec<&'static str> = vec!["display_name"] };
    /// A user was suspended.
    UserSuspended "user.suspended", sees {};
    /// A user who could not sign in can.
    UserActivated "user.activated", sees {};
    /// A user was given a role.
    RoleAssigned "role.assigned", sees_in_full { role: Cow<'static, str> = "manager".into() };
    /// A role was taken from a user.
    RoleRevoked "role.revoked", sees_in_full { role: Cow<'static, str> = "manager".into() };
}
