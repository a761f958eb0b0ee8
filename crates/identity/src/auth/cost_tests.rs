//! What a sign-in costs tells nothing of the name: counted, because clocks are noisy.

use kernel::{Expected, Patch, Secret};
use test_database::each_database;

use super::Login;
use crate::{
    testing::{House, login, new_user, origin},
    users::{NewUser, Status, UserPatch},
};

#[each_database]
async fn every_refused_sign_in_hashes_one_password() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    let invited = NewUser { password: None, ..new_user("bob", &["member"]) };
    house.identity.users().create(&house.admin, invited).await.unwrap();
    let cid = house.make("cid", &["member"]).await.user.user_id;
    let suspend = UserPatch { status: Patch::Set(Status::Suspended), ..UserPatch::default() };
    house.identity.users().change(&house.admin, cid, Expected::Any, suspend).await.unwrap();
    let auth = house.identity.auth();

    for name in ["ann", "bob", "cid", "nobody", "n", "no body"] {
        for password in ["wrong", "", &"x".repeat(5000)] {
            for code in [None, Some(Secret::new("000000"))] {
                let before = auth.passwords.computed();
                let attempt = Login { two_factor_code: code, ..login(name, password) };
                // The lock would end it before.
                house.advance(chrono::TimeDelta::hours(2));
                auth.login_over(&origin(), attempt, None).await.unwrap_err();
                assert_eq!(auth.passwords.computed() - before, 1, "{name} {}", password.len());
            }
        }
    }
}
