//! Tables as scripts declare them.

use proptest::prelude::*;

use super::*;

fn read(line: &str) -> String {
    match TableLine::parse(line) {
        Ok(TableLine::Column(column)) => column.to_string(),
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("{}: {error}", error.offset),
    }
}

#[test]
fn columns_in_both_styles() {
    for (line, expected) in [
        ("id number key", "id integer key"),
        ("id uuid PRIMARY KEY DEFAULT uuid_generate_v4(),", "id uuid key DEFAULT uuid_generate_v4()"),
        ("FIELD name AS string(50) NOT NULL", "name string(50) NOT NULL"),
        ("field string", "field text"),
        ("field string unique", "field text UNIQUE"),
        ("price number(10,2) default 0.5", "price decimal(10,2) DEFAULT 0.5"),
        ("stock bigint DEFAULT -1", "stock bigint DEFAULT -1"),
        ("note string(max)", "note text"),
        ("tags varchar(20)[]", "tags json"),
        (
            "at timestamp DEFAULT NOW() READ BY \"admin; hr\" WRITE BY \"admin\"",
            "at datetime DEFAULT NOW() READ BY \"admin;hr\" WRITE BY \"admin\"",
        ),
        (
            "owner users REFERENCES users(id) ON DELETE CASCADE",
            "owner users REFERENCES users(id) ON DELETE CASCADE",
        ),
        ("status string default \"open\"", "status text DEFAULT \"open\""),
        ("UNIQUE(a, b)", "Unique([\"a\", \"b\"])"),
        ("PRIMARY KEY (a, b)", "Key([\"a\", \"b\"])"),
        ("CHECK (qty >= 0 AND (a = 'x')),", "Check(\"qty >= 0 AND (a = 'x')\")"),
        ("unique string", "unique text"),
        ("x", "x text"),
        ("x (", "2: expected a type"),
        ("total* double CHECK (total > 0)", "total double"),
        ("n text GENERATED ALWAYS AS (a || b) STORED", "n text"),
        ("(a, b)", "Nothing"),
        ("", "0: expected a column name"),
        ("x number(10", "11: expected a number or `)`"),
        ("x string NOT", "12: expected NULL after NOT"),
        ("x string banana", "9: expected a column option or the end of the line"),
        ("x string READ BY admin", "17: expected a string of roles"),
        ("UNIQUE(a", "8: expected `,` or `)`"),
    ] {
        assert_eq!(read(line), expected, "{line}");
    }
}

#[test]
fn strings_keep_what_their_escapes_mean() {
    assert_eq!(read(r#"note string default "a\"b\nc \q""#), r#"note text DEFAULT "a\"b\nc \\q""#);
    assert_eq!(read("note string default 'it''s"), "24: expected a column option or the end of the line");
    let mut table = Table::default();
    table.read_header(r#"READ BY "a; b,c" WRITE BY "d""#).unwrap();
    assert_eq!(
        (table.read_by, table.write_by),
        (vec!["a".into(), "b".into(), "c".into()], vec!["d".to_owned()])
    );
}

fn table(name: &str, lines: &[&str]) -> Table {
    let mut table = Table { name: name.into(), ..Table::default() };
    for line in lines {
        table.read_line(line).unwrap();
    }
    table
}

#[test]
fn resolving_settles_names_of_tables_and_says_what_is_odd() {
    let mut orders = table(
        "Orders",
        &["id number key", "who CUSTOMERS", "shape blob", "ID string", "UNIQUE(id, who)", "UNIQUE(id, nope)"],
    );
    orders.indexes.push(Index { name: "by_x".into(), columns: vec!["x".into()], unique: false });
    let mut schema =
        Schema { tables: vec![orders, table("customers", &["id number key"]), table("orders", &[])] };

    let findings = schema.resolve(&[]);
    let problems: Vec<String> = findings.iter().map(|finding| finding.problem.to_string()).collect();
    let parts: Vec<(usize, TablePart)> =
        findings.iter().map(|finding| (finding.table, finding.part)).collect();

    let expected = [
        "table orders is declared twice; only the first declaration counts",
        "Orders.shape: unknown type blob, taken as text",
        "Orders.ID is declared twice; only the first declaration counts",
        "Orders has no column nope, which UNIQUE names",
        "Orders has no column x, which by_x names",
    ];
    assert_eq!(problems, expected);
    let expected = [
        (2, TablePart::Whole),
        (0, TablePart::Column(2)),
        (0, TablePart::Column(3)),
        (0, TablePart::Unique(1)),
        (0, TablePart::Index(0)),
    ];
    assert_eq!(parts, expected);
    let orders = schema.table("ORDERS").unwrap();
    assert_eq!(orders.column("WHO").unwrap().kind, ColumnType::Reference("customers".into()));
    assert_eq!((orders.columns.len(), orders.unique.len(), orders.indexes.len()), (3, 1, 0));
    assert_eq!(schema.clone().resolve(&[]), []);
}

#[test]
fn a_table_of_another_script_is_no_unknown_type() {
    let mut schema = Schema { tables: vec![table("orders", &["who CUSTOMERS"])] };
    assert_eq!(schema.resolve(&["Customers"]), []);
    assert_eq!(schema.tables[0].columns[0].kind, ColumnType::Reference("Customers".into()));
}

#[test]
fn a_schema_survives_storing() {
    let mut schema = Schema {
        tables: vec![
            table(
                "date",
                &["id uuid key", "d decimal", "n number(5,0) default 2", "s string(9) default \"x\""],
            ),
            table("t", &["d date", "r date"]),
        ],
    };
    schema.tables[1].columns[1].kind = ColumnType::Reference("date".into());
    let stored = serde_json::to_string(&schema).unwrap();
    assert_eq!(serde_json::from_str::<Schema>(&stored).unwrap(), schema);
}

proptest! {
    #[test]
    fn a_printed_column_reads_back(name in "[a-z_][a-z0-9_]{0,9}", pick in 0_usize..12, numbers in (1_u32..99, 0_u32..9), flags: [bool; 4], default in "[a-zA-Z ]{0,6}") {
        let types = ["string", "text", "char", "number", "bigint", "double", "decimal", "boolean", "date", "datetime", "time", "uuid"];
        let (n, p) = (numbers.0.to_string(), numbers.1.to_string());
        for arguments in [&[][..], &[n.as_str()], &[n.as_str(), p.as_str()]] {
            let column = Column {
                key: flags[0],
                not_null: flags[1],
                unique: flags[2],
                default: flags[3].then(|| ColumnDefault::Text(default.clone())),
                ..Column::new(format!("c{name}"), ColumnType::parse(types[pick], arguments))
            };
            let text = column.to_string();
            prop_assert_eq!(TableLine::parse(&text), Ok(TableLine::Column(Box::new(column))), "{}", text);
        }
    }

    #[test]
    fn no_line_is_too_odd(line in "\\PC{0,3}(FIELD|UNIQUE|CHECK|PRIMARY|KEY|NOT|NULL|DEFAULT|ON|BY|READ|x|string|,|\\(|\\)|\\[|\\]|\"a\"|-|5| ){0,12}") {
        if let Err(error) = TableLine::parse(&line) {
            prop_assert!(line.is_char_boundary(error.offset));
        }
        let _ = Table::default().read_header(&line);
    }
}
