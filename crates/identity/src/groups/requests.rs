//! Asking to become a member of a group, and deciding on it.

use chrono::{DateTime, Utc};
use kernel::{
    Actor, Error, FieldErrors, Id, Timestamp,
    id::kind,
    list::{FilterField, ListRequest, ListSpec, Listed, Page, SortField},
};
use platform::{
    audit::{Audit, Category},
    db::{DbError, Extra, Filter, ListOf, Tx, Unit},
    record,
};
use sea_query::{Condition, Expr, ExprTrait};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    GroupError, Groups,
    members::NewMember,
    policy::{MEMBER, Power, Powers, may_bestow},
    seats::{self, NewSeat},
    service::{Result, known, lock, seat_of},
    store,
};
use crate::{
    ids::{GroupId, JoinRequestId, MembershipId, UserId},
    roles::change::about,
    users,
};

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = JoinRequestStatus)]
pub(crate) enum RequestStatus {
    /// Nobody has decided.
    Pending,
    /// Who asked is a member.
    Approved,
    /// Who asked is none.
    Rejected,
    /// Who asked thought better of it.
    Withdrawn,
}

impl RequestStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn read(text: &str) -> Self {
        match text {
            "approved" => Self::Approved,
            "rejected" => Self::Rejected,
            "withdrawn" => Self::Withdrawn,
            _ => Self::Pending,
        }
    }

    /// Where it stands in a list: what is pending first.
    const fn place(self) -> i64 {
        self as i64
    }
}

/// A request to become a member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct JoinRequest {
    /// The request's id.
    request_id: JoinRequestId,
    /// The group.
    group_id: GroupId,
    /// Who asked.
    user: Requester,
    /// What they said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "I answer the phone, too")]
    message: Option<String>,
    /// Who told them of the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    referred_by: Option<UserId>,
    /// What became of it.
    status: RequestStatus,
    /// When they asked.
    submitted_at: DateTime<Utc>,
    /// Who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<UserId>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<DateTime<Utc>>,
    /// What they said about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Welcome")]
    note: Option<String>,
    /// The membership, where the answer is the one that began it.
    #[serde(skip_serializing_if = "Option::is_none")]
    membership_id: Option<MembershipId>,
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Requester {
    /// The user's id.
    user_id: UserId,
    /// The name to sign in with.
    #[schema(example = "ann")]
    username: String,
    /// The name to show.
    #[schema(example = "Ann Lee")]
    full_name: String,
}

record! {
    #[derive(Debug, Clone)]
    pub(crate) struct RequestRow {
        pub(crate) id: Id<kind::JoinRequest>,
        pub(crate) group_id: Id<kind::Group>,
        pub(crate) user_id: Id<kind::User>,
        pub(crate) message: Option<String>,
        pub(crate) referred_by: Option<Id<kind::User>>,
        pub(crate) status: String,
        pub(crate) note: Option<String>,
        pub(crate) decided_by: Option<Id<kind::User>>,
        pub(crate) decided_at: Option<Timestamp>,
        pub(crate) submitted_at: Timestamp,
        pub(crate) username: String,
        pub(crate) display_name: String,
    }
}

impl JoinRequest {
    fn of(row: RequestRow, membership: Option<MembershipId>) -> Self {
        Self {
            request_id: row.id,
            group_id: row.group_id,
            user: Requester { user_id: row.user_id, username: row.username, full_name: row.display_name },
            message: row.message,
            referred_by: row.referred_by,
            status: RequestStatus::read(&row.status),
            submitted_at: row.submitted_at,
            decided_by: row.decided_by,
            decided_at: row.decided_at,
            note: row.note,
            membership_id: membership,
        }
    }
}

/// The requests of one group, which an extra condition names.
pub(crate) const LIST: ListOf = ListOf {
    from: "group_join_requests r LEFT JOIN server_users u ON u.id = r.user_id",
    columns: "r.id, r.group_id, r.user_id, r.message, r.referred_by, r.status, r.note, r.decided_by, r.decided_at, \
              r.submitted_at, u.username, u.display_name",
    org: "r.org_id",
    id: "r.id",
    sorts: &[("status", "r.place"), ("submitted_at", "r.submitted_at")],
    filters: &[(
        "status",
        Filter::OneOf(
            "r.status",
            &[
                ("pending", "pending"),
                ("approved", "approved"),
                ("rejected", "rejected"),
                ("withdrawn", "withdrawn"),
            ],
        ),
    )],
    search: None,
};

/// The list of a group's requests.
pub(crate) enum RequestList {}

impl Listed for RequestList {
    const SPEC: ListSpec = REQUESTS;
}

/// What a list of requests can be asked.
pub(crate) const REQUESTS: ListSpec = ListSpec {
    sorts: &[SortField::asc("status"), SortField::desc("submitted_at")],
    filters: &[FilterField::one_of(
        "status",
        &["pending", "approved", "rejected", "withdrawn"],
        "In one of these states.",
    )],
    search: None,
};

/// Only those of the group.
pub(crate) fn of_group(group: GroupId) -> Extra {
    Extra::within(Condition::all().add(Expr::cust("r.group_id").eq(group.as_bytes().to_vec())))
}

/// A request about to be made.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({ "message": "I answer the phone, too" }))]
pub struct NewJoinRequest {
    /// What to say, in one line of at most 500 characters.
    #[schema(schema_with = crate::roles::model::description_schema)]
    pub(crate) message: Option<String>,
    /// Who told of the group.
    pub(crate) referred_by: Option<UserId>,
}

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DecisionAction {
    /// Who asked becomes a member.
    Approve,
    /// Who asked becomes none.
    Reject,
}

/// A decision on a request.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "action": "approve", "note": "Welcome" }))]
pub struct Decision {
    /// What is decided.
    pub(crate) action: DecisionAction,
    /// The role in the group; `member` if absent.
    #[serde(default)]
    #[schema(max_length = 64, example = "member")]
    pub(crate) role: Option<String>,
    /// What to say about it, in one line of at most 500 characters.
    #[serde(default)]
    #[schema(schema_with = crate::roles::model::description_schema)]
    pub(crate) note: Option<String>,
}

fn find(tx: &Tx<'_>, group: GroupId, id: JoinRequestId) -> Result<RequestRow> {
    let found = tx.one(
        "SELECT r.id, r.group_id, r.user_id, r.message, r.referred_by, r.status, r.note, r.decided_by, r.decided_at,
            r.submitted_at, u.username, u.display_name
         FROM group_join_requests r JOIN server_users u ON u.id = r.user_id
         WHERE r.org_id = $1 AND r.group_id = $2 AND r.id = $3",
        &[&group, &id],
    )?;
    found.ok_or(GroupError::RequestNotFound)
}

fn is_pending(tx: &Tx<'_>, group: GroupId, user: UserId) -> std::result::Result<bool, DbError> {
    let found: Option<(i64,)> = tx.one(
        "SELECT 1 FROM group_join_requests WHERE org_id = $1 AND group_id = $2 AND user_id = $3 AND status = 'pending'",
        &[&group, &user],
    )?;
    Ok(found.is_some())
}

/// Writes what became of a request.
fn close(
    unit: &Unit<'_>,
    id: JoinRequestId,
    status: RequestStatus,
    note: Option<&str>,
    by: UserId,
    now: Timestamp,
) -> std::result::Result<(), DbError> {
    unit.execute(
        "UPDATE group_join_requests SET status = $3, place = $4, note = $5, decided_by = $6, decided_at = $7,
            updated_at = $7, rev = rev + 1
         WHERE org_id = $1 AND id = $2",
        &[&id, &status.as_str(), &status.place(), &note, &by, &now],
    )?;
    Ok(())
}

impl Groups {
    /// Asks to become a member; or becomes one, where nobody needs to decide.
    pub async fn ask_to_join(&self, who: &Actor, id: GroupId, new: NewJoinRequest) -> Result<JoinRequest> {
        let (now, who) = (self.world.now(), who.clone());
        let (request, membership) = (self.world.id_at(now), self.world.id_at(now));
        let mut wrong = FieldErrors::default();
        let message = new.message.as_deref().and_then(|text| wrong.take("message", about(text))).flatten();
        wrong.finish()?;
        let this = self.clone();
        self.db
            .write(who.org, move |unit| {
                let (mut group, _) = lock(unit, &who, id)?;
                let referred = new.referred_by.map_or(Ok(true), |user| users::store::is_member(unit, user))?;
                if !referred {
                    return Err(Error::invalid("referred_by", "must be a member of the organization").into());
                }
                let is_member = seats::find(unit, id, who.user)?.is_some() || seat_of(unit, &group, who.user)?.is_some();
                if is_member {
                    return Err(GroupError::MemberExists);
                }
                if !group.allow_join_requests {
                    return Err(GroupError::JoinNotAllowed);
                }
                if is_pending(unit, id, who.user)? {
                    return Err(GroupError::RequestExists);
                }
                let at_once = !group.require_approval;
                let status = if at_once { RequestStatus::Approved } else { RequestStatus::Pending };
                unit.execute(
                    "INSERT INTO group_join_requests (org_id, id, group_id, user_id, message, referred_by, status, place,
                        rev, submitted_at, updated_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9)",
                    &[
                        &request,
                        &id,
                        &who.user,
                        &message,
                        &new.referred_by,
                        &status.as_str(),
                        &status.place(),
                        &now,
                    ],
                )?;
                if at_once {
                    let seat =
                        NewSeat { group: id, user: who.user, role: MEMBER, powers: &Powers::default() };
                    this.seat(unit, &who, &mut group, &seat, membership, now)?;
                }
                Ok(JoinRequest::of(find(unit, id, request)?, at_once.then_some(membership)))
            })
            .await
    }

    /// The requests to join a group.
    pub async fn join_requests(
        &self,
        who: &Actor,
        id: GroupId,
        request: ListRequest,
    ) -> Result<Page<JoinRequest>> {
        let who = who.clone();
        self.db
            .read(who.org, move |tx| {
                let (_, stance) = known(tx, &who, id)?;
                stance.must_have(Power::ManageMembers)?;
                let page: Page<RequestRow> = tx.list(&LIST, &request, of_group(id))?;
                Ok(page.map(|row| JoinRequest::of(row, None)))
            })
            .await
    }

    /// Decides on a request.
    pub async fn decide(
        &self,
        who: &Actor,
        (id, request): (GroupId, JoinRequestId),
        decision: Decision,
    ) -> Result<JoinRequest> {
        let (now, who, membership) = (self.world.now(), who.clone(), self.world.id());
        let mut wrong = FieldErrors::default();
        let note = decision.note.as_deref().and_then(|text| wrong.take("note", about(text))).flatten();
        wrong.finish()?;
        let this = self.clone();
        self.db
            .write(who.org, move |unit| {
                let (mut group, stance) = lock(unit, &who, id)?;
                stance.must_have(Power::ManageMembers)?;
                let row = find(unit, id, request)?;
                if RequestStatus::read(&row.status) != RequestStatus::Pending {
                    return Err(GroupError::RequestClosed);
                }
                let approves = decision.action == DecisionAction::Approve;
                let status = if approves { RequestStatus::Approved } else { RequestStatus::Rejected };
                close(unit, request, status, note.as_deref(), who.user, now)?;
                if approves {
                    may_bestow(&who, store::bestowed(unit, id)?)?;
                    let new = NewMember {
                        user_id: row.user_id,
                        role: decision.role.clone(),
                        permissions: Powers::default(),
                    };
                    this.add(unit, &who, &mut group, &stance, &new, membership, now)?;
                }
                let entry = Audit::by(&who, "group_join_decided", Category::Administrative);
                let entry = entry.on("group", id).named(&group.name).detail("user_id", row.user_id);
                unit.audit(entry.detail("decision", status))?;
                Ok(JoinRequest::of(find(unit, id, request)?, approves.then_some(membership)))
            })
            .await
    }

    /// Withdraws a request of one's own.
    pub async fn withdraw(&self, who: &Actor, (id, request): (GroupId, JoinRequestId)) -> Result<()> {
        let (now, who) = (self.world.now(), who.clone());
        self.db
            .write(who.org, move |unit| {
                // The group may have become private meanwhile; whoever asked knows of it.
                store::lock(unit, id)?.ok_or(GroupError::RequestNotFound)?;
                let row = find(unit, id, request)?;
                if !who.is(row.user_id) {
                    return Err(GroupError::RequestNotFound);
                }
                if RequestStatus::read(&row.status) != RequestStatus::Pending {
                    return Err(GroupError::RequestClosed);
                }
                Ok(close(unit, request, RequestStatus::Withdrawn, None, who.user, now)?)
            })
            .await
    }
}
