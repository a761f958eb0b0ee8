//! What happens to groups and their members, told to whoever subscribed.

use gateway::Module;
use kernel::{Event, Hearer, Permission, PublicEvent};
use serde::Serialize;
use serde_json::Value;

use super::store::GroupRow;
use crate::ids::{GroupId, UserId};

/// The group that something happened to.
#[derive(Debug, Serialize)]
pub(super) struct About {
    group_id: GroupId,
    name: String,
    visibility: String,
}

impl From<&GroupRow> for About {
    fn from(row: &GroupRow) -> Self {
        Self { group_id: row.id, name: row.name.clone(), visibility: row.visibility.clone() }
    }
}

impl About {
    fn example() -> Self {
        Self { group_id: GroupId::example(), name: "Front desk".to_owned(), visibility: "public".to_owned() }
    }
}

/// The person it happened to; who administers groups; of public groups whoever sees groups.
fn may_hear(who: &Hearer, data: &Value) -> bool {
    let is_public = data["visibility"] == "public";
    who.is(&data["user_id"])
        || who.may(Permission::ADMIN_GROUPS)
        || (is_public && who.may(Permission::GROUPS_READ))
}

macro_rules! events {
    ($(
        #[doc = $about:literal]
        $name:ident $text:literal { $($field:ident: $type:ty = $example:expr),* };
    )*) => {
        /// Declares them.
        pub(super) fn declare(module: Module) -> Module {
            module$(.event::<$name>())*
        }

        $(
            #[doc = $about]
            #[derive(Debug, Serialize)]
            pub(super) struct $name {
                #[serde(flatten)]
                pub(super) group: About,
                $(pub(super) $field: $type,)*
            }

            impl Event for $name {
                const NAME: &'static str = $text;

                fn subject(&self) -> String {
                    self.group.group_id.to_string()
                }
            }

            impl PublicEvent for $name {
                const ABOUT: &'static str = $about.trim_ascii();

                fn example() -> Self {
                    Self { group: About::example(), $($field: $example,)* }
                }

                fn may_hear(who: &Hearer, data: &Value) -> bool {
                    may_hear(who, data)
                }
            }
        )*
    };
}

events! {
    /// Somebody became a member of a group.
    MemberAdded "group.member_added" { user_id: UserId = UserId::example(), role: String = "member".to_owned() };
    /// Somebody is no member of a group any more.
    MemberRemoved "group.member_removed" { user_id: UserId = UserId::example() };
    /// Somebody has another role in a group.
    MemberRoleChanged "group.role_changed" { user_id: UserId = UserId::example(), role: String = "admin".to_owned() };
    /// A group was deleted.
    GroupDeleted "group.deleted" {};
}
