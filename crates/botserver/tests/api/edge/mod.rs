//! What holds for every operation.

mod addresses;
mod bodies;
mod compression;
mod cors;
mod headers;
mod limits;
mod lists;
mod patches;
mod protocols;
mod slow;
mod smuggling;
