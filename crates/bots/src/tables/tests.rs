//! What the database is asked means what the language says, and plans only add.

use std::collections::BTreeSet;

use basic::{
    Data,
    filter::{BoundFilter, Comparison, Condition, Constant, Filter, Operand, Order},
    scalar::{Date, Number},
    schema::{Column, ColumnDefault, ColumnType, Table},
};
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta};
use kernel::{Id, Surroundings, id::kind::Organization};
use platform::db::{DbError, MadeTable, MadeValue, RowId, Wanted};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use test_database::each_database;

use super::{
    condition,
    definition::{Definition, Stored, Tables, kept_as},
    plan::{Plan, Planning, Step},
    scan::object,
    value,
};
use crate::testing::database;

/// A column of each type.
fn every_type() -> Vec<(&'static str, ColumnType)> {
    vec![
        ("text", ColumnType::Text { max: None }),
        ("whole", ColumnType::Integer),
        ("big", ColumnType::BigInteger),
        ("real", ColumnType::Double),
        ("money", ColumnType::Decimal { precision: Some(10), scale: 2 }),
        ("truth", ColumnType::Boolean),
        ("day", ColumnType::Date),
        ("instant", ColumnType::DateTime),
        ("time", ColumnType::Time),
        ("json", ColumnType::Json),
    ]
}

fn definition() -> Definition {
    let columns = every_type().into_iter().zip(1..).map(|((name, holds), number)| Stored {
        column: Column::new(name, holds.clone()),
        number,
        holds,
        refers: None,
    });
    Definition { name: "things".into(), columns: columns.collect(), key: vec![1], ..Definition::default() }
}

/// A table of its own: what is made while a test runs stays in a database that the next one gets.
fn made_table() -> MadeTable {
    MadeTable(*Surroundings::system().uuid().as_bytes())
}

/// The time of the run, beside UTC.
fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2025-03-14T01:30:00+03:00").unwrap()
}

fn day(days: i64) -> NaiveDate {
    now().date_naive() + TimeDelta::days(days)
}

/// Values that meet each other often, of all kinds.
fn values() -> impl Strategy<Value = Data> {
    prop_oneof![
        2 => Just(Data::Null),
        3 => (-2_i64..4).prop_map(Data::Integer),
        2 => (-3_i64..8).prop_map(|quarters| Data::Number(quarters as f64 / 4.0)),
        1 => prop_oneof![Just(i64::MAX), Just(i64::MIN), Just((1 << 53) + 1), Just(1 << 31)].prop_map(Data::Integer),
        1 => prop_oneof![Just(9.3e18), Just(-9.3e18), Just(1e300), Just(9_007_199_254_740_994.0)].prop_map(Data::Number),
        1 => any::<bool>().prop_map(Data::Bool),
        2 => (-2_i64..3).prop_map(|days| Data::from(day(days))),
        2 => (-50_i64..50).prop_map(|hours| Data::from(now() + TimeDelta::hours(hours))),
        1 => (-50_i64..50).prop_map(|hours| Data::from(now() - TimeDelta::minutes(90) + TimeDelta::hours(hours))),
        1 => Just(Data::from(now() + TimeDelta::nanoseconds(1))),
        4 => prop_oneof![
            Just(""), Just(" "), Just("1"), Just("1.0"), Just(" 1 "), Just("-1"), Just("0.25"), Just("a"), Just("A"),
            Just("b'--"), Just("é"), Just("true"), Just("False"), Just("2025-03-14"), Just("14/03/2025"),
            Just("2025-03-13T22:30:00Z"), Just("14:30"), Just("zzz"), Just("\u{10ffff}"),
        ].prop_map(Data::from),
        1 => (0_i64..3).prop_map(|n| Data::Array(vec![Data::Integer(n)])),
    ]
}

fn constants() -> impl Strategy<Value = Constant> {
    values().prop_map(|value| super::forms::constant(&value))
}

fn columns() -> impl Strategy<Value = String> {
    proptest::sample::select(every_type()).prop_map(|(name, _)| name.to_owned())
}

fn conditions() -> impl Strategy<Value = Condition> {
    let operator = prop_oneof![
        4 => Just(Comparison::Equal),
        2 => Just(Comparison::NotEqual),
        2 => Just(Comparison::Less),
        2 => Just(Comparison::AtMost),
        2 => Just(Comparison::Greater),
        2 => Just(Comparison::AtLeast),
        1 => Just(Comparison::Like),
        1 => Just(Comparison::Contains),
        1 => Just(Comparison::StartsWith),
    ];
    let right = prop_oneof![
        8 => constants().prop_map(Operand::Constant),
        1 => columns().prop_map(Operand::Column),
        1 => Just(Operand::Call(basic::filter::Function::Today, Vec::new())),
    ];
    let leaf = prop_oneof![
        8 => (columns(), operator, right).prop_map(|(column, operator, right)| Condition::Compare {
            left: Operand::Column(column), operator, right,
        }),
        2 => (columns(), proptest::collection::vec(constants().prop_map(Operand::Constant), 0..3))
            .prop_map(|(column, list)| Condition::In { left: Operand::Column(column), list }),
        2 => columns().prop_map(|column| Condition::IsNull(Operand::Column(column))),
        1 => any::<bool>().prop_map(Condition::Always),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Condition::And),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Condition::Or),
            inner.prop_map(|inner| Condition::Not(Box::new(inner))),
        ]
    })
}

fn drawn<T>(runner: &mut TestRunner, strategy: &impl Strategy<Value = T>) -> T {
    strategy.new_tree(runner).unwrap().current()
}

fn bound(condition: Condition, order: Vec<Order>) -> BoundFilter {
    Filter { condition: Some(condition), order, ..Filter::default() }.bind(&[]).unwrap()
}

/// Rows of random values, each as far as its column takes it.
fn rows(runner: &mut TestRunner, table: &Definition) -> Vec<(RowId, Vec<MadeValue>)> {
    let any_value = values();
    let mut value = |stored: &Stored| {
        (0..20)
            .find_map(|_| value::kept(stored, &drawn(runner, &any_value), *now().offset()).ok())
            .unwrap_or(MadeValue::Null)
    };
    (0..60_u8).map(|number| ([number; 16], table.columns.iter().map(&mut value).collect())).collect()
}

#[each_database]
async fn the_database_finds_what_the_language_does() {
    let (db, _database) = database().await;
    let org: Id<Organization> = Surroundings::system().id();
    let (table, place) = (definition(), made_table());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[42; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let rows = rows(&mut runner, &table);
    let objects: Vec<Data> = rows.iter().map(|(_, values)| object(&table, values, *now().offset())).collect();
    let (made, filled) = (table.clone(), rows.clone());
    db.write(org, move |unit| {
        unit.make_table(place, &made.columns.iter().map(Stored::made).collect::<Vec<_>>())?;
        for (id, values) in &filled {
            let values: Vec<_> = made.numbers().into_iter().zip(values.iter().cloned()).collect();
            unit.insert_made_row(place, id, &values)?;
        }
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    let (any_condition, any_column) = (conditions(), columns());
    let mut exact = 0;
    for _ in 0..1500 {
        let order =
            Order { column: drawn(&mut runner, &any_column), descending: drawn(&mut runner, &any::<bool>()) };
        let filter = bound(drawn(&mut runner, &any_condition), vec![order]);
        let wanted: Vec<RowId> = filter.select(&objects, now()).into_iter().map(|at| rows[at].0).collect();
        let pushed = condition::of(&filter, &table, now());
        let sorted = condition::order(&filter, &table);
        let (test, by) = (pushed.test.clone(), sorted.clone().unwrap_or_default());
        let found = db.read(org, move |tx| {
            let all = Wanted { columns: &[], test: &test, order: Some(&by), after: None, limit: 1000 };
            tx.made_rows(place, &all)
        });
        let found: Result<Vec<_>, DbError> = found.await;
        let found: Vec<RowId> = found.unwrap().into_iter().map(|row| row.id).collect();

        let (has, all): (BTreeSet<_>, BTreeSet<_>) = (wanted.iter().collect(), found.iter().collect());
        assert!(has.is_subset(&all), "{filter:?}\n{pushed:?}");
        if pushed.is_exact {
            exact += 1;
            assert_eq!(has, all, "{filter:?}\n{pushed:?}");
            if sorted.is_some() {
                assert_eq!(wanted, found, "{filter:?}");
            }
        }
    }
    assert!(exact > 500, "of 1500 filters the database finds exactly the rows of {exact}");
}

#[each_database]
async fn rows_are_found_by_the_indexes_of_their_columns_and_walked_by_their_ids() {
    let (db, _database) = database().await;
    let org: Id<Organization> = Surroundings::system().id();
    let (table, place) = (definition(), made_table());
    let made = table.clone();
    db.write(org, move |unit| {
        unit.make_table(place, &made.columns.iter().map(Stored::made).collect::<Vec<_>>())?;
        unit.make_index(place, 1, &[1], true)?;
        unit.make_index(place, 2, &[2], false)
    })
    .await
    .unwrap();
    let index = |number: u32| format!("{}_i{number}", place.name());
    let plan_of = |text: &'static str, after: Option<RowId>| {
        let filter = Filter::parse_text(text).unwrap().bind(&[]).unwrap();
        let test = condition::of(&filter, &table, now()).test;
        db.read(org, move |tx| {
            let wanted = Wanted {
                columns: &[1, 2],
                test: &test,
                order: after.map(|_| [].as_slice()),
                after,
                limit: 1000,
            };
            tx.plan_of_made_rows(place, &wanted)
        })
    };

    let by_key: Result<_, DbError> = plan_of("text = 'a'", None).await;
    let by_column: Result<_, DbError> = plan_of("whole = 7 AND real > 2", None).await;
    let next: Result<_, DbError> = plan_of("real > 2", Some([1; 16])).await;

    let (by_key, by_column, next) = (by_key.unwrap(), by_column.unwrap(), next.unwrap());
    assert!(by_key.uses(&index(1)), "{by_key}");
    assert!(by_column.uses(&index(2)), "{by_column}");
    assert!(next.walks(), "{next}");
}

proptest! {
    #[test]
    fn what_is_kept_comes_back_as_it_is_and_is_kept_the_same_again(
        (_, holds) in proptest::sample::select(every_type()),
        given in values(),
    ) {
        let stored = Stored { column: Column::new("c", holds.clone()), number: 1, holds, refers: None };
        let offset = *now().offset();
        if let Ok(kept) = value::kept(&stored, &given, offset) {
            let shown = value::shown(&stored, &kept, offset);
            prop_assert_eq!(value::kept(&stored, &shown, offset), Ok(kept));
        }
    }
}

fn planned(existing: &Tables, declared: Vec<Table>) -> Plan {
    let planning = Planning { surroundings: &Surroundings::system(), most: 10, unread: &BTreeSet::new() };
    Plan::of(existing, declared, &planning)
}

fn after(existing: &Tables, plan: &Plan) -> Tables {
    let mut tables = existing.clone();
    tables.extend(plan.tables.iter().map(|(name, table)| (name.clone(), std::sync::Arc::new(table.clone()))));
    tables
}

fn table(name: &str, lines: &[&str]) -> Table {
    let mut table = Table { name: name.to_owned(), ..Table::default() };
    for line in lines {
        table.read_line(line).unwrap();
    }
    table
}

#[test]
fn what_is_there_already_needs_no_step() {
    let declared = || {
        vec![
            table("orders", &["id integer key", "item Items", "note string(20) UNIQUE", "CHECK (id > 0)"]),
            table("items", &["sku string key", "parent items"]),
        ]
    };
    let first = planned(&Tables::new(), declared());
    assert_eq!(first.warnings, Vec::<String>::new());
    assert_eq!(first.new.len(), 2);

    let second = planned(&after(&Tables::new(), &first), declared());

    assert_eq!((second.steps, second.warnings, second.tables.len()), (vec![], vec![], 0));
}

#[test]
fn a_table_that_refers_to_another_gets_the_column_when_that_one_is_there() {
    let plan = planned(
        &Tables::new(),
        vec![table("b", &["id integer key", "a a"]), table("a", &["id integer key", "b b"])],
    );

    let made = plan.steps.iter().filter(|step| matches!(step, Step::Make(..))).count();
    let referring = plan.steps.iter().filter(|step| matches!(step, Step::Add(_, _, Some(_)))).count();
    assert_eq!((made, referring, plan.warnings.as_slice()), (2, 2, [].as_slice()));
    let last_unique =
        plan.steps.iter().rposition(|step| matches!(step, Step::Index(_, index) if index.unique));
    let first_reference = plan.steps.iter().position(|step| matches!(step, Step::Add(..)));
    assert!(last_unique < first_reference || first_reference.is_none());
}

#[test]
fn a_table_without_a_key_gets_one_and_a_plain_id_is_the_key() {
    let plan =
        planned(&Tables::new(), vec![table("a", &["name text"]), table("b", &["name text", "id integer"])]);

    let key = |name: &str| plan.tables[name].definition.single_key().unwrap().column.name.clone();
    assert_eq!((key("a"), plan.tables["a"].definition.has_own_key), ("id".to_owned(), true));
    assert_eq!((key("b"), plan.tables["b"].definition.has_own_key), ("id".to_owned(), false));
}

#[test]
fn only_what_loses_nothing_changes_a_type() {
    let first = planned(
        &Tables::new(),
        vec![table("a", &["id integer key", "n integer", "t string(5)", "d number(8,2)"])],
    );
    let there = after(&Tables::new(), &first);

    let wider =
        planned(&there, vec![table("a", &["id integer key", "n bigint", "t string(9)", "d number(9,2)"])]);
    let narrower =
        planned(&there, vec![table("a", &["id integer key", "n text", "t string(4)", "d number(8,3)"])]);

    assert_eq!((wider.steps.len(), wider.warnings.len()), (0, 0));
    assert_eq!(narrower.warnings.len(), 3, "{:?}", narrower.warnings);
    assert_eq!(narrower.tables.len(), 0);
}

#[test]
fn a_new_column_has_its_default_in_the_rows_that_are_there() {
    let first = planned(&Tables::new(), vec![table("a", &["id integer key"])]);
    let there = after(&Tables::new(), &first);

    let plan = planned(&there, vec![table("a", &["id integer key", "n integer NOT NULL DEFAULT 3"])]);

    let place = there["a"].place;
    let column = &plan.tables["a"].definition.columns[1];
    assert_eq!(column.column.default, Some(ColumnDefault::Number(Number::Int(3))));
    assert_eq!(
        plan.steps,
        [
            Step::Add(
                place,
                platform::db::MadeColumn { number: 2, kept: kept_as(&ColumnType::Integer) },
                None
            ),
            Step::Fill(place, 2, MadeValue::Whole(3)),
        ]
    );
}

#[test]
fn the_same_day_in_another_form_is_the_same_day() {
    let stored = Stored {
        column: Column::new("d", ColumnType::Date),
        number: 1,
        holds: ColumnType::Date,
        refers: None,
    };
    let kept = |value: Data| value::kept(&stored, &value, *now().offset());

    assert_eq!(kept("14/03/2025".into()), kept(Data::Date(Date::Day(day(0)))));
    assert_eq!(kept("".into()), Ok(MadeValue::Null));
    assert!(kept("soon".into()).is_err());
}
