//! Two who do at once what each may do alone.

use futures_util::future::join_all;

use crate::support::{Answer, App, Client, PASSWORD, botserver_test, json};

async fn id_of(client: &Client) -> String {
    client.me().await["user_id"].as_str().expect("an id").to_owned()
}

/// The ways to take an owner away.
#[derive(Debug, Clone, Copy)]
enum Way {
    TakeTheRole,
    ReplaceTheRoles,
    ChangeTheUser,
    Suspend,
}

impl Way {
    const ALL: [Self; 4] = [Self::TakeTheRole, Self::ReplaceTheRoles, Self::ChangeTheUser, Self::Suspend];

    async fn goes(self, by: &Client, whom: &str) -> Answer {
        let user = format!("/users/{whom}");
        match self {
            Self::TakeTheRole => by.delete(format!("{user}/roles/owner")).await,
            Self::ReplaceTheRoles => by.put(format!("{user}/roles"), json!({ "roles": ["member"] })).await,
            Self::ChangeTheUser => by.patch(user, json!({ "roles": ["member"] })).await,
            Self::Suspend => by.patch(user, json!({ "status": "suspended" })).await,
        }
    }
}

#[botserver_test]
async fn of_two_owners_who_remove_each_other_at_once_one_stays_whichever_way_they_go(app: App) {
    let (mut one, mut other) = (app.admin(), app.user_with_role("second", "owner").await);
    for (at, first) in Way::ALL.into_iter().enumerate() {
        for second in &Way::ALL[at..] {
            let (of_one, of_other) = (id_of(&one).await, id_of(&other).await);

            let (a, b) = tokio::join!(first.goes(&one, &of_other), second.goes(&other, &of_one));

            let (a, b) = (a.status, b.status);
            assert!(a.is_success() != b.is_success(), "{first:?} and {second:?}: {a} and {b}");
            let late = if a.is_success() { b } else { a };
            // They are no owner any more, would be the last one, or are not known any more.
            assert!([401, 403, 409].contains(&late.as_u16()), "{first:?} and {second:?}: {late}");
            // Another pair: the one who stays, and a new owner.
            let stays = if a.is_success() { one } else { other };
            let name = format!("owner-{first:?}-{second:?}").to_lowercase();
            let new = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD,
                "roles": ["owner"] });
            stays.post("/users", new).await.assert_status(201);
            other = app.with_token(&app.anonymous().sign_in(&name, PASSWORD).await);
            one = stays;
        }
    }
}

#[botserver_test]
async fn who_loses_their_rank_gives_nothing_from_that_moment(app: App) {
    let boss = app.user_with_role("boss", "admin").await;
    let lowered = format!("/users/{}/roles", id_of(&boss).await);
    let mut people = Vec::new();
    for number in 0..12 {
        people.push(id_of(&app.user(&format!("person{number}")).await).await);
    }
    let give = |person: &String| {
        let (boss, path) = (boss.clone(), format!("/users/{person}/roles"));
        async move { boss.post(path, json!({ "role_id": "manager" })).await.status.as_u16() }
    };
    let (during, after) = people.split_at(8);

    let admin = app.admin();
    let lowers = admin.put(lowered, json!({ "roles": ["member"] }));
    let (lowers, given) = tokio::join!(lowers, join_all(during.iter().map(give)));

    lowers.assert_ok();
    assert!(given.iter().all(|status| [201, 403].contains(status)), "{given:?}");
    assert_eq!(join_all(after.iter().map(give)).await, [403; 4]);
    let managers = admin.get("/users?filter[role]=manager").await.assert_ok().data();
    let counted = given.iter().filter(|status| **status == 201).count();
    assert_eq!(managers["total"], counted, "what was refused was not done");
}

#[botserver_test]
async fn a_role_that_grows_while_it_is_given_is_given_by_nobody_whom_it_outranks(app: App) {
    let boss = app.user_with_role("boss", "admin").await;
    let ann = id_of(&app.user("ann").await).await;
    for round in 0..6 {
        let name = format!("desk-{round}");
        let role = json!({ "name": name, "hierarchy_level": 10 });
        app.admin().post("/roles", role).await.assert_status(201);
        let path = format!("/roles/{name}");
        // As it is to be, it is no administrator's to give.
        let higher = json!({ "hierarchy_level": 90 });

        let (admin, gift) = (app.admin(), json!({ "role_id": name }));
        let (grows, _) =
            tokio::join!(admin.patch(&path, higher), boss.post(format!("/users/{ann}/roles"), gift.clone()));

        grows.assert_ok();
        let bob = id_of(&app.user(&format!("bob{round}")).await).await;
        let refused = boss.post(format!("/users/{bob}/roles"), gift).await;
        refused.assert_error(403, "FORBIDDEN", "level_too_high");
    }
}
