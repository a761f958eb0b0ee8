//! Tables, rows and files.

use super::Gives::{Nothing, Value};
use super::Row;
use super::Tier::{One, Three, Two};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row("FIND|FIND ALL", "table:word [~filter] [value]", "WHERE condition; ORDER BY order; LIMIT value; FIRST", Value, One, "data.read",
        "The rows of a table: all, or those that a filter lets through. The filter is a text, also after WITH, a column and a value, or a condition after WHERE, in which the left sides are columns and the right sides expressions of the script. ORDER BY sorts, with DESC downwards; LIMIT takes so many rows; FIRST takes one. The result is an array of objects, of which `rows.field` reads the first row's; without rows it is false, `IS NULL`, and its fields are null. The table is one that TABLE declares, a file of the data folder such as `\"staff.csv\"`, or a table of a connection as `\"connection.table\"`; a leading dot is ignored. A table that does not exist is an error, a file that does not exist gives no rows, and more rows than the limit allows are an error.",
        r#"orders = FIND "orders" WHERE status = "open" ORDER BY date DESC LIMIT 10
TALK UBOUND(orders) + " open, the last is " + orders.dish   ' -> 2 open, the last is fish
small = FIND "orders", "total < 10 AND who = bo"
TALK small[0].dish                                          ' -> rice
ann = FIND "orders", "who", "ann"
TALK SUM(ann, "total")                                      ' -> 32.5
who = "zoe"
IF NOT FIND("orders", "who=${who}") THEN TALK "none"        ' -> none
all = FIND "orders"
one = FIND ALL "orders" WITH "status=open" FIRST"#),
    Row("SAVE|UPSERT", "table:word [values:keyed...]", "WITH fields", Value, One, "data.write",
        "Stores a row and gives its id. An object whose key is in the table changes the fields of that row that it has, any other is inserted; a missing `id` is generated and written back into the object. `SAVE table, key, object` stores under a key, `SAVE table, array` every element. Where several arguments are all names or members, the columns take these names; other values go to the declared columns in their order. `WITH column AS value` names the columns. A file of the data folder that does not exist is created; a table that does not exist is an error.",
        r#"order = #{ dish: "soup", who: "zoe" }
SAVE "orders", order
TALK order.id + " " + order.dish    ' -> id-1 soup
dish = "tea"
who = "bo"
total = 3
SAVE "orders", dish, who, total
id = SAVE "orders" WITH dish AS "rice", total AS 8
rows = FIND "orders", "total = 3"
TALK rows.dish                      ' -> tea"#),
    Row("INSERT INTO|INSERT", "table:word [values:fields...]", "VALUES values; WITH fields", Value, One, "data.write",
        "Inserts an object as a row and gives it with its id. The object follows after VALUES or as an argument; `WITH column = value` names the columns; several names save a record of them, as SAVE does. A key that exists already is an error.",
        r#"row = INSERT INTO "orders" VALUES #{ dish: "soup", total: 12 }
TALK row.id + " " + row.total   ' -> id-1 12
INSERT INTO "orders" WITH dish = "rice", total = 8
INSERT "orders", #{ dish: "tea" }"#),
    Row("UPDATE", "table:word [filter] [values:fields...]", "SET fields; WITH fields; WHERE condition", Value, One, "data.write",
        "Changes rows and gives their number. SET, or `WITH column AS value`, names the columns and their new values; WHERE chooses the rows, in whose condition the left sides are columns. Instead, the second argument is a filter, or, without an operator, a key; then follow an object with the new values, a column and its value, or names whose values go to the columns of those names. No row that fits gives 0.",
        r#"n = UPDATE "orders" SET status = "done", total = 10 WHERE who = "ann"
TALK n                        ' -> 2
UPDATE "orders", "dish=rice", #{ status: "open" }
UPDATE "orders", 2, #{ total: 9 }
UPDATE "orders" WITH status AS "paid" WHERE id = 3
rows = FIND "orders", "id=2"
TALK rows.status + " " + rows.total   ' -> open 9"#),
    Row("DELETE|DELETE FROM", "target:word [filter]", "WHERE condition", Value, One, "data.write",
        "Deletes the rows of a table that a filter or a condition after WHERE chooses, and gives their number. Without one it is refused; `WHERE TRUE` deletes all. With one argument alone that is an address it is an HTTP DELETE, and with one that is a path it deletes a file.",
        r#"TALK DELETE FROM "orders" WHERE status = "done"   ' -> 1
DELETE "orders", "total > 15"
DELETE FROM "orders" WHERE TRUE"#),
    Row("MERGE", "table:word [rows] [key]", "WITH value; BY word", Value, One, "data.write",
        "Inserts many rows into a table, or updates those whose key is there, and gives `{inserted, updated}`. The rows are an array of objects; their nested members become columns such as `address_city`. The key is the name of a column, after BY or as the third argument. Of two arrays in memory it gives both without equal elements.",
        r#"MERGE "prices" WITH [#{ sku: "A", price: 2 }, #{ sku: "B", price: 3 }] BY sku
MERGE "prices", [#{ sku: "A", price: 4 }], "sku""#),
    Row("FILTER", "rows [filter]", "WHERE condition", Value, One, "language",
        "The rows of an array, or of a result of FIND, that a filter lets through, as an array. The filter is a text as for FIND; variables in `${}` or joined with `+` are values in it and cannot change it.",
        r#"rows = FILTER([#{ a: 1, k: "x" }, #{ a: 2, k: "y" }], "a>1 AND k=y")
TALK rows             ' -> [{"a":2,"k":"y"}]
least = 2
rows = FILTER rows, "a >= " + least
TALK UBOUND(rows)     ' -> 1"#),
    Row("AGGREGATE", "operation rows field [filter]", "", Value, One, "data.read",
        "One number of a field of rows: the operation is SUM, AVG, COUNT, MIN or MAX. Instead of rows it takes the name of a table: `AGGREGATE table, operation, field, filter`, where the filter may be left out. Another operation is an error.",
        r#"TALK AGGREGATE("SUM", [#{ a: 1 }, #{ a: 2 }], "a")   ' -> 3
orders = FIND "orders"
most = AGGREGATE "MAX", orders, "total"
TALK most                                            ' -> 20"#),
    Row("GROUP BY", "rows field", "", Value, Two, "language",
        "An object that has, for each value of a field, the rows with that value.",
        r#"g = GROUP BY FIND("orders"), "who"
TALK UBOUND(g.ann) + " " + g.bo[0].dish   ' -> 2 rice"#),
    Row("PIVOT", "rows row column [value]", "", Value, Two, "language",
        "Rows that have one row for each value of the field `row`, and a column for each value of the field `column`. In the cells stands the sum of the field `value`, or without it how many rows there are.",
        r#"orders = FIND "orders"
TALK PIVOT(orders, "who", "status")[0]            ' -> {"who":"ann","open":2}
TALK PIVOT(orders, "who", "status", "total")[1]   ' -> {"who":"bo","done":8}"#),
    Row("MAP", "rows mapping", "", Value, Two, "language",
        "The rows with other field names: the mapping is a text of `old->new` parted by commas. Fields that it does not name stay.",
        r#"TALK MAP([#{ a: 1, b: 2 }], "a->x, b->y")   ' -> [{"x":1,"y":2}]"#),
    Row("FILL", "rows [template]", "", Value, Two, "language",
        "A template, an object or a text, in which `{{field}}` and `${field}` are replaced by the fields of the first row. A field that is missing becomes empty.",
        r#"f = FILL([#{ name: "Ann", n: 3 }], #{ text: "Dear {{name}}, you have {{n}}." })
TALK f.text   ' -> Dear Ann, you have 3."#),
    Row("GET LAST", "table:word", "", Value, Three, "data.read",
        "The row that came last into a table, such as the event that made a handler run; null where there is none.",
        r#"change = GET LAST "folder_change_events"
IF change THEN TALK change.file_name"#),
    Row("SAVE FROM UNSTRUCTURED", "table:word text", "", Value, One, "data.write",
        "Stores what a text says as a row. An object or a text of JSON is stored as it is; from prose the model takes the values of the table's columns. It gives the row with its id.",
        r#"SAVE FROM UNSTRUCTURED "orders", "two soups for Ann""#),
    Row("QUERY", "sql", "", Value, Two, "data.read",
        "The rows that a SQL statement reads from the declared tables. What `${}` brings in is bound as a value and never becomes part of the statement. A statement that writes is refused.",
        r#"age = 30
rows = QUERY "SELECT name FROM staff WHERE age > ${age}"
TALK UBOUND(rows)"#),
    Row("SELECT", "sql", "ROWS fields", Value, Two, "data.read",
        "The rows that a SQL statement gives over rows in memory and declared tables. It stands without quotes and takes the rest of the line, and of following lines that begin with JOIN, WHERE, GROUP, HAVING, ORDER or LIMIT; the names of variables with rows are tables in it.",
        r"rows = SELECT name FROM staff
    WHERE age > 30
    ORDER BY name
TALK UBOUND(rows)"),
    Row("QUERY METRICS", "name:word", "FOR word; BY word; OFFSET value", Value, Two, "insight.read",
        "The values of a metric over a time, as an array of `{time, value}`. FOR says the time, such as `\"7d\"`; BY the interval of the values, such as `\"day\"`; OFFSET lies so many times further back.",
        r#"m = QUERY METRICS "visits" FOR "7d" BY "day"
before = QUERY METRICS "visits" FOR "7d" OFFSET 1
TALK SUM(m, "value") - SUM(before, "value")"#),
    Row("RECORD METRIC", "name:word [value]", "WITH fields", Nothing, Two, "insight.write",
        "Records a value of a metric now, 1 where none is given. WITH adds names and values that it can be told apart by.",
        r#"RECORD METRIC "visits"
RECORD METRIC "sales", 12.5
RECORD METRIC "visits" WITH count = 1, channel = "web""#),
    Row("CREATE INDEX|CREATE UNIQUE INDEX", "name:word", "ON word", Nothing, One, "data.define",
        "Declares an index on columns of a table, beside TABLE. It is made when the script is compiled and does nothing when it runs. UNIQUE refuses two rows with equal values.",
        r"CREATE INDEX by_date ON orders(date)
CREATE UNIQUE INDEX by_name ON staff(name, age)"),
    Row("SYNCHRONIZE", "address:word table:word key:word [page] [limit]", "", Value, Three, "data.write",
        "Imports a list of another server, page by page, into a table: rows whose key is there are updated, others inserted. `page` and `limit` are the names of the parameters for the number of a page and its size. The variable `REPORT` has the result. A path and names may stand without quotes.",
        r#"SYNCHRONIZE "https://example.com/items", "items", "id", "page", "limit""#),
    Row("RESET REPORT", "", "", Nothing, Three, "data.read",
        "Empties the report of the last synchronization.",
        "RESET REPORT"),
    Row("LOG", "name [values]", "", Nothing, Two, "audit",
        "Writes a row into the audit log, under a name and with an object of values.",
        r#"LOG "login", #{ who: "ann" }"#),
    Row("LOG INFO|LOG DEBUG", "message", "", Nothing, Two, "dialog",
        "Writes a line to the log of the bot, as PRINT does.",
        r#"LOG_INFO "the import begins""#),
    Row("LOG WARN|LOG WARNING", "message", "", Nothing, Two, "dialog",
        "Writes a warning to the log of the bot.",
        r#"LOG_WARN "some rows were empty""#),
    Row("LOG ERROR", "message", "", Nothing, Two, "dialog",
        "Writes an error to the log of the bot; the script goes on.",
        r#"LOG_ERROR "the import stopped""#),
    Row("LOG ACTIVITY", "values...", "", Nothing, Two, "audit",
        "Writes an activity into the audit log: what it is about and what happened.",
        r#"LOG ACTIVITY "order", "shipped""#),

    Row("READ", "path", "", Value, Two, "files.read",
        "The text of a file of the drive; for PDF and office files the text in them. A file that does not exist is an error; `GET path` gives null instead.",
        r#"TALK READ("notes.txt")   ' -> Call Bo"#),
    Row("CREATE FILE", "path [~content]", "", Nothing, Two, "files.write",
        "Writes a file of the drive as WRITE does, with the content after WITH or as the second argument; without one it is empty.",
        r#"CREATE FILE "notes/today.txt" WITH "Call Bo""#),
    Row("WRITE", "path [value]", "TO value", Nothing, One, "files.write",
        "Writes a file of the drive, in place of one that is there. Texts are written as they are, rows as the ending of the name says (`.csv`, `.xlsx`, `.json`), other values as JSON. `WRITE value TO path` is the same. Folders that do not exist are made; a path outside of the drive is refused.",
        r#"WRITE "notes.txt", "hello"
TALK READ("notes.txt")   ' -> hello"#),
    Row("LIST", "path", "", Value, Two, "files.read",
        "The names of the files and folders in a folder of the drive, as an array.",
        r#"FOR EACH name IN LIST "reports"
    TALK name
NEXT"#),
    Row("DIR", "[path]", "", Value, Two, "files.read",
        "The entries of a folder of the drive, of the drive itself where none is named, as an array of `{name, path, size, modified}`.",
        r#"FOR EACH entry IN DIR("reports")
    TALK entry.name + ": " + entry.size
NEXT"#),
    Row("COPY", "from ~to", "", Value, Two, "files.write",
        "Copies a file of the drive. Where the second path is taken, its file is replaced; a first that does not exist is an error.",
        r#"COPY "a.txt", "b.txt""#),
    Row("MOVE", "from ~to", "", Value, Two, "files.write",
        "Moves a file of the drive, or gives it another name. A file that does not exist is an error.",
        r#"MOVE "a.txt" TO "old/a.txt""#),
    Row("DELETE FILE", "path", "", Nothing, Two, "files.write",
        "Deletes a file of the drive. A file that does not exist is an error.",
        r#"DELETE FILE "a.txt""#),
    Row("COMPRESS", "files archive", "", Value, Two, "files.write",
        "Packs files of the drive into an archive, and gives it as a file. The files are one path or an array; the archive is the argument that ends in `.zip`, so either order is right.",
        r#"COMPRESS ["a.txt", "b.txt"], "both.zip""#),
    Row("EXTRACT", "archive [~folder]", "", Value, Two, "files.write",
        "Unpacks an archive of the drive into a folder, or beside itself, and gives the paths of what was in it.",
        r#"EXTRACT "both.zip", "out""#),
    Row("DOWNLOAD", "address [~path]", "", Value, One, "http",
        "Fetches a file from an address into the drive, under its own name or the path given, and gives it as a file with `name`, `path`, `url`, `size` and `mime_type`. A status of 400 or more is an error.",
        r#"f = DOWNLOAD "https://example.com/menu.pdf", "menus/today.pdf"
SEND FILE f"#),
    Row("UPLOAD", "file [~path]", "", Value, One, "files.write",
        "Puts a file, such as one that HEAR gave, into the drive, under its own name or the path given, and gives it as a file whose `url` can be sent on.",
        r#"u = UPLOAD "a.txt" TO "public/a.txt"
TALK u.url"#),
    Row("EXCEL", "rows", "", Value, Two, "files.write",
        "Rows as a spreadsheet file with a header row, for SEND FILE, WRITE or an attachment.",
        r#"SEND FILE EXCEL([#{ dish: "soup", n: 2 }])"#),
    Row("GENERATE PDF", "[template] [value] [output] [more...]", "WITH TEMPLATE|TEMPLATE value; DATA value", Value, One, "files.write",
        "Makes a PDF file of the drive from a template and an object of values, and gives `{url, path}`. `GENERATE PDF output WITH TEMPLATE template DATA values` and `GENERATE_PDF template, values, output` are the same. A template that does not exist is an error; a value that is missing is left empty.",
        r#"pdf = GENERATE PDF "bill.pdf" WITH TEMPLATE "bill.html" DATA #{ total: 5 }
TALK pdf.url
GENERATE_PDF "bill.html", #{ total: 5 }, "bill.pdf""#),
    Row("MERGE PDF", "files output", "", Value, Two, "files.write",
        "Joins PDF files of the drive, an array of paths, into one, and gives `{url, path}`.",
        r#"MERGE PDF ["a.pdf", "b.pdf"], "ab.pdf""#),
    Row("GENERATE SECURE LINK", "path [unit:word]", "EXPIRES value; DAYS; HOURS; MINUTES", Value, Two, "files.read",
        "An address under which everybody can fetch a file of the drive until it ends. EXPIRES says after how many DAYS, HOURS or MINUTES; without it after one day.",
        r#"url = GENERATE SECURE LINK "bill.pdf" EXPIRES 7 DAYS
TALK url"#),
    Row("GENERATE CODE", "digits", "", Value, Two, "language",
        "A random code of so many digits, as a text that keeps its leading zeros.",
        "TALK GENERATE CODE(6)"),
    Row("QR CODE|QRCODE", "text", "", Value, Two, "files.write",
        "A picture of a QR code with a text, as a file.",
        r#"SEND FILE QR CODE("https://example.com")"#),
    Row("IMPORT", "path [~table]", "", Value, Three, "data.write",
        "Imports a file of the drive with a header row into a table, the one of the file's name where none is given, and gives the number of rows.",
        r#"IMPORT "staff.csv", "staff""#),
    Row("EXPORT", "table [~path]", "", Value, Three, "data.read",
        "Exports a table into a file of the drive, in the format of the path's ending or as CSV, and gives it as a file.",
        r#"EXPORT "staff" TO "staff.xlsx""#),
];
