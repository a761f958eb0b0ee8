//! What an operator may set about sign-in. Every number of the policies is here, with its range.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// A whole number within a range. A configuration outside of it stops the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Within<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Within<MIN, MAX> {
    /// The number, moved to the nearest end of the range if it is outside.
    pub const fn new(number: u32) -> Self {
        if number < MIN {
            Self(MIN)
        } else if number > MAX {
            Self(MAX)
        } else {
            Self(number)
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Within<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        if (MIN..=MAX).contains(&number) {
            Ok(Self(number))
        } else {
            Err(de::Error::custom(format_args!("must be from {MIN} to {MAX}, not {number}")))
        }
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Within<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        Cow::Owned(format!("Within_{MIN}_{MAX}"))
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

impl<const MIN: u32, const MAX: u32> fmt::Display for Within<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The section `identity` of the configuration.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The name of the organization that the first start makes.
    pub organization_name: String,
    /// What a password must be like.
    pub password: PasswordPolicy,
    /// How passwords are hashed.
    pub hashing: Hashing,
    /// How long sign-ins last.
    pub session: SessionPolicy,
    /// What failed sign-ins lead to.
    pub lockout: LockoutPolicy,
    /// Who has to have a second factor.
    pub two_factor: TwoFactorPolicy,
    /// How many API keys there can be, and for how long.
    pub api_keys: KeyPolicy,
    /// Attempts to sign in with one name from one address in a minute; 0 is no limit.
    pub logins_per_minute: u32,
    /// Hours that the link works which lets a new user set a password.
    pub password_link_hours: Within<1, 720>,
    /// Minutes that the link works which lets somebody set another password.
    pub reset_link_minutes: Within<5, 1440>,
    /// Hours that the link works which confirms an address.
    pub email_link_hours: Within<1, 720>,
    /// Links of one kind that can be asked for in an hour, for one address and from one place, by people without
    /// credentials and those who want the address for their account; from everywhere ten times as many. 0 is no limit.
    pub mail_requests_per_hour: u32,
    /// Addresses that one person can want for their account in an hour; 0 is no limit.
    pub address_changes_per_hour: u32,
    /// Who can make an account of their own.
    pub registration: Registration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            organization_name: "Main".to_owned(),
            password: PasswordPolicy::default(),
            hashing: Hashing::default(),
            session: SessionPolicy::default(),
            lockout: LockoutPolicy::default(),
            two_factor: TwoFactorPolicy::default(),
            api_keys: KeyPolicy::default(),
            logins_per_minute: 5,
            password_link_hours: Within::new(24),
            reset_link_minutes: Within::new(60),
            email_link_hours: Within::new(24),
            mail_requests_per_hour: 3,
            address_changes_per_hour: 10,
            registration: Registration::default(),
        }
    }
}

impl Settings {
    /// Makes hashing as cheap as it can be, for suites that make many users. Never for a real server.
    pub fn fast_hashing_for_tests(&mut self) {
        self.hashing = Hashing { memory_kib: Within::new(8), passes: Within::new(1), ..self.hashing.clone() };
    }
}

/// Who can make an account of their own, and what it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Registration {
    /// Can people make accounts of their own? They need mail, to confirm their address.
    pub enabled: bool,
    /// The role of such an account: `guest`, `viewer` or `member`.
    pub role: RegisteredRole,
    /// Domains that addresses people give themselves may be in; with none all are.
    pub allowed_email_domains: Vec<String>,
}

impl Registration {
    /// Refuses an address in another domain.
    pub(crate) fn check_address(&self, email: &str) -> Result<(), kernel::Error> {
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        let mut allowed =
            self.allowed_email_domains.iter().map(|domain| domain.trim().trim_start_matches('@'));
        if self.allowed_email_domains.is_empty()
            || allowed.any(|allowed| allowed.eq_ignore_ascii_case(domain))
        {
            return Ok(());
        }
        let problem = "is in a domain whose addresses are not taken here";
        Err(kernel::Error::invalid("email", problem).reason("email_domain_not_allowed"))
    }
}

/// The roles that an account can begin with that somebody made for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RegisteredRole {
    /// Talks with bots.
    Guest,
    /// Reads.
    Viewer,
    /// Works.
    #[default]
    Member,
}

impl RegisteredRole {
    /// The role's name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Viewer => "viewer",
            Self::Member => "member",
        }
    }
}

/// What a password must be like.
// Each of the rules is a setting of its own; no two of them make a state.
#[expect(clippy::struct_excessive_bools, reason = "each is a rule by itself")]
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordPolicy {
    /// Characters at least.
    pub min_length: Within<8, 128>,
    /// Is an upper-case letter needed?
    pub require_uppercase: bool,
    /// Is a lower-case letter needed?
    pub require_lowercase: bool,
    /// Is a digit needed?
    pub require_numbers: bool,
    /// Is a character needed that is neither letter nor digit?
    pub require_special: bool,
    /// Days after which a password has to be changed at the next sign-in; 0 is never.
    pub expiry_days: Within<0, 365>,
    /// How many earlier passwords may not come back.
    pub history_count: Within<0, 24>,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            min_length: Within::new(12),
            require_uppercase: true,
            require_lowercase: true,
            require_numbers: true,
            require_special: true,
            expiry_days: Within::new(0),
            history_count: Within::new(5),
        }
    }
}

/// The cost of one password hash (Argon2id) and how many are computed at once.
///
/// The defaults are the first choice of OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hashing {
    /// KiB of memory for one hash.
    pub memory_kib: Within<8, 1_048_576>,
    /// Passes over the memory.
    pub passes: Within<1, 64>,
    /// Hashes computed at once; 0 is one for each core.
    pub parallelism: u32,
    /// Hashes that may wait for their turn; beyond that sign-in answers 503.
    pub queue: Within<1, 100_000>,
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            memory_kib: Within::new(19_456),
            passes: Within::new(2),
            parallelism: 0,
            queue: Within::new(2_000),
        }
    }
}

/// How long sign-ins last.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SessionPolicy {
    /// Minutes that an access token works.
    pub access_token_minutes: Within<1, 1440>,
    /// Minutes after which a session ends that nobody refreshes.
    pub timeout_minutes: Within<5, 1440>,
    /// Days after which a remembered session ends that nobody refreshes; 0 remembers nobody.
    pub remember_me_days: Within<0, 365>,
    /// Sessions of one user; one more ends the least recently used.
    pub max_sessions: Within<1, 100>,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self {
            access_token_minutes: Within::new(60),
            timeout_minutes: Within::new(60),
            remember_me_days: Within::new(30),
            max_sessions: Within::new(10),
        }
    }
}

/// Who has to have a second factor.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TwoFactorPolicy {
    /// Can people set one up? What is set up stays in force.
    pub enabled: bool,
    /// The names of roles whose holders have to; `*` is everybody.
    pub required_for_roles: Vec<String>,
    /// Codes of one user that are looked at in a minute; 0 is no limit, and lets codes be guessed.
    pub codes_per_minute: u32,
}

impl Default for TwoFactorPolicy {
    fn default() -> Self {
        Self { enabled: true, required_for_roles: Vec::new(), codes_per_minute: 3 }
    }
}

/// What API keys can be.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KeyPolicy {
    /// Keys of one user in one organization that work.
    pub max_per_user: u32,
    /// May a key have no end? Else it has one within a year.
    pub may_last_for_ever: bool,
    /// Days that an ended key stays on the list.
    pub keep_ended_days: Within<1, 3650>,
}

impl Default for KeyPolicy {
    fn default() -> Self {
        Self { max_per_user: 50, may_last_for_ever: true, keep_ended_days: Within::new(90) }
    }
}

/// What failed sign-ins lead to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LockoutPolicy {
    /// Failures of one name from one address until that address is locked out of that name.
    pub max_attempts: Within<3, 100>,
    /// Minutes that the lock holds.
    pub lockout_duration_minutes: Within<1, 1440>,
    /// Minutes within which failures add up.
    pub reset_window_minutes: Within<1, 1440>,
    /// Failures of one name from any address after which each attempt has to wait.
    pub slow_after: u32,
    /// Milliseconds that each further failure adds to the wait.
    pub slow_step_milliseconds: u32,
    /// Milliseconds that an attempt waits at the most.
    pub slow_max_milliseconds: Within<0, 30_000>,
}

impl Default for LockoutPolicy {
    fn default() -> Self {
        Self {
            max_attempts: Within::new(5),
            lockout_duration_minutes: Within::new(30),
            reset_window_minutes: Within::new(15),
            slow_after: 20,
            slow_step_milliseconds: 250,
            slow_max_milliseconds: Within::new(3_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_outside_its_range_stops_the_start() {
        let refused = serde_json::from_str::<PasswordPolicy>(r#"{"min_length": 4}"#).unwrap_err();

        assert!(refused.to_string().starts_with("must be from 8 to 128, not 4"), "{refused}");
    }

    #[test]
    fn an_unknown_key_stops_the_start() {
        assert!(serde_json::from_str::<Settings>(r#"{"pasword": {}}"#).is_err());
    }
}
