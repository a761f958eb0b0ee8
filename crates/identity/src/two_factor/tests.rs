//! What needs the clock. The rest is tried over HTTP.

use chrono::TimeDelta;
use kernel::Secret;
use test_database::each_database;

use super::{SetupRequest, factor::Factor, store};
use crate::{
    auth::{AuthError, Challenge, LoginAnswer, SecondStep, SignedIn},
    testing::{House, PASSWORD, login, origin, told},
};

/// The factor that is kept of a user.
async fn factor_of(house: &House, user: kernel::id::UserId) -> Factor {
    let row = house.db.read_server(move |tx| store::find(tx, user)).await.unwrap().unwrap();
    let world = kernel::Surroundings::system();
    Factor::opened(&crate::testing::secrets(&house.db, &world).await, user, &row.sealed).unwrap()
}

async fn begin(house: &House, who: &kernel::Actor) -> super::Setup {
    let request = SetupRequest { password: Secret::new(PASSWORD), method: "totp".to_owned() };
    house.identity.two_factor().enable(who, request).await.unwrap()
}

async fn challenge(house: &House) -> Challenge {
    match house.identity.auth().login_over(&origin(), login("ann", PASSWORD), None).await.unwrap() {
        LoginAnswer::Challenge(challenge) => challenge,
        LoginAnswer::SignedIn(_) => panic!("no second factor is asked for"),
    }
}

async fn answer(house: &House, challenge: &Challenge, code: &str) -> Result<SignedIn, AuthError> {
    let step =
        SecondStep { session_token: Secret::new(challenge.session_token.reveal()), code: Secret::new(code) };
    house.identity.auth().second_step(&origin(), step, None).await
}

#[each_database]
async fn a_setup_waits_ten_minutes_and_a_challenge_five() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    let two_factor = house.identity.two_factor();

    begin(&house, &ann).await;
    house.advance(TimeDelta::seconds(600));
    let code = Secret::new(factor_of(&house, ann.user).await.code_at(house.now()));
    let late = two_factor.confirm(&ann, code).await;
    assert_eq!(told(late.unwrap_err()), (409, "not_pending".to_owned()));

    begin(&house, &ann).await;
    house.advance(TimeDelta::seconds(599));
    let factor = factor_of(&house, ann.user).await;
    two_factor.confirm(&ann, Secret::new(factor.code_at(house.now()))).await.unwrap();

    let asked = challenge(&house).await;
    house.advance(TimeDelta::seconds(300));
    let late = answer(&house, &asked, &factor.code_at(house.now())).await;
    assert_eq!(told(late.unwrap_err()), (401, "token_expired".to_owned()));
    let asked = challenge(&house).await;
    house.advance(TimeDelta::seconds(299));
    answer(&house, &asked, &factor.code_at(house.now())).await.unwrap();
}

#[each_database]
async fn no_code_is_good_that_is_older_than_one_that_was_used() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    begin(&house, &ann).await;
    let factor = factor_of(&house, ann.user).await;
    let confirmed_with = factor.code_at(house.now());
    house.identity.two_factor().confirm(&ann, Secret::new(confirmed_with.clone())).await.unwrap();

    let same = answer(&house, &challenge(&house).await, &confirmed_with).await;
    assert_eq!(told(same.unwrap_err()), (401, "invalid_code".to_owned()), "the one of the setup is used");
    let ahead = factor.code_at(house.now() + TimeDelta::seconds(30));
    answer(&house, &challenge(&house).await, &ahead).await.unwrap();
    house.advance(TimeDelta::seconds(30));
    let again = answer(&house, &challenge(&house).await, &ahead).await;
    assert_eq!(told(again.unwrap_err()), (401, "invalid_code".to_owned()));
}

#[each_database]
async fn a_new_password_ends_what_waits_for_the_second_factor() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    begin(&house, &ann).await;
    let factor = factor_of(&house, ann.user).await;
    house.identity.two_factor().confirm(&ann, Secret::new(factor.code_at(house.now()))).await.unwrap();
    let asked = challenge(&house).await;

    let change = crate::auth::PasswordChange {
        current_password: Secret::new(PASSWORD),
        new_password: Secret::new("Another-Horse-8-Battery"),
    };
    house.identity.auth().change_password(&ann, change).await.unwrap();

    house.advance(TimeDelta::seconds(30));
    let late = answer(&house, &asked, &factor.code_at(house.now())).await;
    assert_eq!(told(late.unwrap_err()), (401, "token_invalid".to_owned()));
}
