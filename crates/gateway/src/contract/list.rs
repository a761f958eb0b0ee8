//! The parameters of a list, from the specification that its queries are read by.

use kernel::list::{
    Cursor, DEFAULT_LIMIT, FilterField, ListSpec, Listed, MAX_CURSOR, MAX_LIMIT, MAX_OFFSET, MAX_SEARCH,
    MAX_VALUES, Order, SortValue, Takes,
};
use serde_json::{Value, json};
use utoipa::{
    IntoParams,
    openapi::{
        ArrayBuilder, KnownFormat, ObjectBuilder, RefOr, Required, Schema, SchemaFormat, Type,
        path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle},
    },
};

use crate::ListQuery;

impl<L: Listed> IntoParams for ListQuery<L> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        parameters(&L::SPEC)
    }
}

fn parameters(spec: &ListSpec) -> Vec<Parameter> {
    let mut parameters = paging(spec);
    if let Some(through) = spec.search {
        let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(MAX_SEARCH));
        let text = text.pattern(Some(r"^[^\u0000-\u001f\u007f-\u009f]*$"));
        let about = format!("A text to look for in {through}.");
        parameters.push(query("search", about, text.build().into(), json!("book")).build());
    }
    parameters.extend(spec.filters.iter().map(filter));
    parameters
}

fn paging(spec: &ListSpec) -> Vec<Parameter> {
    let whole = |least: usize, most: usize, default: Option<u32>| {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(least))
            .maximum(Some(most))
            .default(default.map(Value::from))
            .build()
            .into()
    };
    let sorts: Vec<_> = spec.sorts.iter().map(|sort| sort.name).collect();
    let first = spec.sorts.first();
    let (first, order) = first.map_or(("created_at", Order::Desc), |sort| (sort.name, sort.default_order));
    let cursor = Cursor { value: SortValue::Integer(1_769_860_800_000_000), id: [1; 16], skip: 0 };
    let opaque = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(MAX_CURSOR))
        .pattern(Some("^[A-Za-z0-9_-]+$"))
        .build();
    let defaults: Vec<_> = spec
        .sorts
        .iter()
        .map(|sort| {
            format!("`{}` {}", sort.name, if sort.default_order == Order::Asc { "asc" } else { "desc" })
        })
        .collect();
    vec![
        query(
            "limit",
            "Results on the page.",
            whole(1, MAX_LIMIT as usize, Some(DEFAULT_LIMIT)),
            json!(DEFAULT_LIMIT),
        ),
        query(
            "offset",
            // Without a default in the schema, which clients would send beside a cursor.
            "Results to skip, 0 if absent. Deeper pages are walked by `cursor`.",
            whole(0, MAX_OFFSET as usize, None),
            json!(0),
        ),
        query(
            "cursor",
            "`next_cursor` of the page before, instead of `offset`; with the same `sort` and `order`.",
            opaque.into(),
            json!(cursor.encode(first, order)),
        ),
        query("sort", "The field to sort by.", one_of(&sorts, Some(first)), json!(first)),
        query(
            "order",
            format!("The direction. If absent, each field has its own: {}.", defaults.join(", ")),
            one_of(&["asc", "desc"], None),
            json!(if order == Order::Asc { "asc" } else { "desc" }),
        ),
        query(
            "count",
            "How `total` counts: `true` up to 1,000, `exact` all, `false` not at all. \
             If absent, the first page counts and those reached by cursor don't.",
            one_of(&["true", "exact", "false"], None),
            json!("true"),
        ),
    ]
    .into_iter()
    .map(ParameterBuilder::build)
    .collect()
}

fn filter(field: &FilterField) -> Parameter {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let (schema, example, several): (Schema, Value, bool) = match field.takes {
        Takes::OneOf(values) => (one_of(values, None), json!([values.first()]), true),
        Takes::Ids(prefix) => {
            let id = text().pattern(Some(kernel::id::pattern(prefix)));
            (id.build().into(), json!([kernel::id::example(prefix)]), true)
        }
        Takes::Texts => (text().pattern(Some(r"^[^,\s]+$")).build().into(), json!(["text"]), true),
        Takes::Flag => (ObjectBuilder::new().schema_type(Type::Boolean).build().into(), json!(true), false),
        Takes::Time => {
            let time = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
            (time.build().into(), json!("2026-01-31T12:00:00Z"), false)
        }
        Takes::Day => {
            let day = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)));
            (day.build().into(), json!("2026-01-31"), false)
        }
        Takes::Whole(least, most) => {
            let number = ObjectBuilder::new().schema_type(Type::Integer);
            let number = number.minimum(Some(least as usize)).maximum(Some(most as usize)).build();
            (number.into(), json!(least), false)
        }
    };
    let name = format!("filter[{}]", field.name);
    if !several {
        return query(&name, field.about, schema, example).build();
    }
    let list =
        ArrayBuilder::new().items(RefOr::T(schema)).min_items(Some(1)).max_items(Some(MAX_VALUES)).build();
    query(&name, format!("{} Several are parted by commas.", field.about), list.into(), example)
        .style(Some(ParameterStyle::Form))
        .explode(Some(false))
        .build()
}

fn one_of(values: &[&str], default: Option<&str>) -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(values.iter().copied()))
        .default(default.map(Value::from))
        .build()
        .into()
}

fn query(name: &str, about: impl Into<String>, schema: Schema, example: Value) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(schema))
        .example(Some(example))
}
