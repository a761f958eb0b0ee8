//! The table of bots.

mod deletion;
mod exports;

use std::sync::LazyLock;

use identity::membership::Belonging;
use kernel::{
    Id, Timestamp,
    id::kind::{Bot as BotKind, Organization, User},
};
use platform::{
    db::{Bind, DbError, Extra, Filter, Json, ListOf, SearchOn, ServerTx, Tx, Unit},
    record,
};
use sea_query::{Condition, Expr, ExprTrait, Query};

pub(super) use deletion::*;
pub(crate) use exports::EXPORTS;
pub(super) use exports::*;

record! {
    /// A bot as the database has it.
    #[derive(Debug, Clone)]
    pub(crate) struct BotRow {
        pub(crate) id: Id<BotKind>,
        pub(crate) rev: i64,
        pub(crate) slug: String,
        pub(crate) name: String,
        pub(crate) display_name: Option<String>,
        pub(crate) description: Option<String>,
        pub(crate) status: String,
        pub(crate) visibility: String,
        pub(crate) is_default: bool,
        pub(crate) config: Json,
        pub(crate) version: i64,
        pub(crate) start_program: Option<[u8; 32]>,
        pub(crate) package: Json,
        pub(crate) created_by: Option<Id<User>>,
        pub(crate) created_at: Timestamp,
        pub(crate) updated_at: Timestamp,
        pub(crate) last_activity: Timestamp,
        pub(crate) status_reason: Option<String>,
        /// Do its access lists name anybody?
        pub(crate) is_listed: bool,
        pub(crate) anonymous_allowed: bool,
        pub(crate) max_sessions: Option<i64>,
    }
}

/// A bot that is being removed is nobody's to know of.
pub(crate) const DELETING: &str = "deleting";

const STATUSES: &[(&str, &str)] =
    &[("active", "active"), ("inactive", "inactive"), ("error", "error"), ("maintenance", "maintenance")];
const VISIBILITIES: &[(&str, &str)] =
    &[("public", "public"), ("organization", "organization"), ("private", "private"), ("admin", "admin")];

pub(super) const LIST: ListOf = ListOf {
    from: "bots b",
    columns:
        "b.id, b.rev, b.slug, b.name, b.display_name, b.description, b.status, b.visibility, b.is_default, b.config,
        b.version, b.start_program, b.package, b.created_by, b.created_at, b.updated_at, b.last_activity,
        b.status_reason, b.is_listed, b.anonymous_allowed, b.max_sessions",
    org: "b.org_id",
    id: "b.id",
    sorts: &[("created_at", "b.created_at"), ("name", "b.name_key"), ("last_activity", "b.last_activity")],
    filters: &[
        ("status", Filter::OneOf("b.status", STATUSES)),
        ("visibility", Filter::OneOf("b.visibility", VISIBILITIES)),
    ],
    search: Some(SearchOn { table: "bots", alias: "b", column: "search_key", begins: &["b.name_key"] }),
};

/// The list's share of who may use a bot: administrators see all, others what they may use; those who are denied don't.
pub(super) fn visible(all: bool, user: Id<User>, belonging: &Belonging) -> Extra {
    let listed = |relation: &str, subjects: Vec<Vec<u8>>| {
        let of_bot = Expr::cust("bot_access.org_id = b.org_id AND bot_access.bot_id = b.id");
        let rows = Query::select()
            .expr(Expr::cust("1"))
            .from("bot_access")
            .and_where(of_bot)
            .and_where(Expr::cust("bot_access.relation").eq(relation))
            .and_where(Expr::cust("bot_access.subject_id").is_in(subjects))
            .to_owned();
        Expr::exists(rows)
    };
    let own = vec![user.as_bytes().to_vec()];
    let denied = Condition::all().add(Expr::cust("b.is_listed")).add(listed("denied_user", own.clone()));
    let standing = Extra::within(Condition::all().add(Expr::cust("b.status").ne(DELETING)));
    let not_denied = Condition::all().add(denied.not());
    if all {
        return standing.each(not_denied);
    }
    let mut named = Condition::any().add(listed("allowed_user", own));
    let roles = belonging.roles.iter().map(|role| role.as_bytes().to_vec());
    let groups = belonging.groups.iter().map(|group| group.as_bytes().to_vec());
    named = named.add(listed("allowed_role", roles.collect())).add(listed("allowed_group", groups.collect()));
    let named = Condition::all()
        .add(Expr::cust("b.is_listed"))
        .add(Expr::cust("b.visibility").eq("private"))
        .add(named);
    let own = Condition::all()
        .add(Expr::cust("b.visibility").eq("private"))
        .add(Expr::cust("b.created_by").eq(user.as_bytes().to_vec()));
    let open = Expr::cust("b.visibility").is_in(["public", "organization"]);
    standing.each(not_denied.add(Condition::any().add(open).add(own).add(named)))
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, rev, slug, name, display_name, description, status, visibility, is_default, config, version,
                start_program, package, created_by, created_at, updated_at, last_activity, status_reason, is_listed,
                anonymous_allowed, max_sessions
             FROM bots WHERE org_id = $1 AND status <> 'deleting' AND ",
            $rest
        )
    };
}

pub(crate) fn by_id(tx: &Tx<'_>, id: Id<BotKind>) -> Result<Option<BotRow>, DbError> {
    tx.one(select!("id = $2"), &[&id])
}

pub(crate) fn by_slug(tx: &Tx<'_>, slug: &str) -> Result<Option<BotRow>, DbError> {
    tx.one(select!("slug = $2"), &[&slug])
}

/// Bots of that name, two at the most.
pub(super) fn some_by_name(tx: &Tx<'_>, name_key: &str) -> Result<Vec<BotRow>, DbError> {
    tx.all(select!("name_key = $2 ORDER BY id LIMIT 2"), &[&name_key])
}

pub(crate) fn default(tx: &Tx<'_>) -> Result<Option<BotRow>, DbError> {
    tx.one(select!("is_default"), &[])
}

pub(super) fn all(tx: &Tx<'_>) -> Result<Vec<BotRow>, DbError> {
    tx.all(select!("id IS NOT NULL ORDER BY created_at, id"), &[])
}

/// Has the organization so many bots, at least? Looks no further than that.
pub(super) fn has_at_least(tx: &Tx<'_>, number: i64) -> Result<bool, DbError> {
    let last = tx.one::<(i64,)>(
        "SELECT 1 FROM bots WHERE org_id = $1 AND status <> 'deleting' LIMIT 1 OFFSET $2",
        &[&(number - 1)],
    )?;
    Ok(last.is_some())
}

pub(super) fn insert(unit: &Unit<'_>, bot: &BotRow, name_key: &str, search_key: &str) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO bots (org_id, id, rev, slug, name, name_key, search_key, display_name, description, status,
            visibility, is_default, config, version, package, created_by, created_at, updated_at, last_activity,
            status_reason, is_listed, anonymous_allowed, max_sessions)
         VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $16, $17, $18, $19, $20)",
        &[
            &bot.id,
            &bot.slug,
            &bot.name,
            &name_key,
            &search_key,
            &bot.display_name,
            &bot.description,
            &bot.status,
            &bot.visibility,
            &bot.is_default,
            &bot.config,
            &bot.version,
            &bot.package,
            &bot.created_by,
            &bot.created_at,
            &bot.status_reason,
            &bot.is_listed,
            &bot.anonymous_allowed,
            &bot.max_sessions,
        ],
    )?;
    Ok(())
}

pub(super) fn save(unit: &Unit<'_>, bot: &BotRow, name_key: &str, search_key: &str) -> Result<(), DbError> {
    unit.execute(
        "UPDATE bots SET rev = rev + 1, name = $3, name_key = $4, search_key = $5, display_name = $6,
            description = $7, status = $8, visibility = $9, is_default = $10, updated_at = $11, last_activity = $11,
            status_reason = $12
         WHERE org_id = $1 AND id = $2",
        &[
            &bot.id,
            &bot.name,
            &name_key,
            &search_key,
            &bot.display_name,
            &bot.description,
            &bot.status,
            &bot.visibility,
            &bot.is_default,
            &bot.updated_at,
            &bot.status_reason,
        ],
    )?;
    Ok(())
}

/// Says in which state it is, and why.
pub(crate) fn set_status(
    unit: &Unit<'_>,
    id: Id<BotKind>,
    status: &str,
    reason: Option<&str>,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE bots SET status = $3, status_reason = $4 WHERE org_id = $1 AND id = $2",
        &[&id, &status, &reason],
    )?;
    Ok(())
}

pub(super) fn clear_default(unit: &Unit<'_>) -> Result<(), DbError> {
    unit.execute("UPDATE bots SET rev = rev + 1, is_default = FALSE WHERE org_id = $1 AND is_default", &[])?;
    Ok(())
}

/// Notes that somebody begins to talk to it, which locks it until the unit ends: what is read of it afterwards holds.
pub(crate) fn touch(unit: &Unit<'_>, id: Id<BotKind>, at: Timestamp) -> Result<(), DbError> {
    unit.execute("UPDATE bots SET last_activity = $3 WHERE org_id = $1 AND id = $2", &[&id, &at])?;
    Ok(())
}

/// Conversations that were active since then, up to so many.
pub(crate) fn active_conversations(
    tx: &Tx<'_>,
    id: Id<BotKind>,
    since: Timestamp,
    most: i64,
) -> Result<i64, DbError> {
    let counted = tx.one::<(i64,)>(
        "SELECT count(*) FROM (SELECT 1 FROM conversations WHERE org_id = $1 AND bot_id = $2
            AND archived = FALSE AND last_activity >= $3 AND status <> 'ended' LIMIT $4) active",
        &[&id, &since, &most],
    )?;
    Ok(counted.map_or(0, |(count,)| count))
}

/// The bot of that id or slug, whosever it is: for addresses that everybody may call.
pub(crate) fn anywhere(tx: &ServerTx<'_>, named: &str) -> Result<Option<Named>, DbError> {
    let found: Vec<Named> = match named.parse::<Id<BotKind>>() {
        Ok(id) => tx.across_organizations_with(
            "SELECT org_id, id FROM bots WHERE id = $1 AND status <> 'deleting'",
            &[&id],
        )?,
        Err(_) => tx.across_organizations_with(
            "SELECT org_id, id FROM bots WHERE slug = $1 AND status <> 'deleting'",
            &[&named],
        )?,
    };
    Ok(found.into_iter().next())
}

/// A bot with its organization.
pub(crate) type Named = (Id<Organization>, Id<BotKind>);

/// The default bot of the server's first organization.
pub(crate) fn first_default(tx: &ServerTx<'_>) -> Result<Option<Named>, DbError> {
    let found: Vec<Named> = tx.across_organizations(
        "SELECT org_id, id FROM bots WHERE is_default AND status <> 'deleting'
            AND org_id = (SELECT id FROM server_organizations WHERE founding)",
    )?;
    Ok(found.into_iter().next())
}

record! {
    /// A bot as it is looked at for a visitor.
    #[derive(Debug, Clone)]
    pub(crate) struct Visited {
        pub(crate) name: String,
        pub(crate) visibility: String,
        pub(crate) anonymous_allowed: bool,
        pub(crate) config: Json,
    }
}

/// The bot, whosever it is, if it is on.
pub(crate) fn visited(tx: &ServerTx<'_>, id: Id<BotKind>) -> Result<Option<Visited>, DbError> {
    let found = tx.across_organizations_with(
        "SELECT COALESCE(display_name, name), visibility, anonymous_allowed, config FROM bots
         WHERE id = $1 AND status = 'active'",
        &[&id],
    )?;
    Ok(found.into_iter().next())
}

/// Bots on a page of the usual length, and on the longest.
const PAGES: [usize; 2] = [20, 100];

/// The statements that count for as many bots. A text that never changes stays prepared.
static COUNTING: LazyLock<[String; 2]> = LazyLock::new(|| PAGES.map(counting));

fn counting(bots: usize) -> String {
    let of_bot = |at: usize| {
        let (bot, since) = (2 * at + 3, 2 * at + 4);
        format!(
            "SELECT CAST({at} AS bigint), count(*) FROM (SELECT 1 FROM conversations WHERE org_id = $1
                AND bot_id = ${bot} AND archived = FALSE AND last_activity >= ${since} AND status <> 'ended'
                LIMIT $2) active"
        )
    };
    (0..bots).map(of_bot).collect::<Vec<_>>().join(" UNION ALL ")
}

/// The same for each bot of a page, since an instant of its own, in one statement however many they are.
pub(super) fn active_conversations_of_each(
    tx: &Tx<'_>,
    bots: &[(Id<BotKind>, Timestamp)],
    most: i64,
) -> Result<Vec<i64>, DbError> {
    let [usual, longest] = PAGES;
    let mut counts = vec![0; bots.len()];
    for (page, counts) in bots.chunks(longest).zip(counts.chunks_mut(longest)) {
        let which = usize::from(page.len() > usual);
        // No conversation is as late: places that are left over count nothing.
        let nobody = (page[0].0, Timestamp::MAX_UTC);
        let mut params: Vec<&dyn Bind> = vec![&most];
        for (bot, since) in page.iter().chain(std::iter::repeat(&nobody)).take(PAGES[which]) {
            params.extend([bot as &dyn Bind, since]);
        }
        for (at, count) in tx.all::<(i64, i64)>(&COUNTING[which], &params)? {
            if let Some(counted) = usize::try_from(at).ok().and_then(|at| counts.get_mut(at)) {
                *counted = count;
            }
        }
    }
    Ok(counts)
}

/// Locks the bot against other units that would change it or begin to talk to it.
pub(crate) fn lock(unit: &Unit<'_>, id: Id<BotKind>) -> Result<(), DbError> {
    // An UPDATE locks the row on every database; SELECT … FOR UPDATE does not exist on SQLite.
    unit.execute("UPDATE bots SET rev = rev WHERE org_id = $1 AND id = $2", &[&id])?;
    Ok(())
}
