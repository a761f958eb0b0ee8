//! Real servers for tests: a Redis, an S3 store, a mail server and a proxy of a test's own, on a free port and a fresh
//! folder, gone with the test. `scripts/services` installs what they need.

// Whatever fails here is the end of a test.
#![allow(clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

mod haproxy;
mod process;
mod redis;
mod s3;
mod smtp;

pub use haproxy::{Balance, HaProxy};
pub use redis::{RedisServer, shared_redis, unique_prefix};
pub use s3::S3Server;
pub use smtp::{Arrived, Secured, SmtpServer};
