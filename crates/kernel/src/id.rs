//! Typed, sortable, opaque identifiers: a prefix, `_`, and a `UUIDv7` in the [TypeID] encoding.
//!
//! `Id<kind::Task>` is no `Id<kind::User>`: mixing them up does not compile. The table in [`kind`] is the one list
//! of prefixes.
//!
//! [TypeID]: https://github.com/jetify-com/typeid/tree/main/spec

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use type_safe_id::{StaticType, TypeSafeId};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};
use uuid::Uuid;

/// What an identifier names: a kind of resource with the prefix of its ids.
pub trait IdKind: 'static {
    /// Two to four lower-case letters.
    const PREFIX: &'static str;
    /// What the thing is called in a sentence, such as "user".
    const NOUN: &'static str;
}

macro_rules! kinds {
    ($($name:ident $prefix:literal $noun:literal;)*) => {
        /// Every kind of resource that has ids of its own, with its prefix.
        pub mod kind {
            $(
                #[doc = concat!("Ids of this kind start with `", $prefix, "_`.")]
                #[derive(Debug, Clone, Copy, PartialEq, Eq)]
                pub enum $name {}
                impl super::IdKind for $name {
                    const PREFIX: &'static str = $prefix;
                    const NOUN: &'static str = $noun;
                }
            )*
            /// All prefixes, for tests and documents.
            pub const PREFIXES: &[&str] = &[$($prefix),*];
        }
    };
}

kinds! {
    Organization "org" "organization";
    User "usr" "user";
    Session "ses" "session";
    Role "rol" "role";
    Group "grp" "group";
    Membership "mem" "membership";
    JoinRequest "req" "join request";
    Invitation "inv" "invitation";
    ApiKey "key" "API key";
    Bot "bot" "bot";
    Conversation "conv" "conversation";
    Message "msg" "message";
    Attachment "att" "attachment";
    Job "job" "job";
    Event "evt" "event";
    Schedule "sch" "schedule";
    LogLine "log" "log line";
    Webhook "hook" "webhook";
    Delivery "dlv" "delivery";
    Object "obj" "object";
    AuditEntry "aud" "audit entry";
}

// In documented structs these names stand instead of `Id<…>`, whose parameter the derivation of schemas would take
// for a schema, too.

/// Names an organization.
pub type OrganizationId = Id<kind::Organization>;
/// Names a user.
pub type UserId = Id<kind::User>;
/// Names a session.
pub type SessionId = Id<kind::Session>;
/// Names a role.
pub type RoleId = Id<kind::Role>;
/// Names a group.
pub type GroupId = Id<kind::Group>;
/// Names somebody's membership in a group.
pub type MembershipId = Id<kind::Membership>;
/// Names a request to become a member of a group.
pub type JoinRequestId = Id<kind::JoinRequest>;
/// An invitation's id.
pub type InvitationId = Id<kind::Invitation>;
/// Names an API key.
pub type ApiKeyId = Id<kind::ApiKey>;
/// Names a bot.
pub type BotId = Id<kind::Bot>;
/// Names a conversation.
pub type ConversationId = Id<kind::Conversation>;
/// Names a message.
pub type MessageId = Id<kind::Message>;
/// Names an attachment.
pub type AttachmentId = Id<kind::Attachment>;
/// Names a job.
pub type JobId = Id<kind::Job>;
/// Names an event.
pub type EventId = Id<kind::Event>;
/// Names a schedule.
pub type ScheduleId = Id<kind::Schedule>;
/// Names a line of a bot's log.
pub type LogLineId = Id<kind::LogLine>;
/// Names a webhook.
pub type WebhookId = Id<kind::Webhook>;
/// Names a delivery of a webhook.
pub type DeliveryId = Id<kind::Delivery>;

/// Connects our kinds with the encoding's own idea of a static type.
struct Tag<K>(PhantomData<fn() -> K>);

impl<K> Default for Tag<K> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<K: IdKind> StaticType for Tag<K> {
    const TYPE: &'static str = K::PREFIX;
}

/// An identifier of one kind of resource. Sixteen bytes, copied freely, ordered by time of making.
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

impl<K> Id<K> {
    /// Wraps a UUID that is known to name a `K`, as one read from the database.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }

    /// The id that stands in documents for any other.
    pub const fn example() -> Self {
        Self::from_uuid(Uuid::from_u128(0x0197_666b_ed3b_71e8_880f_45c8_1846_896a))
    }

    /// The UUID behind the text form.
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }

    /// The sixteen bytes that the database keeps.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.uuid.as_bytes()
    }
}

/// Why a text is no identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no id of the form {prefix}_…")]
pub struct InvalidId {
    /// The prefix that was wanted.
    pub prefix: &'static str,
}

impl<K: IdKind> FromStr for Id<K> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse::<TypeSafeId<Tag<K>>>()
            .map(|id| Self::from_uuid(id.uuid()))
            .map_err(|_| InvalidId { prefix: K::PREFIX })
    }
}

impl<K: IdKind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&TypeSafeId::<Tag<K>>::from_uuid(self.uuid), f)
    }
}

impl<K: IdKind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<K> hash::Hash for Id<K> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<K: IdKind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: IdKind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The regular expression that ids with the prefix match.
pub fn pattern(prefix: &str) -> String {
    format!("^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$")
}

/// An id for documents.
pub fn example(prefix: &str) -> String {
    format!("{prefix}_01jxk6qv9ve7m8g3t5s0c4d2ba")
}

impl<K: IdKind> PartialSchema for Id<K> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(pattern(K::PREFIX)))
            .description(Some(format!("Names one {}.", K::NOUN)))
            .examples([serde_json::Value::from(example(K::PREFIX))])
            .into()
    }
}

impl<K: IdKind> ToSchema for Id<K> {
    /// `UserId`, `AuditEntryId`: made of the noun.
    fn name() -> std::borrow::Cow<'static, str> {
        let capital = |word: &str| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase()).into_iter();
            first.chain(letters).collect::<String>()
        };
        K::NOUN.split(' ').map(capital).chain(["Id".to_owned()]).collect::<String>().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_encoding_is_that_of_the_typeid_specification() {
        let uuid = Uuid::parse_str("01890a5d-ac96-774b-bcce-b302099a8057").unwrap();

        assert_eq!(Id::<kind::User>::from_uuid(uuid).to_string(), "usr_01h455vb4pex5vsknk084sn02q");
    }

    #[test]
    fn the_example_is_the_same_as_a_text_and_as_a_value() {
        assert_eq!(Id::<kind::Bot>::example().to_string(), example("bot"));
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let refused = "bot_01h455vb4pex5vsknk084sn02q".parse::<Id<kind::User>>();

        assert_eq!(refused, Err(InvalidId { prefix: "usr" }));
    }

    #[test]
    fn prefixes_are_unique() {
        let mut prefixes = kind::PREFIXES.to_vec();
        prefixes.sort_unstable();
        prefixes.dedup();

        assert_eq!(prefixes.len(), kind::PREFIXES.len());
    }

    proptest! {
        #[test]
        fn text_and_bytes_round_trip(bytes: [u8; 16]) {
            let id = Id::<kind::Message>::from_uuid(Uuid::from_bytes(bytes));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<Id<kind::Bot>>();
        }
    }
}
