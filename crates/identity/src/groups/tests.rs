//! What groups allow whom, and how the database goes about their lists.

use kernel::{
    Actor, Expected, Id, Permission, Surroundings,
    id::kind,
    list::{ListRequest, ListSpec, Listed},
};
use platform::db::{ListError, Plan};
use serde_json::json;
use test_database::each_database;

use super::{
    members::{MemberList, NewMember},
    model::{GroupList, NewGroup},
    policy::Powers,
    requests::{self, NewJoinRequest, RequestList},
    seats,
    store::{self, Narrowing},
};
use crate::{
    ids::{GroupId, UserId},
    testing::{House, told},
};

async fn plan(
    house: &House,
    of: &'static platform::db::ListOf,
    spec: ListSpec,
    query: Vec<(&'static str, &'static str)>,
    extra: platform::db::Extra,
) -> Plan {
    let request: ListRequest = spec.read(query).unwrap();
    let plan: Result<Plan, ListError> =
        house.db.read(house.org, move |tx| tx.plan_of(of, &request, extra.clone())).await;
    plan.unwrap()
}

#[each_database]
async fn every_sort_of_the_lists_walks_an_index() {
    let house = House::new().await;
    let group: Id<kind::Group> = Surroundings::system().id();
    for (sort, index) in [("created_at", "created_at"), ("name", "name"), ("member_count", "member_count")] {
        let extra = Narrowing { known: Some(vec![group]), members: None }.of(house.org);
        let plan = plan(&house, &store::LIST, GroupList::SPEC, vec![("sort", sort)], extra).await;
        assert!(plan.uses(&format!("user_groups_by_{index}")) && plan.walks(), "{sort}: {plan}");
    }
    for (sort, index) in [("joined_at", "joined_at"), ("role", "role")] {
        let of_one = seats::extra(house.org, &[group], None);
        let plan_of_one = plan(&house, &seats::LIST, MemberList::SPEC, vec![("sort", sort)], of_one).await;
        let own = format!("group_members_of_group_by_{index}");
        assert!(plan_of_one.uses(&own) && plan_of_one.walks(), "{sort}: {plan_of_one}");

        let line = [group, super::EVERYONE];
        let of_line = seats::extra(house.org, &line, Some("an"));
        let plan_of_line = plan(&house, &seats::LIST, MemberList::SPEC, vec![("sort", sort)], of_line).await;
        let all = format!("group_members_by_{index}");
        assert!(plan_of_line.uses(&all) && plan_of_line.walks(), "{sort}: {plan_of_line}");

        let everyone = seats::extra_of_everyone(None);
        let plan =
            plan(&house, &seats::LIST_OF_EVERYONE, MemberList::SPEC, vec![("sort", sort)], everyone).await;
        assert!(plan.uses("members_by_created_at") && plan.walks(), "{sort}: {plan}");
    }
    for (sort, index) in [("status", "place"), ("submitted_at", "time")] {
        let extra = requests::of_group(group);
        let plan = plan(&house, &requests::LIST, RequestList::SPEC, vec![("sort", sort)], extra).await;
        assert!(plan.uses(&format!("group_join_requests_by_{index}")) && plan.walks(), "{sort}: {plan}");
    }
}

fn group(name: &str, permissions: &[&str]) -> NewGroup {
    serde_json::from_value(json!({ "name": name, "permissions": permissions })).unwrap()
}

fn below(name: &str, parent: GroupId, inherit_members: bool) -> NewGroup {
    let new = json!({ "name": name, "parent_id": parent, "inherit_members": inherit_members });
    serde_json::from_value(new).unwrap()
}

fn member(user: UserId, role: &str) -> NewMember {
    NewMember { user_id: user, role: Some(role.to_owned()), permissions: Powers::default() }
}

async fn make(house: &House, by: &Actor, new: NewGroup) -> GroupId {
    house.identity.groups().create(by, new).await.unwrap().value.group_id
}

async fn may(house: &House, user: UserId, permission: Permission) -> bool {
    let held = house.identity.permissions_of(house.org, user).await.unwrap();
    held.unwrap().contains(permission)
}

#[each_database]
async fn what_a_group_allows_flows_down_and_its_members_where_a_child_says_so() {
    let house = House::new().await;
    let (ann, bob) = (house.user("ann", &["member"]).await, house.user("bob", &["member"]).await);
    let groups = house.identity.groups();
    let top = make(&house, &house.admin, group("Top", &["audit:read"])).await;
    let child = make(&house, &house.admin, below("Child", top, true)).await;
    let export = serde_json::from_value(json!({ "add": ["audit:export"] })).unwrap();
    groups.change_permissions(&house.admin, child, export).await.unwrap();

    groups.add_member(&house.admin, top, member(ann.user, "member")).await.unwrap();
    groups.add_member(&house.admin, child, member(bob.user, "member")).await.unwrap();

    assert!(may(&house, ann.user, Permission::AUDIT_EXPORT).await, "of the child");
    assert!(may(&house, bob.user, Permission::AUDIT_READ).await, "of the parent");
    let page = groups.members(&ann, child, MemberList::SPEC.read([("sort", "role")]).unwrap()).await.unwrap();
    assert_eq!(page.items.len(), 3, "the owner once, bob, and ann through the parent");
    groups.remove_member(&house.admin, top, ann.user).await.unwrap();
    assert!(!may(&house, ann.user, Permission::AUDIT_EXPORT).await);
    let again = groups.remove_member(&house.admin, child, ann.user).await.unwrap_err();
    assert_eq!(told(again), (404, "member_not_found".to_owned()));
}

#[each_database]
async fn a_change_of_a_group_or_a_role_holds_from_the_next_request() {
    let house = House::new().await;
    house.make("ann", &["guest"]).await;
    let token = house.sign_in("ann").await.unwrap().access_token;
    let ann = house.actor(token.reveal()).await.unwrap();
    let may = async |permission| house.actor(token.reveal()).await.unwrap().may(permission);
    let (groups, roles) = (house.identity.groups(), house.identity.roles());
    let team = make(&house, &house.admin, group("Team", &[])).await;
    let desk = json!({ "name": "desk", "permissions": ["users:read"] });
    roles.create(&house.admin, serde_json::from_value(desk).unwrap()).await.unwrap();

    groups.add_member(&house.admin, team, member(ann.user, "member")).await.unwrap();
    let add = serde_json::from_value(json!({ "add": ["audit:read"] })).unwrap();
    groups.change_permissions(&house.admin, team, add).await.unwrap();
    assert!(may(Permission::AUDIT_READ).await);
    let given = serde_json::from_value(json!({ "role_id": "desk" })).unwrap();
    house.identity.users().give_role(&house.admin, ann.user, given).await.unwrap();
    assert!(may(Permission::USERS_READ).await);
    let changed = serde_json::from_value(json!({ "permissions": ["kb:read"] })).unwrap();
    roles.change(&house.admin, "desk".to_owned(), Expected::Any, changed).await.unwrap();
    assert!(!may(Permission::USERS_READ).await && may(Permission::KB_READ).await);
    let in_use = roles.delete(&house.admin, "desk".to_owned(), Expected::Any, None).await.unwrap_err();
    assert_eq!(told(in_use), (409, "role_in_use".to_owned()));
    let other = Some("viewer".to_owned());
    roles.delete(&house.admin, "desk".to_owned(), Expected::Any, other).await.unwrap();
    groups.delete(&house.admin, team, Expected::Any, false).await.unwrap();
    assert!(may(Permission::FILES_READ).await && !may(Permission::AUDIT_READ).await);
}

#[each_database]
async fn nobody_lets_in_to_what_they_do_not_have() {
    let house = House::new().await;
    let helper = house.user("helper", &["member", "user_admin"]).await;
    let administrators: GroupId =
        Id::from_uuid(uuid::Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001));
    let groups = house.identity.groups();

    for group in [administrators, make(&house, &house.admin, group("Strong", &["audit:read"])).await] {
        let refused = groups.add_member(&helper, group, member(helper.user, "member")).await.unwrap_err();
        assert_eq!(told(refused), (403, "level_too_high".to_owned()));
    }

    groups.add_member(&house.admin, administrators, member(helper.user, "member")).await.unwrap();
    assert!(may(&house, helper.user, Permission::ADMIN_ROLES).await);
    let page = groups.list(&helper, GroupList::SPEC.read([("search", "strong")]).unwrap()).await.unwrap();
    assert_eq!(page.items.len(), 1);
}

#[each_database]
async fn of_two_who_join_at_once_a_group_with_one_place_takes_one() {
    let house = House::new().await;
    let (ann, bob) = (house.user("ann", &["member"]).await, house.user("bob", &["member"]).await);
    let settings = json!({ "require_approval": false, "max_members": 2 });
    let open = json!({ "name": "Open", "visibility": "public", "settings": settings });
    let open = make(&house, &house.admin, serde_json::from_value(open).unwrap()).await;
    let groups = house.identity.groups();

    let (one, two) = tokio::join!(
        groups.ask_to_join(&ann, open, NewJoinRequest::default()),
        groups.ask_to_join(&bob, open, NewJoinRequest::default()),
    );

    let refused: Vec<_> = [one.map(|_| ()), two.map(|_| ())].into_iter().filter_map(Result::err).collect();
    let refused: Vec<_> = refused.into_iter().map(told).collect();
    assert_eq!(refused, [(422, "group_full".to_owned())]);
    assert_eq!(groups.get(&house.admin, open).await.unwrap().member_count, 2);
}

#[each_database]
async fn of_two_owners_who_remove_each_other_at_once_one_stays() {
    let house = House::new().await;
    let (ann, bob) = (house.user("ann", &["manager"]).await, house.user("bob", &["manager"]).await);
    let team = make(&house, &ann, group("Team", &[])).await;
    let groups = house.identity.groups();
    groups.add_member(&ann, team, member(bob.user, "owner")).await.unwrap();

    let (one, two) =
        tokio::join!(groups.remove_member(&ann, team, bob.user), groups.remove_member(&bob, team, ann.user));

    assert_eq!([one, two].iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let left = groups.get(&house.admin, team).await.unwrap().member_count;
    assert_eq!(left, 1);
}
