//! Who may use a bot: the one function that decides.

use kernel::{Actor, Permission};

use super::{Visibility, store::BotRow};

/// May the caller use the bot? Where not, there is no such bot.
pub(crate) fn may_use(who: &Actor, bot: &BotRow) -> bool {
    if who.may(Permission::ADMIN_BOTS) {
        return true;
    }
    match Visibility::read(&bot.visibility) {
        Visibility::Public | Visibility::Organization => true,
        Visibility::Private => bot.created_by == Some(who.user),
        Visibility::Admin => false,
    }
}
