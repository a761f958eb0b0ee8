//! Who is calling, and from where.

use std::{net::IpAddr, ops::Deref, sync::Arc};

use crate::{
    Error, Permission, PermissionSet, Result, Timestamp,
    id::{Id, kind},
};

/// A caller whose credentials were checked: a user in one of their organizations, through a session; or a
/// visitor, whom an organization lets talk with one of its bots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user: Id<kind::User>,
    /// The organization they act in. Everything they see and touch belongs to it.
    pub org: Id<kind::Organization>,
    /// The session whose token was shown.
    pub session: Id<kind::Session>,
    /// What they may do, roles resolved and narrowed.
    pub permissions: PermissionSet,
    /// The highest level of their roles (owner 100, admin 90, manager 70, member 50, viewer 30, guest 10).
    pub level: u8,
    /// When the credentials end.
    pub expires_at: Timestamp,
    /// The one bot that a visitor talks with; nothing for who signed in. A visitor's `user` is nobody's account.
    pub visits: Option<Id<kind::Bot>>,
    /// The API key that was shown, if it was none of a session. `session` then has the key's number, so that what is
    /// kept by session is kept by key.
    pub key: Option<Id<kind::ApiKey>>,
    /// What must be done before the credentials are good for anything else.
    pub confined: Option<Confinement>,
}

/// What credentials are good for that are good for nothing else yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confinement {
    /// To set up the second factor that a policy asks for.
    TwoFactorSetup,
    /// To change the password, which has expired.
    PasswordChange,
}

impl Confinement {
    /// The reason of the refusal everywhere else; also the name in the database.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TwoFactorSetup => "two_factor_setup_required",
            Self::PasswordChange => "password_expired",
        }
    }

    /// What to do about it.
    pub const fn message(self) -> &'static str {
        match self {
            Self::TwoFactorSetup => "Set up a second factor first: this account needs one.",
            Self::PasswordChange => "Change the password first: it has expired.",
        }
    }

    /// What a name in the database means.
    pub fn of_reason(reason: &str) -> Option<Self> {
        [Self::TwoFactorSetup, Self::PasswordChange].into_iter().find(|one| one.reason() == reason)
    }
}

/// The end of credentials that have none: the last second that RFC 3339 can write.
pub const NEVER: Timestamp = match Timestamp::from_timestamp_micros(253_402_300_799_000_000) {
    Some(end) => end,
    None => Timestamp::MAX_UTC,
};

impl Principal {
    /// Do the permissions contain this one?
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// 403 naming the permission unless the caller has it.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.may(permission) { Ok(()) } else { Err(Error::lacks(permission)) }
    }

    /// Are they here without an account?
    pub const fn is_visitor(&self) -> bool {
        self.visits.is_some()
    }

    /// Do they call with an API key?
    pub const fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Is this the caller's own account?
    pub fn is(&self, user: Id<kind::User>) -> bool {
        self.user == user
    }
}

/// Where a request came from, for the log and the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The client's address: the peer's, or what a trusted proxy said.
    pub address: IpAddr,
    /// Did it travel under TLS, to this server or to a trusted proxy before it?
    pub secure: bool,
    /// The `User-Agent`, cut to 256 characters.
    pub user_agent: Option<String>,
    /// The request's id, as returned in `X-Request-Id`.
    pub request_id: Arc<str>,
    /// The conversations whose scripts ask for this, the outermost first. Empty for what a client asks itself.
    pub asked_within: Vec<Id<kind::Conversation>>,
}

/// What counts as one caller's address: a host of IPv6 has a whole /64 to call from, so there it is the network.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

/// A checked caller together with where the request came from: what every service takes.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Who.
    pub principal: Arc<Principal>,
    /// From where.
    pub origin: Arc<Origin>,
}

impl Origin {
    /// Does a script ask, on behalf of whoever is there?
    pub fn is_script(&self) -> bool {
        !self.asked_within.is_empty()
    }
}

impl Actor {
    /// 403 where a script asks on the caller's behalf: for what only a part of an operation is in person.
    pub fn require_in_person(&self) -> Result<()> {
        if self.origin.is_script() { Err(Error::not_for_scripts()) } else { Ok(()) }
    }
}

impl Deref for Actor {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}

/// A relation to the thing itself that an operation asks for beside permissions. Checked in the service, by one
/// policy function for each resource; named here so that the contract can show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The conversation's person, or staff who may read it.
    Participant,
    /// Whoever made or owns it.
    Owner,
    /// Whoever the bot's visibility and access lists let in.
    MayUseBot,
    /// Whoever started the job.
    Starter,
    /// Whoever is a member of the group, by themselves or through its parent.
    GroupMember,
    /// Whoever is an owner or administrator of the group, or has the power there that the operation needs.
    GroupAdmin,
    /// Whoever owns the group.
    GroupOwner,
    /// Whoever made the request.
    Requester,
}

impl Standing {
    /// The name in the contract (`x-standing`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Participant => "participant",
            Self::Owner => "owner",
            Self::MayUseBot => "may_use_bot",
            Self::Starter => "starter",
            Self::GroupMember => "member",
            Self::GroupAdmin => "group_admin",
            Self::GroupOwner => "group_owner",
            Self::Requester => "requester",
        }
    }
}
