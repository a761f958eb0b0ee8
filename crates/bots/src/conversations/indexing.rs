//! The index of what was said, which takes messages in before somebody searches, and whenever many are new.
//!
//! A turn that wrote into the index itself would take a quarter longer, on SQLite; elsewhere nothing is put off.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use platform::db::{Db, DbError};

/// New messages after which the index takes them in though nobody searches, so that whoever does has not long to wait.
const MANY: usize = 1_000;

/// Keeps the index. A cheap handle.
#[derive(Clone)]
pub(super) struct Indexing {
    db: Db,
    /// Messages that were written since it took some in, as far as this process knows.
    new: Arc<AtomicUsize>,
}

impl Indexing {
    pub(super) fn new(db: Db) -> Self {
        Self { db, new: Arc::default() }
    }

    /// Takes in all that was said.
    pub(super) async fn take_in(&self) -> Result<(), DbError> {
        self.new.store(0, Ordering::Relaxed);
        self.db.index_texts("messages", "content_key").await
    }

    /// So many messages were written.
    pub(super) fn said(&self, messages: usize) {
        if self.new.fetch_add(messages, Ordering::Relaxed) + messages < MANY {
            return;
        }
        self.new.store(0, Ordering::Relaxed);
        let this = self.clone();
        tokio::spawn(async move {
            if let Err(error) = this.take_in().await {
                tracing::warn!(%error, "the index of messages could not be brought up to date");
            }
        });
    }
}
