//! What one node revokes is worth nothing on another within a second, also while they can't hear each other.

use std::time::{Duration, Instant};

use kernel::{Actor, Expected, Id, Patch, Secret, Surroundings, id::kind};
use platform::{bus::Bus, cache};
use test_servers::{RedisServer, shared_redis, unique_prefix};

use super::*;
use crate::{
    Identity,
    testing::{House, origin, told},
    users::{Status, UserPatch},
};

/// How long a revocation may take to be heard.
const A_SECOND: Duration = Duration::from_secs(1);
/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

async fn bus(url: &str, prefix: &str) -> Bus {
    let settings =
        cache::Settings { url: Some(Secret::new(url)), prefix: prefix.to_owned(), ..Default::default() };
    let bus = Bus::over_valkey(&settings, &Surroundings::system()).unwrap().unwrap();
    bus.connected().await;
    bus
}

/// Two nodes on one database, and the house that made it.
struct Nodes {
    house: House,
    a: Identity,
    b: Identity,
    buses: [Bus; 2],
}

impl Nodes {
    async fn over(url: &str) -> Self {
        let (house, prefix) = (House::new().await, unique_prefix());
        let buses = [bus(url, &prefix).await, bus(url, &prefix).await];
        let (a, b) = (house.node(buses[0].clone()).await, house.node(buses[1].clone()).await);
        Self { house, a, b, buses }
    }

    /// Somebody who signed in and was seen by both nodes.
    async fn known_on_both(&self, name: &str) -> (Secret, Actor) {
        self.house.make(name, &["member"]).await;
        let token = Secret::new(self.house.sign_in(name).await.unwrap().access_token.reveal());
        let actor = self.house.actor(token.reveal()).await.unwrap();
        for node in [&self.a, &self.b] {
            self.ask(node, &token).await.unwrap();
        }
        (token, actor)
    }

    async fn ask(
        &self,
        node: &Identity,
        token: &Secret,
    ) -> kernel::Result<std::sync::Arc<kernel::Principal>> {
        gateway::Authenticator::authenticate(node, token.reveal(), origin().address, self.house.now()).await
    }

    /// Asks the second node until it answers as is wanted. Gives the time after which no call began that it answered
    /// otherwise.
    async fn until(
        &self,
        token: &Secret,
        is_right: impl Fn(&kernel::Result<std::sync::Arc<kernel::Principal>>) -> bool,
    ) -> Duration {
        let begun = Instant::now();
        let mut wrong_until = Duration::ZERO;
        loop {
            let asked = begun.elapsed();
            if is_right(&self.ask(&self.b, token).await) {
                return wrong_until;
            }
            wrong_until = asked;
            assert!(asked < PATIENCE, "the other node never hears it");
            tokio::task::yield_now().await;
        }
    }
}

fn patch(change: impl FnOnce(&mut UserPatch)) -> UserPatch {
    let mut patch = UserPatch::default();
    change(&mut patch);
    patch
}

async fn change(node: &Identity, house: &House, user: Id<kind::User>, patch: UserPatch) {
    node.users().change(&house.admin, user, Expected::Any, patch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_on_one_node_is_in_force_on_the_other_within_a_second() {
    let nodes = Nodes::over(&shared_redis()).await;
    let ended = |answer: &kernel::Result<_>| {
        answer.as_ref().is_err_and(|error| error.reason_code() == Some("session_ended"))
    };

    let (token, ann) = nodes.known_on_both("ann").await;
    nodes.a.sessions().end(&ann, ann.session).await.unwrap();
    assert!(nodes.until(&token, ended).await < A_SECOND, "an ended session");

    let (token, bob) = nodes.known_on_both("bob").await;
    let suspend = patch(|patch| patch.status = Patch::Set(Status::Suspended));
    change(&nodes.a, &nodes.house, bob.user, suspend).await;
    assert!(nodes.until(&token, ended).await < A_SECOND, "a suspended user");

    let (token, cid) = nodes.known_on_both("cid").await;
    let before = nodes.ask(&nodes.b, &token).await.unwrap().level;
    let promote = patch(|patch| patch.roles = Patch::Set(vec!["admin".to_owned()]));
    change(&nodes.a, &nodes.house, cid.user, promote).await;
    let is_admin = |answer: &kernel::Result<std::sync::Arc<kernel::Principal>>| {
        answer.as_ref().is_ok_and(|who| who.level > before)
    };
    assert!(nodes.until(&token, is_admin).await < A_SECOND, "other roles");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_elsewhere_closes_its_sockets_here() {
    let nodes = Nodes::over(&shared_redis()).await;
    let (_, ann) = nodes.known_on_both("ann").await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    nodes.b.on_session_end(move |ended| tell.send(ended).unwrap());

    nodes.a.sessions().end(&ann, ann.session).await.unwrap();

    let heard = tokio::time::timeout(PATIENCE, told.recv()).await.unwrap().unwrap();
    assert_eq!(heard, SessionEnded { user: ann.user, session: ann.session });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_hears_nobody_asks_the_database_and_looks_at_everything_when_it_hears_again() {
    let mut server = RedisServer::start();
    let nodes = Nodes::over(&server.url()).await;
    let (token, ann) = nodes.known_on_both("ann").await;
    let (other, _) = nodes.known_on_both("bob").await;
    let (tell, mut told_of_doubt) = tokio::sync::mpsc::unbounded_channel();
    nodes.b.on_doubt(move || tell.send(()).unwrap());

    server.kill();
    nodes.a.sessions().end(&ann, ann.session).await.unwrap();

    let wrong_until = nodes.until(&token, Result::is_err).await;
    assert!(wrong_until < A_SECOND, "{wrong_until:?}");
    nodes.ask(&nodes.b, &other).await.expect("who did nothing goes on");
    server.restart();
    for bus in &nodes.buses {
        bus.connected().await;
    }
    tokio::time::timeout(PATIENCE, told_of_doubt.recv()).await.unwrap().unwrap();
    assert_eq!(told(nodes.ask(&nodes.b, &token).await.unwrap_err()).0, 401);
    nodes.ask(&nodes.b, &other).await.unwrap();
}
