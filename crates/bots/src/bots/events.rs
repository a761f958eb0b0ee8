//! What happens to bots, told to whoever subscribed.

use gateway::Module;
use kernel::{
    Event, Hearer, Permission, PublicEvent,
    id::{BotId, UserId},
};
use serde::Serialize;
use serde_json::Value;

use super::{Visibility, policy::may_know, store::BotRow};

/// What there is to know of a bot when something happened to it.
#[derive(Debug, Serialize)]
pub(crate) struct About {
    bot_id: BotId,
    name: String,
    slug: String,
    status: String,
    visibility: String,
    /// Who made it; none if the server's operator did.
    created_by: Option<UserId>,
    /// Is somebody let in or kept out by name? Then only its maker and administrators hear of it.
    has_lists: bool,
}

impl From<&BotRow> for About {
    fn from(bot: &BotRow) -> Self {
        Self {
            bot_id: bot.id,
            name: bot.name.clone(),
            slug: bot.slug.clone(),
            status: bot.status.clone(),
            visibility: bot.visibility.clone(),
            created_by: bot.created_by,
            has_lists: bot.is_listed,
        }
    }
}

impl About {
    fn example() -> Self {
        Self {
            bot_id: BotId::example(),
            name: "Table Booking".to_owned(),
            slug: "table-booking".to_owned(),
            status: "active".to_owned(),
            visibility: "organization".to_owned(),
            created_by: Some(UserId::example()),
            has_lists: false,
        }
    }
}

macro_rules! events {
    ($(#[doc = $about:literal] $name:ident $text:literal;)*) => {
        /// Declares them.
        pub(super) fn declare(module: Module) -> Module {
            module$(.event::<$name>())*
        }

        $(
            #[doc = $about]
            #[derive(Debug, Serialize)]
            #[serde(transparent)]
            pub(crate) struct $name(pub(crate) About);

            impl Event for $name {
                const NAME: &'static str = $text;

                fn subject(&self) -> String {
                    self.0.bot_id.to_string()
                }
            }

            impl PublicEvent for $name {
                const ABOUT: &'static str = $about.trim_ascii();

                fn example() -> Self {
                    Self(About::example())
                }

                fn may_hear(who: &Hearer, data: &Value) -> bool {
                    let made_by = data["created_by"].as_str().and_then(|id| id.parse().ok());
                    let visibility = match data["has_lists"].as_bool() {
                        Some(true) => Visibility::Private,
                        _ => Visibility::read(data["visibility"].as_str().unwrap_or_default()),
                    };
                    who.may(Permission::BOTS_USE) && may_know(who, visibility, made_by)
                }
            }
        )*
    };
}

events! {
    /// A bot was made.
    BotCreated "bot.created";
    /// A bot was changed, or got another package.
    BotUpdated "bot.updated";
    /// A bot was deleted. What it had is being removed.
    BotDeleted "bot.deleted";
}
