//! Settings that change while the server runs.
//!
//! What an administrator changes is stored in the database, wins over what was said at the start, and is in force on
//! every node within a second: [`Runtime`] keeps it, the rooms read it through [`Live`] handles.

mod live;
mod runtime;
mod store;

#[cfg(test)]
mod tests;

pub use live::{Derived, Live, Made};
pub use runtime::{ChangeError, Changed, InForce, Runtime};
pub use store::{Past, TABLES};
