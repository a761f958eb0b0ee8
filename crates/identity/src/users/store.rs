//! Users and their memberships in the database.

use gateway::API_PREFIX;
use kernel::{
    Id, Timestamp,
    id::kind,
    list::{ListRequest, Page},
};
use platform::{
    db::{
        Bind, Cell, Column, DbError, Extra, Filter, Json, ListError, ListOf, Lookup, Record, Row, SearchOn,
        ServerTx, ServerUnit, Tx, Unit, Value,
    },
    objects::ObjectHash,
    record,
};
use sea_query::{Condition, Expr, ExprTrait, LikeExpr, Query};

use super::{fields::SearchKeys, model::Status};
use crate::roles::Assignment;

impl Bind for Status {
    fn value(&self) -> Value<'_> {
        Value::Text(self.as_str())
    }
}

impl Column for Status {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        String::read(cell)?
            .parse()
            .map_err(|unknown: super::model::UnknownStatus| DbError::Decode(unknown.to_string()))
    }
}

record! {
    /// A user's row.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct Account {
        pub(crate) id: Id<kind::User>,
        pub(crate) rev: i64,
        pub(crate) home_org_id: Id<kind::Organization>,
        pub(crate) username: String,
        pub(crate) email: String,
        pub(crate) email_verified: bool,
        /// The address that shall take its place once it is confirmed.
        pub(crate) pending_email: Option<String>,
        pub(crate) display_name: String,
        pub(crate) first_name: Option<String>,
        pub(crate) last_name: Option<String>,
        pub(crate) avatar_url: Option<String>,
        pub(crate) avatar_hash: Option<ObjectHash>,
        pub(crate) metadata: Json,
        pub(crate) status: Status,
        pub(crate) suspended_at: Option<Timestamp>,
        pub(crate) suspend_reason: Option<String>,
        pub(crate) two_factor_enabled: bool,
        pub(crate) last_login: Timestamp,
        pub(crate) created_at: Timestamp,
        pub(crate) updated_at: Timestamp,
    }
}

impl Account {
    /// Where the picture is: the address that was set, or else that of the one that was sent or is drawn.
    pub(crate) fn picture(&self) -> String {
        picture(self.id, self.avatar_url.as_deref(), self.avatar_hash.as_ref())
    }
}

/// Where the picture of somebody is who set that address, and sent that picture.
pub(crate) fn picture(user: Id<kind::User>, address: Option<&str>, sent: Option<&ObjectHash>) -> String {
    match (address, sent) {
        (Some(address), _) => address.to_owned(),
        (None, Some(hash)) => format!("{API_PREFIX}/users/{user}/avatar?v={}", version_of(hash)),
        (None, None) => format!("{API_PREFIX}/users/{user}/avatar"),
    }
}

/// How an address names a version of a picture: other content has another address.
pub(crate) fn version_of(hash: &ObjectHash) -> String {
    hash.to_string().chars().take(16).collect()
}

/// A statement that reads [`Account`]s from `server_users u`.
macro_rules! select_account {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, u.rev, u.home_org_id, u.username, u.email, u.email_verified, u.pending_email, u.display_name, \
             u.first_name, u.last_name, u.avatar_url, u.avatar_hash, u.metadata, u.status, u.suspended_at, \
             u.suspend_reason, \
             u.two_factor_enabled, u.last_login, u.created_at, u.updated_at ",
            $rest
        )
    };
}

/// The list of an organization's people, walked along the copies in `members`. Every member is a user; that the join
/// is an outer one lets both engines leave it out where only members are counted.
pub(crate) const LIST: ListOf = ListOf {
    from: "members m LEFT JOIN server_users u ON u.id = m.user_id",
    columns: "u.id, u.rev, u.home_org_id, u.username, u.email, u.email_verified, u.pending_email, u.display_name, \
              u.first_name, u.last_name, u.avatar_url, u.avatar_hash, u.metadata, u.status, u.suspended_at, \
              u.suspend_reason, \
              u.two_factor_enabled, u.last_login, u.created_at, u.updated_at",
    org: "m.org_id",
    id: "m.user_id",
    sorts: &[
        ("created_at", "m.created_at"),
        ("username", "m.username_key"),
        ("email", "m.email_key"),
        ("display_name", "m.display_name_key"),
        ("last_login", "m.last_login"),
    ],
    filters: &[
        (
            "status",
            Filter::Indexed(
                &Filter::OneOf(
                    "m.status",
                    &[
                        ("active", "active"),
                        ("suspended", "suspended"),
                        ("inactive", "inactive"),
                        ("deleted", "deleted"),
                        ("pending_activation", "pending_activation"),
                        ("pending_verification", "pending_verification"),
                    ],
                ),
                &["created_at"],
            ),
        ),
        ("email_verified", Filter::Bool("u.email_verified")),
    ],
    search: Some(SearchOn {
        table: "members",
        alias: "m",
        column: "search_key",
        begins: &["m.username_key", "m.display_name_key"],
    }),
};

/// What narrows the list besides its filters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Narrowing {
    /// Members with one of these roles, counting now.
    pub(crate) roles: Option<(Vec<Id<kind::Role>>, Timestamp)>,
    /// Members whose card contains the text, already folded.
    pub(crate) on_card: Option<String>,
}

impl Narrowing {
    pub(crate) fn of(self, org: Id<kind::Organization>) -> Extra {
        let (mut all, mut lookups) = (Condition::all(), Vec::new());
        if let Some((roles, now)) = self.roles {
            let ids = roles.iter().map(|role| role.as_bytes().to_vec());
            lookups.extend(ids.clone().map(|role| {
                Lookup {
                    before: "member_roles r CROSS JOIN ".to_owned(),
                    condition: Condition::all()
                        .add(Expr::cust("r.org_id").eq(org.as_bytes().to_vec()))
                        .add(Expr::cust("r.role_id").eq(role))
                        .add(Expr::cust("m.org_id = r.org_id AND m.user_id = r.user_id")),
                    order: vec!["r.user_id"],
                }
            }));
            let holders = Query::select()
                .expr(Expr::cust("1"))
                .from_as("member_roles", "r")
                .and_where(Expr::cust("r.org_id = m.org_id AND r.user_id = m.user_id"))
                .and_where(Expr::col(("r", "role_id")).is_in(ids))
                .cond_where(
                    Condition::any()
                        .add(Expr::col(("r", "expires_at")).is_null())
                        .add(Expr::col(("r", "expires_at")).gt(now.timestamp_micros())),
                )
                .take();
            all = all.add(Expr::exists(holders));
        }
        if let Some(text) = self.on_card {
            let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            let pattern = LikeExpr::new(format!("%{escaped}%")).escape('\\');
            all = all.add(Expr::col(("m", "names_key")).like(pattern));
        }
        if all.is_empty() { Extra::default() } else { Extra::default().each(all).found_by(lookups) }
    }
}

pub(crate) fn list(
    tx: &Tx<'_>,
    request: &ListRequest,
    narrowing: Narrowing,
) -> Result<Page<Account>, ListError> {
    tx.list(&LIST, request, narrowing.of(tx.org()))
}

/// A user with one of their roles, if they have any.
struct WithRole {
    account: Account,
    role: Option<Assignment>,
}

impl Record for WithRole {
    const WIDTH: usize = Account::WIDTH + 2;

    fn read(row: &Row<'_>, at: usize) -> Result<Self, DbError> {
        let behind = at + Account::WIDTH;
        let role: Option<Id<kind::Role>> = row.get(behind)?;
        let expires_at = row.get(behind + 1)?;
        Ok(Self { account: Account::read(row, at)?, role: role.map(|role| Assignment { role, expires_at }) })
    }
}

/// A member of the organization with their roles there: one statement, because one is one way to the server and back.
pub(crate) fn member_with_roles(
    tx: &Tx<'_>,
    user: Id<kind::User>,
) -> Result<Option<(Account, Vec<Assignment>)>, DbError> {
    let sql = select_account!(
        ", r.role_id, r.expires_at FROM members m JOIN server_users u ON u.id = m.user_id \
         LEFT JOIN member_roles r ON r.org_id = m.org_id AND r.user_id = m.user_id \
         WHERE m.org_id = $1 AND m.user_id = $2"
    );
    let rows: Vec<WithRole> = tx.all(sql, &[&user])?;
    let mut found: Option<(Account, Vec<Assignment>)> = None;
    for WithRole { account, role } in rows {
        found.get_or_insert_with(|| (account, Vec::new())).1.extend(role);
    }
    Ok(found)
}

/// Does the user belong to the organization?
pub(crate) fn is_member(tx: &Tx<'_>, user: Id<kind::User>) -> Result<bool, DbError> {
    let found: Option<(i64,)> =
        tx.one("SELECT 1 FROM members WHERE org_id = $1 AND user_id = $2", &[&user])?;
    Ok(found.is_some())
}

/// A user of the server.
pub(crate) fn find(tx: &ServerTx<'_>, user: Id<kind::User>) -> Result<Option<Account>, DbError> {
    tx.one(select_account!("FROM server_users u WHERE u.id = $1"), &[&user])
}

/// The user whose folded name or address it is.
pub(crate) fn by_username(tx: &ServerTx<'_>, key: &str) -> Result<Option<Account>, DbError> {
    tx.one(select_account!("FROM server_users u WHERE u.username_key = $1"), &[&key])
}

pub(crate) fn by_email(tx: &ServerTx<'_>, key: &str) -> Result<Option<Account>, DbError> {
    tx.one(select_account!("FROM server_users u WHERE u.email_key = $1"), &[&key])
}

/// Those who wait for that folded address to be confirmed as theirs, at most ten: who was changed last comes first.
pub(crate) fn by_pending_email(tx: &ServerTx<'_>, key: &str) -> Result<Vec<Account>, DbError> {
    tx.all(
        select_account!(
            "FROM server_users u WHERE u.pending_email_key = $1 ORDER BY u.updated_at DESC, u.id LIMIT 10"
        ),
        &[&key],
    )
}

/// The keys in which an account is compared and searched.
struct Keys {
    username: String,
    email: String,
    pending_email: Option<String>,
    display_name: String,
    search: SearchKeys,
}

impl Keys {
    fn of(account: &Account) -> Self {
        let (first, last) = (account.first_name.as_deref(), account.last_name.as_deref());
        Self {
            username: kernel::text::key(&account.username),
            email: kernel::text::key(&account.email),
            pending_email: account.pending_email.as_deref().map(kernel::text::key),
            display_name: kernel::text::key(&account.display_name),
            search: SearchKeys::of(&account.username, &account.email, &account.display_name, first, last),
        }
    }
}

/// Makes the account, as a member of its home organization.
pub(crate) fn insert(unit: &Unit<'_>, account: &Account) -> Result<(), DbError> {
    let keys = Keys::of(account);
    unit.server().execute(
        "INSERT INTO server_users (id, home_org_id, username, username_key, email, email_key, email_verified,
            display_name, display_name_key, first_name, last_name, avatar_url, metadata, status, suspended_at,
            suspend_reason, two_factor_enabled, last_login, search_key, names_key, rev, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, 1, $21,
            $21)",
        &[
            &account.id,
            &account.home_org_id,
            &account.username,
            &keys.username,
            &account.email,
            &keys.email,
            &account.email_verified,
            &account.display_name,
            &keys.display_name,
            &account.first_name,
            &account.last_name,
            &account.avatar_url,
            &account.metadata,
            &account.status,
            &account.suspended_at,
            &account.suspend_reason,
            &account.two_factor_enabled,
            &account.last_login,
            &keys.search.all,
            &keys.search.names,
            &account.created_at,
        ],
    )?;
    join(unit, account, account.created_at)
}

/// Makes the account a member of the unit's organization.
pub(crate) fn join(unit: &Unit<'_>, account: &Account, now: Timestamp) -> Result<(), DbError> {
    let keys = Keys::of(account);
    unit.execute(
        "INSERT INTO members (org_id, user_id, joined_at, created_at, username_key, email_key, display_name_key,
            last_login, search_key, names_key)
         VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9)",
        &[
            &account.id,
            &now,
            &keys.username,
            &keys.email,
            &keys.display_name,
            &account.last_login,
            &keys.search.all,
            &keys.search.names,
        ],
    )?;
    Ok(())
}

/// Writes what may change of an account.
pub(crate) fn save(unit: &ServerUnit<'_>, account: &Account) -> Result<(), DbError> {
    let keys = Keys::of(account);
    unit.execute(
        "UPDATE server_users SET username = $2, username_key = $3, email = $4, email_key = $5, email_verified = $6,
            display_name = $7, display_name_key = $8, first_name = $9, last_name = $10, avatar_url = $11,
            metadata = $12, status = $13, suspended_at = $14, suspend_reason = $15, search_key = $16,
            names_key = $17, updated_at = $18, pending_email = $19, pending_email_key = $20, rev = rev + 1
         WHERE id = $1",
        &[
            &account.id,
            &account.username,
            &keys.username,
            &account.email,
            &keys.email,
            &account.email_verified,
            &account.display_name,
            &keys.display_name,
            &account.first_name,
            &account.last_name,
            &account.avatar_url,
            &account.metadata,
            &account.status,
            &account.suspended_at,
            &account.suspend_reason,
            &keys.search.all,
            &keys.search.names,
            &account.updated_at,
            &account.pending_email,
            &keys.pending_email,
        ],
    )?;
    Ok(())
}

/// Ends a membership of the unit's organization.
pub(crate) fn leave(unit: &Unit<'_>, user: Id<kind::User>) -> Result<(), DbError> {
    unit.execute("DELETE FROM members WHERE org_id = $1 AND user_id = $2", &[&user])?;
    Ok(())
}

/// Locks the account against other units that would change it.
pub(crate) fn lock(unit: &ServerUnit<'_>, user: Id<kind::User>) -> Result<bool, DbError> {
    // An UPDATE locks the row on every database; SELECT … FOR UPDATE does not exist on SQLite.
    let locked = unit.execute("UPDATE server_users SET rev = rev WHERE id = $1", &[&user])?;
    Ok(locked == 1)
}

/// Notes that what is shown of the user changed beside the account: the roles.
pub(crate) fn touch(unit: &ServerUnit<'_>, user: Id<kind::User>) -> Result<(), DbError> {
    unit.execute("UPDATE server_users SET rev = rev + 1 WHERE id = $1", &[&user])?;
    Ok(())
}

/// Notes whether a second factor is asked for.
pub(crate) fn set_two_factor(
    unit: &ServerUnit<'_>,
    user: Id<kind::User>,
    is_enabled: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE server_users SET two_factor_enabled = $2, updated_at = $3, rev = rev + 1 WHERE id = $1",
        &[&user, &is_enabled, &now],
    )?;
    Ok(())
}

/// Notes a sign-in. It is no change of the account: neither its revision nor `updated_at` move.
pub(crate) fn signed_in(unit: &ServerUnit<'_>, user: Id<kind::User>, now: Timestamp) -> Result<(), DbError> {
    unit.execute("UPDATE server_users SET last_login = $2 WHERE id = $1", &[&user, &now])?;
    Ok(())
}
