//! Credentials, one-time tokens and lockouts in the database.

use kernel::{Id, Timestamp, id::kind};
use platform::{
    db::{DbError, Json, ServerTx, ServerUnit},
    record,
};

use crate::{mails::Link, tokens::TokenHash};

record! {
    /// A user's password, as far as anybody knows it.
    #[derive(Debug, Clone)]
    pub(crate) struct Credential {
        pub(crate) password_hash: String,
        pub(crate) past_hashes: Json,
        pub(crate) changed_at: Timestamp,
    }
}

pub(crate) fn credential(tx: &ServerTx<'_>, user: Id<kind::User>) -> Result<Option<Credential>, DbError> {
    tx.one(
        "SELECT password_hash, past_hashes, changed_at FROM server_credentials WHERE user_id = $1",
        &[&user],
    )
}

pub(crate) fn insert_credential(
    unit: &ServerUnit<'_>,
    user: Id<kind::User>,
    hash: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO server_credentials (user_id, password_hash, past_hashes, changed_at) VALUES ($1, $2, $3, $4)",
        &[&user, &hash, &Json::of(&Vec::<String>::new()), &now],
    )?;
    Ok(())
}

/// Sets another password, or the first one.
pub(crate) fn change_credential(
    unit: &ServerUnit<'_>,
    user: Id<kind::User>,
    hash: &str,
    past: &[String],
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO server_credentials (user_id, password_hash, past_hashes, changed_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash,
            past_hashes = excluded.past_hashes, changed_at = excluded.changed_at",
        &[&user, &hash, &Json::of(&past), &now],
    )?;
    // Who has shown the password before it has not shown this one.
    forget_challenges(unit, user)
}

/// The same password, hashed at today's cost; unless it was changed in the meantime.
pub(crate) fn rehash(
    unit: &ServerUnit<'_>,
    user: Id<kind::User>,
    old: &str,
    new: &str,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE server_credentials SET password_hash = $3 WHERE user_id = $1 AND password_hash = $2",
        &[&user, &old, &new],
    )?;
    Ok(())
}

/// What a one-time token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To set a password.
    SetPassword,
    /// To confirm an address.
    ConfirmEmail,
}

impl Purpose {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SetPassword => "set_password",
            Self::ConfirmEmail => "confirm_email",
        }
    }
}

record! {
    /// Whose a one-time token is.
    #[derive(Debug, Clone)]
    pub(crate) struct OneTime {
        pub(crate) user_id: Id<kind::User>,
        /// Where it was mailed to, if it was.
        pub(crate) email: Option<String>,
    }
}

/// Keeps the token of a link. It replaces those given out before for the same purpose.
pub(crate) fn insert_token(
    unit: &ServerUnit<'_>,
    purpose: Purpose,
    link: &Link,
    user: Id<kind::User>,
    email: Option<&str>,
) -> Result<(), DbError> {
    forget_tokens(unit, purpose, user)?;
    add_token(unit, purpose, link, user, email)
}

/// Keeps the token of a link besides those given out before, which work until one of them is used: what anybody can ask
/// for must not take away what somebody is about to open.
pub(crate) fn add_token(
    unit: &ServerUnit<'_>,
    purpose: Purpose,
    link: &Link,
    user: Id<kind::User>,
    email: Option<&str>,
) -> Result<(), DbError> {
    unit.execute(
        "DELETE FROM server_one_time_tokens WHERE user_id = $1 AND expires_at <= $2",
        &[&user, &link.made_at],
    )?;
    unit.execute(
        "INSERT INTO server_one_time_tokens (token_hash, user_id, purpose, email, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[&link.hash, &user, &purpose.as_str(), &email, &link.expires_at, &link.made_at],
    )?;
    Ok(())
}

/// Whose the token is, if it is still good.
pub(crate) fn one_time(
    tx: &ServerTx<'_>,
    purpose: Purpose,
    hash: &TokenHash,
    now: Timestamp,
) -> Result<Option<OneTime>, DbError> {
    tx.one(
        "SELECT user_id, email FROM server_one_time_tokens
         WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3",
        &[hash, &purpose.as_str(), &now],
    )
}

/// Uses the token up. Only one of several units that try gets true.
pub(crate) fn use_token(
    unit: &ServerUnit<'_>,
    purpose: Purpose,
    hash: &TokenHash,
    now: Timestamp,
) -> Result<bool, DbError> {
    let used = unit.execute(
        "DELETE FROM server_one_time_tokens WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3",
        &[hash, &purpose.as_str(), &now],
    )?;
    Ok(used == 1)
}

/// Makes every token of this user worthless that is for that.
pub(crate) fn forget_tokens(
    unit: &ServerUnit<'_>,
    purpose: Purpose,
    user: Id<kind::User>,
) -> Result<(), DbError> {
    unit.execute(
        "DELETE FROM server_one_time_tokens WHERE user_id = $1 AND purpose = $2",
        &[&user, &purpose.as_str()],
    )?;
    Ok(())
}

record! {
    /// Somebody who has shown their password and is asked for the second factor.
    #[derive(Debug, Clone)]
    pub(crate) struct ChallengeRow {
        pub(crate) user_id: Id<kind::User>,
        pub(crate) org_id: Id<kind::Organization>,
        pub(crate) remember: bool,
        pub(crate) failures: i64,
        pub(crate) expires_at: Timestamp,
    }
}

/// Asks for the second factor, and forgets what nobody answered in time.
pub(crate) fn insert_challenge(
    unit: &ServerUnit<'_>,
    hash: &TokenHash,
    challenge: &ChallengeRow,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute("DELETE FROM server_login_challenges WHERE expires_at <= $1", &[&now])?;
    unit.execute(
        "INSERT INTO server_login_challenges (token_hash, user_id, org_id, remember, failures, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            hash,
            &challenge.user_id,
            &challenge.org_id,
            &challenge.remember,
            &challenge.failures,
            &challenge.expires_at,
            &now,
        ],
    )?;
    Ok(())
}

pub(crate) fn challenge(tx: &ServerTx<'_>, hash: &TokenHash) -> Result<Option<ChallengeRow>, DbError> {
    tx.one(
        "SELECT user_id, org_id, remember, failures, expires_at FROM server_login_challenges WHERE token_hash = $1",
        &[hash],
    )
}

/// Counts a look at the challenge, which also locks it against other units.
pub(crate) fn count_answer(unit: &ServerUnit<'_>, hash: &TokenHash) -> Result<bool, DbError> {
    let counted = unit.execute(
        "UPDATE server_login_challenges SET failures = failures + 1 WHERE token_hash = $1",
        &[hash],
    )?;
    Ok(counted == 1)
}

pub(crate) fn end_challenge(unit: &ServerUnit<'_>, hash: &TokenHash) -> Result<(), DbError> {
    unit.execute("DELETE FROM server_login_challenges WHERE token_hash = $1", &[hash])?;
    Ok(())
}

/// Makes everything worthless that waits for the user's second factor.
pub(crate) fn forget_challenges(unit: &ServerUnit<'_>, user: Id<kind::User>) -> Result<(), DbError> {
    unit.execute("DELETE FROM server_login_challenges WHERE user_id = $1", &[&user])?;
    Ok(())
}

/// Lifts the locks of a name for all networks; gives their number.
pub(crate) fn unlock(unit: &ServerUnit<'_>, name: &TokenHash) -> Result<u64, DbError> {
    unit.execute("DELETE FROM server_lockouts WHERE name_hash = $1", &[name])
}

/// Until when the name is locked for that network.
pub(crate) fn locked_until(
    tx: &ServerTx<'_>,
    name: &TokenHash,
    network: &str,
    now: Timestamp,
) -> Result<Option<Timestamp>, DbError> {
    let found: Option<(Timestamp,)> = tx.one(
        "SELECT locked_until FROM server_lockouts WHERE name_hash = $1 AND network = $2 AND locked_until > $3",
        &[name, &network, &now],
    )?;
    Ok(found.map(|(until,)| until))
}

/// Locks the name for that network, and forgets what is over.
pub(crate) fn lock_out(
    unit: &ServerUnit<'_>,
    name: &TokenHash,
    network: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute("DELETE FROM server_lockouts WHERE locked_until <= $1", &[&now])?;
    unit.execute(
        "INSERT INTO server_lockouts (name_hash, network, locked_until) VALUES ($1, $2, $3)
         ON CONFLICT (name_hash, network) DO UPDATE SET locked_until = excluded.locked_until",
        &[name, &network, &until],
    )?;
    Ok(())
}
