//! The table of built-in functions: what runs, and what the reference says of it.

use super::{FunctionSpec, collections, conversions, dates, documents, numbers, texts};

/// As many arguments as a script may want to give.
const ANY: usize = 1000;

macro_rules! functions {
    ($($group:literal { $(
        [$($name:literal),*] $minimum:literal..=$maximum:tt $run:path,
        $signature:literal, $documentation:literal, [$($example:literal => $result:literal),+] $($varies:ident)?;
    )* })*) => {
        /// All functions. Stored programs name them by their place, so changes here change the format.
        pub(crate) static ALL: &[FunctionSpec] = &[$($(FunctionSpec {
            names: &[$($name),*],
            minimum: $minimum,
            maximum: $maximum,
            run: $run,
            group: $group,
            signature: $signature,
            documentation: $documentation,
            examples: &[$(($example, $result)),+],
            varies: !concat!("", $(stringify!($varies))?).is_empty(),
        },)*)*];
    };
}

// A row: names, how many arguments, what runs; the signature, where brackets mark what may be left out; what it does;
// examples with the text they give; `varies` where the result is another one at each call.
functions! {
"Text" {
    ["len", "length"] 1..=1 texts::length, "LEN(value)",
        "How many characters a text has, elements an array has, or fields an object has. Other values count the characters of their text.",
        [r#"LEN("Grüße")"# => "5", "LEN([4, 5, 6])" => "3", "LEN(NULL)" => "0"];
    ["left"] 2..=2 texts::left, "LEFT(text, count)",
        "The first `count` characters of a text; all of it where it is shorter.",
        [r#"LEFT("straw", 2)"# => "st"];
    ["right"] 2..=2 texts::right, "RIGHT(text, count)",
        "The last `count` characters of a text; all of it where it is shorter.",
        [r#"RIGHT("straw", 3)"# => "raw"];
    ["mid", "substring", "substr"] 2..=3 texts::mid, "MID(value, start[, count])",
        "A part of a text or of an array: `count` characters or elements from `start` on, or all that follow. The first character of a text is number 1, the first element of an array number 0. Empty where `start` lies behind the end.",
        [r#"MID("xyz", 2)"# => "yz", r#"MID("bicycle", 3, 3)"# => "cyc", "MID([10, 20, 30], 1, 2)" => "[20,30]"];
    ["instr"] 2..=3 texts::instr, "INSTR([start, ]text, find)",
        "Where `find` stands in `text` for the first time, counted from 1; 0 where it does not. With three arguments the search begins at character `start`. Capital and small letters are different.",
        [r#"INSTR("banana", "na")"# => "3", r#"INSTR(4, "banana", "na")"# => "5", r#"INSTR("banana", "NA")"# => "0"];
    ["ucase", "upper", "uppercase", "toupper"] 1..=1 texts::upper, "UCASE(text)",
        "The text in capital letters.",
        [r#"UCASE("Café")"# => "CAFÉ"];
    ["lcase", "lower", "lowercase", "tolower"] 1..=1 texts::lower, "LCASE(text)",
        "The text in small letters.",
        [r#"LCASE("Café")"# => "café"];
    ["capitalize"] 1..=1 texts::capitalize, "CAPITALIZE(text)",
        "The text with its first letter as a capital and the others as small letters.",
        [r#"CAPITALIZE("hello world")"# => "Hello world"];
    ["trim"] 1..=1 texts::trim, "TRIM(text)",
        "The text without blanks, tabs and line breaks before and after it.",
        [r#""[" + TRIM("  tea ") + "]""# => "[tea]"];
    ["ltrim"] 1..=1 texts::trim_left, "LTRIM(text)",
        "The text without blanks, tabs and line breaks before it.",
        [r#""[" + LTRIM("  tea ") + "]""# => "[tea ]"];
    ["rtrim"] 1..=1 texts::trim_right, "RTRIM(text)",
        "The text without blanks, tabs and line breaks after it.",
        [r#""[" + RTRIM("  tea ") + "]""# => "[  tea]"];
    ["replace"] 3..=3 texts::replace, "REPLACE(text, find, replacement)",
        "The text with every occurrence of `find` replaced. Capital and small letters are different.",
        [r#"REPLACE("a-b-c", "-", " ")"# => "a b c"];
    ["split"] 1..=2 texts::split, "SPLIT(text[, separator])",
        "The parts of a text between its separators, as an array of texts. Without `separator` the text is split at commas. The parts keep their blanks.",
        [r#"SPLIT("a;b;c", ";")"# => r#"["a","b","c"]"#, r#"SPLIT("1,2")"# => r#"["1","2"]"#];
    ["join"] 1..=3 collections::join, "JOIN(array[, separator]) or JOIN(left, right, key)",
        "The elements of an array as one text, with `separator` between them; a comma and a blank where it is left out. With three arguments the first two are rows: each row of `left` together with each row of `right` that has the same value in the field `key`; rows without a partner fall away.",
        [r#"JOIN(["a", "b", "c"], "-")"# => "a-b-c", r#"JOIN(["a", "b"])"# => "a, b",
         r#"JOIN([{ id: 1, a: "x" }], [{ id: 1, b: "y" }, { id: 2, b: "z" }], "id")"# => r#"[{"id":1,"a":"x","b":"y"}]"#];
    ["contains"] 2..=2 texts::contains, "CONTAINS(value, part)",
        "Whether a text contains another, whatever the case of the letters; an array an element; an object a field of that name.",
        [r#"CONTAINS("Strawberry", "BERRY")"# => "true", "CONTAINS([1, 2], 3)" => "false", r#"CONTAINS(#{ a: 1 }, "a")"# => "true"];
    ["startswith", "starts_with"] 2..=2 texts::starts_with, "STARTSWITH(text, beginning)",
        "Whether a text begins with another. Capital and small letters are different.",
        [r#"STARTSWITH("strawberry", "straw")"# => "true"];
    ["endswith", "ends_with"] 2..=2 texts::ends_with, "ENDSWITH(text, ending)",
        "Whether a text ends with another. Capital and small letters are different.",
        [r#"ENDSWITH("bill.pdf", ".pdf")"# => "true"];
    ["chr"] 1..=1 texts::chr, "CHR(code)",
        "The character with a Unicode code point. A number that is none is an error.",
        ["CHR(65)" => "A", "CHR(8364)" => "€"];
    ["asc"] 1..=1 texts::asc, "ASC(text)",
        "The Unicode code point of the first character of a text; 0 for an empty one.",
        [r#"ASC("A")"# => "65", r#"ASC("")"# => "0"];
    ["repeat"] 2..=2 texts::repeat, "REPEAT(text, count)",
        "The text `count` times, one after another.",
        [r#"REPEAT("ab", 3)"# => "ababab"];
    ["extract_between"] 3..=3 texts::between, "EXTRACT_BETWEEN(text, before, after)",
        "What stands between the first `before` and the next `after`; empty where one of them is not there.",
        [r#"EXTRACT_BETWEEN("Order <42> is ready", "<", ">")"# => "42"];
    ["extract_before"] 2..=2 texts::before, "EXTRACT_BEFORE(text, mark)",
        "What stands before the first `mark`; empty where it is not there.",
        [r#"EXTRACT_BEFORE("ann@example.com", "@")"# => "ann"];
    ["extract_after"] 2..=2 texts::after, "EXTRACT_AFTER(text, mark)",
        "What stands after the first `mark`; empty where it is not there.",
        [r#"EXTRACT_AFTER("ann@example.com", "@")"# => "example.com"];
    ["format", "format_date"] 1..=2 texts::format, "FORMAT(value[, pattern])",
        "The value as a text in the form that a pattern shows; without a pattern its plain text. `FORMAT value AS pattern` and `FORMAT value, pattern` are the same without brackets. In patterns of numbers `0` is a digit, `#` a digit that may be missing, `,` groups thousands, `.` is the decimal point, `%` shows percent, `+` forces the sign, and text around stays; `N2`, `C2[pt]` (the language in brackets) and `currency` are short forms. In patterns of dates `YYYY YY` are the year, `MMMM MMM MM M` the month, `DD D` the day, `dddd ddd` the weekday, `HH H` the hour of 24, `hh h` the hour of 12 with `tt` for AM and PM, `mm m` the minute, `ss s` the second, `fff` the thousandths; all else stays. Capital `M` is the month, small `m` the minute. In patterns of texts `@` is a character, `!` makes capitals and `&` small letters. A pattern of single letters such as `Ymd_His` is read as programs of the web do: `i` is the minute and `m` the month, all with leading zeros. `JSON` gives the value as JSON.",
        [r##"FORMAT(1234.5, "#,##0.00")"## => "1,234.50", r#"FORMAT(1234.5, "R$ #,##0.00")"# => "R$ 1,234.50", r#"FORMAT(0.256, "0.0%")"# => "25.6%",
         r#"FORMAT(7, "000")"# => "007", r#"FORMAT(1234.5, "N2")"# => "1,234.50", r#"FORMAT(1234.5, "C2[pt]")"# => "R$ 1.234,50",
         r#"FORMAT("2025-03-14", "DD/MM/YYYY")"# => "14/03/2025", r#"FORMAT(NOW(), "dddd, D MMMM YYYY, h:mm tt")"# => "Friday, 14 March 2025, 9:30 AM",
         r#"FORMAT("tea", "!")"# => "TEA", r#"FORMAT TODAY() AS "MMMM YYYY""# => "March 2025",
         r#"FORMAT([1, "a"]) AS JSON"# => r#"[1,"a"]"#];
}

"Numbers" {
    ["abs"] 1..=1 numbers::abs, "ABS(number)",
        "The number without its sign.",
        ["ABS(-2.5)" => "2.5"];
    ["int", "fix"] 1..=1 numbers::truncate, "INT(number)",
        "The number without its fraction; towards zero for negative numbers too.",
        ["INT(2.9)" => "2", "INT(-2.9)" => "-2"];
    ["round"] 1..=2 numbers::round, "ROUND(number[, digits])",
        "The number rounded to `digits` digits after the point, none where it is left out. A half goes away from zero. Negative digits round before the point.",
        ["ROUND(2.5)" => "3", "ROUND(3.14159, 2)" => "3.14", "ROUND(1234, -2)" => "1200"];
    ["floor"] 1..=1 numbers::floor, "FLOOR(number)",
        "The next whole number that is not larger.",
        ["FLOOR(2.9)" => "2", "FLOOR(-2.1)" => "-3"];
    ["ceil", "ceiling"] 1..=1 numbers::ceil, "CEIL(number)",
        "The next whole number that is not smaller.",
        ["CEIL(2.1)" => "3"];
    ["sqr", "sqrt"] 1..=1 numbers::square_root, "SQR(number)",
        "The square root. A negative number is an error.",
        ["SQR(2.25)" => "1.5"];
    ["sgn"] 1..=1 numbers::sign, "SGN(number)",
        "The sign of a number: -1, 0 or 1.",
        ["SGN(-7)" => "-1"];
    ["mod"] 2..=2 numbers::modulo, "MOD(number, divisor)",
        "The rest of a division, with the sign of the first number; the same as the operator `number MOD divisor`. A divisor of zero is an error.",
        ["MOD(7, 3)" => "1", "MOD(-7, 3)" => "-1"];
    ["pow", "power"] 2..=2 numbers::power, "POW(base, exponent)",
        "The base raised to a power; the same as the operator `base ^ exponent`.",
        ["POW(2, 10)" => "1024"];
    ["exp"] 1..=1 numbers::exp, "EXP(number)",
        "The base of the natural logarithm raised to a power.",
        ["EXP(0)" => "1"];
    ["log"] 1..=1 numbers::log, "LOG(number)",
        "The natural logarithm. A number that is not positive is an error.",
        ["LOG(1)" => "0"];
    ["log10"] 1..=1 numbers::log10, "LOG10(number)",
        "The logarithm to the base of ten. A number that is not positive is an error.",
        ["LOG10(1000)" => "3"];
    ["sin"] 1..=1 numbers::sin, "SIN(angle)",
        "The sine of an angle in radians.",
        ["ROUND(SIN(PI() / 6), 3)" => "0.5"];
    ["cos"] 1..=1 numbers::cos, "COS(angle)",
        "The cosine of an angle in radians.",
        ["COS(0)" => "1"];
    ["tan"] 1..=1 numbers::tan, "TAN(angle)",
        "The tangent of an angle in radians.",
        ["ROUND(TAN(PI() / 4), 3)" => "1"];
    ["atn", "atan"] 1..=1 numbers::arctangent, "ATN(number)",
        "The angle in radians whose tangent is the number.",
        ["ROUND(ATN(1) * 4, 4)" => "3.1416"];
    ["pi"] 0..=0 numbers::pi, "PI()",
        "The ratio of a circle's circumference to its diameter.",
        ["PI()" => "3.141592653589793"];
    ["rnd"] 0..=1 numbers::rnd, "RND()",
        "A random number from 0 up to, but never, 1. An argument is allowed and has no effect.",
        ["RND()" => "0.3873"] varies;
    ["random", "rand"] 0..=2 numbers::random, "RANDOM([low, ]high)",
        "A random whole number: of two numbers one between them, both ends included; of one number `n` one from 0 to n - 1. Without arguments a random number from 0 up to 1 as RND gives it.",
        ["RANDOM(1, 6)" => "4", "RANDOM(10)" => "7"] varies;
    ["max"] 1..=ANY numbers::max, "MAX(values…) or MAX(array) or MAX(rows, field)",
        "The largest of several values, of the elements of an array, or of a field of rows. Nulls are left out; null where nothing is left. Dates and texts are compared in their own order.",
        ["MAX(3, 8)" => "8", "MAX([4, 9, 2])" => "9", r#"MAX([{ n: 4 }, { n: 6 }], "n")"# => "6"];
    ["min"] 1..=ANY numbers::min, "MIN(values…) or MIN(array) or MIN(rows, field)",
        "The smallest of several values, of the elements of an array, or of a field of rows. Nulls are left out; null where nothing is left.",
        ["MIN(3, 8)" => "3", r#"MIN([{ n: 4 }, { n: 6 }], "n")"# => "4"];
    ["sum"] 1..=ANY numbers::sum, "SUM(numbers…) or SUM(array) or SUM(rows, field)",
        "The sum of several numbers, of the elements of an array, or of a field of rows. Nulls are left out; 0 where nothing is left.",
        ["SUM(1, 2, 3)" => "6", "SUM([1.5, 2])" => "3.5", r#"SUM([{ n: 4 }, { n: 6 }], "n")"# => "10"];
    ["avg", "average"] 1..=ANY numbers::average, "AVG(numbers…) or AVG(array) or AVG(rows, field)",
        "The mean of several numbers, of the elements of an array, or of a field of rows. Nulls are left out; null where nothing is left.",
        ["AVG(1, 2)" => "1.5", r#"AVG([{ n: 4 }, { n: 6 }], "n")"# => "5"];
    ["count"] 1..=2 collections::count, "COUNT(value[, field])",
        "How many elements an array or rows have, or fields an object. With a field name, how many rows have a value there. Of a text the number of its characters, 0 of null.",
        ["COUNT([7, 8])" => "2", r#"COUNT([{ n: 4 }, { m: 6 }], "n")"# => "1"];
}

"Dates" {
    ["now"] 0..=0 dates::now, "NOW()",
        "The present instant in the time zone of the conversation. It stands still between two commands. `now` without brackets is the same, unless a variable has that name.",
        ["NOW()" => "2025-03-14 09:30:00"];
    ["today", "date"] 0..=0 dates::today, "TODAY()",
        "The present day in the time zone of the conversation. `today` without brackets is the same, unless a variable has that name.",
        ["TODAY()" => "2025-03-14"];
    ["year"] 1..=1 dates::year, "YEAR(date)",
        "The year of a date. Texts in a form of date are dates here and in all functions of this section.",
        [r#"YEAR("2025-03-14")"# => "2025"];
    ["month"] 1..=1 dates::month, "MONTH(date)",
        "The month of a date, from 1 to 12.",
        [r#"MONTH("14/03/2025")"# => "3"];
    ["day"] 1..=1 dates::day, "DAY(date)",
        "The day of the month, from 1 to 31.",
        [r#"DAY("2025-03-14")"# => "14"];
    ["hour"] 1..=1 dates::hour, "HOUR(date)",
        "The hour of an instant, from 0 to 23; 0 of a day.",
        ["HOUR(NOW())" => "9"];
    ["minute"] 1..=1 dates::minute, "MINUTE(date)",
        "The minute of an instant, from 0 to 59; 0 of a day.",
        ["MINUTE(NOW())" => "30"];
    ["second"] 1..=1 dates::second, "SECOND(date)",
        "The second of an instant, from 0 to 59; 0 of a day.",
        [r#"SECOND("2025-03-14 09:30:15")"# => "15"];
    ["weekday"] 1..=1 dates::weekday, "WEEKDAY(date)",
        "The day of the week, from 1 for Sunday to 7 for Saturday.",
        [r#"WEEKDAY("2025-03-14")"# => "6"];
    ["datevalue", "cdate", "todate"] 1..=1 dates::date_value, "DATEVALUE(text)",
        "The date that a text shows: a day where it has no time, else an instant. A text in no known form is an error; ISDATE tells before.",
        [r#"DATEVALUE("14.03.2025")"# => "2025-03-14", r#"DATEVALUE("2025-03-14T09:30:00Z")"# => "2025-03-14 09:30:00"];
    ["timevalue"] 1..=1 dates::time_value, "TIMEVALUE(value)",
        "The time of day of a text or of a date, as the text `HH:mm:ss`.",
        [r#"TIMEVALUE("2:30 PM")"# => "14:30:00"];
    ["eomonth"] 1..=2 dates::end_of_month, "EOMONTH(date[, months])",
        "The last day of the month of a date, or of the month that many months later; earlier with a negative number.",
        [r#"EOMONTH("2024-02-10")"# => "2024-02-29", r#"EOMONTH("2025-03-14", 1)"# => "2025-04-30"];
    ["format_time"] 1..=1 dates::format_time, "FORMAT_TIME(date)",
        "The time of day of a date, as the text `HH:mm:ss`.",
        ["FORMAT_TIME(NOW())" => "09:30:00"];
    ["dateadd"] 3..=3 dates::add, "DATEADD(date, amount, unit)",
        "The date some units later, or earlier with a negative amount. The units are second, minute, hour, day, week, month and year, also as plural and as `s`, `min`, `h`, `d`, `w`, `m`, `yyyy`. The unit is whichever argument names one, so `DATEADD(date, unit, amount)` and `DATEADD(unit, amount, date)` are the same. A day stays a day where the unit allows it; the end of a month does not run over into the next.",
        [r#"DATEADD("2024-01-31", 1, "month")"# => "2024-02-29", r#"DATEADD("2025-03-14", "day", -7)"# => "2025-03-07", r#"DATEADD(NOW(), 90, "minutes")"# => "2025-03-14 11:00:00"];
    ["datediff"] 2..=3 dates::difference, "DATEDIFF(a, b[, unit])",
        "With a unit the whole units from `a` to `b`, so that a later `b` gives a positive number; `DATEDIFF(unit, a, b)` is the same. With two dates alone the days from `b` to `a`, as SQL counts them. The units are those of DATEADD.",
        [r#"DATEDIFF("2025-03-01", "2025-03-14", "day")"# => "13", r#"DATEDIFF("hour", "2025-03-14 06:00", NOW())"# => "3", r#"DATEDIFF("2025-03-14", "2025-03-01")"# => "13"];
    ["days_between"] 2..=2 dates::days_between, "DAYS_BETWEEN(a, b)",
        "The whole days from `a` to `b`; negative where `b` is earlier.",
        [r#"DAYS_BETWEEN("2025-03-01", "2025-03-14")"# => "13"];
    ["hours_between"] 2..=2 dates::hours_between, "HOURS_BETWEEN(a, b)",
        "The whole hours from `a` to `b`; negative where `b` is earlier.",
        [r#"HOURS_BETWEEN("2025-03-14 06:15", "2025-03-14 09:30")"# => "3"];
    ["seconds_between"] 2..=2 dates::seconds_between, "SECONDS_BETWEEN(a, b)",
        "The whole seconds from `a` to `b`; negative where `b` is earlier.",
        [r#"SECONDS_BETWEEN("2025-03-14 09:29", "2025-03-14 09:30")"# => "60"];
    ["add_days"] 2..=2 dates::add_days, "ADD_DAYS(date, days)",
        "The date some days later, or earlier with a negative number.",
        [r#"ADD_DAYS("2025-02-27", 2)"# => "2025-03-01"];
    ["days"] 1..=1 dates::days, "DAYS(count)",
        "A length of time of that many days, to be added to a date or subtracted from one.",
        ["TODAY() + DAYS(1)" => "2025-03-15"];
    ["hours"] 1..=1 dates::hours, "HOURS(count)",
        "A length of time of that many hours.",
        ["NOW() - HOURS(2)" => "2025-03-14 07:30:00"];
    ["minutes"] 1..=1 dates::minutes, "MINUTES(count)",
        "A length of time of that many minutes.",
        ["NOW() + MINUTES(15)" => "2025-03-14 09:45:00"];
    ["seconds"] 1..=1 dates::seconds, "SECONDS(count)",
        "A length of time of that many seconds.",
        ["NOW() + SECONDS(5)" => "2025-03-14 09:30:05"];
}

"Arrays" {
    ["array"] 0..=ANY collections::array_of, "ARRAY(values…)",
        "A new array of the values; `[values…]` is the same.",
        ["ARRAY(4, 5, 6)" => "[4,5,6]"];
    ["ubound"] 1..=1 collections::length, "UBOUND(array)",
        "How many elements an array or rows have, which is one more than the last index: `WHILE i < UBOUND(a)` from 0 visits all.",
        ["UBOUND([4, 5, 6])" => "3", "UBOUND(NULL)" => "0"];
    ["lbound"] 1..=1 collections::zero, "LBOUND(array)",
        "The index of the first element, which is always 0.",
        ["LBOUND([4, 5, 6])" => "0"];
    ["first"] 1..=2 collections::first, "FIRST(value[, count])",
        "The first element of an array, or the first word of a text; with a number that many elements or words. With a field name, that field of the first row. Null where there is none, the empty text for words.",
        ["FIRST([7, 8])" => "7", r#"FIRST("jane roe")"# => "jane", "FIRST([7, 8, 9], 2)" => "[7,8]"];
    ["last"] 1..=2 collections::last, "LAST(value[, count])",
        "The last element of an array, or the last word of a text; with a number that many elements or words. With a field name, that field of the last row. Null where there is none, the empty text for words.",
        ["LAST([7, 8])" => "8", r#"LAST("jane roe")"# => "roe", r#"LAST([{ n: 4 }, { n: 6 }], "n")"# => "6"];
    ["slice"] 2..=3 collections::slice, "SLICE(value, from[, to])",
        "The elements of an array, or the characters of a text, from index `from` up to, but not including, `to`; to the end where it is left out. Indexes begin at 0; negative ones count from the end.",
        ["SLICE([1, 2, 3, 4], 1, 3)" => "[2,3]", "SLICE([1, 2, 3, 4], -2)" => "[3,4]"];
    ["sort"] 1..=2 collections::sort, "SORT(array[, order])",
        "A new array with the elements in rising order, or falling with `\"desc\"`. Elements of different types stand together by their type. `SORT rows BY \"field\" DESC` sorts rows by a field.",
        ["SORT([3, 1, 2])" => "[1,2,3]", r#"SORT(["b", "a"], "desc")"# => r#"["b","a"]"#];
    ["sort_by"] 2..=3 collections::sort_by, "SORT_BY(rows, field[, order])",
        "A new array with the rows in the order of a field, falling with `\"desc\"`; what `SORT rows BY field` calls. Rows with equal values keep their order.",
        [r#"SORT_BY([{ n: 2 }, { n: 3 }], "n", "desc")"# => r#"[{"n":3},{"n":2}]"#];
    ["unique", "distinct"] 1..=1 collections::unique, "UNIQUE(array)",
        "A new array without repeated elements; the first of equal ones stays.",
        ["UNIQUE([1, 2, 1, 3])" => "[1,2,3]"];
    ["reverse"] 1..=1 collections::reverse, "REVERSE(value)",
        "A new array with the elements in opposite order, or a text backwards.",
        ["REVERSE([1, 2, 3])" => "[3,2,1]", r#"REVERSE("abc")"# => "cba"];
    ["flatten"] 1..=1 collections::flatten, "FLATTEN(array)",
        "The elements of the arrays in an array, one level deep. Elements that are no arrays stay.",
        ["FLATTEN([[1, 2], 3, [4]])" => "[1,2,3,4]"];
    ["concat"] 2..=ANY collections::concat, "CONCAT(values…)",
        "Arrays one after another as a new array; other values become an element. Where no argument is an array, the texts of all as one.",
        ["CONCAT([1, 2], [3])" => "[1,2,3]", r#"CONCAT("a", 1)"# => "a1"];
    ["range"] 2..=3 collections::range, "RANGE(from, to[, step])",
        "The numbers from one to another, both included, as an array. The step is 1, or -1 where `to` is smaller; a step of 0 is an error.",
        ["RANGE(1, 4)" => "[1,2,3,4]", "RANGE(10, 0, -5)" => "[10,5,0]"];
    ["index_of"] 2..=2 collections::index_of, "INDEX_OF(array, element)",
        "The index of the first element equal to another, from 0; -1 where there is none. Of a text, where another text begins.",
        ["INDEX_OF([7, 8, 9], 8)" => "1", "INDEX_OF([7, 8, 9], 1)" => "-1"];
    ["take"] 2..=2 collections::take, "TAKE(array, count)",
        "A new array of the first `count` elements.",
        ["TAKE([1, 2, 3], 2)" => "[1,2]"];
    ["drop"] 2..=2 collections::drop, "DROP(array, count)",
        "A new array of all but the first `count` elements.",
        ["DROP([1, 2, 3], 2)" => "[3]"];
    ["batch", "chunk"] 2..=2 collections::batch, "BATCH(array, size)",
        "The elements in arrays of `size` elements each; the last may have fewer. A size below 1 is an error.",
        ["BATCH([1, 2, 3, 4, 5], 2)" => "[[1,2],[3,4],[5]]"];
    ["push", "append"] 2..=ANY collections::push, "PUSH(array, elements…)",
        "Adds elements at the end of the array itself and gives it. `PUSH list, x` and `list.push(x)` are the same as statements. What is no array is an error.",
        ["PUSH([1], 2, 3)" => "[1,2,3]"];
    ["pop"] 1..=1 collections::pop, "POP(array)",
        "Takes the last element out of the array itself and gives it; null where there is none.",
        ["POP([1, 2, 3])" => "3"];
    ["shift"] 1..=1 collections::shift, "SHIFT(array)",
        "Takes the first element out of the array itself and gives it; null where there is none.",
        ["SHIFT([1, 2, 3])" => "1"];
    ["unshift"] 2..=ANY collections::unshift, "UNSHIFT(array, elements…)",
        "Adds elements at the beginning of the array itself and gives it.",
        ["UNSHIFT([3], 1, 2)" => "[1,2,3]"];
    ["splice"] 2..=ANY collections::splice, "SPLICE(array, from[, count[, elements…]])",
        "Takes `count` elements out of the array itself from index `from` on, all that follow where `count` is left out, puts others into their place, and gives what was taken out as an array. A negative index counts from the end.",
        ["SPLICE([1, 2, 3, 4], 1, 2)" => "[2,3]"];
    ["keys"] 1..=1 collections::keys, "KEYS(object)",
        "The names of an object's fields in the order of their first assignment.",
        ["KEYS(#{ b: 1, a: 2 })" => r#"["b","a"]"#];
    ["values"] 1..=1 collections::values, "VALUES(object)",
        "The values of an object's fields in the order of their first assignment.",
        ["VALUES(#{ b: 1, a: 2 })" => "[1,2]"];
}

"Conversion" {
    ["val"] 1..=1 conversions::val, "VAL(value)",
        "The number that a text begins with; 0 where it begins with none. It never fails.",
        [r#"VAL("12.5 kg")"# => "12.5", r#"VAL("kg")"# => "0"];
    ["str", "cstr", "tostring", "to_string"] 1..=1 conversions::text, "STR(value)",
        "The text of a value, as TALK says it. Arrays and objects become JSON, null the empty text.",
        [r#"STR(1.0) + STR([1, "a"])"# => r#"1[1,"a"]"#];
    ["cint", "clng"] 1..=1 conversions::integer, "CINT(value)",
        "The value as a whole number; a fraction is cut off. A text that is no number is an error.",
        [r#"CINT("12.9")"# => "12", "CINT(TRUE)" => "1"];
    ["cdbl", "to_number", "tonumber", "csng"] 1..=1 conversions::number, "CDBL(value)",
        "The value as a number: of a text the number it shows, of true and false 1 and 0, of null 0. A text that is no number is an error.",
        [r#"CDBL(" 2.5 ") * 2"# => "5"];
    ["cbool"] 1..=1 conversions::truth, "CBOOL(value)",
        "Whether a value counts as true; the page on values says what does not.",
        [r#"CBOOL("false")"# => "false", r#"CBOOL("no")"# => "true"];
    ["json", "tojson", "to_json", "stringify"] 1..=1 conversions::json, "JSON(value)",
        "The value as compact JSON text. Dates and files become texts, rows an array.",
        [r#"JSON(#{ who: "Kit", n: [1, NULL] })"# => r#"{"who":"Kit","n":[1,null]}"#, r#"JSON("a")"# => r#""a""#];
    ["fromjson", "from_json", "parse_json", "json_parse"] 1..=1 conversions::from_json, "FROMJSON(text)",
        "The value that a JSON text shows; `JSON PARSE text` is the same. A value that is no text passes unchanged, and a text that is no JSON is an error.",
        [r#"FROMJSON("[1, 2]")[1]"# => "2"];
}

"Tests and choices" {
    ["isnull"] 1..=1 conversions::is_null, "ISNULL(value)",
        "Whether a value is null, or rows of which there are none. The empty text is not null.",
        ["ISNULL(NULL)" => "true", r#"ISNULL("")"# => "false"];
    ["isempty"] 1..=1 conversions::is_empty, "ISEMPTY(value)",
        "Whether a value is null, an empty text, or an array, rows or an object with nothing in it. Numbers are never empty.",
        [r#"ISEMPTY("")"# => "true", "ISEMPTY([])" => "true", "ISEMPTY(0)" => "false"];
    ["isdate"] 1..=1 conversions::is_date, "ISDATE(value)",
        "Whether a value is a date or a text in a form of date.",
        [r#"ISDATE("14/03/2025")"# => "true", r#"ISDATE("soon")"# => "false"];
    ["isarray"] 1..=1 conversions::is_array, "ISARRAY(value)",
        "Whether a value is an array or rows.",
        ["ISARRAY([])" => "true"];
    ["isobject"] 1..=1 conversions::is_object, "ISOBJECT(value)",
        "Whether a value is an object.",
        ["ISOBJECT(#{ a: 1 })" => "true", "ISOBJECT([1])" => "false"];
    ["isnumeric", "is_numeric"] 1..=1 conversions::is_numeric, "ISNUMERIC(value)",
        "Whether a value is a number or the text of one; `IS NUMERIC(value)` is the same.",
        [r#"ISNUMERIC("12.5")"# => "true", r#"ISNUMERIC("12 kg")"# => "false"];
    ["typeof"] 1..=1 conversions::type_of, "TYPEOF(value)",
        "The name of a value's type: null, boolean, number, string, date, duration, array, object, rows, file or response.",
        ["TYPEOF(1.5)" => "number", "TYPEOF(TODAY())" => "date"];
    ["iif"] 3..=3 conversions::choose_if, "IIF(condition, then, else)",
        "The second argument where the first counts as true, else the third. Only the one that is given is evaluated. `IF(condition, then, else)` is the same.",
        [r#"IIF(2 > 1, "yes", "no")"# => "yes"];
    ["nvl", "ifnull"] 2..=2 conversions::if_missing, "NVL(value, instead)",
        "The value, or the other where it is null or the empty text.",
        [r#"NVL("", "none")"# => "none", "NVL(0, 5)" => "0"];
    ["coalesce"] 1..=ANY conversions::coalesce, "COALESCE(values…)",
        "The first of its arguments that is not null; null where all are.",
        ["COALESCE(NULL, 7, 8)" => "7"];
    ["choose"] 2..=ANY conversions::choose, "CHOOSE(number, values…)",
        "The argument that a number picks, the first value for 1; null where there is none.",
        [r#"CHOOSE(2, "red", "green")"# => "green"];
    ["guid", "uuid"] 0..=0 conversions::uuid, "UUID()",
        "A new random identifier (UUID version 4). `uuid` without brackets is the same, unless a variable has that name.",
        ["UUID()" => "6e7d9a34-5c1b-4f0e-9d27-3b8a4c21f05e"] varies;
}

"Documents" {
    ["csv"] 1..=1 documents::csv, "CSV(rows)",
        "Rows as CSV text (RFC 4180): a line with the names of all fields, then one line for each row. Rows that are arrays become lines without such a head, and any other value becomes a line of one cell.",
        [r#"CSV([#{ dish: "soup", n: 2 }, #{ dish: "tea, hot" }])"# => "dish,n\\nsoup,2\\n\"tea, hot\",\\n"];
    ["xml"] 1..=1 documents::xml, "XML(value)",
        "The value as an XML document. An object of one field names the root, which is `root` otherwise; an array repeats its element.",
        [r#"XML(#{ order: #{ id: 7, dish: ["soup", "tea"] } })"# => "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\\n<order><id>7</id><dish>soup</dish><dish>tea</dish></order>"];
    ["toyaml", "to_yaml", "yaml"] 1..=1 documents::yaml, "TOYAML(value)",
        "The value as YAML text.",
        [r#"TOYAML(#{ id: 7, dishes: ["soup", "yes"] })"# => "id: 7\\ndishes:\\n  - soup\\n  - \"yes\"\\n"];
}
}
