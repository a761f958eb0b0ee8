//! Built-in functions: pure, inside the machine. Clock and randomness come from the host with each resume.

// All functions have one signature, also those that cannot fail.
#![allow(clippy::unnecessary_wraps)]

mod collections;
mod conversions;
mod dates;
mod documents;
mod numbers;
mod texts;

use std::collections::HashMap;
use std::sync::OnceLock;

use chrono::{DateTime, FixedOffset};

use crate::machine::fault::Checked;
use crate::machine::heap::Heap;
use crate::machine::value::Value;

/// One function.
#[derive(Debug)]
pub(crate) struct FunctionSpec {
    /// Its names in lower case, the documented one first.
    pub(crate) names: &'static [&'static str],
    pub(crate) minimum: usize,
    pub(crate) maximum: usize,
    pub(crate) run: fn(&mut Context<'_>, &[Value]) -> Checked<Value>,
    /// One sentence for the reference.
    pub(crate) documentation: &'static str,
}

/// What functions see of a machine.
pub(crate) struct Context<'a> {
    pub(crate) heap: &'a mut Heap,
    pub(crate) now: DateTime<FixedOffset>,
    pub(crate) random: &'a mut u64,
}

impl Context<'_> {
    pub(crate) fn offset(&self) -> FixedOffset {
        *self.now.offset()
    }

    /// The next random number: `SplitMix64`, which is exact to replay and to store.
    pub(crate) fn next_random(&mut self) -> u64 {
        *self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

macro_rules! functions {
    ($([$($names:literal),*] $minimum:literal..=$maximum:tt $run:path, $documentation:literal;)*) => {
        /// All functions. Stored programs name them by their place, so changes here change the format.
        pub(crate) static ALL: &[FunctionSpec] = &[$(FunctionSpec {
            names: &[$($names),*],
            minimum: $minimum,
            maximum: $maximum,
            run: $run,
            documentation: $documentation,
        }),*];
    };
}

const ANY: usize = 1000;

functions! {
    ["len", "length"] 1..=1 texts::length, "Characters of a text, elements of an array.";
    ["left"] 2..=2 texts::left, "The first characters of a text.";
    ["right"] 2..=2 texts::right, "The last characters of a text.";
    ["mid", "substring", "substr"] 2..=3 texts::mid, "A part of a text from a character (the first is 1), or of an array from an element (the first is 0).";
    ["instr"] 2..=3 texts::instr, "Where a text stands in another, from 1; 0 where it does not. With three arguments the first is where to begin.";
    ["ucase", "upper", "uppercase", "toupper"] 1..=1 texts::upper, "A text in capitals.";
    ["lcase", "lower", "lowercase", "tolower"] 1..=1 texts::lower, "A text in small letters.";
    ["capitalize"] 1..=1 texts::capitalize, "A text with a capital first letter.";
    ["trim"] 1..=1 texts::trim, "A text without blanks around it.";
    ["ltrim"] 1..=1 texts::trim_left, "A text without blanks before it.";
    ["rtrim"] 1..=1 texts::trim_right, "A text without blanks after it.";
    ["replace"] 3..=3 texts::replace, "A text with all occurrences of another replaced.";
    ["split"] 1..=2 texts::split, "The parts of a text between separators.";
    ["join"] 1..=3 collections::join, "The elements of an array as one text, with a separator; of two row sets, the rows that share a key.";
    ["contains"] 2..=2 texts::contains, "Whether a text, array or object contains something.";
    ["startswith", "starts_with"] 2..=2 texts::starts_with, "Whether a text begins with another.";
    ["endswith", "ends_with"] 2..=2 texts::ends_with, "Whether a text ends with another.";
    ["chr"] 1..=1 texts::chr, "The character of a code point.";
    ["asc"] 1..=1 texts::asc, "The code point of the first character.";
    ["repeat"] 2..=2 texts::repeat, "A text several times.";
    ["extract_between"] 3..=3 texts::between, "What stands between two texts; empty where they are not there.";
    ["extract_before"] 2..=2 texts::before, "What stands before a text.";
    ["extract_after"] 2..=2 texts::after, "What stands after a text.";
    ["format"] 1..=2 texts::format, "A value by a pattern.";

    ["abs"] 1..=1 numbers::abs, "A number without its sign.";
    ["int", "fix"] 1..=1 numbers::truncate, "A number without its fraction.";
    ["round"] 1..=2 numbers::round, "A number rounded, half away from zero, to some digits.";
    ["floor"] 1..=1 numbers::floor, "The next whole number below.";
    ["ceil", "ceiling"] 1..=1 numbers::ceil, "The next whole number above.";
    ["sqr", "sqrt"] 1..=1 numbers::square_root, "The square root.";
    ["sgn"] 1..=1 numbers::sign, "-1, 0 or 1.";
    ["mod"] 2..=2 numbers::modulo, "The rest of a division.";
    ["pow", "power"] 2..=2 numbers::power, "A power.";
    ["exp"] 1..=1 numbers::exp, "e to a power.";
    ["log"] 1..=1 numbers::log, "The natural logarithm.";
    ["log10"] 1..=1 numbers::log10, "The decimal logarithm.";
    ["sin"] 1..=1 numbers::sin, "The sine.";
    ["cos"] 1..=1 numbers::cos, "The cosine.";
    ["tan"] 1..=1 numbers::tan, "The tangent.";
    ["atn", "atan"] 1..=1 numbers::arctangent, "The arctangent.";
    ["pi"] 0..=0 numbers::pi, "The circle's number.";
    ["rnd"] 0..=1 numbers::rnd, "A random number from 0 up to 1.";
    ["random", "rand"] 0..=2 numbers::random, "A random whole number: `RANDOM(a, b)` with both ends, `RANDOM(n)` from 0 to n - 1; without arguments as RND.";
    ["max"] 1..=ANY numbers::max, "The largest of numbers, of an array, or of a field of rows.";
    ["min"] 1..=ANY numbers::min, "The smallest of numbers, of an array, or of a field of rows.";
    ["sum"] 1..=ANY numbers::sum, "The sum of numbers, of an array, or of a field of rows.";
    ["avg", "average"] 1..=ANY numbers::average, "The mean of numbers, of an array, or of a field of rows.";
    ["count"] 1..=2 collections::count, "How many elements there are; of rows with a field, how many have it.";

    ["now"] 0..=0 dates::now, "The present instant.";
    ["today", "date"] 0..=0 dates::today, "The present day.";
    ["year"] 1..=1 dates::year, "The year of a date.";
    ["month"] 1..=1 dates::month, "The month of a date.";
    ["day"] 1..=1 dates::day, "The day of the month.";
    ["hour"] 1..=1 dates::hour, "The hour of a date.";
    ["minute"] 1..=1 dates::minute, "The minute of a date.";
    ["second"] 1..=1 dates::second, "The second of a date.";
    ["weekday"] 1..=1 dates::weekday, "The day of the week; 1 is Sunday.";
    ["datevalue", "cdate", "todate"] 1..=1 dates::date_value, "The date of a text.";
    ["timevalue"] 1..=1 dates::time_value, "The time of day of a text.";
    ["eomonth"] 1..=2 dates::end_of_month, "The last day of the month, or of one some months later.";
    ["format_time"] 1..=1 dates::format_time, "The time of day of a date.";
    ["dateadd"] 3..=3 dates::add, "A date some units later: `DATEADD(date, 2, \"day\")`.";
    ["datediff"] 2..=3 dates::difference, "Whole units between two dates; with two dates alone the days a - b.";
    ["days_between"] 2..=2 dates::days_between, "Days from a to b.";
    ["hours_between"] 2..=2 dates::hours_between, "Hours from a to b.";
    ["seconds_between"] 2..=2 dates::seconds_between, "Seconds from a to b.";
    ["add_days"] 2..=2 dates::add_days, "A date some days later.";
    ["days"] 1..=1 dates::days, "A length of some days.";
    ["hours"] 1..=1 dates::hours, "A length of some hours.";
    ["minutes"] 1..=1 dates::minutes, "A length of some minutes.";
    ["seconds"] 1..=1 dates::seconds, "A length of some seconds.";

    ["ubound"] 1..=1 collections::length, "How many elements an array has.";
    ["lbound"] 1..=1 collections::zero, "0.";
    ["first"] 1..=2 collections::first, "The first element, the first word of a text, or the first n.";
    ["last"] 1..=2 collections::last, "The last element, the last word of a text, or the last n; of rows a field of the last.";
    ["slice"] 2..=3 collections::slice, "Elements from one place up to another; negative places count from the end.";
    ["sort"] 1..=2 collections::sort, "An array in order, or with \"desc\" in the opposite one.";
    ["sort_by"] 2..=3 collections::sort_by, "Rows in the order of a field; `SORT rows BY \"field\" DESC`.";
    ["unique", "distinct"] 1..=1 collections::unique, "An array without repeated elements.";
    ["reverse"] 1..=1 collections::reverse, "An array or text backwards.";
    ["flatten"] 1..=1 collections::flatten, "The elements of the arrays in an array.";
    ["concat"] 2..=ANY collections::concat, "Arrays one after another.";
    ["range"] 2..=3 collections::range, "Numbers from one to another, with a step.";
    ["index_of"] 2..=2 collections::index_of, "Where an element stands, from 0; -1 where it does not.";
    ["take"] 2..=2 collections::take, "The first n elements.";
    ["drop"] 2..=2 collections::drop, "All but the first n elements.";
    ["batch", "chunk"] 2..=2 collections::batch, "An array in parts of n elements.";
    ["push", "append"] 2..=ANY collections::push, "Adds elements at the end and gives the array.";
    ["pop"] 1..=1 collections::pop, "Takes the last element out and gives it.";
    ["shift"] 1..=1 collections::shift, "Takes the first element out and gives it.";
    ["unshift"] 2..=ANY collections::unshift, "Adds elements at the beginning and gives the array.";
    ["splice"] 2..=ANY collections::splice, "Takes elements out at a place, puts others in, and gives what was taken out.";
    ["keys"] 1..=1 collections::keys, "The names of an object's fields.";
    ["values"] 1..=1 collections::values, "The values of an object's fields.";

    ["val"] 1..=1 conversions::val, "The number a text begins with, else 0.";
    ["str", "cstr", "tostring", "to_string"] 1..=1 conversions::text, "The text of a value.";
    ["cint", "clng"] 1..=1 conversions::integer, "A value as a whole number.";
    ["cdbl", "to_number", "tonumber", "csng"] 1..=1 conversions::number, "A value as a number.";
    ["cbool"] 1..=1 conversions::truth, "A value as true or false.";
    ["json", "tojson", "to_json", "stringify"] 1..=1 conversions::json, "A value as JSON text.";
    ["fromjson", "from_json", "parse_json", "json_parse"] 1..=1 conversions::from_json, "The value of a JSON text; a value that is parsed already passes.";
    ["csv"] 1..=1 documents::csv, "Rows as CSV text: the names of the fields, then a line for each row.";
    ["xml"] 1..=1 documents::xml, "A value as XML text. Lists repeat their element, and an object of one field names the root.";
    ["toyaml", "to_yaml", "yaml"] 1..=1 documents::yaml, "A value as YAML text.";
    ["isnull"] 1..=1 conversions::is_null, "Whether a value is null or empty rows.";
    ["isempty"] 1..=1 conversions::is_empty, "Whether a value is null or empty.";
    ["isdate"] 1..=1 conversions::is_date, "Whether a value is a date or the text of one.";
    ["isarray"] 1..=1 conversions::is_array, "Whether a value is an array or rows.";
    ["isobject"] 1..=1 conversions::is_object, "Whether a value is an object.";
    ["isnumeric", "is_numeric"] 1..=1 conversions::is_numeric, "Whether a value is a number or the text of one.";
    ["typeof"] 1..=1 conversions::type_of, "The name of a value's type.";
    ["iif"] 3..=3 conversions::choose_if, "The second or third argument, as the first is true or false; only that one is evaluated.";
    ["nvl", "ifnull"] 2..=2 conversions::if_missing, "The first argument, or the second where it is null or empty.";
    ["coalesce"] 1..=ANY conversions::coalesce, "The first argument that is not null.";
    ["choose"] 2..=ANY conversions::choose, "The argument of a number; 1 is the first.";
    ["guid", "uuid"] 0..=0 conversions::uuid, "A new random id.";
}

/// Two arrays without repeated elements.
pub(crate) fn merge(context: &mut Context<'_>, a: Value, b: Value) -> Checked<Value> {
    let both = collections::concat(context, &[a, b])?;
    collections::unique(context, &[both])
}

/// The function of a name in lower case.
pub(crate) fn find(name: &str) -> Option<&'static FunctionSpec> {
    number_of(name).and_then(|number| ALL.get(usize::from(number)))
}

/// The place of a function in [`ALL`].
pub(crate) fn number_of(name: &str) -> Option<u16> {
    static BY_NAME: OnceLock<HashMap<&'static str, u16>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| {
        let names = ALL.iter().zip(0u16..);
        names.flat_map(|(spec, number)| spec.names.iter().map(move |name| (*name, number))).collect()
    });
    by_name.get(name).copied()
}
