//! What lists cost, in steps of SQLite or in rows that PostgreSQL visits: it has a bound, whatever is stored.

use kernel::{Id, id::kind::Organization, list::Order};
use test_database::each_database;

use super::{House, SPEC, THINGS, Thing, at, house, moment};
use crate::db::{DbError, Engine};

/// Things with names of letters as they fall; one in a hundred is odd, and the last ten are special.
const FILL_SQLITE: &str = "
WITH RECURSIVE numbers (i) AS (SELECT $3 UNION ALL SELECT i + 1 FROM numbers WHERE i < $4),
names (i, name) AS (
    SELECT i, char(97 + m % 26, 97 + m / 26 % 26, 97 + m / 676 % 26, 97 + m / 17576 % 26, 97 + m / 456976 % 26)
    FROM (SELECT i, i * 48271 % 2147483647 AS m FROM numbers)
)
INSERT INTO things (org_id, id, name, name_key, size, kind)
SELECT $1, unhex(printf('%032x', i)), name || 'x' || i || '@ex', name || 'x' || i || '@ex', i,
    CASE WHEN i > $2 - 10 THEN 'special' WHEN i % 100 = 0 THEN 'odd' ELSE 'common' END
FROM names";

const FILL_POSTGRES: &str = "
INSERT INTO things (org_id, id, name, name_key, size, kind)
SELECT $1, lpad(to_hex(i), 32, '0')::uuid, name || 'x' || i || '@ex', name || 'x' || i || '@ex', i,
    CASE WHEN i > $2::bigint - 10 THEN 'special' WHEN i % 100 = 0 THEN 'odd' ELSE 'common' END
FROM (
    SELECT i, chr(97 + (m % 26)::int) || chr(97 + (m / 26 % 26)::int) || chr(97 + (m / 676 % 26)::int)
        || chr(97 + (m / 17576 % 26)::int) || chr(97 + (m / 456976 % 26)::int) AS name
    FROM (SELECT i, i * 48271 % 2147483647 AS m FROM generate_series($3::bigint, $4::bigint) i) mixed
) named";

/// Things that are written in one unit.
const PART: i64 = 3_000;

/// An organization with so many things.
async fn filled(house: &House, things: i64) -> Id<Organization> {
    let org = house.org();
    let sql = match house.db.0.engine {
        Engine::Sqlite(_) => FILL_SQLITE,
        Engine::Postgres(_) => FILL_POSTGRES,
    };
    // No unit may take long, also where the machine is busy.
    let mut from = 1;
    while from <= things {
        let until = Ord::min(from + PART - 1, things);
        let filled: Result<u64, DbError> =
            house.db.write(org, move |unit| unit.execute(sql, &[&things, &from, &until])).await;
        assert_eq!(filled.unwrap(), (until - from + 1).unsigned_abs());
        from = until + 1;
    }
    org
}

/// The database knows what it has. It needs a moment in which nobody looks, so it is asked for what it does by itself
/// now and then.
async fn analyze(house: &House) {
    if let Engine::Postgres(_) = house.db.0.engine {
        let analyzed: Result<u64, DbError> =
            house.db.write_server(|unit| unit.execute("ANALYZE server_notes, things", &[])).await;
        analyzed.unwrap();
    }
}

/// What a page costs, when its statements are known.
async fn cost(house: &House, org: Id<Organization>, query: &[(&str, &str)]) -> u64 {
    let request = SPEC.read(query.iter().copied()).unwrap();
    let read = house.db.read(org, move |tx| {
        tx.list::<Thing>(&THINGS, &request, None).map_err(kernel::Error::from)?;
        tx.cost();
        tx.list::<Thing>(&THINGS, &request, None).map_err(kernel::Error::from)?;
        Ok::<_, kernel::Error>(tx.cost())
    });
    read.await.unwrap()
}

#[each_database]
async fn a_page_costs_the_same_among_few_and_among_many() {
    let (few, many) = (house().await, house().await);
    // So many that a walk which finds little is broken off on the second page of both.
    let orgs = [filled(&few, 21_000).await, filled(&many, 42_000).await];
    analyze(&few).await;
    analyze(&many).await;

    for (query, goes_on) in [
        (vec![], true),
        (vec![("sort", "name"), ("order", "desc")], true),
        (vec![("search", "x7500@")], false),
        (vec![("search", "nobody at all")], false),
        (vec![("search", "@ex")], true),
        (vec![("kind", "special")], false),
        (vec![("kind", "special"), ("sort", "name")], false),
        (vec![("kind", "special,unheard-of"), ("sort", "name")], false),
        (vec![("kind", "common"), ("sort", "name")], true),
        (vec![("big", "true")], true),
        (vec![("big", "false"), ("order", "desc")], true),
        (vec![("name", "nobody")], true),
        (vec![("kind", "special"), ("name", "nobody"), ("sort", "name")], false),
        (vec![("kind", "special"), ("search", "@ex"), ("sort", "name")], false),
    ] {
        let costs = [cost(&few, orgs[0], &query).await, cost(&many, orgs[1], &query).await];
        assert!(costs[1] * 10 <= costs[0] * 12 + 100, "{query:?}: {costs:?}");

        let deep = [("limit", "100"), ("count", "false")];
        let cursor = |page: kernel::list::Page<Thing>| page.next_cursor;
        let walk: Vec<_> = query.iter().copied().chain(deep).collect();
        let cursors = [cursor(few.page(orgs[0], &walk).await), cursor(many.page(orgs[1], &walk).await)];
        assert_eq!(cursors.each_ref().map(Option::is_some), [goes_on; 2], "{query:?}");
        if let [Some(first), Some(second)] = cursors {
            let [a, b] = [&first, &second]
                .map(|cursor| query.iter().copied().chain([("cursor", cursor.as_str())]).collect::<Vec<_>>());
            let costs = [cost(&few, orgs[0], &a).await, cost(&many, orgs[1], &b).await];
            assert!(costs[1] * 10 <= costs[0] * 12 + 100, "{query:?} by cursor: {costs:?}");
        }
    }
}

#[each_database]
async fn names_that_begin_with_two_letters_are_found_without_a_look_at_others() {
    let house = house().await;
    let org = filled(&house, 24_000).await;
    analyze(&house).await;

    let page = house.page(org, &[("search", "zq")]).await;

    assert!(!page.items.is_empty() && page.items.iter().all(|thing| thing.name.starts_with("zq")));
    assert!(page.items.windows(2).all(|pair| pair[0].size < pair[1].size));
    let cost = cost(&house, org, &[("search", "zq")]).await;
    assert!(cost < 5_000, "{cost}");
}

#[each_database]
async fn a_walk_that_looks_for_few_among_many_finds_them_all_page_by_page() {
    let house = house().await;
    let org = filled(&house, 21_000).await;

    for (order, pages) in [("asc", 3), ("desc", 3)] {
        let (mut found, mut seen, mut cursor) = (Vec::new(), 0, None::<String>);
        loop {
            let mut query = vec![("big", "false"), ("order", order)];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = house.page(org, &query).await;
            seen += 1;
            if cursor.is_none() {
                let first = if order == "asc" { 5 } else { 0 };
                assert_eq!((page.total, page.total_exact), (Some(first), Some(false)), "{order}");
            }
            found.extend(page.items.into_iter().map(|thing| thing.size));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        found.sort_unstable();
        assert_eq!((found, seen), (vec![1, 2, 3, 4, 5], pages), "{order}");
    }
    assert_eq!(house.page(org, &[("big", "false"), ("count", "exact")]).await.total, Some(5));
}

#[each_database]
async fn what_an_offset_leaves_out_is_left_out_however_far_it_is() {
    let house = house().await;
    let org = filled(&house, 21_000).await;

    // The five stand at the end of the list; three of them are left out.
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("big", "false"), ("order", "desc")];
        match &cursor {
            None => query.push(("offset", "3")),
            Some(cursor) => query.push(("cursor", cursor.as_str())),
        }
        let page = house.page(org, &query).await;
        found.extend(page.items.into_iter().map(|thing| thing.size));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, [2, 1]);
    // Some are left out before the walk stops, and some after it.
    let page = house
        .page(org, &[("kind", "odd,common"), ("big", "true"), ("offset", "12000"), ("limit", "2")])
        .await;
    let cursor = page.next_cursor.unwrap();
    assert!(page.items.is_empty());
    let page = house
        .page(org, &[("kind", "odd,common"), ("big", "true"), ("cursor", &cursor), ("limit", "2")])
        .await;
    assert_eq!(page.items.iter().map(|thing| thing.size).collect::<Vec<_>>(), [12_006, 12_007]);
}

#[each_database]
async fn values_that_few_have_are_found_whatever_the_sort() {
    let house = house().await;
    let org = filled(&house, 21_000).await;

    for query in [
        vec![("kind", "special"), ("sort", "name")],
        vec![("kind", "special"), ("sort", "size")],
        vec![("kind", "special,unheard-of"), ("sort", "size"), ("order", "desc")],
        vec![("kind", "special"), ("sort", "name"), ("search", "@ex")],
    ] {
        let page = house.page(org, &query).await;

        let mut sizes: Vec<_> = page.items.iter().map(|thing| thing.size).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, (20_991..=21_000).collect::<Vec<_>>(), "{query:?}");
        assert_eq!((page.total, page.total_exact, page.next_cursor), (Some(10), None, None), "{query:?}");
    }
}

#[each_database]
async fn a_page_deep_in_what_a_filter_lets_pass_costs_as_much_as_an_early_one() {
    let house = house().await;
    let org = filled(&house, 21_000).await;
    let (first, last) = (moment(0), moment(21_001));

    for (order, early, deep) in [(Order::Asc, 100, 20_000), (Order::Desc, 20_900, 1_000)] {
        for rest in [vec![], vec![("kind", "common")], vec![("name", "nobody")]] {
            let mut query = vec![("since", first.as_str()), ("before", &last), ("count", "false")];
            query.push(("order", if order == Order::Asc { "asc" } else { "desc" }));
            query.extend(&rest);
            let mut costs = Vec::new();
            for size in [early, deep] {
                let cursor = at(size, order);
                let page: Vec<_> = query.iter().copied().chain([("cursor", cursor.as_str())]).collect();
                costs.push(cost(&house, org, &page).await);
            }
            assert!(costs[1] * 10 <= costs[0] * 12 + 100, "{order:?} {rest:?}: {costs:?}");
        }
    }
}

#[each_database]
async fn a_total_is_the_same_on_each_page_of_a_walk_and_has_the_same_bound() {
    let house = house().await;
    let org = filled(&house, 21_000).await;

    for (order, total) in [("asc", 5), ("desc", 0)] {
        let (mut totals, mut costs, mut cursor) = (Vec::new(), Vec::new(), None::<String>);
        loop {
            let mut query = vec![("big", "false"), ("order", order), ("count", "true")];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = house.page(org, &query).await;
            totals.push((page.total, page.total_exact));
            costs.push(cost(&house, org, &query).await);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(totals, [(Some(total), Some(false)); 3], "{order}");
        // Behind a cursor the beginning of the list is walked once more, for its total.
        assert!(costs.iter().all(|cost| *cost <= costs[0] * 2), "{order}: {costs:?}");
    }
    for kept in ["5", "1"] {
        let page = house.page(org, &[("kind", "special"), ("sort", "name"), ("limit", kept)]).await;
        if let Some(cursor) = page.next_cursor {
            let query = [("kind", "special"), ("sort", "name"), ("count", "true"), ("cursor", &cursor)];
            assert_eq!(house.page(org, &query).await.total, page.total);
        }
    }
}

#[each_database]
async fn a_search_that_meets_few_of_what_else_is_asked_for_has_a_bound() {
    let (few, many) = (house().await, house().await);
    let orgs = [filled(&few, 21_000).await, filled(&many, 42_000).await];
    analyze(&few).await;
    analyze(&many).await;

    for query in [
        vec![("search", "@ex"), ("name", "nobody")],
        vec![("search", "@ex"), ("big", "false"), ("order", "desc")],
        vec![("search", "x7500@"), ("name", "nobody")],
    ] {
        let costs = [cost(&few, orgs[0], &query).await, cost(&many, orgs[1], &query).await];
        assert!(costs[1] * 10 <= costs[0] * 12 + 100, "{query:?}: {costs:?}");
    }
}

#[each_database]
async fn values_that_are_many_together_are_not_all_looked_up() {
    let house = house().await;
    let org = filled(&house, 9_000).await;
    let spread: Result<u64, DbError> = house
        .db
        .write(org, |unit| {
            unit.execute("UPDATE things SET kind = CAST(size % 6 AS text) WHERE org_id = $1", &[])
        })
        .await;
    assert_eq!(spread.unwrap(), 9_000);
    analyze(&house).await;

    let (two, six) = (("kind", "0,1"), ("kind", "0,1,2,3,4,5"));
    let costs = [
        cost(&house, org, &[two, ("sort", "name"), ("count", "false")]).await,
        cost(&house, org, &[six, ("sort", "name"), ("count", "false")]).await,
    ];

    assert!(costs[1] <= costs[0] * 12 / 10, "{costs:?}");
    assert_eq!(house.page(org, &[six, ("sort", "name")]).await.items.len(), 20);
}
