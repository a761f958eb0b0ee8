//! What is known of tokens without asking the database, and the forgetting of it.
//!
//! Whatever changes what a token is worth (its session ends, its user's roles or status change) says so here once it
//! is committed. This node forgets at once, other nodes hear it over the bus. While it is not certain that this node
//! hears them, nothing that is remembered is believed.

use std::{
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use dashmap::DashMap;
use kernel::{Id, Principal, Timestamp, id::kind};
use moka::sync::Cache;
use platform::{
    bus::{Bus, Coherence, Heard, Subscription},
    db::ServerUnit,
};
use serde::{Deserialize, Serialize};
use tokio_util::task::AbortOnDropHandle;

use super::store::Live;
use crate::{api_keys::Networks, tokens::TokenHash};

/// Callers kept; the least used are read again.
const CAPACITY: u64 = 100_000;
/// A caller who is silent for so long is read again.
const IDLE: Duration = Duration::from_mins(10);
const TOPIC: &str = "identity.revoked";

/// A session that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionEnded {
    /// Whose it was.
    pub user: Id<kind::User>,
    /// Which.
    pub session: Id<kind::Session>,
}

/// A caller as the cache knows them.
pub(crate) struct Known {
    pub(crate) principal: Arc<Principal>,
    /// When the token, or one of the caller's roles, ends.
    pub(crate) until: Timestamp,
    /// When the session's use was last handed on to be written down, in microseconds.
    pub(crate) noted: AtomicI64,
    /// How often that is done at the most.
    pub(crate) precision: TimeDelta,
    /// Where the token is good from.
    pub(crate) good_from: Networks,
    /// From where the organization that they act in is used.
    pub(crate) org_used_from: Networks,
}

type Listener = Box<dyn Fn(SessionEnded) + Send + Sync>;
type Doubter = Box<dyn Fn() + Send + Sync>;

/// The callers behind the tokens seen lately.
#[derive(Clone)]
pub(crate) struct Callers(Arc<Inner>);

struct Inner {
    memory: Arc<Memory>,
    bus: Bus,
    /// Hears what other nodes revoke, as long as this lives.
    _hearing: AbortOnDropHandle<()>,
}

struct Memory {
    /// With the span in which they were read, and the turn of their organization.
    known: Cache<TokenHash, (Coherence, u64, Arc<Known>)>,
    /// Organizations in which rights changed for more than a few, with how often. Absent is 0.
    turns: DashMap<Id<kind::Organization>, u64>,
    /// Counts what was forgotten, so that what was read before is not remembered after.
    forgotten: AtomicU64,
    listeners: RwLock<Vec<Listener>>,
    doubters: RwLock<Vec<Doubter>>,
}

/// What one node tells the others.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Told {
    Token(Revoked),
    /// What everybody who acts in the organization may do has to be read again. Nodes that don't know it forget
    /// everybody, which is as right.
    Organization {
        organization: Id<kind::Organization>,
    },
}

/// A token that is worth something else than it was, or nothing.
#[derive(Serialize, Deserialize)]
struct Revoked {
    token: TokenHash,
    /// Absent if the session goes on and only has to be read again.
    ended: Option<(Id<kind::User>, Id<kind::Session>)>,
}

impl Callers {
    /// An empty memory that hears the bus. Needs a running Tokio.
    pub(crate) fn new(bus: Bus) -> Self {
        let memory = Arc::new(Memory {
            known: Cache::builder().max_capacity(CAPACITY).time_to_idle(IDLE).build(),
            turns: DashMap::new(),
            forgotten: AtomicU64::new(0),
            listeners: RwLock::default(),
            doubters: RwLock::default(),
        });
        let hearing = tokio::spawn(hear(bus.subscribe(TOPIC), Arc::downgrade(&memory)));
        Self(Arc::new(Inner { memory, bus, _hearing: AbortOnDropHandle::new(hearing) }))
    }

    /// The caller, if they are known, nothing about them has ended, and it would have been heard if it had.
    pub(crate) fn get(&self, token: &TokenHash, now: Timestamp) -> Option<Arc<Known>> {
        let present = self.0.bus.coherence()?;
        let (read_in, turn, known) = self.0.memory.known.get(token)?;
        let holds = read_in == present && turn == self.0.memory.turn(known.principal.org);
        (holds && now < known.until).then_some(known)
    }

    /// To be called before reading what is then remembered.
    pub(crate) fn begin(&self) -> Reading {
        let forgotten = self.0.memory.forgotten.load(Ordering::Acquire);
        Reading { coherence: self.0.bus.coherence(), forgotten }
    }

    /// Remembers a caller, unless something was forgotten since the reading began: it may have been this.
    pub(crate) fn remember(&self, reading: &Reading, token: TokenHash, known: Arc<Known>) {
        let memory = &self.0.memory;
        // What changed since it was read would not be heard.
        let Some(coherence) = reading.coherence else { return };
        let turn = memory.turn(known.principal.org);
        memory.known.insert(token, (coherence, turn, known));
        // Looked at after the insert: whoever forgets counts first and removes then, so one of us sees the other.
        if memory.forgotten.load(Ordering::Acquire) != reading.forgotten {
            memory.known.invalidate(&token);
        }
    }

    /// Once the unit is committed: these sessions ended.
    pub(crate) fn ended(&self, unit: &ServerUnit<'_>, sessions: Vec<Live>) {
        if !sessions.is_empty() {
            let this = self.clone();
            unit.after_commit(move || {
                for session in sessions {
                    this.tell(session.token_hash, Some((session.user_id, session.id)));
                }
            });
        }
    }

    /// Once the unit is committed: what these tokens are worth has to be read again.
    pub(crate) fn changed(&self, unit: &ServerUnit<'_>, tokens: Vec<TokenHash>) {
        if !tokens.is_empty() {
            let this = self.clone();
            unit.after_commit(move || tokens.into_iter().for_each(|token| this.tell(token, None)));
        }
    }

    /// Once the unit is committed: what everybody may do in the organization has to be read again.
    pub(crate) fn organization_changed(&self, unit: &ServerUnit<'_>, organization: Id<kind::Organization>) {
        let this = self.clone();
        unit.after_commit(move || {
            this.0.memory.next_turn(organization);
            this.tell_others(&Told::Organization { organization });
        });
    }

    /// Runs for each session that ends, on whatever node. It must not wait for anything.
    pub(crate) fn on_end(&self, listener: impl Fn(SessionEnded) + Send + Sync + 'static) {
        let listeners = &self.0.memory.listeners;
        listeners.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Runs when sessions may have ended on other nodes without being heard of. It must not wait for anything.
    pub(crate) fn on_doubt(&self, doubter: impl Fn() + Send + Sync + 'static) {
        let doubters = &self.0.memory.doubters;
        doubters.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(doubter));
    }

    fn tell(&self, token: TokenHash, ended: Option<(Id<kind::User>, Id<kind::Session>)>) {
        let revoked = Revoked { token, ended };
        self.0.memory.apply(&revoked);
        self.tell_others(&Told::Token(revoked));
    }

    fn tell_others(&self, told: &Told) {
        if !self.0.bus.has_others() {
            return;
        }
        match serde_json::to_vec(told) {
            Ok(hint) => self.0.bus.tell_others(TOPIC, &hint),
            Err(cause) => tracing::error!(%cause, "a revocation could not be told to other nodes"),
        }
    }
}

/// A point in time before a reading.
pub(crate) struct Reading {
    coherence: Option<Coherence>,
    forgotten: u64,
}

impl Memory {
    fn turn(&self, organization: Id<kind::Organization>) -> u64 {
        self.turns.get(&organization).map_or(0, |turn| *turn)
    }

    /// Counts first what was forgotten: whoever remembers looks at the turn, and at that afterwards.
    fn next_turn(&self, organization: Id<kind::Organization>) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        *self.turns.entry(organization).or_default() += 1;
    }

    fn apply(&self, revoked: &Revoked) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.known.invalidate(&revoked.token);
        let Some((user, session)) = revoked.ended else { return };
        for listener in self.listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener(SessionEnded { user, session });
        }
    }

    fn forget_all(&self) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.known.invalidate_all();
        for doubter in self.doubters.read().unwrap_or_else(PoisonError::into_inner).iter() {
            doubter();
        }
    }
}

async fn hear(mut bus: Subscription, memory: Weak<Memory>) {
    while let (Some(heard), Some(memory)) = (bus.next().await, memory.upgrade()) {
        match heard {
            Heard::Hint(hint) => match serde_json::from_slice::<Told>(&hint) {
                Ok(Told::Token(revoked)) => memory.apply(&revoked),
                Ok(Told::Organization { organization }) => memory.next_turn(organization),
                Err(_) => memory.forget_all(),
            },
            Heard::Missed => memory.forget_all(),
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{PermissionSet, Surroundings};

    use super::*;

    fn known(world: &Surroundings, until: Timestamp) -> Arc<Known> {
        Arc::new(Known {
            principal: Arc::new(Principal {
                user: world.id(),
                org: world.id(),
                session: world.id(),
                permissions: PermissionSet::EMPTY,
                level: 0,
                expires_at: until,
                visits: None,
                key: None,
                confined: None,
            }),
            until,
            noted: AtomicI64::new(0),
            precision: TimeDelta::minutes(1),
            good_from: Networks::default(),
            org_used_from: Networks::default(),
        })
    }

    #[tokio::test]
    async fn what_was_read_before_a_revocation_is_not_remembered_after_it() {
        let world = Surroundings::system();
        let callers = Callers::new(Bus::default());
        let later = world.now() + TimeDelta::hours(1);
        let reading = callers.begin();

        callers.tell([7; 32], None);
        callers.remember(&reading, [7; 32], known(&world, later));

        assert!(callers.get(&[7; 32], world.now()).is_none());
    }

    #[tokio::test]
    async fn whoever_acts_in_an_organization_whose_rights_changed_is_read_again_on_every_node() {
        let (world, bus) = (Surroundings::system(), Bus::default());
        let callers = Callers::new(bus.clone());
        let later = world.now() + TimeDelta::hours(1);
        let (one, other) = (known(&world, later), known(&world, later));
        callers.remember(&callers.begin(), [1; 32], Arc::clone(&one));
        callers.remember(&callers.begin(), [2; 32], Arc::clone(&other));
        let (tell, told) = std::sync::mpsc::channel();
        callers.on_end(move |ended| tell.send(ended).unwrap());

        let changed = Told::Organization { organization: one.principal.org };
        bus.publish(TOPIC, serde_json::to_vec(&changed).unwrap().into());
        let after = Revoked { token: [3; 32], ended: Some((world.id(), world.id())) };
        bus.publish(TOPIC, serde_json::to_vec(&Told::Token(after)).unwrap().into());
        tokio::task::spawn_blocking(move || told.recv().unwrap()).await.unwrap();

        assert!(callers.get(&[1; 32], world.now()).is_none());
        assert!(callers.get(&[2; 32], world.now()).is_some());
        callers.remember(&callers.begin(), [1; 32], one);
        assert!(callers.get(&[1; 32], world.now()).is_some());
    }

    #[tokio::test]
    async fn a_caller_is_known_until_something_about_them_ends() {
        let world = Surroundings::system();
        let callers = Callers::new(Bus::default());
        let end = world.now() + TimeDelta::hours(1);

        callers.remember(&callers.begin(), [7; 32], known(&world, end));

        assert!(callers.get(&[7; 32], end - TimeDelta::microseconds(1)).is_some());
        assert!(callers.get(&[7; 32], end).is_none());
    }

    #[tokio::test]
    async fn what_one_node_revokes_the_other_forgets() {
        let (world, bus) = (Surroundings::system(), Bus::default());
        let there = Callers::new(bus.clone());
        let later = world.now() + TimeDelta::hours(1);
        there.remember(&there.begin(), [7; 32], known(&world, later));
        let (tell, told) = std::sync::mpsc::channel();
        there.on_end(move |ended| tell.send(ended).unwrap());
        let (user, session) = (world.id(), world.id());

        let revoked = Revoked { token: [7; 32], ended: Some((user, session)) };
        bus.publish(TOPIC, serde_json::to_vec(&revoked).unwrap().into());

        let heard = tokio::task::spawn_blocking(move || told.recv().unwrap()).await.unwrap();
        assert_eq!(heard, SessionEnded { user, session });
        assert!(there.get(&[7; 32], world.now()).is_none());
    }
}
