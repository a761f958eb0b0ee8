//! Every open socket of this node: to close those of an ended session, and to count those of a user.

use std::{net::IpAddr, sync::Arc};

use dashmap::DashMap;
use kernel::{
    Id, Principal,
    id::kind::{Session, User},
};
use tokio_util::task::TaskTracker;

use super::{Close, Socket};
use crate::Settings;

/// The open sockets of this node.
#[derive(Clone, Default)]
pub struct Sockets {
    open: Arc<DashMap<Id<User>, Vec<Open>>>,
    /// How many of them are visitors', by address: each visitor is somebody new.
    of_visitors: Arc<DashMap<IpAddr, usize>>,
    /// Every connection, signed in or not, until its last frame is written.
    connections: TaskTracker,
}

/// An open socket, with a number that tells it from the others of its session.
type Open = (Id<Session>, u64, Socket);

/// A place in the registry; leaving it gives it back.
pub(super) struct Place {
    sockets: Sockets,
    user: Id<User>,
    number: u64,
    /// The address, where it counts.
    address: Option<IpAddr>,
}

/// How many sockets may be open at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    /// Of one caller.
    pub(super) own: usize,
    /// Of all visitors from one address.
    from_address: usize,
}

impl Places {
    pub(super) fn of(who: &Principal, settings: &Settings) -> Self {
        let own = if who.is_visitor() { settings.sockets_per_visitor } else { settings.sockets_per_user };
        Self { own, from_address: settings.visitor_sockets_per_address }
    }
}

impl Sockets {
    /// How many sockets are open.
    pub fn len(&self) -> usize {
        self.open.iter().map(|entry| entry.value().len()).sum()
    }

    /// Is none open?
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes a place for a socket whose caller is known, unless they have as many as they may.
    pub(super) fn enter(&self, socket: &Socket, limits: Places) -> Option<Place> {
        let who = socket.who()?;
        let number = socket.number();
        let address = who.is_visitor().then(|| kernel::network(who.origin.address));
        if let Some(address) = address {
            let mut there = self.of_visitors.entry(address).or_default();
            if *there >= limits.from_address {
                return None;
            }
            *there += 1;
        }
        // From here on what was counted is given back.
        let place = Place { sockets: self.clone(), user: who.user, number, address };
        metrics::gauge!("websocket_connections").increment(1);
        let mut open = self.open.entry(who.user).or_default();
        if open.len() >= limits.own {
            // Its place is left with the lock.
            drop(open);
            return None;
        }
        open.push((who.session, number, socket.clone()));
        drop(open);
        Some(place)
    }

    /// Is there room for one more visitor from the socket's address?
    pub(super) fn has_room_for_visitor(&self, socket: &Socket, most: usize) -> bool {
        let address = kernel::network(socket.0.origin.address);
        self.of_visitors.get(&address).is_none_or(|there| *there < most)
    }

    /// Closes the sockets of an ended session.
    pub fn end_session(&self, user: Id<User>, session: Id<Session>) {
        self.close_where(user, |of| of == session);
    }

    /// Closes all sockets of a user.
    pub fn end_user(&self, user: Id<User>) {
        self.close_where(user, |_| true);
    }

    /// Lets every socket ask again whether its session stands, because the end of some may not have been heard.
    pub fn check_all(&self) {
        for open in self.open.iter() {
            for (_, _, socket) in open.value() {
                socket.0.doubted.notify_one();
            }
        }
    }

    fn close_where(&self, user: Id<User>, ended: impl Fn(Id<Session>) -> bool) {
        if let Some(open) = self.open.get(&user) {
            for (_, _, socket) in open.iter().filter(|(session, ..)| ended(*session)) {
                socket.close(Close::Unauthorized);
            }
        }
    }

    /// Runs a connection to its end, as one of those that [`Self::drained`] waits for.
    pub(super) async fn track(self, connection: impl Future<Output = ()>) {
        self.connections.track_future(connection).await;
    }

    /// Waits until every connection has written its last frame. They end when the server's stop is signalled.
    pub async fn drained(&self) {
        self.connections.close();
        self.connections.wait().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!("websocket_connections").decrement(1);
        if let Some(mut open) = self.sockets.open.get_mut(&self.user) {
            open.retain(|(_, number, _)| *number != self.number);
        }
        self.sockets.open.remove_if(&self.user, |_, open| open.is_empty());
        if let Some(address) = self.address {
            if let Some(mut there) = self.sockets.of_visitors.get_mut(&address) {
                *there = there.saturating_sub(1);
            }
            self.sockets.of_visitors.remove_if(&address, |_, there| *there == 0);
        }
    }
}
