//! What an organization decides for itself: who may belong to it, as what, and from where it is used.

use kernel::{FieldErrors, Id, Patch, id::kind};
use platform::db::{DbError, Json, ServerTx, Tx, Unit};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::store;
use crate::{
    api_keys::Networks,
    roles::{self, Role, RoleName, system},
    users::{UserError, fields},
};

/// Domains that are named at once.
const MOST_DOMAINS: usize = 100;

/// The settings of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrganizationSettings {
    /// The domains of addresses that accounts may be made with, and people invited by. None of them means any.
    #[schema(example = json!(["example.com"]))]
    pub allowed_email_domains: Vec<String>,
    /// The role of who is made or invited without one.
    #[schema(value_type = RoleName, example = "member")]
    pub default_user_role: String,
    /// How many people may belong to it; 0 is any number. Those who do stay.
    #[schema(example = 0)]
    pub max_members: u32,
    /// The networks that it is used from, by people, programs and visitors. None of them means everywhere.
    #[schema(example = json!(["203.0.113.0/24"]))]
    pub ip_whitelist: Vec<String>,
}

/// A change to the settings: absent keeps, null goes back to the default.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "allowed_email_domains": ["example.com"], "max_members": 50 }))]
pub struct OrganizationSettingsPatch {
    /// The domains of addresses that accounts may be made with, and people invited by. None of them means any.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 100, example = json!(["example.com"]))]
    pub allowed_email_domains: Patch<Vec<String>>,
    /// The name or id of a role of a lower rank than the caller's.
    #[serde(default)]
    #[schema(value_type = Option<RoleName>)]
    pub default_user_role: Patch<String>,
    /// How many people may belong to it; 0 is any number. Those who do stay.
    #[serde(default)]
    #[schema(value_type = Option<u32>, example = 50)]
    pub max_members: Patch<u32>,
    /// Networks such as `203.0.113.0/24`, or single addresses; the caller's own address must be in one of them.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50, example = json!(["203.0.113.0/24"]))]
    pub ip_whitelist: Patch<Vec<String>>,
}

/// What is decided, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Decided {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_email_domains: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) default_user_role: Option<String>,
    max_members: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ip_whitelist: Vec<String>,
}

/// A domain as it stands behind the @ of an address.
fn domain(text: &str) -> Result<String, &'static str> {
    let domain = text.trim().to_ascii_lowercase();
    let fits = fields::email(&format!("a@{domain}")).is_ok_and(|address| address.len() == domain.len() + 2);
    if fits && !domain.contains('@') { Ok(domain) } else { Err("must be domains such as example.com") }
}

impl Decided {
    pub(crate) fn stored(json: Option<&Json>) -> Result<Self, DbError> {
        json.map_or_else(|| Ok(Self::default()), Json::read)
    }

    /// From where the organization is used.
    pub(crate) fn networks(&self) -> Result<Networks, DbError> {
        Networks::of_stored(&Json::of(&self.ip_whitelist))
    }

    /// What is decided after the change; the role is not looked at. What is wrong is noted.
    pub(super) fn patched(mut self, patch: OrganizationSettingsPatch, wrong: &mut FieldErrors) -> Self {
        match patch.allowed_email_domains {
            Patch::Keep => {}
            Patch::Clear => self.allowed_email_domains.clear(),
            Patch::Set(texts) => {
                const FIELD: &str = "allowed_email_domains";
                wrong.check(texts.len() <= MOST_DOMAINS, FIELD, "must have at most 100 entries");
                let read = texts.iter().take(MOST_DOMAINS).filter_map(|text| wrong.take(FIELD, domain(text)));
                let mut domains: Vec<_> = read.collect();
                domains.sort();
                domains.dedup();
                self.allowed_email_domains = domains;
            }
        }
        match patch.max_members {
            Patch::Keep => {}
            Patch::Clear => self.max_members = 0,
            Patch::Set(most) => self.max_members = most,
        }
        match patch.ip_whitelist {
            Patch::Keep => {}
            Patch::Clear => self.ip_whitelist.clear(),
            Patch::Set(texts) => self.ip_whitelist = Networks::read("ip_whitelist", &texts, wrong).texts(),
        }
        self
    }

    /// As they are shown.
    pub(super) fn shown(&self) -> OrganizationSettings {
        OrganizationSettings {
            allowed_email_domains: self.allowed_email_domains.clone(),
            default_user_role: self.default_user_role.clone().unwrap_or_else(|| "member".to_owned()),
            max_members: self.max_members,
            ip_whitelist: self.ip_whitelist.clone(),
        }
    }

    /// May somebody of that address have an account here, or be invited?
    pub(crate) fn takes_address(&self, email: &str) -> bool {
        let domain = email.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
        let domains = &self.allowed_email_domains;
        domains.is_empty() || domain.is_some_and(|domain| domains.contains(&domain))
    }

    /// The role of who is made or invited without one. A role of the organization's own that is gone is the usual one.
    pub(crate) fn role(&self, tx: &Tx<'_>) -> Result<Vec<Role>, DbError> {
        let usual = || system::by_id(system::MEMBER).cloned().into_iter().collect();
        let Some(name) = &self.default_user_role else { return Ok(usual()) };
        let found = roles::store::catalogue_for(tx, [name])?.named(name);
        Ok(found.map_or_else(usual, |role| vec![role]))
    }
}

/// Refuses an address that the organization takes nobody with.
pub(crate) fn check_address(
    tx: &ServerTx<'_>,
    org: Id<kind::Organization>,
    email: &str,
) -> Result<(), UserError> {
    let (decided, _) = store::decided(tx, org)?;
    if decided.takes_address(email) { Ok(()) } else { Err(UserError::EmailDomain) }
}

/// Sees to it that the organization may have one more member, until the unit ends.
pub(crate) fn make_room(unit: &Unit<'_>) -> Result<(), UserError> {
    let server = unit.server();
    let most = i64::from(store::decided(server, unit.org())?.0.max_members);
    if most == 0 {
        return Ok(());
    }
    // Of two who come at once, the second counts the first.
    store::lock(server, unit.org())?;
    let most = i64::from(store::decided(server, unit.org())?.0.max_members);
    if most > 0 && store::count_members(unit)? >= most { Err(UserError::MemberLimit(most)) } else { Ok(()) }
}

impl OrganizationSettings {
    /// What differs between two states: each field, before and after.
    pub(super) fn differences(&self, after: &Self) -> Vec<(String, Value, Value)> {
        let values = |of: &Self| serde_json::to_value(of).unwrap_or_default();
        let (before, after) = (values(self), values(after));
        let mut found = Vec::new();
        for (field, old) in before.as_object().into_iter().flatten() {
            if *old != after[field] {
                found.push((field.clone(), old.clone(), after[field].clone()));
            }
        }
        found
    }
}
