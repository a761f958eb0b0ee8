//! Visits, with a double in place of the bots: what the real ones do is tried over HTTP.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use gateway::Authenticator;
use kernel::{
    Id, Timestamp,
    id::kind::{Bot, Organization, User},
};
use platform::db::{DbError, ServerTx, Tx, Unit};
use test_database::each_database;

use super::{Host, NewVisit, Open};
use crate::testing::{House, origin};

/// Has one bot that is always open, and notes who left.
struct HostDouble {
    org: Id<Organization>,
    bot: Id<Bot>,
    idle: TimeDelta,
    left: Mutex<Vec<Id<User>>>,
}

impl Host for HostDouble {
    fn open(&self, _: &ServerTx<'_>, named: Option<&str>) -> Result<Option<Open>, DbError> {
        let open = Open { org: self.org, bot: self.bot, name: "Bot".to_owned(), idle: self.idle };
        Ok(named.is_none().then_some(open))
    }

    fn may_use(&self, _: &Tx<'_>, bot: Id<Bot>, _: Id<User>, _: Timestamp) -> Result<bool, DbError> {
        Ok(bot == self.bot)
    }

    fn moved(&self, _: &Unit<'_>, _: Id<User>, _: Id<User>) -> Result<(), DbError> {
        Ok(())
    }

    fn left(&self, _: &Unit<'_>, visitor: Id<User>) -> Result<(), DbError> {
        self.left.lock().unwrap().push(visitor);
        Ok(())
    }
}

async fn house() -> (House, Arc<HostDouble>) {
    house_with(TimeDelta::minutes(30)).await
}

async fn house_with(idle: TimeDelta) -> (House, Arc<HostDouble>) {
    let house = House::new().await;
    let host = HostDouble { org: house.org, bot: Id::example(), idle, left: Mutex::default() };
    let host = Arc::new(host);
    house.identity.visitors_go_to(Arc::clone(&host) as Arc<dyn Host>);
    (house, host)
}

#[each_database]
async fn a_visit_lasts_for_as_long_as_it_is_used() {
    let (house, _) = house().await;
    let visit = house.identity.visitors.begin(&origin(), NewVisit::default()).await.unwrap();
    let shows =
        async || house.identity.authenticate(visit.token.reveal(), origin().address, house.now()).await;
    let row = async || {
        let id = visit.session_id;
        house.db.read_server(move |tx| super::store::by_id(tx, id)).await.unwrap().unwrap()
    };

    house.advance(TimeDelta::minutes(20));
    let who = shows().await.unwrap();
    assert!(who.is_visitor() && who.user == visit.user_id);
    // The use is written down beside.
    while row().await.last_activity < house.now() {
        tokio::task::yield_now().await;
    }
    house.advance(TimeDelta::minutes(20));
    assert!(shows().await.is_ok(), "used 20 minutes ago");
    while row().await.last_activity < house.now() {
        tokio::task::yield_now().await;
    }
    house.advance(TimeDelta::minutes(30));
    assert_eq!(shows().await.unwrap_err().reason_code(), Some("session_ended"));
}

#[each_database]
async fn who_does_not_come_back_has_left() {
    let (house, host) = house().await;
    let begin = async || house.identity.visitors.begin(&origin(), NewVisit::default()).await.unwrap();
    let gone = begin().await;
    house.advance(TimeDelta::minutes(20));
    let here = begin().await;
    house.advance(TimeDelta::minutes(15));

    let swept = house.identity.visitors.sweep_some().await.unwrap();

    assert_eq!((swept, host.left.lock().unwrap().as_slice()), (1, [gone.user_id].as_slice()));
    let shows = async |token: &str| house.identity.authenticate(token, origin().address, house.now()).await;
    assert!(shows(here.token.reveal()).await.is_ok());
    assert_eq!(shows(gone.token.reveal()).await.unwrap_err().reason_code(), Some("token_invalid"));
    assert_eq!(house.identity.visitors.sweep_some().await.unwrap(), 0);
}

#[each_database]
async fn no_bot_is_open_that_the_host_does_not_open() {
    let (house, _) = house().await;
    let named = NewVisit { bot_name: Some("other".to_owned()), bot_id: None };
    let refused = house.identity.visitors.begin(&origin(), named).await.unwrap_err();
    assert_eq!(kernel::Error::from(refused).reason_code(), Some("bot_not_open"));
    let default = NewVisit { bot_name: Some("default".to_owned()), bot_id: None };
    assert!(house.identity.visitors.begin(&origin(), default).await.is_ok());
}

#[each_database]
async fn a_short_visit_lasts_for_as_long_as_it_is_used_too() {
    let (house, _) = house_with(TimeDelta::seconds(60)).await;
    let visit = house.identity.visitors.begin(&origin(), NewVisit::default()).await.unwrap();
    for _ in 0..5 {
        house.advance(TimeDelta::seconds(40));
        let who = house.identity.authenticate(visit.token.reveal(), origin().address, house.now()).await;
        assert!(who.is_ok(), "used 40 seconds ago");
        let noted = async || {
            let id = visit.session_id;
            let row = house.db.read_server(move |tx| super::store::by_id(tx, id)).await.unwrap();
            row.unwrap().last_activity
        };
        while noted().await < house.now() {
            tokio::task::yield_now().await;
        }
    }
}
