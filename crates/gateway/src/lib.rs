//! The HTTP edge: one way in, one shape out.
//!
//! A request passes, in this order: request id, limit and block by address, match of the route, authentication,
//! limit by caller, permission, validation, handler, envelope. The first two and the last stand in `door`, the
//! middle in `edge`, validation in the extractors. A domain hands its operations to the server as a [`Module`];
//! what a route needs of its caller ([`Access`]) is both enforced here and written into the contract.

pub mod access;
mod asset;
pub mod command;
mod compression;
mod conditional;
pub mod connection;
pub mod contract;
mod cors;
mod door;
mod download;
mod edge;
mod extract;
mod head;
mod intake;
mod json;
mod limits;
pub mod module;
mod negotiation;
mod own_api;
mod query;
mod repeatable;
mod reply;
mod settings;
pub mod socket;
mod trace;

pub use access::{Access, By, Floor, Limit, Repeats};
pub use asset::Asset;
pub use axum::extract::State;
pub use conditional::{IfMatch, IfNoneMatch};
pub use connection::{Tls, serve};
pub use cors::NotAnOrigin;
pub use door::Door;
pub use download::{Download, OpenFile, Part, in_path};
pub use edge::{Authenticator, Denials, Edge, Stub, VISITS, Visit};
pub use extract::{Body, Caller, ListQuery, MaybeCaller, Operating, Params, Path, Peer, Text, Upload};
pub use module::{BoxFuture, Finding, Health, HealthCheck, Module};
pub use negotiation::media_type;
pub use own_api::{OwnApi, OwnApiError};
pub use reply::{AcceptedJob, Envelope, ErrorEnvelope, Failure, Reply, Result, Verbatim};
pub use settings::{RateLimits, Settings, TlsSettings};
pub use socket::{Close, Following, Frame, FrameHandler, Socket, Sockets, Topic};
pub use utoipa_axum::routes;

/// The prefix under which every operation of the API is served.
pub const API_PREFIX: &str = "/api/v1";
