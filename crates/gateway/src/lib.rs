//! The HTTP edge: one way in, one shape out.
//!
//! A request passes, in this order: request id, limit and block by address, match of the route, authentication,
//! limit by caller, permission, validation, handler, envelope. The first two and the last stand in `door`, the
//! middle in `edge`, validation in the extractors. A domain hands its operations to the server as a [`Module`];
//! what a route needs of its caller ([`Access`]) is both enforced here and written into the contract.

pub mod access;
pub mod contract;
mod door;
mod edge;
mod extract;
mod limits;
pub mod module;
mod reply;
pub mod server;
mod settings;
pub mod socket;

pub use access::{Access, By, Floor, Limit};
pub use axum::extract::State;
pub use door::Door;
pub use edge::{Authenticator, Edge};
pub use extract::{Body, Caller, ListQuery, MaybeCaller, Operating, Params, Path, Peer, Text, Upload};
pub use module::{Health, HealthCheck, Module};
pub use reply::{Envelope, ErrorEnvelope, Failure, Reply, Result};
pub use settings::{RateLimits, Settings};
pub use socket::{Frame, FrameHandler, Socket, Sockets};
pub use utoipa_axum::routes;

/// The prefix under which every operation of the API is served.
pub const API_PREFIX: &str = "/api/v1";
