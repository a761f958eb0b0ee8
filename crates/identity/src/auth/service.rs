//! Signing in, renewing, signing out.

use std::sync::Arc;

use chrono::TimeDelta;
use kernel::{
    Actor, Error, FieldErrors, Id, NEVER, Origin, Principal, Secret, Surroundings, Timestamp, id::kind, text,
};
use platform::{
    audit::{Audit, Category},
    db::{Db, DbError, ServerUnit, Unit},
};

use super::{
    attempts::{self, Attempt, Attempts},
    error::AuthError,
    model::{LoggedOut, Login, Logout, SignedIn, SignedInUser, Tokens, Verified},
    store::{self, Credential},
};
use crate::{
    Settings, organizations,
    passwords::{Passwords, Verdict},
    roles::Effective,
    sessions::{
        self,
        revocation::Callers,
        store::{NewSession, RefreshToken},
    },
    settings::SessionPolicy,
    tokens::{self, NewToken, TokenHash, TokenKind},
    users::{self, model::Status, store::Account},
    visitors::Visitors,
};

type Result<T> = std::result::Result<T, AuthError>;

/// Sign-in. A cheap handle.
#[derive(Clone)]
pub struct Auth {
    pub(super) db: Db,
    pub(super) world: Surroundings,
    pub(super) settings: Arc<Settings>,
    pub(super) passwords: Passwords,
    pub(super) callers: Callers,
    attempts: Attempts,
    visitors: Visitors,
}

/// How an account is named at sign-in, folded.
#[derive(Debug, Clone)]
enum Name {
    Username(String),
    Email(String),
}

impl Name {
    fn of(login: &Login) -> Result<Self> {
        let given = |text: &Option<String>| text.as_deref().map(text::key).filter(|key| !key.is_empty());
        let mut wrong = FieldErrors::default();
        let name = match (given(&login.username), given(&login.email)) {
            (Some(username), None) => Some(Self::Username(username)),
            (None, Some(email)) => Some(Self::Email(email)),
            (None, None) => {
                wrong.add("username", "is needed, or email instead");
                None
            }
            (Some(_), Some(_)) => {
                wrong.add("email", "can't be combined with username");
                None
            }
        };
        name.ok_or_else(|| wrong.into())
    }

    fn key(&self) -> &str {
        match self {
            Self::Username(key) | Self::Email(key) => key,
        }
    }
}

/// What is found under a name.
struct Found {
    /// The account with its password, if there is one.
    account: Option<(Account, Option<Credential>)>,
    /// In whose audit an attempt belongs: the home organization's, or for unknown names the server's first.
    audited_in: Option<Id<kind::Organization>>,
}

/// An account whose password was shown.
#[derive(Clone)]
struct Proven {
    account: Account,
    password_hash: String,
    /// The same password at today's cost, if the one kept is outdated.
    rehashed: Option<String>,
}

impl Auth {
    pub(crate) fn new(
        db: Db,
        world: Surroundings,
        settings: Arc<Settings>,
        passwords: Passwords,
        callers: Callers,
        attempts: Attempts,
        visitors: Visitors,
    ) -> Self {
        Self { db, world, settings, passwords, callers, attempts, visitors }
    }

    /// Signs in with a password and begins a session.
    pub async fn login(&self, origin: &Arc<Origin>, login: Login) -> Result<SignedIn> {
        self.login_over(origin, login, None).await
    }

    /// The same of a visitor, if it is one: what they said becomes the user's.
    pub(super) async fn login_over(
        &self,
        origin: &Arc<Origin>,
        login: Login,
        visitor: Option<Arc<Principal>>,
    ) -> Result<SignedIn> {
        let name = Name::of(&login)?;
        let attempt = Attempt::new(name.key(), origin.address);
        self.attempts.admit(&attempt, self.world.now()).await.inspect_err(AuthError::count)?;
        let found = self.find(name).await?;
        let audited_in = found.audited_in;
        let user = found.account.as_ref().map(|(account, _)| account.id);
        match self.prove(found, login.password.clone()).await {
            Ok(proven) => {
                let signed_in = self.begin(origin, &login, proven, visitor).await?;
                self.attempts.succeeded(&attempt, self.world.now()).await;
                Ok(signed_in)
            }
            Err(refusal) => {
                self.refuse(origin, &attempt, audited_in, user, &refusal).await?;
                Err(refusal)
            }
        }
    }

    async fn find(&self, name: Name) -> Result<Found> {
        self.db
            .read_server(move |tx| {
                let account = match &name {
                    Name::Username(key) => users::store::by_username(tx, key)?,
                    Name::Email(key) => users::store::by_email(tx, key)?,
                };
                // As many statements for an unknown name as for a known one.
                let Some(account) = account else {
                    let audited_in = organizations::store::first(tx)?;
                    return Ok(Found { account: None, audited_in });
                };
                let credential = store::credential(tx, account.id)?;
                Ok(Found { audited_in: Some(account.home_org_id), account: Some((account, credential)) })
            })
            .await
    }

    /// Checks the password, which takes the same time whether there is one to compare with or not. Only who shows it
    /// learns what else is the matter with the account.
    async fn prove(&self, found: Found, password: Secret) -> Result<Proven> {
        let password = attempts::bounded(password);
        let (account, credential) = found.account.unzip();
        let hash = credential.flatten().map(|credential| credential.password_hash);
        let verdict = self.passwords.verify(password.clone(), hash.clone()).await?;
        let (Some(account), Some(password_hash), Verdict::Right { outdated }) = (account, hash, verdict)
        else {
            return Err(AuthError::InvalidCredentials);
        };
        if let Some(refusal) = AuthError::of_status(account.status) {
            return Err(refusal);
        }
        let rehashed = if outdated { Some(self.passwords.hash(password).await?) } else { None };
        Ok(Proven { account, password_hash, rehashed })
    }

    /// Counts and audits a refusal. A failure of our own is neither.
    async fn refuse(
        &self,
        origin: &Origin,
        attempt: &Attempt,
        audited_in: Option<Id<kind::Organization>>,
        user: Option<Id<kind::User>>,
        refusal: &AuthError,
    ) -> Result<()> {
        if matches!(refusal, AuthError::Other(_)) {
            return Ok(());
        }
        refusal.count();
        let now = self.world.now();
        let failed = matches!(refusal, AuthError::InvalidCredentials);
        let locked_until = if failed { self.attempts.failed(attempt, now).await } else { None };
        let Some(org) = audited_in else { return Ok(()) };
        let mut entry =
            Audit::anonymous(origin, "login_failed", Category::Authentication).failed(refusal.reason());
        if let Some(user) = user {
            entry = entry.on("user", user);
        }
        if let Some(until) = locked_until {
            entry = entry.detail("locked_until", until);
        }
        let attempt = attempt.clone();
        self.db
            .write(org, move |unit| {
                if let Some(until) = locked_until {
                    attempts::lock(unit.server(), &attempt, until, now)?;
                }
                Ok(unit.audit(entry)?)
            })
            .await
    }

    async fn begin(
        &self,
        origin: &Arc<Origin>,
        login: &Login,
        proven: Proven,
        visitor: Option<Arc<Principal>>,
    ) -> Result<SignedIn> {
        let visitors = self.visitors.clone();
        let home = proven.account.home_org_id;
        let org = login.organization_id.unwrap_or(home);
        let pair = Pair::new(&self.settings.session, login.remember_me, &self.world);
        let new = pair.session(&self.world, &proven.account, org, login.remember_me, origin);
        let (origin, callers) = (Arc::clone(origin), self.callers.clone());
        let most = self.settings.session.max_sessions.get() as usize;
        self.db
            .write(home, move |unit| {
                let user = still_valid(unit.server(), &proven)?;
                let acting = unit.server().org(org);
                let Ok((_, roles)) = users::load(&acting, user.id, new.now) else {
                    return Err(AuthError::NoSuchOrganization);
                };
                make_room(unit.server(), &callers, user.id, most, new.now)?;
                sessions::store::insert(unit.server(), &new)?;
                pair.keep_refresh(unit.server(), new.id)?;
                users::store::signed_in(unit.server(), user.id, new.now)?;
                if let Some(rehashed) = &proven.rehashed {
                    store::rehash(unit.server(), user.id, &proven.password_hash, rehashed)?;
                }
                if let Some(visitor) = &visitor {
                    visitors.claim(unit.server(), visitor, (org, user.id), new.now)?;
                }
                audit_login(unit, &origin, &user, &new)?;
                Ok(pair.signed_in(&user, &roles, org))
            })
            .await
    }

    /// Exchanges a refresh token for a new pair. One that was used before ends its whole session: somebody has a
    /// copy, and nobody can tell who.
    pub async fn refresh(&self, origin: &Arc<Origin>, refresh_token: &Secret) -> Result<Tokens> {
        let arrived = self.world.now();
        let hash =
            tokens::read(TokenKind::Refresh, refresh_token.reveal()).ok_or_else(AuthError::unknown_token)?;
        let (world, callers, origin) = (self.world.clone(), self.callers.clone(), Arc::clone(origin));
        let settings = Arc::clone(&self.settings);
        self.db
            .write_server(move |unit| {
                let token =
                    sessions::store::refresh_token(unit, &hash)?.ok_or_else(AuthError::unknown_token)?;
                match usable(&token, arrived) {
                    Use::Refused(refusal) => Err(refusal),
                    Use::Replayed => {
                        end_family(unit, &callers, &origin, &token, arrived)?;
                        // The unit has to stay, so the refusal travels as its result.
                        Ok(Err(AuthError::spent()))
                    }
                    Use::First => renew(unit, &world, &settings.session, &callers, &hash, &token).map(Ok),
                }
            })
            .await?
    }

    /// Ends the caller's session, and those others that they ask for.
    pub async fn logout(&self, who: &Actor, logout: Logout) -> Result<LoggedOut> {
        if who.is_visitor() {
            self.visitors.end(who).await.map_err(Error::from)?;
            return Ok(LoggedOut { status: "logged_out" });
        }
        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        let other =
            logout.refresh_token.as_ref().and_then(|token| tokens::read(TokenKind::Refresh, token.reveal()));
        self.db
            .write(who.org, move |unit| {
                let server = unit.server();
                let mut live = sessions::store::live_of_user(server, who.user, now)?;
                if !logout.everywhere {
                    let named = other
                        .map(|hash| sessions::store::refresh_token(server, &hash))
                        .transpose()?
                        .flatten();
                    let named = named.map(|token| token.session_id);
                    live.retain(|session| session.id == who.session || Some(session.id) == named);
                }
                let ended = sessions::end_all(server, &callers, live, now)?;
                let entry = Audit::by(&who, "logout", Category::Authentication).on("session", who.session);
                unit.audit(entry.detail("sessions", ended))?;
                Ok(LoggedOut { status: "logged_out" })
            })
            .await
    }

    /// What the token of this request is worth.
    pub fn verify(&self, who: &Actor) -> Verified {
        Verified {
            valid: true,
            user_id: who.user,
            session_id: (!who.has_key()).then_some(who.session),
            key_id: who.key,
            organization_id: who.org,
            scopes: who.permissions,
            expires_at: (who.expires_at < NEVER).then_some(who.expires_at),
        }
    }
}

/// The account as it is now, unless its password or status changed while the password was checked: a session must
/// not begin after the change that ended all of them.
fn still_valid(unit: &ServerUnit<'_>, proven: &Proven) -> Result<Account> {
    let user = proven.account.id;
    users::store::lock(unit, user)?;
    let credential = store::credential(unit, user)?;
    if credential.is_none_or(|credential| credential.password_hash != proven.password_hash) {
        return Err(AuthError::InvalidCredentials);
    }
    let account = users::store::find(unit, user)?.ok_or(AuthError::InvalidCredentials)?;
    AuthError::of_status(account.status).map_or(Ok(account), Err)
}

/// Ends the least recently used sessions, so that there is room for one more.
fn make_room(
    unit: &ServerUnit<'_>,
    callers: &Callers,
    user: Id<kind::User>,
    most: usize,
    now: Timestamp,
) -> Result<()> {
    sessions::store::sweep(unit, user, now)?;
    let mut live = sessions::store::live_of_user(unit, user, now)?;
    live.truncate((live.len() + 1).saturating_sub(most));
    sessions::end_all(unit, callers, live, now)?;
    Ok(())
}

fn audit_login(unit: &Unit<'_>, origin: &Origin, user: &Account, new: &NewSession) -> Result<()> {
    let entry = Audit::anonymous(origin, "login_success", Category::Authentication).as_user(user.id);
    unit.audit(entry.on("session", new.id).named(user.username.as_str()))?;
    Ok(())
}

/// What a refresh token is good for.
enum Use {
    /// It is shown for the first time.
    First,
    /// It was spent before this request came.
    Replayed,
    /// It is worth nothing.
    Refused(AuthError),
}

fn usable(token: &RefreshToken, arrived: Timestamp) -> Use {
    if token.ended_at.is_some() || token.status != Status::Active {
        return Use::Refused(AuthError::ended());
    }
    if token.expires_at <= arrived {
        return Use::Refused(AuthError::BadToken(
            "The refresh token has expired. Sign in again.",
            "token_expired",
        ));
    }
    match token.spent_at {
        None => Use::First,
        // Two requests of one client that were under way together: one wins, and nobody stole anything.
        Some(spent_at) if arrived <= spent_at => Use::Refused(AuthError::spent()),
        Some(_) => Use::Replayed,
    }
}

fn end_family(
    unit: &ServerUnit<'_>,
    callers: &Callers,
    origin: &Origin,
    token: &RefreshToken,
    now: Timestamp,
) -> Result<()> {
    let live = sessions::store::live(unit, token.session_id)?;
    sessions::end_all(unit, callers, live.into_iter().collect(), now)?;
    let entry = Audit::anonymous(origin, "suspicious_activity", Category::Security).as_user(token.user_id);
    let entry = entry.on("session", token.session_id).failed("refresh_token_reused");
    unit.org(token.home_org_id).audit(entry)?;
    Ok(())
}

fn renew(
    unit: &ServerUnit<'_>,
    world: &Surroundings,
    policy: &SessionPolicy,
    callers: &Callers,
    hash: &TokenHash,
    token: &RefreshToken,
) -> Result<Tokens> {
    let pair = Pair::new(policy, token.remember, world);
    if !sessions::store::spend(unit, hash, pair.now)? {
        return Err(AuthError::spent());
    }
    let (access, session) = (&pair.access.hash, token.session_id);
    sessions::store::renew(unit, session, access, pair.access_expires_at, pair.session_expires_at, pair.now)?;
    pair.keep_refresh(unit, session)?;
    callers.changed(unit, vec![token.access_token_hash]);
    Ok(pair.tokens(token.user_id))
}

/// A pair of tokens just made, with their ends.
#[derive(Clone)]
struct Pair {
    access: NewToken,
    refresh: NewToken,
    now: Timestamp,
    access_expires_at: Timestamp,
    /// When the refresh token ends, and with it the session.
    session_expires_at: Timestamp,
}

impl Pair {
    fn new(policy: &SessionPolicy, remember: bool, world: &Surroundings) -> Self {
        let now = world.now();
        let lasts = if remember && policy.remember_me_days.get() > 0 {
            TimeDelta::days(policy.remember_me_days.get().into())
        } else {
            TimeDelta::minutes(policy.timeout_minutes.get().into())
        };
        let access_lasts = TimeDelta::minutes(policy.access_token_minutes.get().into()).min(lasts);
        Self {
            access: NewToken::of(TokenKind::Access, world),
            refresh: NewToken::of(TokenKind::Refresh, world),
            now,
            access_expires_at: now + access_lasts,
            session_expires_at: now + lasts,
        }
    }

    fn session(
        &self,
        world: &Surroundings,
        account: &Account,
        org: Id<kind::Organization>,
        remember: bool,
        origin: &Origin,
    ) -> NewSession {
        NewSession {
            id: world.id_at(self.now),
            user: account.id,
            home: account.home_org_id,
            org,
            token: self.access.hash,
            token_expires_at: self.access_expires_at,
            remember,
            ip_address: origin.address.to_canonical().to_string(),
            user_agent: origin.user_agent.clone(),
            expires_at: self.session_expires_at,
            now: self.now,
        }
    }

    fn keep_refresh(
        &self,
        unit: &ServerUnit<'_>,
        session: Id<kind::Session>,
    ) -> std::result::Result<(), DbError> {
        sessions::store::insert_refresh_token(
            unit,
            &self.refresh.hash,
            session,
            self.session_expires_at,
            self.now,
        )
    }

    fn expires_in(&self) -> i64 {
        (self.access_expires_at - self.now).num_seconds()
    }

    fn tokens(&self, user: Id<kind::User>) -> Tokens {
        Tokens {
            user_id: user,
            access_token: self.access.text.clone(),
            refresh_token: self.refresh.text.clone(),
            token_type: "Bearer",
            expires_in: self.expires_in(),
        }
    }

    fn signed_in(&self, user: &Account, roles: &Effective, org: Id<kind::Organization>) -> SignedIn {
        SignedIn {
            user_id: user.id,
            access_token: self.access.text.clone(),
            refresh_token: self.refresh.text.clone(),
            token_type: "Bearer",
            expires_in: self.expires_in(),
            requires_2fa: false,
            redirect: "/",
            user: SignedInUser {
                user_id: user.id,
                username: user.username.clone(),
                email: user.email.clone(),
                display_name: user.display_name.clone(),
                role: roles.roles.first().map(|role| role.name),
                roles: roles.names(),
                organization_id: org,
            },
        }
    }
}
