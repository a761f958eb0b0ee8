//! Stopping an answer that is being written.

use std::sync::Arc;

use dashmap::DashMap;
use kernel::{Actor, Id, id::kind::Conversation};
use tokio_util::sync::CancellationToken;

use super::{ConversationError, Conversations, access::manageable};

/// The turns of this node that can be stopped. A cheap handle.
#[derive(Clone, Default)]
pub(super) struct Stops(Arc<DashMap<Id<Conversation>, Arc<CancellationToken>>>);

/// A turn that can be stopped, as long as it lives.
pub(super) struct Stoppable {
    stops: Stops,
    of: Id<Conversation>,
    token: Arc<CancellationToken>,
}

impl Stops {
    /// From now on the turn of that conversation can be stopped. There is one at a time.
    pub(super) fn begin(&self, of: Id<Conversation>) -> Arc<Stoppable> {
        let token = Arc::new(CancellationToken::new());
        self.0.insert(of, Arc::clone(&token));
        Arc::new(Stoppable { stops: self.clone(), of, token })
    }

    /// Stops the turn, if there is one.
    pub(super) fn stop(&self, of: Id<Conversation>) {
        if let Some(token) = self.0.get(&of) {
            token.cancel();
        }
    }
}

impl Stoppable {
    /// Cancelled when somebody wants the turn stopped.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        // The next turn may have begun.
        self.stops.0.remove_if(&self.of, |_, token| Arc::ptr_eq(token, &self.token));
    }
}

impl std::fmt::Debug for Stoppable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stoppable").field("of", &self.of).finish_non_exhaustive()
    }
}

impl Conversations {
    /// Stops the answer that is being written, on whatever node. What was said stays, and the dialog where it was.
    pub(super) async fn stop(&self, who: Actor, id: Id<Conversation>) -> Result<(), ConversationError> {
        let org = who.org;
        self.db.read(org, move |tx| manageable(tx, &who, id).map(drop)).await?;
        self.stops.stop(id);
        self.nodes.tell_to_stop(id);
        Ok(())
    }
}
