//! Schemas and arguments as models meet them.

use chrono::{DateTime, FixedOffset};
use proptest::prelude::*;

use super::*;
use crate::scalar::{Date, Number, date};

fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2025-03-14T09:30:00Z").unwrap()
}

/// The tool of conformance case 24.
fn quote() -> ToolSpec {
    ToolSpec {
        name: "quote".into(),
        description: Some("Quote a price".into()),
        parameters: vec![
            Parameter {
                example: Some("fax".into()),
                description: Some("What to price".into()),
                ..Parameter::new("product", ParamKind::String)
            },
            Parameter {
                example: Some(2.into()),
                optional: true,
                ..Parameter::new("qty", ParamKind::Integer)
            },
            Parameter {
                choices: vec!["box".into(), "piece".into()],
                ..Parameter::new("unit", ParamKind::Choice)
            },
            Parameter { default: Some("2025-01-01".into()), ..Parameter::new("day", ParamKind::Date) },
        ],
    }
}

const PARAMETERS: &str = concat!(
    r#"{"type":"object","properties":{"product":{"type":"string","description":"What to price","examples":["fax"]},"#,
    r#""qty":{"type":"integer","description":"qty","examples":[2]},"#,
    r#""unit":{"type":"string","description":"unit","enum":["box","piece"]},"#,
    r#""day":{"type":"string","format":"date","description":"day","default":"2025-01-01"}},"#,
    r#""required":["product","unit"],"additionalProperties":false}"#
);

#[test]
fn schemas_keep_the_order_of_the_source() {
    assert_eq!(quote().schema().to_string(), PARAMETERS);
    let openai = format!(
        r#"{{"type":"function","function":{{"name":"quote","description":"Quote a price","parameters":{PARAMETERS}}}}}"#
    );
    assert_eq!(quote().openai().to_string(), openai);
    let open = PARAMETERS.replace(r#","additionalProperties":false"#, "");
    let mcp = format!(r#"{{"name":"quote","description":"Quote a price","inputSchema":{open}}}"#);
    assert_eq!(quote().mcp().to_string(), mcp);
}

#[test]
fn examples_and_defaults_take_the_type_where_they_convert() {
    let schema = |kind, example: Value| {
        Parameter { example: Some(example), ..Parameter::new("x", kind) }.schema()["examples"][0].clone()
    };
    assert_eq!(schema(ParamKind::Integer, "1,200".into()), json!(1200));
    assert_eq!(schema(ParamKind::Integer, "few".into()), json!("few"));
    assert_eq!(schema(ParamKind::Boolean, "yes".into()), json!(true));
    assert_eq!(schema(ParamKind::String, 5.into()), json!("5"));
    assert_eq!(schema(ParamKind::Array, "[1]".into()), json!([1]));
    for (kind, example, expected) in [
        (ParamKind::Date, "15/06/2025", "2025-06-15"),
        (ParamKind::Date, "25 Dec 2024", "2024-12-25"),
        (ParamKind::Date, "2025-06-15T10:00", "2025-06-15"),
        // What day that is depends on when the tool is called.
        (ParamKind::Date, "tomorrow", "tomorrow"),
        (ParamKind::Date, "soon", "soon"),
        (ParamKind::DateTime, "15/06/2025 10:00", "2025-06-15T10:00:00"),
        (ParamKind::DateTime, "2025-06-15 10:00:00-03:00", "2025-06-15T10:00:00-03:00"),
        (ParamKind::DateTime, "today", "today"),
        (ParamKind::Hour, "2:30 PM", "14:30"),
        (ParamKind::Email, "Ann@Example.com", "ann@example.com"),
    ] {
        assert_eq!(schema(kind, example.into()), json!(expected), "{example}");
    }
    let day = Parameter { default: Some("01/02/2025".into()), ..Parameter::new("day", ParamKind::Date) };
    assert_eq!(day.schema()["default"], "2025-02-01");
    let file = Parameter::new("photoFile", ParamKind::File).schema();
    assert_eq!(file["description"], "photo file (file reference)");
}

#[test]
fn arguments_become_values() {
    let given = json!({ "PRODUCT": 17, "unit": "PIECE", "day": "tomorrow" });
    let day = Date::Day(now().date_naive().succ_opt().unwrap());
    let values = vec![
        Argument::Text("17".into()),
        Argument::Null,
        Argument::Text("piece".into()),
        Argument::Date(day),
    ];
    assert_eq!(quote().arguments(&given, now()), Ok(values));

    let given = json!({ "product": "pen", "unit": "box", "qty": 2.0, "day": null });
    let values = quote().arguments(&given, now()).unwrap();
    assert_eq!(values[1], Argument::Number(2.into()));
    assert_eq!(values[3], Argument::Date(date::parse("2025-01-01", *now().offset()).unwrap()));
}

#[test]
fn refusals_name_the_parameter() {
    let refused = |given: Value| quote().arguments(&given, now()).unwrap_err().to_string();
    assert_eq!(refused(json!({ "product": "pen" })), "unit is required");
    assert_eq!(refused(json!({ "product": "pen", "unit": " " })), "unit is required");
    assert_eq!(refused(json!({ "product": "pen", "unit": "crate" })), "unit must be one of: box, piece");
    assert_eq!(refused(json!({ "product": "pen", "unit": "box", "qty": 1.5 })), "qty must be a whole number");
    assert_eq!(refused(json!({ "product": [], "unit": "box" })), "product must be a text");
    let known = "colour is not a parameter; there are: product, qty, unit, day";
    assert_eq!(refused(json!({ "colour": 1 })), known);
    assert_eq!(refused(json!([])), "the arguments must be an object");
}

#[test]
fn kinds_convert_as_hear_does() {
    let convert = |kind, value: Value| Parameter::new("x", kind).argument(Some(&value), now()).ok();
    assert_eq!(
        convert(ParamKind::Money, "R$ 1.234,50".into()),
        Some(Argument::Number(Number::Float(1234.5)))
    );
    assert_eq!(convert(ParamKind::Money, json!(-1)), None);
    assert_eq!(convert(ParamKind::Boolean, json!("sim")), Some(Argument::Boolean(true)));
    assert_eq!(convert(ParamKind::Email, json!("A@B.com")), Some(Argument::Text("a@b.com".into())));
    assert_eq!(convert(ParamKind::Object, json!("{\"a\":1}")), Some(Argument::Json(json!({ "a": 1 }))));
    assert_eq!(convert(ParamKind::Object, json!([1])), None);
    let at = date::parse("2025-03-14 10:00", *now().offset()).unwrap();
    assert_eq!(convert(ParamKind::DateTime, json!("2025-03-14T10:00:00")), Some(Argument::Date(at)));
    assert_eq!(convert(ParamKind::Hour, json!("2pm")), Some(Argument::Text("14:00".into())));
}

proptest! {
    #[test]
    fn no_argument_breaks_any_kind(text: String, int: i64, float: f64) {
        let kinds = ["STRING", "NAME", "INT", "NUMBER", "MONEY", "BOOL", "DATE", "DATETIME", "TIME", "EMAIL", "URL", "UUID",
            "PHONE", "FILE", "LIST", "MAP"].map(|word| ParamKind::from_word(word).unwrap());
        for kind in kinds.into_iter().chain([ParamKind::Choice]) {
            for value in [json!(text), json!(int), json!(float), json!([text]), json!({ "a": text }), json!(null)] {
                let parameter = Parameter { example: Some(value.clone()), choices: vec![text.clone()], ..Parameter::new("x", kind) };
                let _ = parameter.argument(Some(&value), now());
                let _ = parameter.schema();
            }
        }
        let _ = in_words(&text);
        let name = tool_name(&text);
        prop_assert!((1..=64).contains(&name.len()));
    }
}
