//! What an operation needs of its caller, declared beside its path and written into the contract.

use std::time::Duration;

use kernel::{Confinement, Permission, Standing};

/// The least that a caller must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// Nothing.
    Public,
    /// Any session, an anonymous one too.
    Anonymous,
    /// A signed-in user, no visitor.
    Authenticated,
    /// A signed-in user with this permission.
    Permission(Permission),
}

/// Whose calls a limit counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// All from one address.
    Address,
    /// All of one user, or of one address where nobody is signed in.
    Caller,
}

/// A limit that one operation has beside the general ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Calls in a window.
    pub calls: u32,
    /// The length of the window.
    pub window: Duration,
    /// Whose calls are counted together.
    pub by: By,
    /// What is counted, if several operations do the same; else the operation counts by itself.
    pub of: Option<&'static str>,
}

impl Limit {
    /// So many calls a minute.
    pub const fn per_minute(calls: u32, by: By) -> Self {
        Self { calls, window: Duration::from_mins(1), by, of: None }
    }

    /// So many calls an hour.
    pub const fn per_hour(calls: u32, by: By) -> Self {
        Self { calls, window: Duration::from_hours(1), by, of: None }
    }

    /// So many calls a day.
    pub const fn per_day(calls: u32, by: By) -> Self {
        Self { calls, window: Duration::from_hours(24), by, of: None }
    }

    /// The calls of all operations that say so count together.
    #[must_use]
    pub const fn of(mut self, what: &'static str) -> Self {
        self.of = Some(what);
        self
    }
}

/// What a POST does with an `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// A repeat gets the first answer again.
    Answered,
    /// The answer carries a secret and is not kept: a repeat is told that it was done, and where.
    Secret,
    /// The key is ignored: sign-in, streams, uploads.
    Ignored,
}

/// Whose credentials callers show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// Those of a session, also where a script asks for whoever has it.
    Session,
    /// Those of a session, shown by somebody who is there.
    InPerson,
    /// The operation's own, which it looks at itself.
    Own,
}

/// What it means that a path parameter names the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    /// Nothing more is asked of them.
    Lowers(&'static str),
    /// They are the only one who may call.
    Only(&'static str),
}

impl Own {
    /// The path parameter.
    pub(crate) const fn parameter(self) -> &'static str {
        match self {
            Self::Lowers(parameter) | Self::Only(parameter) => parameter,
        }
    }
}

/// Whom an operation takes beside who signed in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Takes {
    pub(crate) visitors: bool,
    /// Callers who show an API key.
    pub(crate) keys: bool,
}

/// Who may call an operation, and how much.
///
/// The gateway enforces the floor and the caller's own account; the standing is checked in the service by the
/// resource's one policy function, and shown in the contract.
#[derive(Debug, Clone)]
pub struct Access {
    pub(crate) floor: Floor,
    pub(crate) own: Option<Own>,
    pub(crate) standing: Option<Standing>,
    pub(crate) takes: Takes,
    pub(crate) during: &'static [Confinement],
    pub(crate) limits: Vec<Limit>,
    pub(crate) body_limit: Option<usize>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) counted: bool,
    pub(crate) credentials: Credentials,
    pub(crate) compressed: bool,
    pub(crate) repeats: Repeats,
}

impl Access {
    const fn at(floor: Floor) -> Self {
        Self {
            floor,
            own: None,
            standing: None,
            takes: Takes { visitors: false, keys: true },
            during: &[],
            limits: Vec::new(),
            body_limit: None,
            timeout: None,
            counted: true,
            credentials: Credentials::Session,
            compressed: true,
            repeats: Repeats::Answered,
        }
    }

    /// Anybody.
    pub const fn public() -> Self {
        Self::at(Floor::Public)
    }

    /// Any session, an anonymous one too.
    pub const fn anonymous() -> Self {
        Self::at(Floor::Anonymous)
    }

    /// Any signed-in user.
    pub const fn authenticated() -> Self {
        Self::at(Floor::Authenticated)
    }

    /// Users with the permission.
    pub const fn permission(permission: Permission) -> Self {
        Self::at(Floor::Permission(permission))
    }

    /// Only the user whom the path parameter names (`me`, or the caller's own id).
    pub const fn own_only(parameter: &'static str) -> Self {
        let mut access = Self::at(Floor::Authenticated);
        access.own = Some(Own::Only(parameter));
        access
    }

    /// The floor falls to "signed in" where the path parameter names the caller.
    #[must_use]
    pub const fn own(mut self, parameter: &'static str) -> Self {
        self.own = Some(Own::Lowers(parameter));
        self
    }

    /// The relation to the thing itself that the service asks for.
    #[must_use]
    pub const fn standing(mut self, standing: Standing) -> Self {
        self.standing = Some(standing);
        self
    }

    /// Visitors may call it, too, if they have the permission; the service sees to it that they keep to their bot. What
    /// is public, or for any session, is for them anyway.
    #[must_use]
    pub const fn visitors(mut self) -> Self {
        self.takes.visitors = true;
        self
    }

    /// Callers with an API key may not call it (403 `not_for_api_keys`): it makes or changes what people sign in with,
    /// or is about sessions, which keys have none of.
    #[must_use]
    pub const fn not_for_api_keys(mut self) -> Self {
        self.takes.keys = false;
        self
    }

    /// Callers may call it whose credentials are good for these things only, until they are done.
    #[must_use]
    pub const fn during(mut self, confinements: &'static [Confinement]) -> Self {
        self.during = confinements;
        self
    }

    /// A limit of its own.
    #[must_use]
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limits.push(limit);
        self
    }

    /// Bytes of the body, where the general limit is too tight or too wide.
    #[must_use]
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = Some(bytes);
        self
    }

    /// How long it may take, where the general limit doesn't fit.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Never compressed: the answer carries a secret beside what the caller sent, and the size of the two together
    /// would tell of the secret (BREACH). Answers that are not kept for their secret needn't say it.
    #[must_use]
    pub const fn uncompressed(mut self) -> Self {
        self.compressed = false;
        self
    }

    /// What an `Idempotency-Key` does, where a repeat doesn't get the first answer again.
    #[must_use]
    pub const fn repeats(mut self, repeats: Repeats) -> Self {
        self.repeats = repeats;
        self
    }

    /// Whoever calls shows credentials that the operation knows itself: no session is looked for.
    #[must_use]
    pub const fn own_credentials(mut self) -> Self {
        self.credentials = Credentials::Own;
        self
    }

    /// Only who is there may call it, and no script on their behalf: what begins and ends sessions, what hands out
    /// credentials or rights, what decides over the whole server.
    #[must_use]
    pub const fn in_person(mut self) -> Self {
        self.credentials = Credentials::InPerson;
        self
    }

    /// May a script call it on somebody's behalf? Not what uploads or signs out, what gives away secrets, what asks for
    /// credentials of its own, nor what is not for programs either.
    pub(crate) fn takes_scripts(&self) -> bool {
        let answered = self.repeats == Repeats::Answered;
        answered && self.credentials == Credentials::Session && self.takes.keys
    }

    pub(crate) fn may_be_compressed(&self) -> bool {
        self.compressed && self.repeats != Repeats::Secret
    }

    /// Doesn't count against the general limits: health, the contract, static pages.
    #[must_use]
    pub const fn uncounted(mut self) -> Self {
        self.counted = false;
        self
    }
}
