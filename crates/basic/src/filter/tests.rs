//! Filters as scripts write them, and what no value may do to them.

use chrono::{DateTime, FixedOffset};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

struct Row(Value);

impl Fields for Row {
    fn field(&self, column: &str) -> Scalar<'_> {
        let mut at = &self.0;
        for name in column.split('.') {
            let Some(next) = at.get(name) else {
                return Scalar::Null;
            };
            at = next;
        }
        match at {
            Value::Bool(truth) => Scalar::Boolean(*truth),
            Value::Number(n) => {
                Scalar::Number(n.as_i64().map_or(Number::Float(n.as_f64().unwrap()), Number::Int))
            }
            Value::String(text) => Scalar::Text(text),
            _ => Scalar::Null,
        }
    }
}

fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2025-03-14T09:30:00Z").unwrap()
}

fn fits(text: &str, row: Value) -> bool {
    let filter = Filter::parse_text(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    filter.bind(&[]).unwrap().matches(&Row(row), now())
}

fn canonical(text: &str) -> String {
    Filter::parse_text(text).map_or_else(|e| format!("{}: {e}", e.offset), |filter| filter.to_string())
}

#[test]
fn filter_text_reads_as_a_tree() {
    for (text, expected) in [
        ("", ""),
        ("sku=A", "sku = 'A'"),
        ("stage!=Closed Won AND owner=ann", "stage <> 'Closed Won' AND owner = 'ann'"),
        ("qty > 0 and owner = ann", "qty > 0 AND owner = 'ann'"),
        ("a=1 OR b=2 AND c=3", "a = 1 OR (b = 2 AND c = 3)"),
        ("(a=1 OR b=2) AND NOT c==3", "(a = 1 OR b = 2) AND NOT (c = 3)"),
        ("name='O''Hara' && x<>\"y\"", "name = 'O''Hara' AND x <> 'y'"),
        ("status IN ('a', b c, 3)", "status IN ('a', 'b c', 3)"),
        ("status NOT IN (1,2)", "NOT (status IN (1, 2))"),
        ("x IS NOT NULL and y is null", "x IS NOT NULL AND y IS NULL"),
        (
            "name LIKE %ann% ORDER BY name, due DESC LIMIT 5",
            "name LIKE '%ann%' ORDER BY name, due DESC LIMIT 5",
        ),
        ("ORDER BY due", "ORDER BY due"),
        ("LIMIT 3", "LIMIT 3"),
        ("WHERE TRUE", "TRUE"),
        ("active = true AND gone = NULL", "active = true AND gone = null"),
        ("code = 007 AND n = 0.5 AND m = -3", "code = '007' AND n = 0.5 AND m = -3"),
        ("First Name = Ann Lee", "`First Name` = 'Ann Lee'"),
        ("[Due Date] < 2025-01-01", "`Due Date` < '2025-01-01'"),
        ("firm = Acme (UK) Ltd", "firm = 'Acme (UK) Ltd'"),
        ("note = order placed AND kind = limit case", "note = 'order placed' AND kind = 'limit case'"),
        ("d > DATE_SUB(NOW(), INTERVAL 7 DAY)", "d > DATE_SUB(NOW(), INTERVAL 7 DAY)"),
        ("DATEDIFF(NOW(), created_at) >= 30", "DATEDIFF(NOW(), created_at) >= 30"),
        ("lower(name) = 'ann' and DATE(due)=curdate()", "LOWER(name) = 'ann' AND DATE(due) = CURDATE()"),
        ("n BETWEEN 1 AND 5 OR x=2", "(n >= 1 AND n <= 5) OR x = 2"),
        ("name starts with An", "name STARTS WITH 'An'"),
        ("a.b.c CONTAINS x", "a.b.c CONTAINS 'x'"),
        ("x = or y = 1", "4: expected a value, found `o`"),
        ("x = ", "4: expected a value, found the end"),
        ("name = 'ann", "7: the ' that closes this text is missing"),
        ("just words", "10: expected an operator such as = or LIKE, found the end"),
        ("(a = 1", "6: expected `)`, found the end"),
        ("a = 1)", "5: expected AND, OR, ORDER BY, LIMIT or the end, found `)`"),
        ("a IN 1", "5: expected `(` after IN, found `1`"),
        ("a IS 5", "5: expected NULL after IS, found `5`"),
        ("LIMIT x", "7: expected an operator such as = or LIKE, found the end"),
    ] {
        assert_eq!(canonical(text), expected, "{text}");
    }
}

#[test]
fn holes_are_values_whatever_they_hold() {
    let hostile = Constant::Text("x' OR '1'='1 AND b=2 LIMIT 0".into());
    let bound =
        |parts: &[Part<'_>]| Filter::parse(parts).unwrap().bind(std::slice::from_ref(&hostile)).unwrap();
    for parts in [
        &[Part::Text("a='"), Part::Hole, Part::Text("'")][..],
        &[Part::Text("a="), Part::Hole],
        &[Part::Text("a=\""), Part::Hole, Part::Text("\"")],
    ] {
        assert_eq!(bound(parts).to_string(), "a = 'x'' OR ''1''=''1 AND b=2 LIMIT 0'", "{parts:?}");
    }
    assert_eq!(
        bound(&[Part::Text("a LIKE '%"), Part::Hole, Part::Text("%' AND c = 1")]).to_string(),
        "a LIKE '%x'' OR ''1''=''1 AND b=2 LIMIT 0%' AND c = 1"
    );
    for parts in [
        &[Part::Hole, Part::Text(" = 1")][..],
        &[Part::Text("a "), Part::Hole, Part::Text(" 1")],
        &[Part::Text("a = 1 ORDER BY "), Part::Hole],
        &[Part::Text("`"), Part::Hole, Part::Text("` = 1")],
    ] {
        assert!(Filter::parse(parts).is_err(), "{parts:?}");
    }
}

#[test]
fn holes_keep_the_type_of_their_value_and_bring_lists() {
    let filter = Filter::parse(&[
        Part::Text("id IN "),
        Part::Hole,
        Part::Text(" AND n = "),
        Part::Hole,
        Part::Text(" LIMIT "),
        Part::Hole,
    ]);
    let filter = filter.unwrap();
    let list = Constant::List(vec![Constant::Number(1.into()), Constant::Text("b".into())]);
    let bound = filter.bind(&[list.clone(), Constant::Null, Constant::Number(2.into())]).unwrap();
    assert_eq!(bound.to_string(), "id IN (1, 'b') AND n = null LIMIT 2");
    assert_eq!(filter.bind(&[]), Err(BindError::Count { holes: 3, given: 0 }));
    let refused = filter.bind(&[list.clone(), list, Constant::Number(2.into())]);
    assert_eq!(refused, Err(BindError::List));
    let refused = filter.bind(&[Constant::Null, Constant::Null, Constant::Text("all".into())]);
    assert_eq!(refused, Err(BindError::Limit("'all'".into())));
}

#[test]
fn errors_name_the_part_and_place() {
    let error = Filter::parse(&[Part::Text("ä = "), Part::Hole, Part::Text(" AND ö ! 1")]).unwrap_err();
    assert_eq!((error.part, error.offset), (2, 8));
    let deep = format!("{}a=1", "(".repeat(100_000));
    assert_eq!(Filter::parse_text(&deep).unwrap_err().message, "the filter is nested too deeply");
    assert!(Filter::parse_text(&"NOT ".repeat(100_000)).is_err());
}

#[test]
fn rows_are_judged_by_the_rules_of_the_language() {
    let row = || json!({ "sku": "A-1", "qty": 5, "price": "4.50", "due": "2025-03-20", "note": "", "on": true, "o": { "k": "v" } });
    for (text, expected) in [
        ("qty = 5 AND price = 4.5", true),
        ("qty = '5'", true),
        ("sku = a-1", false),
        ("sku LIKE a-%", true),
        ("sku CONTAINS 'a-'", true),
        ("due > NOW() AND due < DATE_ADD(NOW(), INTERVAL 1 WEEK)", true),
        ("DATEDIFF(due, CURDATE()) = 6", true),
        ("UPPER(o.k) = 'V'", true),
        ("note = null AND missing = ''", true),
        ("note IS NULL", false),
        ("missing IS NULL", true),
        ("missing < 5 OR missing > 5", false),
        ("missing <> 5", true),
        ("on = true AND on = 1", true),
        ("sku > 3", false),
        ("sku IN (B-1, A-1)", true),
        ("sku NOT IN ()", true),
        ("TRUE AND NOT FALSE", true),
        ("qty BETWEEN 5 AND 6", true),
    ] {
        assert_eq!(fits(text, row()), expected, "{text}");
    }
}

#[test]
fn rows_are_selected_sorted_and_cut() {
    let rows: Vec<Row> =
        [3, 1, 2, 1].iter().enumerate().map(|(at, n)| Row(json!({ "n": n, "at": at }))).collect();
    let select = |text| Filter::parse_text(text).unwrap().bind(&[]).unwrap().select(&rows, now());
    assert_eq!(select(""), [0, 1, 2, 3]);
    assert_eq!(select("ORDER BY n"), [1, 3, 2, 0]);
    assert_eq!(select("n < 3 ORDER BY n DESC, at DESC LIMIT 2"), [2, 3]);
}

#[test]
fn a_filter_survives_storing() {
    let parts = [
        Part::Text("a = 2.0 AND d < DATE_SUB(NOW(), INTERVAL 7 DAY) AND b LIKE '%"),
        Part::Hole,
        Part::Text("'"),
    ];
    let filter = Filter::parse(&parts).unwrap();
    let stored = serde_json::to_string(&filter).unwrap();
    assert_eq!(serde_json::from_str::<Filter>(&stored).unwrap(), filter);
}

fn operand() -> impl Strategy<Value = Operand> {
    prop_oneof![
        "\\PC{1,6}".prop_map(|name| Operand::Column(name.replace(['$', '{'], "x"))),
        Just(Operand::Call(Function::Lower, vec![Operand::Column("name".into())])),
        Just(Operand::Call(
            Function::DateAdd(Unit::Month),
            vec![Operand::Call(Function::Now, vec![]), Operand::Constant(Constant::Number(3.into()))]
        )),
    ]
}

fn constant() -> impl Strategy<Value = Operand> {
    prop_oneof![
        any::<i64>().prop_map(|int| Constant::Number(int.into())),
        proptest::num::f64::NORMAL.prop_map(|float| Constant::Number(Number::Float(float))),
        any::<bool>().prop_map(Constant::Boolean),
        Just(Constant::Null),
        "\\PC{0,8}".prop_map(Constant::Text),
    ]
    .prop_map(Operand::Constant)
}

fn condition() -> impl Strategy<Value = Condition> {
    let operator = prop_oneof![
        Just(Comparison::Equal),
        Just(Comparison::NotEqual),
        Just(Comparison::AtMost),
        Just(Comparison::Like),
        Just(Comparison::StartsWith),
        Just(Comparison::Contains),
    ];
    let leaf = prop_oneof![
        (operand(), operator, constant()).prop_map(|(left, operator, right)| Condition::Compare {
            left,
            operator,
            right
        }),
        (operand(), proptest::collection::vec(constant(), 0..3))
            .prop_map(|(left, list)| Condition::In { left, list }),
        operand().prop_map(Condition::IsNull),
        any::<bool>().prop_map(Condition::Always),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Condition::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Condition::Or),
            inner.prop_map(|one| Condition::Not(Box::new(one))),
        ]
    })
}

proptest! {
    #[test]
    fn a_printed_filter_reads_back(condition in condition(), column in "\\PC{1,5}", descending: bool, limit: Option<u64>) {
        let filter = Filter { condition: Some(condition), order: vec![Order { column, descending }], limit: limit.map(Limit::Rows), holes: 0 };
        let text = filter.to_string();
        let read = Filter::parse_text(&text);
        prop_assert_eq!(read, Ok(filter), "{}", text);
    }

    #[test]
    fn a_value_never_changes_the_tree(value: String, other: String) {
        for parts in [&[Part::Text("a='"), Part::Hole, Part::Text("' AND b>1")][..], &[Part::Text("a="), Part::Hole, Part::Text(" AND b>1")]] {
            let bound = Filter::parse(parts).unwrap().bind(&[Constant::Text(value.clone())]).unwrap();
            let row = Row(json!({ "a": value, "b": 2 }));
            prop_assert!(bound.matches(&row, now()));
            let row = Row(json!({ "a": format!("{value}{other}!"), "b": 2 }));
            prop_assert!(!bound.matches(&row, now()));
        }
    }

    #[test]
    fn no_text_is_too_odd(text: String, likely in "([a-c]{1,2}|=|<|'|\"|\\(|\\)|,| |AND|OR|NOT|IN|IS|NULL|LIKE|ORDER BY|LIMIT|[0-9]|NOW\\(|DATE_ADD\\(|INTERVAL|\\[|`){0,14}") {
        for text in [text, likely] {
            let _ = has_operator(&text);
            for parts in [&[Part::Text(&text)][..], &[Part::Text(&text), Part::Hole], &[Part::Text("a="), Part::Hole, Part::Text(&text)]] {
                match Filter::parse(parts) {
                    Ok(filter) => {
                        let values = vec![Constant::Number(1.into()); filter.holes];
                        if let Ok(bound) = filter.bind(&values) {
                            bound.matches(&Row(json!({ "a": 1 })), now());
                        }
                    }
                    Err(error) => prop_assert!(error.part < parts.len()),
                }
            }
        }
    }
}
