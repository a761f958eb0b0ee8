//! The operations on invitations.

use gateway::{Body, Caller, Envelope, ListQuery, MaybeCaller, Params, Path, Reply, Result, State};
use kernel::list::Page;

use super::model::{
    Answered, Invitation, InvitationList, Invited, InvitedUser, NewInvitations, Showing, ShowingInAddress,
};
use crate::{
    auth::extract::Optional,
    ids::{InvitationId, OrganizationId},
    organizations::Organizations,
};

/// Invite somebody of this server.
///
/// To the organization that the caller acts in; they are a member once they accept. An earlier invitation of theirs that
/// waits is taken back.
#[utoipa::path(post, path = "/organizations/{org_id}/members", request_body = InvitedUser,
    params(("org_id" = OrganizationId, Path)),
    responses(
        (status = 202, body = Envelope<Invited>),
        (status = 403, description = "`level_too_high`, or a permission is missing"),
        (status = 409, description = "`already_member`"),
        (status = 422, description = "`email_domain_not_allowed`, or `fields` names what is wrong"),
    ))]
pub(in crate::organizations) async fn invite_user(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    Path(org): Path<OrganizationId>,
    Body(new): Body<InvitedUser>,
) -> Result<Reply<Invited>> {
    Ok(Reply::accepted(organizations.invite_user(&who, org, new).await?))
}

/// Invite addresses.
///
/// To the organization that the caller acts in. A mail brings each invitation; where the server sends no mail, the answer
/// has what to hand on. Earlier ones to the same addresses that wait are taken back.
#[utoipa::path(post, path = "/organizations/{org_id}/invitations", request_body = NewInvitations,
    params(("org_id" = OrganizationId, Path)),
    responses(
        (status = 201, body = Envelope<Answered>),
        (status = 403, description = "`level_too_high`, or a permission is missing"),
    ))]
pub(in crate::organizations) async fn invite(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    Path(org): Path<OrganizationId>,
    Body(new): Body<NewInvitations>,
) -> Result<Reply<Answered>> {
    let answered = organizations.invite(&who, org, new).await?;
    Ok(Reply::created(format!("/organizations/{org}/invitations"), answered))
}

/// The invitations of an organization.
///
/// Of the one that the caller acts in, whatever has become of them.
#[utoipa::path(get, path = "/organizations/{org_id}/invitations",
    params(("org_id" = OrganizationId, Path), ListQuery<InvitationList>),
    responses((status = 200, body = Envelope<Page<Invitation>>)))]
pub(in crate::organizations) async fn invitations(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    Path(org): Path<OrganizationId>,
    query: ListQuery<InvitationList>,
) -> Result<Reply<Page<Invitation>>> {
    Ok(Reply::ok(organizations.invitations(&who, org, query.0).await?))
}

/// Take an invitation back.
///
/// One that waits for its answer; nobody can accept it any more.
#[utoipa::path(delete, path = "/organizations/{org_id}/invitations/{invitation_id}",
    params(("org_id" = OrganizationId, Path), ("invitation_id" = InvitationId, Path)),
    responses((status = 204), (status = 409, description = "`invitation_closed`")))]
pub(in crate::organizations) async fn revoke_invitation(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    Path((org, id)): Path<(OrganizationId, InvitationId)>,
) -> Result<Reply<()>> {
    organizations.revoke(&who, org, id).await?;
    Ok(Reply::no_content())
}

/// The invitations that wait for one's answer.
///
/// Those by one's id, and those by one's address if that is confirmed and the account was there before them.
#[utoipa::path(get, path = "/invitations", params(ListQuery<InvitationList>),
    responses((status = 200, body = Envelope<Page<Invitation>>)))]
pub(in crate::organizations) async fn own_invitations(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    query: ListQuery<InvitationList>,
) -> Result<Reply<Page<Invitation>>> {
    Ok(Reply::ok(organizations.own_invitations(&who, query.0).await?))
}

/// One invitation.
///
/// For whom it is for, or whoever brings its token.
#[utoipa::path(get, path = "/invitations/{invitation_id}",
    params(("invitation_id" = InvitationId, Path), ShowingInAddress),
    responses((status = 200, body = Envelope<Invitation>)))]
pub(in crate::organizations) async fn one_invitation(
    State(organizations): State<Organizations>,
    MaybeCaller(who): MaybeCaller,
    Path(id): Path<InvitationId>,
    Params(showing): Params<ShowingInAddress>,
) -> Result<Reply<Invitation>> {
    Ok(Reply::ok(organizations.invitation(who, id, showing.token).await?))
}

/// Accept an invitation.
///
/// The caller is a member from then on; switch to the organization to act in it. The body may be left out.
#[utoipa::path(post, path = "/invitations/{invitation_id}/accept", request_body = Option<Showing>,
    params(("invitation_id" = InvitationId, Path)),
    responses(
        (status = 200, body = Envelope<Invitation>),
        (status = 403, description = "`invitation_email_mismatch`: it is for another address than the caller's"),
        (status = 409, description = "`invitation_closed`, `invitation_expired`, `already_member`, `member_limit`"),
    ))]
pub(in crate::organizations) async fn accept(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    Path(id): Path<InvitationId>,
    Optional(showing): Optional<Showing>,
) -> Result<Reply<Invitation>> {
    Ok(Reply::ok(organizations.accept(&who, id, showing.token).await?))
}

/// Decline an invitation.
///
/// The body may be left out.
#[utoipa::path(post, path = "/invitations/{invitation_id}/decline", request_body = Option<Showing>,
    params(("invitation_id" = InvitationId, Path)),
    responses(
        (status = 200, body = Envelope<Invitation>),
        (status = 403, description = "`invitation_email_mismatch`: it is for another address than the caller's"),
        (status = 409, description = "`invitation_closed`, `invitation_expired`"),
    ))]
pub(in crate::organizations) async fn decline(
    State(organizations): State<Organizations>,
    Caller(who): Caller,
    Path(id): Path<InvitationId>,
    Optional(showing): Optional<Showing>,
) -> Result<Reply<Invitation>> {
    Ok(Reply::ok(organizations.decline(&who, id, showing.token).await?))
}
