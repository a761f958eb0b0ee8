//! Who belongs to an organization, how they come and how they go.

use platform::jobs::JobKind;

use super::{found, path, switch, text};
use crate::support::{Answer, App, Client, PASSWORD, Value, botserver_test, json, run_with, until};

const FORGET: JobKind<()> = JobKind::new("organizations.forget_invitations");

async fn id(client: &Client) -> String {
    text(&client.me().await["user_id"]).to_owned()
}

/// Lets the address of that user be confirmed.
async fn confirm_address(app: &App, name: &'static str) {
    let confirmed = app.database().write_server(move |unit| {
        unit.execute("UPDATE server_users SET email_verified = $2 WHERE username = $1", &[&name, &true])
    });
    let confirmed: Result<u64, platform::db::DbError> = confirmed.await;
    assert_eq!(confirmed.expect("a change"), 1);
}

/// An invitation of that user by id, accepted.
async fn join(organization: &Value, owner: &Client, guest: &Client, role: &str) {
    let new = json!({ "user_id": id(guest).await, "roles": [role] });
    let invited = owner.post(format!("{}/members", path(organization)), new).await.assert_status(202).data();
    answer(guest, &invited, "accept", json!({})).await.assert_ok();
}

async fn answer(guest: &Client, invitation: &Value, how: &str, body: Value) -> Answer {
    guest.post(format!("/invitations/{}/{how}", text(&invitation["invitation_id"])), body).await
}

/// An invitation of an address.
async fn invite(organization: &Value, owner: &Client, email: &str) -> Value {
    let answered = owner.post(format!("{}/invitations", path(organization)), json!({ "email": email })).await;
    let answered = answered.assert_status(201).data();
    assert_eq!((&answered["sent"], &answered["failed"]), (&json!(1), &json!([])));
    answered["invitations"][0].clone()
}

#[botserver_test(balanced)]
async fn somebody_is_a_member_once_they_accept(app: App) {
    let ann = app.user_with_role("ann", "admin").await;
    let bob = app.user("bob").await;
    let (guild, owner) = found(&app, &ann, "Guild").await;
    let new = json!({ "user_id": id(&bob).await, "roles": ["manager"], "message": "Welcome!" });

    let invited =
        owner.post(format!("{}/members", path(&guild)), new.clone()).await.assert_status(202).data();

    assert_eq!((&invited["status"], &invited["token"]), (&json!("sent"), &Value::Null));
    assert_eq!(owner.get(format!("{}/members", path(&guild))).await.data()["total"], 1);
    let waiting = bob.get("/invitations").await.items();
    assert_eq!(waiting.len(), 1);
    assert_eq!((text(&waiting[0]["organization_name"]), text(&waiting[0]["message"])), ("Guild", "Welcome!"));
    app.user("eve").await.get("/invitations").await.assert_ok();
    let accepted = answer(&bob, &invited, "accept", json!({})).await.assert_ok().data();
    assert_eq!(accepted["status"], "accepted");
    assert_eq!(bob.get("/invitations").await.data()["total"], 0);
    let there = switch(&app, &bob, &guild).await;
    assert_eq!(there.get("/auth/verify").await.data()["organization_id"], guild["organization_id"]);
    let members = owner.get(format!("{}/members?sort=username", path(&guild))).await.items();
    assert_eq!(members.iter().map(|one| text(&one["username"])).collect::<Vec<_>>(), ["ann", "bob"]);
    assert_eq!((&members[1]["roles"], &members[1]["home"]), (&json!(["manager"]), &json!(false)));
    answer(&there, &invited, "accept", json!({})).await.assert_error(409, "CONFLICT", "invitation_closed");
    let again = owner.post(format!("{}/members", path(&guild)), new).await;
    again.assert_error(409, "CONFLICT", "already_member");
    // What they are at home stays, and there they are what they were made.
    assert_eq!(there.get("/users/me/organizations").await.data()["total"], 2);
    assert_eq!(there.me().await["roles"], json!(["manager"]));
}

#[botserver_test]
async fn an_invitation_by_id_is_for_that_account_only(app: App) {
    let ann = app.user_with_role("ann", "admin").await;
    let (bob, eve) = (app.user("bob").await, app.user("eve").await);
    let (guild, owner) = found(&app, &ann, "Guild").await;
    let new = json!({ "user_id": id(&bob).await });
    let invited = owner.post(format!("{}/members", path(&guild)), new).await.assert_status(202).data();
    let one = format!("/invitations/{}", text(&invited["invitation_id"]));

    for how in ["accept", "decline"] {
        answer(&eve, &invited, how, json!({})).await.assert_error(404, "NOT_FOUND", "");
    }
    eve.get(&one).await.assert_error(404, "NOT_FOUND", "");
    app.anonymous().get(&one).await.assert_error(404, "NOT_FOUND", "");
    assert_eq!(bob.get(&one).await.assert_ok().data()["roles"], json!(["member"]));
    answer(&bob, &invited, "decline", json!({})).await.assert_ok();
    answer(&bob, &invited, "accept", json!({})).await.assert_error(409, "CONFLICT", "invitation_closed");
    let nobody = json!({ "user_id": "usr_01h455vb4pex5vsknk084sn02q" });
    owner.post(format!("{}/members", path(&guild)), nobody).await.assert_fields(&["user_id"]);
}

#[botserver_test(balanced)]
async fn an_address_is_shown_to_be_ones_own(app: App) {
    let ann = app.user_with_role("ann", "admin").await;
    let (bob, eve) = (app.user("bob").await, app.user("eve").await);
    let (guild, owner) = found(&app, &ann, "Guild").await;

    let invited = invite(&guild, &owner, "Bob@Example.com").await;

    // An account that only says it has the address proves nothing.
    assert_eq!(bob.get("/invitations").await.data()["total"], 0);
    answer(&bob, &invited, "accept", json!({})).await.assert_error(404, "NOT_FOUND", "");
    let token = json!({ "token": invited["token"] });
    let other = answer(&eve, &invited, "accept", token.clone()).await;
    other.assert_error(403, "FORBIDDEN", "invitation_email_mismatch");
    let wrong = json!({ "token": format!("bsi_{}", "A".repeat(43)) });
    answer(&bob, &invited, "accept", wrong).await.assert_error(404, "NOT_FOUND", "");
    let shown = format!("/invitations/{}?token={}", text(&invited["invitation_id"]), text(&invited["token"]));
    assert_eq!(app.anonymous().get(&shown).await.assert_ok().data()["organization_name"], "Guild");
    answer(&bob, &invited, "accept", token).await.assert_ok();

    confirm_address(&app, "eve").await;
    let invited = invite(&guild, &owner, "eve@example.com").await;
    assert_eq!(eve.get("/invitations").await.data()["total"], 1);
    answer(&eve, &invited, "accept", json!({})).await.assert_ok();
    assert_eq!(owner.get(format!("{}/members", path(&guild))).await.data()["total"], 3);
}

#[botserver_test]
async fn several_are_invited_at_once_and_who_is_not_is_named(app: App) {
    let ann = app.user_with_role("ann", "admin").await;
    let (guild, owner) = found(&app, &ann, "Guild").await;
    let settings = format!("{}/settings", path(&guild));
    owner.patch(&settings, json!({ "allowed_email_domains": ["example.com"] })).await.assert_ok();
    let invitations = format!("{}/invitations", path(&guild));
    let emails = ["ann@example.com", "bob@example.com", "BOB@example.com", "eve@example.org"];

    let answered =
        owner.post(&invitations, json!({ "emails": emails, "role": "viewer" })).await.assert_status(201);

    let answered = answered.data();
    assert_eq!(answered["sent"], 1);
    let failed = json!([
        { "email": "ann@example.com", "reason": "already_member" },
        { "email": "eve@example.org", "reason": "email_domain_not_allowed" },
    ]);
    assert_eq!(answered["failed"], failed);
    let listed = owner.get(&invitations).await.items();
    assert_eq!((text(&listed[0]["email"]), &listed[0]["roles"]), ("bob@example.com", &json!(["viewer"])));
    assert_eq!(listed[0]["token"], Value::Null);
    let wrong = json!({ "emails": ["nowhere"], "role": "wizard", "expires_in_days": 91, "message": "a\nb" });
    owner.post(&invitations, wrong).await.assert_fields(&["emails", "expires_in_days", "message"]);
    owner.post(&invitations, json!({})).await.assert_fields(&["emails"]);
    let wizard = json!({ "email": "x@example.com", "role": "wizard" });
    owner.post(&invitations, wizard).await.assert_fields(&["role"]);
}

#[botserver_test(balanced)]
async fn an_invitation_ends_by_time_by_revocation_and_by_another(app: App) {
    let ann = app.user_with_role("ann", "admin").await;
    let bob = app.user("bob").await;
    confirm_address(&app, "bob").await;
    let (guild, owner) = found(&app, &ann, "Guild").await;
    let first = invite(&guild, &owner, "bob@example.com").await;
    let second = invite(&guild, &owner, "bob@example.com").await;
    answer(&bob, &first, "accept", json!({})).await.assert_error(409, "CONFLICT", "invitation_closed");
    let one =
        |invitation: &Value| format!("{}/invitations/{}", path(&guild), text(&invitation["invitation_id"]));

    owner.delete(one(&second)).await.assert_status(204);

    answer(&bob, &second, "accept", json!({})).await.assert_error(409, "CONFLICT", "invitation_closed");
    owner.delete(one(&second)).await.assert_error(409, "CONFLICT", "invitation_closed");
    let third = invite(&guild, &owner, "bob@example.com").await;
    let aged = app.database().write_server(|unit| {
        unit.execute("UPDATE server_invitations SET expires_at = 1 WHERE status = $1", &[&"sent"])
    });
    let aged: Result<u64, platform::db::DbError> = aged.await;
    assert_eq!(aged.expect("a change"), 1);
    assert_eq!(bob.get("/invitations").await.data()["total"], 0);
    answer(&bob, &third, "accept", json!({})).await.assert_error(409, "CONFLICT", "invitation_expired");
    assert_eq!(owner.get(format!("{}/invitations", path(&guild))).await.items()[0]["status"], "expired");
    app.admin().delete(one(&third)).await.assert_error(404, "NOT_FOUND", "");
    let forget = app.enqueue(&app.admin(), FORGET.job(&())).await;
    let forgotten = until(&app.admin(), &format!("/jobs/{forget}"), "completed").await;
    assert_eq!(
        forgotten["result"],
        json!({ "invitations": 1 }),
        "those that ended a moment ago are remembered"
    );
}

#[botserver_test(balanced)]
async fn an_invitation_is_worth_no_more_than_whoever_made_it(app: App) {
    let ann = app.user_with_role("ann", "admin").await;
    let (bob, eve) = (app.user("bob").await, app.user("eve").await);
    let (guild, owner) = found(&app, &ann, "Guild").await;
    join(&guild, &owner, &bob, "owner").await;
    let there = switch(&app, &bob, &guild).await;
    let new = json!({ "user_id": id(&eve).await, "roles": ["owner"] });
    let invited = there.post(format!("{}/members", path(&guild)), new).await.assert_status(202).data();
    let bobs = format!("{}/members/{}", path(&guild), id(&there).await);

    owner.patch(&bobs, json!({ "role": "admin" })).await.assert_ok();

    answer(&eve, &invited, "accept", json!({})).await.assert_error(409, "CONFLICT", "invitation_closed");
    owner.patch(&bobs, json!({ "role": "owner" })).await.assert_ok();
    answer(&eve, &invited, "accept", json!({})).await.assert_ok();
}

#[botserver_test(balanced)]
async fn of_two_who_accept_at_once_one_does(app: App) {
    let ann = app.user_with_role("ann", "admin").await;
    let (bob, eve) = (app.user("bob").await, app.user("eve").await);
    let (guild, owner) = found(&app, &ann, "Guild").await;
    let members = format!("{}/members", path(&guild));
    let invited = owner.post(&members, json!({ "user_id": id(&bob).await })).await.assert_status(202).data();

    let accept = || answer(&bob, &invited, "accept", json!({}));
    let (one, other) = tokio::join!(accept(), accept());

    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.body, other.body);

    // The last place is one person's.
    owner.patch(format!("{}/settings", path(&guild)), json!({ "max_members": 3 })).await.assert_ok();
    let sam = app.user("sam").await;
    let of = async |who: &Client| owner.post(&members, json!({ "user_id": id(who).await })).await.data();
    let (for_eve, for_sam) = (of(&eve).await, of(&sam).await);
    let (one, other) = tokio::join!(
        answer(&eve, &for_eve, "accept", json!({})),
        answer(&sam, &for_sam, "accept", json!({}))
    );
    let late = if one.status.as_u16() == 200 { other } else { one };
    late.assert_error(409, "CONFLICT", "member_limit");
    assert_eq!(owner.get(&members).await.data()["total"], 3);
    // Who came too late may come again when there is room.
    owner.patch(format!("{}/settings", path(&guild)), json!({ "max_members": 4 })).await.assert_ok();
    let waiting = async |who: &Client| who.get("/invitations").await.items().first().cloned();
    let (late, invitation) = match waiting(&eve).await {
        Some(invitation) => (&eve, invitation),
        None => (&sam, waiting(&sam).await.expect("an invitation")),
    };
    answer(late, &invitation, "accept", json!({})).await.assert_ok();
}

#[botserver_test]
async fn who_leaves_is_out_at_once(app: App) {
    let ann = app.user_with_role("ann", "admin").await;
    let (bob, eve) = (app.user("bob").await, app.user("eve").await);
    let (guild, owner) = found(&app, &ann, "Guild").await;
    join(&guild, &owner, &bob, "manager").await;
    join(&guild, &owner, &eve, "member").await;
    let (bob, eve) = (switch(&app, &bob, &guild).await, switch(&app, &eve, &guild).await);
    let key = json!({ "name": "Program", "scopes": ["users:read"] });
    let key = bob.post("/api-keys", key).await.assert_status(201).data();
    let program = app.with_token(text(&key["api_key"]));
    program.get("/users").await.assert_ok();
    let group = bob.post("/groups", json!({ "name": "Ovens" })).await.assert_status(201).data();
    let member = |user: &str| format!("{}/members/{user}", path(&guild));
    let bobs = id(&bob).await;
    eve.delete(member(&bobs)).await.assert_error(403, "FORBIDDEN", "");

    owner.delete(member(&bobs)).await.assert_status(204);
    eve.delete(member("me")).await.assert_status(204);

    for client in [&bob, &eve] {
        client.get("/users/me").await.assert_error(401, "UNAUTHORIZED", "session_ended");
    }
    program.get("/users").await.assert_error(401, "UNAUTHORIZED", "key_revoked");
    owner.get(format!("/users/{bobs}")).await.assert_error(404, "NOT_FOUND", "");
    assert_eq!(owner.get(format!("{}/members", path(&guild))).await.data()["total"], 1);
    let heirs = owner.get(format!("/groups/{}/members", text(&group["group_id"]))).await.items();
    assert_eq!((heirs.len(), text(&heirs[0]["username"]), text(&heirs[0]["role"])), (1, "ann", "owner"));
    // At home they are who they were.
    let home = app.with_token(&app.anonymous().sign_in("bob", PASSWORD).await);
    assert_eq!(home.get("/organizations").await.data()["total"], 1);
    owner.delete(member(&bobs)).await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn an_organization_keeps_an_owner_and_those_whose_home_it_is(app: App) {
    let ann = app.user_with_role("ann", "admin").await;
    let bob = app.user("bob").await;
    let (guild, owner) = found(&app, &ann, "Guild").await;
    let member = |user: &str| format!("{}/members/{user}", path(&guild));

    owner.delete(member("me")).await.assert_error(409, "CONFLICT", "last_owner");
    join(&guild, &owner, &bob, "member").await;
    let bobs = id(&bob).await;
    let promoted = owner.patch(member(&bobs), json!({ "role": "owner" })).await.assert_ok().data();
    assert_eq!(promoted["role"], "owner");
    owner.delete(member("me")).await.assert_status(204);
    let bob = switch(&app, &bob, &guild).await;
    bob.delete(member("me")).await.assert_error(409, "CONFLICT", "last_owner");
    bob.patch(member(&bobs), json!({})).await.assert_fields(&["role"]);

    let admin = app.admin();
    let first = json!({ "organization_id": admin.me().await["organization_id"] });
    let eve = id(&app.user("eve").await).await;
    let refused = admin.delete(format!("{}/members/{eve}", path(&first))).await;
    refused.assert_error(409, "CONFLICT", "home_organization");
    let deputy = app.user_with_role("deputy", "admin").await;
    let above = format!("{}/members/{}", path(&first), id(&admin).await);
    deputy.delete(&above).await.assert_error(403, "FORBIDDEN", "level_too_high");
}

#[botserver_test]
async fn nobody_invites_their_equals_and_what_a_leaver_invited_to_is_taken_back(app: App) {
    let ann = app.user_with_role("ann", "admin").await;
    let (bob, eve) = (app.user("bob").await, app.user("eve").await);
    let (guild, owner) = found(&app, &ann, "Guild").await;
    join(&guild, &owner, &bob, "admin").await;
    let bobs = id(&bob).await;
    let there = switch(&app, &bob, &guild).await;
    let members = format!("{}/members", path(&guild));
    let eves = id(&eve).await;
    let new = |role: &str| json!({ "user_id": eves, "roles": [role] });

    there.post(&members, new("owner")).await.assert_error(403, "FORBIDDEN", "level_too_high");
    there.post(&members, new("admin")).await.assert_error(403, "FORBIDDEN", "level_too_high");
    let invited = there.post(&members, new("member")).await.assert_status(202).data();
    owner.delete(format!("{members}/{bobs}")).await.assert_status(204);

    answer(&eve, &invited, "accept", json!({})).await.assert_error(409, "CONFLICT", "invitation_closed");
    app.admin().post(&members, new("member")).await.assert_error(404, "NOT_FOUND", "");
    eve.post(&members, new("member")).await.assert_error(403, "FORBIDDEN", "");
}

#[botserver_test]
async fn a_guest_is_administered_at_home_only(app: App) {
    let ann = app.user_with_role("ann", "admin").await;
    let bob = app.user("bob").await;
    let (guild, owner) = found(&app, &ann, "Guild").await;
    join(&guild, &owner, &bob, "member").await;
    let bobs = id(&bob).await;
    let one = format!("/users/{bobs}");

    assert_eq!(owner.get(&one).await.assert_ok().data()["email"], Value::Null);
    let suspended = owner.patch(&one, json!({ "status": "suspended" })).await;
    suspended.assert_error(403, "FORBIDDEN", "not_home_organization");
    owner.get(format!("{one}/settings")).await.assert_error(404, "NOT_FOUND", "");
    owner.get(format!("{one}/sessions")).await.assert_error(404, "NOT_FOUND", "");
    assert_eq!(owner.get("/sessions").await.data()["total"], 0, "those are of the people whose home it is");
    // A suspension at home is one everywhere.
    let there = switch(&app, &bob, &guild).await;
    app.admin().patch(&one, json!({ "status": "suspended" })).await.assert_ok();
    there.get("/users/me").await.assert_error(401, "UNAUTHORIZED", "session_ended");
}

#[test]
fn a_mail_brings_what_is_shown_to_answer() {
    let change = |config: &mut botserver::Config| {
        // Nobody listens there: the mail waits.
        config.mail.host = Some("127.0.0.1".to_owned());
        config.mail.port = Some(9);
        config.mail.from = Some("bots@example.com".to_owned());
    };
    run_with(change, async |app: App| {
        let ann = app.user_with_role("ann", "admin").await;
        let (guild, owner) = found(&app, &ann, "Guild").await;
        let invited = json!({ "email": "bob@example.com", "message": "<b>Welcome</b>" });

        let answered =
            owner.post(format!("{}/invitations", path(&guild)), invited).await.assert_status(201).data();

        let invited = &answered["invitations"][0];
        assert_eq!((&invited["mailed"], &invited["token"]), (&json!(true), &Value::Null));
        let org: kernel::id::OrganizationId = text(&guild["organization_id"]).parse().expect("an id");
        let waiting = app.database().read(org, |tx| {
            tx.one::<(i64,)>("SELECT CAST(count(*) AS bigint) FROM mails WHERE org_id = $1", &[])
        });
        let waiting: Result<_, platform::db::DbError> = waiting.await;
        assert_eq!(waiting.expect("a count"), Some((1,)));
        let page = Client::send(app.anonymous().at(http::Method::GET, "/invitation")).await;
        assert!(page.body.contains("<h1>Invitation</h1>"), "{}", page.body);
    });
}
