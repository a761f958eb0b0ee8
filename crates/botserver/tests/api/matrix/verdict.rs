//! What the contract says becomes of a call, and whether it did.

use super::{
    Named,
    callers::{Caller, Credentials},
};
use crate::support::{Answer, Operation, Value};

/// What is to become of a call.
#[derive(Debug)]
pub(super) enum Verdict<'a> {
    /// It gets to the operation itself, whatever that makes of it.
    Passes,
    /// 401 for that reason.
    Unknown(&'a str),
    /// 403 for that reason.
    Refused(&'a str),
    /// 403 that names this permission.
    Lacks(&'a str),
    /// 404: it is for somebody else, of whom nothing is told.
    Hidden,
}

impl<'a> Verdict<'a> {
    pub(super) fn expected(operation: &'a Operation, caller: &Caller, named: Named) -> Self {
        if operation.access() == "public" {
            return Self::Passes;
        }
        match caller.credentials {
            Credentials::None => return Self::Unknown("credentials_missing"),
            Credentials::Dead(reason) => return Self::Unknown(reason),
            Credentials::Elsewhere => return Self::Refused("ip_not_allowed"),
            Credentials::Visit if !operation.takes_visitors() => {
                return Self::Refused("visitors_not_allowed");
            }
            Credentials::Key if !operation.takes_keys() => return Self::Refused("not_for_api_keys"),
            Credentials::Confined(to) if !operation.takes_during(to) => return Self::Refused(to),
            _ => {}
        }
        if operation.own_parameter().is_some() && named == Named::Caller {
            return Self::Passes;
        }
        match operation.permission() {
            Some(permission) if caller.permissions.contains(permission) => Self::Passes,
            Some(permission) => Self::Lacks(permission),
            None if operation.own_parameter().is_some() => Self::Hidden,
            None => Self::Passes,
        }
    }

    /// What is wrong with the answer, if something is.
    pub(super) fn differs(&self, operation: &Operation, caller: &Caller, answer: &Answer) -> Option<String> {
        let told = Told::by(answer);
        let is_right = match *self {
            Self::Passes => told.is_of_operation(operation, caller),
            Self::Unknown(reason) => {
                let challenges = answer.header("www-authenticate").starts_with("Bearer");
                challenges && told.is(401, "UNAUTHORIZED", reason, "")
            }
            Self::Refused(reason) => told.is(403, "FORBIDDEN", reason, ""),
            Self::Lacks(permission) => told.is(403, "FORBIDDEN", "", permission),
            Self::Hidden => told.is(404, "NOT_FOUND", "", ""),
        };
        (!is_right).then(|| format!("expected {self:?}"))
    }
}

/// What an answer says of itself.
struct Told {
    status: u16,
    code: String,
    reason: String,
    permission: String,
}

impl Told {
    fn by(answer: &Answer) -> Self {
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let error = &body["error"];
        Self {
            status: answer.status.as_u16(),
            code: text(&error["code"]),
            reason: text(&error["details"]["reason"]),
            permission: text(&error["details"]["permission"]),
        }
    }

    fn is(&self, status: u16, code: &str, reason: &str, permission: &str) -> bool {
        self.status == status && self.code == code && self.reason == reason && self.permission == permission
    }

    /// Is it the operation's own answer, as it documents them? What it refuses itself depends on what was sent: for a
    /// reason of its own, or for a permission beside the one that everybody needs, which the caller does lack.
    fn is_of_operation(&self, operation: &Operation, caller: &Caller) -> bool {
        match (self.status, operation.own_reasons(self.status)) {
            (401, Some(reasons)) => reasons.contains(self.reason.as_str()),
            (403, Some(reasons)) if self.permission.is_empty() => reasons.contains(self.reason.as_str()),
            (403, Some(_)) => {
                let further = operation.permission() != Some(self.permission.as_str());
                further && !caller.permissions.contains(self.permission.as_str())
            }
            (401 | 403, None) => false,
            (status, _) => status < 500,
        }
    }
}
