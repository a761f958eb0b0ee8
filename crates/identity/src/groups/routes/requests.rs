//! Requests to join groups over HTTP.

use gateway::{Body, Caller, Envelope, ListQuery, Path, Reply, Result, State};
use kernel::list::Page;

use crate::{
    groups::{
        Groups,
        requests::{Decision, JoinRequest, NewJoinRequest, RequestList},
    },
    ids::{GroupId, JoinRequestId},
};

/// Ask to join a group.
///
/// Where nobody has to decide, the request is approved at once and the answer names the membership.
#[utoipa::path(post, path = "/groups/{group_id}/join-requests", request_body = NewJoinRequest,
    params(("group_id" = GroupId, Path)),
    responses(
        (status = 201, body = Envelope<JoinRequest>),
        (status = 409, description = "`join_not_allowed`, `member_exists`, `request_exists`"),
        (status = 422, description = "`group_full` with `max_members` and `current_members`, or values that are not allowed"),
    ))]
pub(in crate::groups) async fn ask_to_join(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(id): Path<GroupId>,
    Body(new): Body<NewJoinRequest>,
) -> Result<Reply<JoinRequest>> {
    let asked = groups.ask_to_join(&who, id, new).await?;
    Ok(Reply::created(format!("/groups/{id}/join-requests"), asked))
}

/// Requests to join a group.
///
/// Those that nobody has decided on come first.
#[utoipa::path(get, path = "/groups/{group_id}/join-requests",
    params(("group_id" = GroupId, Path), ListQuery<RequestList>),
    responses(
        (status = 200, body = Envelope<Page<JoinRequest>>),
        (status = 403, description = "`group_admins_only`, or a permission is missing"),
    ))]
pub(in crate::groups) async fn list_requests(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(id): Path<GroupId>,
    query: ListQuery<RequestList>,
) -> Result<Reply<Page<JoinRequest>>> {
    Ok(Reply::ok(groups.join_requests(&who, id, query.0).await?))
}

/// Decide on a request to join.
///
/// Approving makes whoever asked a member; what holds for adding members holds here.
#[utoipa::path(patch, path = "/groups/{group_id}/join-requests/{request_id}", request_body = Decision,
    params(("group_id" = GroupId, Path), ("request_id" = JoinRequestId, Path)),
    responses(
        (status = 200, body = Envelope<JoinRequest>),
        (status = 403, description = "`group_admins_only`, `group_owners_only`, `level_too_high`, or a permission is missing"),
        (status = 409, description = "`request_closed`, `member_exists`"),
        (status = 422, description = "`group_full` with `max_members` and `current_members`, or values that are not allowed"),
    ))]
pub(in crate::groups) async fn decide_request(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(request): Path<(GroupId, JoinRequestId)>,
    Body(decision): Body<Decision>,
) -> Result<Reply<JoinRequest>> {
    Ok(Reply::ok(groups.decide(&who, request, decision).await?))
}

/// Withdraw a request to join.
///
/// Only whoever made it does that, and as long as nobody has decided.
#[utoipa::path(delete, path = "/groups/{group_id}/join-requests/{request_id}",
    params(("group_id" = GroupId, Path), ("request_id" = JoinRequestId, Path)),
    responses((status = 204), (status = 409, description = "`request_closed`")))]
pub(in crate::groups) async fn withdraw_request(
    State(groups): State<Groups>,
    Caller(who): Caller,
    Path(request): Path<(GroupId, JoinRequestId)>,
) -> Result<Reply<()>> {
    groups.withdraw(&who, request).await?;
    Ok(Reply::no_content())
}
