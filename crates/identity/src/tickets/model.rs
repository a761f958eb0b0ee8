//! What somebody gets who asks for a ticket.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::tokens::Disclosed;

/// A ticket for one connection.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Ticket {
    /// Goes into the address, once: `/ws?ticket=…`.
    #[schema(example = "bst_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu")]
    pub ticket: Disclosed,
    /// When it is good no more.
    pub expires_at: DateTime<Utc>,
    /// The seconds until then.
    #[schema(example = 30)]
    pub expires_in: u32,
}
