//! Invitations to an organization: by somebody's id, or by an address, which may have no account yet.
//!
//! Nobody belongs to an organization without their own consent. An invitation by id is for that account. One by address
//! is for whoever shows that the address is theirs: their account has it confirmed, or they bring the token that was
//! mailed there. An account alone that claims the address proves nothing, because administrators of other organizations
//! make accounts with any.

mod answering;
mod mail;
mod model;
pub(super) mod page;
pub(super) mod routes;
mod service;
pub(crate) mod store;

pub use model::{
    Answered, Invitation, InvitationKind, InvitationStatus, Invited, InvitedUser, NewInvitations, NotInvited,
};
