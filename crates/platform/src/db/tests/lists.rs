//! How lists are walked, filtered, counted, and found.

use kernel::{
    list::{Count, ListRequest, Order},
    text,
};
use proptest::{prelude::*, test_runner::TestRunner};
use test_database::each_database;

use super::{House, SPEC, THINGS, Thing, at, house, moment};
use crate::db::{DbError, ListError, ListOf};

#[each_database]
async fn a_list_with_equal_keys_is_walked_in_both_directions_without_loss() {
    let house = house().await;
    let org = house.org();
    for i in 0..23 {
        house.add(org, &format!("thing {i:02}"), i / 7).await.unwrap();
    }

    for sort in ["size", "name"] {
        let up = house.walk(org, sort, "asc", "5").await;
        let mut down = house.walk(org, sort, "desc", "4").await;

        assert_eq!(up.len(), 23);
        down.reverse();
        assert_eq!(up, down);
    }
}

#[each_database]
async fn rows_that_come_and_go_while_walking_disturb_no_other() {
    let house = house().await;
    let org = house.org();
    for i in (0..20).step_by(2) {
        house.add(org, &format!("n{i:02}"), i).await.unwrap();
    }
    let first = house.page(org, &[("limit", "4")]).await;
    house.add(org, "n01", 1).await.unwrap();
    house.add(org, "n13", 13).await.unwrap();
    let delete = house
        .db
        .write(org, |unit| unit.execute("DELETE FROM things WHERE org_id = $1 AND size IN (6, 8)", &[]));
    delete.await.unwrap();

    let cursor = first.next_cursor.unwrap();
    let rest = house.page(org, &[("limit", "100"), ("cursor", &cursor)]).await;

    let sizes: Vec<_> = rest.items.iter().map(|thing| thing.size).collect();
    assert_eq!(sizes, [10, 12, 13, 14, 16, 18]);
    assert_eq!((rest.next_cursor, rest.total), (None, None));
}

/// What happens to a list between two pages.
#[derive(Debug, Clone)]
enum Happens {
    Add(String, i64),
    Remove(prop::sample::Index),
    Page,
}

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    // Few sizes, so that many are equal; names whose order differs from collation to collation.
    let name = "[aAzZéÉß_ 10]{1,3}|👋|~|-|Ω";
    let add = (name, 0..3_i64).prop_map(|(name, size)| Happens::Add(name, size));
    let happens = prop_oneof![4 => add, 1 => any::<prop::sample::Index>().prop_map(Happens::Remove), 3 => Just(Happens::Page)];
    prop::collection::vec(happens, 0..40)
}

/// Walks a list while rows come and go: pages are in the order of a naive model, no row comes twice, and none that was
/// there all the time is left out.
async fn walk_through(house: &House, happenings: Vec<Happens>, sort: &str, order: &str) {
    let org = house.org();
    let mut known: Vec<Thing> = Vec::new();
    for i in 0..8 {
        house.add(org, &format!("{}{i}", ["b", "B", "é"][i % 3]), i as i64 % 3).await.unwrap();
    }
    known.extend(house.page(org, &[("limit", "100")]).await.items);
    let steady = |known: &[Thing], seen: &[Thing]| {
        known.iter().filter(|thing| !seen.contains(thing)).cloned().collect::<Vec<_>>()
    };
    let key = |thing: &Thing| {
        let name = text::key(&thing.name).into_bytes();
        let text = if sort == "name" { name } else { Vec::new() };
        let size = if sort == "size" { thing.size } else { 0 };
        (size, text, *thing.id.as_bytes())
    };
    let (mut seen, mut cursor, mut all_the_time) = (Vec::<Thing>::new(), None::<String>, known.clone());
    let page = async |cursor: &Option<String>| {
        let mut query = vec![("sort", sort), ("order", order), ("limit", "2")];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        house.page(org, &query).await
    };
    for happens in happenings.into_iter().chain(std::iter::repeat_n(Happens::Page, 40)) {
        match happens {
            Happens::Add(name, size) => {
                if house.add(org, &name, size).await.is_ok() {
                    let now = house.page(org, &[("limit", "100")]).await.items;
                    known.extend(steady(&now, &known));
                }
            }
            Happens::Remove(which) if !known.is_empty() => {
                let gone = known.remove(which.index(known.len()));
                all_the_time.retain(|thing| *thing != gone);
                let id = gone.id;
                let delete = house.db.write(org, move |unit| {
                    unit.execute("DELETE FROM things WHERE org_id = $1 AND id = $2", &[&id])
                });
                assert_eq!(delete.await.unwrap(), 1);
            }
            Happens::Remove(_) => {}
            Happens::Page => {
                let page = page(&cursor).await;
                seen.extend(page.items);
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
        }
    }
    assert!(cursor.is_none(), "the walk ends");
    let mut sorted = seen.clone();
    sorted.sort_by_key(key);
    if order == "desc" {
        sorted.reverse();
    }
    assert_eq!(seen, sorted);
    assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "no row comes twice");
    assert_eq!(steady(&all_the_time, &seen), [], "none that was there all the time is left out");
}

#[each_database]
fn any_walk_through_a_list_that_changes_is_in_order_and_whole() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let house = runtime.block_on(house());
    let mut runner = TestRunner::new(proptest::test_runner::Config::with_cases(12));
    let walks =
        (happenings(), prop::sample::select(vec!["name", "size"]), prop::sample::select(vec!["asc", "desc"]));
    let done = runner.run(&walks, |(happenings, sort, order)| {
        runtime.block_on(walk_through(&house, happenings, sort, order));
        Ok(())
    });
    done.unwrap();
}

#[each_database]
async fn a_cursor_that_somebody_made_up_does_no_harm() {
    let house = house().await;
    let org = house.org();
    house.add(org, "a", 1).await.unwrap();
    let forged = kernel::list::Cursor { value: kernel::list::SortValue::Integer(7), id: [9; 16], skip: 0 };
    let cursor = forged.encode("name", kernel::list::Order::Asc);
    let request = SPEC.read([("sort", "name"), ("order", "asc"), ("cursor", &cursor)]).unwrap();

    let page =
        house.db.read(org, move |tx| tx.list::<Thing>(&THINGS, &request, None).map_err(kernel::Error::from));

    // SQLite compares what it can't compare, PostgreSQL refuses to.
    match page.await {
        Ok(page) => assert!(page.items.len() <= 1),
        Err(error) => assert_eq!(error.kind().status(), 422),
    }
}

#[each_database]
async fn filters_search_and_totals() {
    let house = house().await;
    let org = house.org();
    for (name, size) in [("Grüße", 1), ("gross", 9), ("100%", 3)] {
        house.add(org, name, size).await.unwrap();
    }
    let names = async |query: &[(&str, &str)]| {
        let page = house.page(org, query).await;
        page.items.into_iter().map(|thing| thing.name).collect::<Vec<_>>()
    };

    assert_eq!(names(&[("search", "GRÜ")]).await, ["Grüße"]);
    assert_eq!(names(&[("search", "grüße")]).await, ["Grüße"]);
    assert_eq!(names(&[("search", "gr")]).await, ["Grüße", "gross"]);
    assert_eq!(names(&[("search", "%")]).await, [""; 0]);
    assert_eq!(names(&[("search", "\"x")]).await, [""; 0]);
    assert_eq!(names(&[("filter[big]", "true")]).await, ["gross"]);
    assert_eq!(names(&[("name", "gross,100%"), ("order", "desc")]).await, ["gross", "100%"]);
    assert_eq!(house.page(org, &[("limit", "1"), ("offset", "1")]).await.items[0].size, 3);
    assert_eq!(house.page(org, &[("count", "false")]).await.total, None);
}

#[each_database]
async fn what_is_filtered_by_the_sort_is_walked_in_both_directions_and_no_cursor_leads_out_of_it() {
    let house = house().await;
    let org = house.org();
    for size in 0..30 {
        house.add(org, &format!("thing {size:02}"), size).await.unwrap();
    }
    let (since, before) = (moment(7), moment(19));

    for (order, outside) in [(Order::Asc, [3, 25]), (Order::Desc, [25, 3])] {
        let text = if order == Order::Asc { "asc" } else { "desc" };
        let all = [("since", since.as_str()), ("before", &before), ("order", text)];
        let sizes = async |query: &[(&str, &str)]| {
            let query: Vec<_> = all.iter().chain(query).copied().collect();
            let page = house.page(org, &query).await;
            (page.items.into_iter().map(|thing| thing.size).collect::<Vec<_>>(), page.next_cursor)
        };
        let (mut walked, mut next) = sizes(&[("limit", "5")]).await;
        while let Some(cursor) = next {
            let (more, after) = sizes(&[("limit", "5"), ("cursor", &cursor)]).await;
            walked.extend(more);
            next = after;
        }
        let mut expected: Vec<_> = (7..19).collect();
        if order == Order::Desc {
            expected.reverse();
        }
        assert_eq!(walked, expected, "{order:?}");

        let (early, late) = (at(outside[0], order), at(outside[1], order));
        assert_eq!(sizes(&[("cursor", &early)]).await.0, expected, "{order:?}");
        assert_eq!(sizes(&[("cursor", &late)]).await.0, [0; 0], "{order:?}");
        assert_eq!(sizes(&[("big", "false")]).await.0, [0; 0], "{order:?}");
    }
}

#[each_database]
async fn a_bad_filter_is_refused_with_its_field() {
    let house = house().await;
    let request = SPEC.read([("big", "maybe")]).unwrap();

    let read = house
        .db
        .read(house.org(), move |tx| tx.list::<Thing>(&THINGS, &request, None).map_err(kernel::Error::from));

    let error = read.await.unwrap_err();
    assert_eq!(error.details()["fields"]["big"][0], "must be true or false");
}

#[each_database]
async fn a_filter_that_nothing_stands_for_is_not_lost_silently() {
    let house = house().await;
    let request = SPEC.read([("name", "x")]).unwrap();
    let unfiltered = ListOf { filters: &[], ..THINGS };

    let read = house.db.read(house.org(), move |tx| tx.list::<Thing>(&unfiltered, &request, None));

    assert!(matches!(read.await, Err(ListError::Database(DbError::Engine(_)))));
}

#[each_database]
async fn no_page_of_a_list_scans_or_sorts() {
    let house = house().await;
    let org = house.org();
    for i in 0..3 {
        house.add(org, &format!("n{i}"), i).await.unwrap();
    }
    for (sort, order) in ["size", "name"].into_iter().flat_map(|sort| [(sort, "asc"), (sort, "desc")]) {
        let first = [("sort", sort), ("order", order), ("limit", "1")];
        let cursor = house.page(org, &first).await.next_cursor.unwrap();
        let deep = SPEC.read(first.into_iter().chain([("cursor", cursor.as_str())])).unwrap();
        let first = ListRequest { count: Count::None, ..SPEC.read(first).unwrap() };
        for request in [first, deep] {
            let plan = house
                .db
                .read(org, move |tx| tx.plan_of(&THINGS, &request, None).map_err(kernel::Error::from));

            let plan = plan.await.unwrap();
            // Names are unique, so the index that says so is as good.
            let indexes: &[_] = match sort {
                "size" => &["things_by_size"],
                _ => &["things_by_name", "sqlite_autoindex_things_2", "things_org_id_name_key_key"],
            };
            assert!(plan.walks(), "{plan}");
            assert!(indexes.iter().any(|index| plan.uses(index)), "{plan}");
        }
    }
}

#[each_database]
async fn a_filter_by_what_is_not_the_sort_draws_no_page_from_its_walk() {
    let house = house().await;
    let since = moment(3);
    let request = SPEC.read([("sort", "name"), ("since", since.as_str())]).unwrap();

    let plan = house
        .db
        .read(house.org(), move |tx| tx.plan_of(&THINGS, &request, None).map_err(kernel::Error::from));

    let plan = plan.await.unwrap();
    assert!(plan.walks() && !plan.uses("things_by_size"), "{plan}");
}

#[each_database]
async fn a_list_that_crosses_its_scope_is_refused() {
    let house = house().await;
    let request = || SPEC.read([]).unwrap();
    let unscoped = ListOf { org: "", ..THINGS };

    let foreign = house.db.read_server(move |tx| tx.list::<Thing>(&unscoped, &request(), None));
    let nobodys = house.db.read(house.org(), move |tx| tx.list::<Thing>(&unscoped, &request(), None));

    assert!(matches!(foreign.await, Err(ListError::Database(DbError::Unscoped(_)))));
    assert!(matches!(nobodys.await, Err(ListError::Database(DbError::Unscoped(_)))));
}

/// Things in one unit of work.
async fn add_all(house: &House, org: kernel::Id<kernel::id::kind::Organization>, names: Vec<String>) {
    let world = house.world.clone();
    let added = house.db.write(org, move |unit| {
        for (size, name) in names.iter().enumerate() {
            let id: kernel::Id<kernel::id::kind::Bot> = world.id();
            unit.execute(
                "INSERT INTO things (org_id, id, name, name_key, size) VALUES ($1, $2, $3, $4, $5)",
                &[&id, name, &text::key(name), &(size as i64)],
            )?;
        }
        Ok::<_, DbError>(())
    });
    added.await.unwrap();
}

#[each_database]
async fn a_search_finds_what_a_look_at_every_row_would_whether_rare_or_frequent() {
    let (house, kinds) = (house().await, ["often", "often", "often", "odd", "100%_"]);
    let org = house.org();
    let names: Vec<_> = (0..3_500).map(|i| format!("n{:04} {}", i * 3 % 3_500, kinds[i % 5])).collect();
    add_all(&house, org, names.clone()).await;
    add_all(&house, house.org(), (0..50).map(|i| format!("n{i} elsewhere")).collect()).await;

    for text in ["often", "odd", "0% _", "0%_", "0077", "elsewhere", "n", "n0", "n3", "zz", "%", "n12"] {
        let holds = |name: &&String| {
            if text.len() < 3 { name.starts_with(text) } else { name.contains(text) }
        };
        let mut expected: Vec<_> = names.iter().filter(holds).cloned().collect();
        let total = expected.len() as u64;
        for (sort, order) in [("size", "asc"), ("size", "desc"), ("name", "asc"), ("name", "desc")] {
            let page =
                house.page(org, &[("search", text), ("sort", sort), ("order", order), ("limit", "9")]).await;

            match sort {
                "name" => expected.sort(),
                _ => expected.sort_by_key(|name| names.iter().position(|other| other == name)),
            }
            if order == "desc" {
                expected.reverse();
            }
            let found: Vec<_> = page.items.into_iter().map(|thing| thing.name).collect();
            assert_eq!(found, expected[..expected.len().min(9)], "{text} {sort} {order}");
            let capped = (total > 1_000).then_some(false);
            assert_eq!((page.total, page.total_exact), (Some(total.min(1_000)), capped), "{text}");
        }
    }
}

#[each_database]
async fn a_total_is_exact_up_to_a_thousand_and_beyond_if_it_is_asked_for() {
    let house = house().await;
    let org = house.org();
    add_all(&house, org, (0..1_000).map(|i| format!("n{i}")).collect()).await;
    let total = async |how: &[(&str, &str)]| {
        let page = house.page(org, how).await;
        (page.total, page.total_exact)
    };
    assert_eq!(total(&[]).await, (Some(1_000), None));

    add_all(&house, org, vec!["one more".to_owned()]).await;

    assert_eq!(total(&[]).await, (Some(1_000), Some(false)));
    assert_eq!(total(&[("count", "exact")]).await, (Some(1_001), None));
    assert_eq!(total(&[("count", "false")]).await, (None, None));
}
