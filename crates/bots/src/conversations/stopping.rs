//! Stopping an answer that is being written.

use std::sync::{Arc, Weak};

use dashmap::DashMap;
use kernel::{Actor, Id, Surroundings, id::kind::Conversation};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{ConversationError, Conversations, access::manageable};

/// The turns of this node that can be stopped. A cheap handle.
#[derive(Clone, Default)]
pub(super) struct Stops(Arc<DashMap<Id<Conversation>, Weak<Stoppable>>>);

/// A turn that can be stopped, as long as it lives: until it is written, however often it runs.
pub(super) struct Stoppable {
    stops: Stops,
    of: Id<Conversation>,
    /// Names the turn, however often it runs.
    name: Uuid,
    token: CancellationToken,
}

impl Stops {
    /// From now on the turn of that conversation can be stopped. There is one at a time: one that runs again because it
    /// was overtaken is the same, and stays stopped.
    pub(super) fn begin(&self, of: Id<Conversation>, world: &Surroundings) -> Arc<Stoppable> {
        let mut known = self.0.entry(of).or_default();
        if let Some(turn) = known.upgrade() {
            return turn;
        }
        let (stops, name, token) = (self.clone(), world.uuid(), CancellationToken::new());
        let turn = Arc::new(Stoppable { stops, of, name, token });
        *known = Arc::downgrade(&turn);
        turn
    }

    /// Stops the turn, if there is one.
    pub(super) fn stop(&self, of: Id<Conversation>) {
        let turn = self.0.get(&of).and_then(|known| known.upgrade());
        if let Some(turn) = turn {
            turn.token.cancel();
        }
    }
}

impl Stoppable {
    /// Cancelled when somebody wants the turn stopped.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Names the turn, however often it runs.
    pub(super) fn name(&self) -> Uuid {
        self.name
    }
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        // The next turn may have begun.
        self.stops.0.remove_if(&self.of, |_, turn| turn.strong_count() == 0);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_stays_stopped_however_often_it_runs_and_the_next_one_is_not() {
        let (stops, of, world) = (Stops::default(), Id::example(), Surroundings::system());
        let turn = stops.begin(of, &world);

        assert_eq!(stops.begin(of, &world).name(), turn.name());
        stops.stop(of);

        assert!(stops.begin(of, &world).token().is_cancelled());
        let name = turn.name();
        drop(turn);
        assert!(stops.0.is_empty());
        let next = stops.begin(of, &world);
        assert!(!next.token().is_cancelled() && next.name() != name);
    }
}
