//! Tickets and time.

use chrono::TimeDelta;
use gateway::Authenticator;
use platform::db::DbError;
use test_database::each_database;

use crate::testing::{House, origin};

async fn kept(house: &House) -> i64 {
    let counted: Result<Option<(i64,)>, DbError> =
        house.db.read_server(|tx| tx.one("SELECT count(*) FROM server_socket_tickets", &[])).await;
    counted.unwrap().unwrap().0
}

#[each_database]
async fn a_ticket_is_good_for_half_a_minute() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    let issue = async || house.identity.tickets.issue(&ann).await.unwrap().ticket;
    let (used, late) = (issue().await, issue().await);
    let from = origin().address;

    house.advance(TimeDelta::seconds(30) - TimeDelta::microseconds(1));
    let (who, stub) = house.identity.redeem(used.reveal(), from, house.now()).await.unwrap();
    assert_eq!((who.user, who.session), (ann.user, ann.session));
    house.advance(TimeDelta::microseconds(1));
    let refused = house.identity.redeem(late.reveal(), from, house.now()).await.err().unwrap();

    assert_eq!(refused.reason_code(), Some("ticket_expired"));
    assert_eq!(kept(&house).await, 0, "both are spent");
    let again = house.identity.recall(&stub, &who, from, house.now()).await.unwrap();
    assert_eq!(again.session, ann.session, "the connection lasts");
}

#[each_database]
async fn a_connection_of_a_ticket_lasts_no_longer_than_the_token_of_its_session() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    let ticket = house.identity.tickets.issue(&ann).await.unwrap().ticket;
    let from = origin().address;
    let (who, stub) = house.identity.redeem(ticket.reveal(), from, house.now()).await.unwrap();

    house.advance(ann.expires_at - house.now());

    let refused = house.identity.recall(&stub, &who, from, house.now()).await.err().unwrap();
    assert_eq!(refused.reason_code(), Some("token_expired"));
}

#[each_database]
async fn tickets_that_nobody_used_are_forgotten() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    house.identity.tickets.issue(&ann).await.unwrap();
    house.advance(TimeDelta::seconds(20));
    house.identity.tickets.issue(&ann).await.unwrap();

    house.advance(TimeDelta::seconds(10));

    assert_eq!(house.identity.tickets.sweep_some().await.unwrap(), 1);
    assert_eq!(kept(&house).await, 1, "the later one is still good");
}
