//! Signing in: a name with its password, and the second factor of who has one.

use std::sync::Arc;

use chrono::TimeDelta;
use kernel::{Confinement, FieldErrors, Id, Origin, Principal, Secret, Timestamp, id::kind, text};
use platform::{
    audit::{Audit, Category},
    db::{ServerTx, ServerUnit, Unit},
};

use super::{
    Auth,
    attempts::{self, Attempt},
    error::AuthError,
    model::{Challenge, Login, LoginAnswer, SecondStep, SignedIn},
    pair::Pair,
    service::Result,
    store::{self, ChallengeRow, Credential},
};
use crate::{
    organizations,
    passwords::Verdict,
    security::{self, Policies},
    sessions::{self, revocation::Callers, store::NewSession},
    settings::LockoutPolicy,
    tokens::{self, NewToken, TokenKind},
    users::{self, store::Account},
    visitors::Visitors,
};

/// How long the second factor may take.
const CHALLENGE: TimeDelta = TimeDelta::seconds(300);
/// Wrong codes after which the password has to be shown again.
const MOST_ANSWERS: i64 = 5;

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
    /// In whose audit an attempt belongs: the home organization's, or for unknown names the server's first. Its
    /// policies are those that count.
    audited_in: Option<Id<kind::Organization>>,
    policies: Policies,
}

/// An account whose password was shown.
#[derive(Clone)]
struct Proven {
    account: Account,
    password_hash: String,
    /// The same password at today's cost, if the one kept is outdated.
    rehashed: Option<String>,
}

/// Where a refusal is counted and audited.
struct Refused {
    attempt: Attempt,
    lockout: LockoutPolicy,
    audited_in: Option<Id<kind::Organization>>,
    user: Option<Id<kind::User>>,
}

/// A session about to begin, once it is proven whose it is.
#[derive(Clone)]
struct Beginning {
    id: Id<kind::Session>,
    pair: Pair,
    policies: Policies,
    org: Id<kind::Organization>,
    remember: bool,
    origin: Arc<Origin>,
    visitor: Option<Arc<Principal>>,
    callers: Callers,
    visitors: Visitors,
}

impl Auth {
    /// Signs in with a password, and with a code if there is one. What a visitor said becomes the user's.
    pub async fn login_over(
        &self,
        origin: &Arc<Origin>,
        login: Login,
        visitor: Option<Arc<Principal>>,
    ) -> Result<LoginAnswer> {
        let name = Name::of(&login)?;
        let attempt = Attempt::new(name.key(), origin.address);
        let found = self.find(name).await?;
        let refused = Refused {
            attempt,
            lockout: found.policies.lockout.clone(),
            audited_in: found.audited_in,
            user: found.account.as_ref().map(|(account, _)| account.id),
        };
        let admitted = self.attempts.admit(&refused.attempt, &refused.lockout, self.world.now()).await;
        admitted.inspect_err(AuthError::count)?;
        match self.log_in(origin, login, found, visitor).await {
            Ok(answer) => {
                // The failures count on as long as the sign-in isn't complete: among them are wrong codes.
                if matches!(answer, LoginAnswer::SignedIn(_)) {
                    self.attempts.succeeded(&refused.attempt, &refused.lockout, self.world.now()).await;
                }
                Ok(answer)
            }
            Err(refusal) => {
                self.refuse(origin, refused, &refusal).await?;
                Err(refusal)
            }
        }
    }

    async fn log_in(
        &self,
        origin: &Arc<Origin>,
        login: Login,
        found: Found,
        visitor: Option<Arc<Principal>>,
    ) -> Result<LoginAnswer> {
        let policies = found.policies.clone();
        let proven = self.prove(found, login.password).await?;
        if login.two_factor_code.is_some() && proven.account.two_factor_enabled {
            self.two_factor.admit(proven.account.id).await?;
        }
        let org = login.organization_id.unwrap_or(proven.account.home_org_id);
        let beginning = self.beginning(origin, policies, org, login.remember_me, visitor);
        self.begin(proven, beginning, login.two_factor_code).await
    }

    async fn find(&self, name: Name) -> Result<Found> {
        let settings = Arc::clone(&self.settings);
        self.db
            .read_server(move |tx| {
                let account = match &name {
                    Name::Username(key) => users::store::by_username(tx, key)?,
                    Name::Email(key) => users::store::by_email(tx, key)?,
                };
                let policies = |org: Option<Id<kind::Organization>>| match org {
                    Some(org) => security::store::policies(tx, &settings, org),
                    None => Ok(Policies::of(&settings, &security::model::Decided::default())),
                };
                // As many statements for an unknown name as for a known one.
                let Some(account) = account else {
                    let audited_in = organizations::store::first(tx)?;
                    return Ok(Found { account: None, policies: policies(audited_in)?, audited_in });
                };
                let (audited_in, credential) =
                    (Some(account.home_org_id), store::credential(tx, account.id)?);
                Ok(Found {
                    policies: policies(audited_in)?,
                    audited_in,
                    account: Some((account, credential)),
                })
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
    async fn refuse(&self, origin: &Origin, refused: Refused, refusal: &AuthError) -> Result<()> {
        if matches!(refusal, AuthError::Other(_)) {
            return Ok(());
        }
        refusal.count();
        let now = self.world.now();
        let Refused { attempt, lockout, audited_in, user } = refused;
        let failed = matches!(refusal, AuthError::InvalidCredentials | AuthError::InvalidCode);
        let locked_until = if failed { self.attempts.failed(&attempt, &lockout, now).await } else { None };
        let Some(org) = audited_in else { return Ok(()) };
        let mut entry =
            Audit::anonymous(origin, "login_failed", Category::Authentication).failed(refusal.reason());
        if let Some(user) = user {
            entry = entry.on("user", user);
        }
        if let Some(until) = locked_until {
            entry = entry.detail("locked_until", until);
        }
        self.db
            .write(org, move |unit| {
                if let Some(until) = locked_until {
                    attempts::lock(unit.server(), &attempt, until, now)?;
                }
                Ok(unit.audit(entry)?)
            })
            .await
    }

    fn beginning(
        &self,
        origin: &Arc<Origin>,
        policies: Policies,
        org: Id<kind::Organization>,
        remember: bool,
        visitor: Option<Arc<Principal>>,
    ) -> Beginning {
        let pair = Pair::new(&policies.session, remember, &self.world);
        Beginning {
            id: self.world.id_at(pair.now),
            pair,
            policies,
            org,
            remember,
            origin: Arc::clone(origin),
            visitor,
            callers: self.callers.clone(),
            visitors: self.visitors.clone(),
        }
    }

    /// Begins the session, or asks for the second factor.
    async fn begin(&self, proven: Proven, beginning: Beginning, code: Option<Secret>) -> Result<LoginAnswer> {
        let (now, two_factor) = (beginning.pair.now, self.two_factor.clone());
        let token = NewToken::of(TokenKind::Challenge, &self.world);
        self.db
            .write(proven.account.home_org_id, move |unit| {
                let server = unit.server();
                let user = still_valid(server, &proven)?;
                if let Some(rehashed) = &proven.rehashed {
                    store::rehash(server, user.id, &proven.password_hash, rehashed)?;
                }
                if user.two_factor_enabled {
                    let Some(code) = &code else {
                        let challenge = ChallengeRow {
                            user_id: user.id,
                            org_id: beginning.org,
                            remember: beginning.remember,
                            failures: 0,
                            expires_at: now + CHALLENGE,
                        };
                        store::insert_challenge(server, &token.hash, &challenge, now)?;
                        return Ok(LoginAnswer::Challenge(Challenge {
                            requires_2fa: true,
                            session_token: token.text,
                            expires_in: CHALLENGE.num_seconds(),
                            methods: vec!["totp"],
                        }));
                    };
                    if !two_factor.use_code(server, user.id, code, now)? {
                        return Err(AuthError::InvalidCode);
                    }
                }
                let signed_in = enter(unit, &user, &beginning, user.two_factor_enabled)?;
                Ok(LoginAnswer::SignedIn(Box::new(signed_in)))
            })
            .await
    }

    /// The second step of a sign-in: begins the session of who showed the password before and shows a code now.
    pub async fn second_step(
        &self,
        origin: &Arc<Origin>,
        step: SecondStep,
        visitor: Option<Arc<Principal>>,
    ) -> Result<SignedIn> {
        let token = tokens::read(TokenKind::Challenge, step.session_token.reveal())
            .ok_or_else(AuthError::unknown_token)?;
        let (now, settings) = (self.world.now(), Arc::clone(&self.settings));
        let (asked, account, policies) = self
            .db
            .read_server(move |tx| {
                let asked = store::challenge(tx, &token)?.ok_or_else(AuthError::unknown_token)?;
                let account = users::store::find(tx, asked.user_id)?.ok_or_else(AuthError::unknown_token)?;
                let policies = security::store::policies(tx, &settings, account.home_org_id)?;
                Ok::<_, AuthError>((asked, account, policies))
            })
            .await?;
        let refused = Refused {
            attempt: Attempt::new(&account.username, origin.address),
            lockout: policies.lockout.clone(),
            audited_in: Some(account.home_org_id),
            user: Some(account.id),
        };
        self.two_factor.admit(account.id).await.map_err(AuthError::from).inspect_err(AuthError::count)?;
        let admitted = self.attempts.admit(&refused.attempt, &refused.lockout, now).await;
        admitted.inspect_err(AuthError::count)?;

        let beginning = self.beginning(origin, policies, asked.org_id, asked.remember, visitor);
        let two_factor = self.two_factor.clone();
        let answered = self
            .db
            .write(account.home_org_id, move |unit| {
                let server = unit.server();
                let challenge = take_answer(server, &token, now)?;
                users::store::lock(server, challenge.user_id)?;
                let user = users::store::find(server, challenge.user_id)?;
                let user = user.ok_or_else(AuthError::unknown_token)?;
                if let Some(refusal) = AuthError::of_status(user.status) {
                    return Err(refusal);
                }
                if !two_factor.use_code(server, user.id, &step.code, now)? {
                    if challenge.failures >= MOST_ANSWERS {
                        store::end_challenge(server, &token)?;
                    }
                    // The unit has to stay, so the refusal travels as its result.
                    return Ok(Err(AuthError::InvalidCode));
                }
                store::end_challenge(server, &token)?;
                enter(unit, &user, &beginning, true).map(Ok)
            })
            .await
            .and_then(|answered| answered);
        match answered {
            Ok(signed_in) => {
                self.attempts.succeeded(&refused.attempt, &refused.lockout, self.world.now()).await;
                Ok(signed_in)
            }
            Err(refusal) => {
                self.refuse(origin, refused, &refusal).await?;
                Err(refusal)
            }
        }
    }
}

/// The challenge that is answered, with this answer counted.
fn take_answer(unit: &ServerUnit<'_>, token: &tokens::TokenHash, now: Timestamp) -> Result<ChallengeRow> {
    if !store::count_answer(unit, token)? {
        return Err(AuthError::unknown_token());
    }
    let challenge = store::challenge(unit, token)?.ok_or_else(AuthError::unknown_token)?;
    if challenge.expires_at <= now {
        return Err(AuthError::BadToken("The sign-in took too long. Sign in again.", "token_expired"));
    }
    Ok(challenge)
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

/// Begins the session of a user who has proven who they are. The unit is their home organization's.
fn enter(unit: &Unit<'_>, user: &Account, beginning: &Beginning, two_factor: bool) -> Result<SignedIn> {
    let Beginning { pair, policies, org, callers, .. } = beginning;
    let (server, now) = (unit.server(), pair.now);
    let Ok((_, roles)) = users::load(&server.org(*org), user.id, now) else {
        return Err(AuthError::NoSuchOrganization);
    };
    let confined = confinement(unit, user, policies, now)?;
    let new = NewSession {
        id: beginning.id,
        user: user.id,
        home: user.home_org_id,
        org: *org,
        token: pair.access.hash,
        token_expires_at: pair.access_expires_at,
        remember: beginning.remember,
        two_factor,
        confined,
        ip_address: beginning.origin.address.to_canonical().to_string(),
        user_agent: beginning.origin.user_agent.clone(),
        expires_at: pair.session_expires_at,
        now,
    };
    make_room(server, callers, user.id, policies.session.max_sessions.get() as usize, now)?;
    sessions::store::insert(server, &new)?;
    pair.keep_refresh(server, new.id)?;
    users::store::signed_in(server, user.id, now)?;
    if let Some(visitor) = &beginning.visitor {
        beginning.visitors.claim(server, visitor, (*org, user.id), now)?;
    }
    audit_login(unit, &beginning.origin, user, &new)?;
    Ok(pair.signed_in(user, &roles, *org, confined))
}

/// What a user has to do before a session of theirs is good for anything else.
pub(super) fn confinement(
    home: &Unit<'_>,
    user: &Account,
    policies: &Policies,
    now: Timestamp,
) -> Result<Option<Confinement>> {
    if has_expired(home.server(), user.id, policies, now)? {
        return Ok(Some(Confinement::PasswordChange));
    }
    let (_, roles) = users::load(home, user.id, now)?;
    let lacks = !user.two_factor_enabled && policies.two_factor.requires(&roles);
    Ok(lacks.then_some(Confinement::TwoFactorSetup))
}

fn has_expired(tx: &ServerTx<'_>, user: Id<kind::User>, policies: &Policies, now: Timestamp) -> Result<bool> {
    let days = policies.password.expiry_days.get();
    let credential = store::credential(tx, user)?.filter(|_| days > 0);
    Ok(credential.is_some_and(|credential| credential.changed_at + TimeDelta::days(days.into()) <= now))
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
