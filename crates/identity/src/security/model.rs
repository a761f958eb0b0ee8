//! Policies as the API shows them, as an organization decides them, and as they hold.

use kernel::{FieldErrors, Patch};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    roles::Catalogue,
    settings::{LockoutPolicy, PasswordPolicy, SessionPolicy, Settings, TwoFactorPolicy, Within},
};

/// One group of policies: as shown, as an organization decides it, and as a change to it.
macro_rules! group {
    (
        $(#[$about:meta])* $shown:ident, $decided:ident, $patch:ident {
            $($(#[doc = $doc:literal])* #[schema($($schema:tt)*)] $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
        pub struct $shown {
            $($(#[doc = $doc])* #[schema($($schema)*)] pub $field: $type,)*
        }

        /// What an organization decides of it.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub(crate) struct $decided {
            $(#[serde(skip_serializing_if = "Option::is_none")] pub(crate) $field: Option<$type>,)*
        }

        /// A change: absent keeps, null goes back to the server's configuration.
        #[derive(Debug, Clone, Default, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $patch {
            $($(#[doc = $doc])* #[serde(default)] #[schema(value_type = Option<$type>, $($schema)*)] pub $field: Patch<$type>,)*
        }

        impl $decided {
            fn patched(&mut self, patch: $patch) {
                $(self.$field = patch.$field.apply(self.$field.take());)*
            }
        }
    };
}

group! {
    /// What passwords must be like, from the next change on.
    PasswordPolicySettings, DecidedPasswords, PasswordPolicyPatch {
        /// Characters at least.
        #[schema(minimum = 8, maximum = 128, example = 12)]
        min_length: u32,
        /// Must one be an upper-case letter?
        #[schema(example = true)]
        require_uppercase: bool,
        /// Must one be a lower-case letter?
        #[schema(example = true)]
        require_lowercase: bool,
        /// Must one be a digit?
        #[schema(example = true)]
        require_numbers: bool,
        /// Must one be neither letter nor digit?
        #[schema(example = true)]
        require_special: bool,
        /// Days after which a password has to be changed at the next sign-in; 0 is never.
        #[schema(minimum = 0, maximum = 365, example = 0)]
        expiry_days: u32,
        /// How many earlier passwords may not come back.
        #[schema(minimum = 0, maximum = 24, example = 5)]
        history_count: u32,
    }
}

group! {
    /// How long sign-ins last, from the next sign-in or renewal on.
    SessionPolicySettings, DecidedSessions, SessionPolicyPatch {
        /// Minutes after which a session ends that nobody refreshes.
        #[schema(minimum = 5, maximum = 1440, example = 60)]
        timeout_minutes: u32,
        /// Sessions of one user; one more ends the least recently used.
        #[schema(minimum = 1, maximum = 100, example = 10)]
        max_sessions: u32,
        /// Days after which a remembered session ends that nobody refreshes; 0 remembers nobody.
        #[schema(minimum = 0, maximum = 365, example = 30)]
        remember_me_days: u32,
    }
}

group! {
    /// Who has to have a second factor, from the next sign-in on.
    TwoFactorSettings, DecidedTwoFactor, TwoFactorPatch {
        /// Can people set one up? What is set up stays in force.
        #[schema(example = true)]
        enabled: bool,
        /// The names of roles whose holders have to; `*` is everybody.
        #[schema(max_items = 50, example = json!(["admin", "owner"]))]
        required_for_roles: Vec<String>,
        /// The kinds that there are: `totp`.
        #[schema(min_items = 1, max_items = 1, example = json!(["totp"]))]
        methods: Vec<String>,
    }
}

group! {
    /// What failed sign-ins lead to.
    LockoutPolicySettings, DecidedLockout, LockoutPolicyPatch {
        /// Failures of one name from one address until that address is locked out of that name.
        #[schema(minimum = 3, maximum = 100, example = 5)]
        max_attempts: u32,
        /// Minutes that the lock holds.
        #[schema(minimum = 1, maximum = 1440, example = 30)]
        lockout_duration_minutes: u32,
        /// Minutes within which failures add up.
        #[schema(minimum = 1, maximum = 1440, example = 15)]
        reset_window_minutes: u32,
    }
}

/// The policies of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SecuritySettings {
    /// Passwords.
    pub password_policy: PasswordPolicySettings,
    /// Sessions.
    pub session_policy: SessionPolicySettings,
    /// The second factor.
    pub two_factor: TwoFactorSettings,
    /// Failed sign-ins.
    pub lockout_policy: LockoutPolicySettings,
}

/// A change to policies, merged into what there is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "password_policy": { "min_length": 16 }, "two_factor": { "required_for_roles": ["owner"] } }))]
pub struct SecuritySettingsPatch {
    /// Passwords.
    #[serde(default)]
    #[schema(value_type = Option<PasswordPolicyPatch>)]
    pub password_policy: Patch<PasswordPolicyPatch>,
    /// Sessions.
    #[serde(default)]
    #[schema(value_type = Option<SessionPolicyPatch>)]
    pub session_policy: Patch<SessionPolicyPatch>,
    /// The second factor.
    #[serde(default)]
    #[schema(value_type = Option<TwoFactorPatch>)]
    pub two_factor: Patch<TwoFactorPatch>,
    /// Failed sign-ins.
    #[serde(default)]
    #[schema(value_type = Option<LockoutPolicyPatch>)]
    pub lockout_policy: Patch<LockoutPolicyPatch>,
}

/// What an organization decides, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Decided {
    password_policy: DecidedPasswords,
    session_policy: DecidedSessions,
    two_factor: DecidedTwoFactor,
    lockout_policy: DecidedLockout,
}

fn merge<D: Default, P>(decided: &mut D, patch: Patch<P>, merge: impl FnOnce(&mut D, P)) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => *decided = D::default(),
        Patch::Set(patch) => merge(decided, patch),
    }
}

impl Decided {
    /// The names of the roles for which the organization asks for a second factor by itself.
    pub(crate) fn required_for_roles(&mut self) -> &mut [String] {
        self.two_factor.required_for_roles.as_deref_mut().unwrap_or_default()
    }

    /// What is decided after the change, or everything that is wrong with it.
    pub(crate) fn patched(
        mut self,
        patch: SecuritySettingsPatch,
        roles: &Catalogue,
    ) -> Result<Self, FieldErrors> {
        let before = self.two_factor.required_for_roles.clone().unwrap_or_default();
        merge(&mut self.password_policy, patch.password_policy, DecidedPasswords::patched);
        merge(&mut self.session_policy, patch.session_policy, DecidedSessions::patched);
        merge(&mut self.two_factor, patch.two_factor, DecidedTwoFactor::patched);
        merge(&mut self.lockout_policy, patch.lockout_policy, DecidedLockout::patched);
        let wrong = self.wrong(&before, roles);
        if wrong.is_empty() { Ok(self) } else { Err(wrong) }
    }

    /// A role that was named before may be gone since.
    fn wrong(&self, before: &[String], roles: &Catalogue) -> FieldErrors {
        let mut wrong = FieldErrors::default();
        let (passwords, sessions, lockout) =
            (&self.password_policy, &self.session_policy, &self.lockout_policy);
        for (field, number, least, most) in [
            ("password_policy.min_length", passwords.min_length, 8, 128),
            ("password_policy.expiry_days", passwords.expiry_days, 0, 365),
            ("password_policy.history_count", passwords.history_count, 0, 24),
            ("session_policy.timeout_minutes", sessions.timeout_minutes, 5, 1440),
            ("session_policy.max_sessions", sessions.max_sessions, 1, 100),
            ("session_policy.remember_me_days", sessions.remember_me_days, 0, 365),
            ("lockout_policy.max_attempts", lockout.max_attempts, 3, 100),
            ("lockout_policy.lockout_duration_minutes", lockout.lockout_duration_minutes, 1, 1440),
            ("lockout_policy.reset_window_minutes", lockout.reset_window_minutes, 1, 1440),
        ] {
            let fits = number.is_none_or(|number| (least..=most).contains(&number));
            wrong.check(fits, field, format!("must be from {least} to {most}"));
        }
        for role in self.two_factor.required_for_roles.iter().flatten() {
            let known = role == "*" || roles.by_name(role).is_some() || before.contains(role);
            let problem = format!("there is no role \"{}\"", role.escape_debug());
            wrong.check(known, "two_factor.required_for_roles", problem);
        }
        let methods = self.two_factor.methods.as_deref();
        let totp_only = methods.is_none_or(|methods| methods == ["totp"]);
        wrong.check(totp_only, "two_factor.methods", "must be [\"totp\"]");
        wrong
    }
}

/// The policies that hold.
#[derive(Debug, Clone)]
pub(crate) struct Policies {
    pub(crate) password: PasswordPolicy,
    pub(crate) session: SessionPolicy,
    pub(crate) two_factor: TwoFactorPolicy,
    pub(crate) lockout: LockoutPolicy,
}

fn number<const MIN: u32, const MAX: u32>(of: &mut Within<MIN, MAX>, decided: Option<u32>) {
    if let Some(decided) = decided {
        *of = Within::new(decided);
    }
}

fn decide<T: Clone>(of: &mut T, decided: Option<&T>) {
    if let Some(decided) = decided {
        of.clone_from(decided);
    }
}

impl Policies {
    /// The server's configuration, and above it what the organization decides.
    pub(crate) fn of(settings: &Settings, decided: &Decided) -> Self {
        let mut all = Self {
            password: settings.password.clone(),
            session: settings.session.clone(),
            two_factor: settings.two_factor.clone(),
            lockout: settings.lockout.clone(),
        };
        let (to, from) = (&mut all.password, &decided.password_policy);
        number(&mut to.min_length, from.min_length);
        number(&mut to.expiry_days, from.expiry_days);
        number(&mut to.history_count, from.history_count);
        decide(&mut to.require_uppercase, from.require_uppercase.as_ref());
        decide(&mut to.require_lowercase, from.require_lowercase.as_ref());
        decide(&mut to.require_numbers, from.require_numbers.as_ref());
        decide(&mut to.require_special, from.require_special.as_ref());
        let (to, from) = (&mut all.session, &decided.session_policy);
        number(&mut to.timeout_minutes, from.timeout_minutes);
        number(&mut to.max_sessions, from.max_sessions);
        number(&mut to.remember_me_days, from.remember_me_days);
        let (to, from) = (&mut all.two_factor, &decided.two_factor);
        decide(&mut to.enabled, from.enabled.as_ref());
        decide(&mut to.required_for_roles, from.required_for_roles.as_ref());
        let (to, from) = (&mut all.lockout, &decided.lockout_policy);
        number(&mut to.max_attempts, from.max_attempts);
        number(&mut to.lockout_duration_minutes, from.lockout_duration_minutes);
        number(&mut to.reset_window_minutes, from.reset_window_minutes);
        all
    }

    /// As they are shown.
    pub(crate) fn shown(&self) -> SecuritySettings {
        let Self { password, session, two_factor, lockout } = self;
        SecuritySettings {
            password_policy: PasswordPolicySettings {
                min_length: password.min_length.get(),
                require_uppercase: password.require_uppercase,
                require_lowercase: password.require_lowercase,
                require_numbers: password.require_numbers,
                require_special: password.require_special,
                expiry_days: password.expiry_days.get(),
                history_count: password.history_count.get(),
            },
            session_policy: SessionPolicySettings {
                timeout_minutes: session.timeout_minutes.get(),
                max_sessions: session.max_sessions.get(),
                remember_me_days: session.remember_me_days.get(),
            },
            two_factor: TwoFactorSettings {
                enabled: two_factor.enabled,
                required_for_roles: two_factor.required_for_roles.clone(),
                methods: vec!["totp".to_owned()],
            },
            lockout_policy: LockoutPolicySettings {
                max_attempts: lockout.max_attempts.get(),
                lockout_duration_minutes: lockout.lockout_duration_minutes.get(),
                reset_window_minutes: lockout.reset_window_minutes.get(),
            },
        }
    }
}

impl SecuritySettings {
    /// What differs between two states: the path of each field, before and after.
    pub(crate) fn differences(&self, after: &Self) -> Vec<(String, Value, Value)> {
        let values = |of: &Self| serde_json::to_value(of).unwrap_or_default();
        let (before, after) = (values(self), values(after));
        let mut found = Vec::new();
        for (group, fields) in before.as_object().into_iter().flatten() {
            for (field, old) in fields.as_object().into_iter().flatten() {
                let new = &after[group][field];
                if old != new {
                    found.push((format!("{group}.{field}"), old.clone(), new.clone()));
                }
            }
        }
        found
    }
}
