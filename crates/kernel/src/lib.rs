//! The vocabulary that every room of the house speaks.
//!
//! Plain values and the rules that hold for them anywhere: typed identifiers, the one error type with its table
//! to status and code, lists with keyset cursors, who is calling and what they may do, events, and the clock and
//! randomness that are always passed in. Nothing here does I/O, and nothing knows HTTP or a database.

pub mod clock;
pub mod error;
pub mod event;
pub mod id;
pub mod list;
pub mod patch;
pub mod permission;
pub mod principal;
pub mod revision;
pub mod secret;
pub mod text;

pub use clock::{Clock, Random, Surroundings, Timestamp};
pub use error::{Error, FieldErrors, Kind, Result};
pub use event::{Event, EventType, Hearer, PublicEvent};
pub use id::Id;
pub use patch::Patch;
pub use permission::{Permission, PermissionSet};
pub use principal::{Actor, Confinement, NEVER, Origin, Principal, Standing, network};
pub use revision::{Expected, Revision, Versioned};
pub use secret::Secret;
