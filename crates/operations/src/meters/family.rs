//! The meters as data: families of samples, read from the Prometheus text that the recorder writes. One reading serves
//! OpenMetrics and OpenTelemetry, which write the same numbers otherwise, and costs the hot paths nothing.

use super::table::Kind;

/// All samples of one name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Family {
    /// The name, with `_total` where it is a counter's.
    pub(crate) name: String,
    /// What it says.
    pub(crate) help: String,
    /// Its kind.
    pub(crate) kind: Kind,
    /// Its samples. A histogram has one for each bucket (`le`), and `_sum` and `_count`.
    pub(crate) samples: Vec<Sample>,
}

/// One number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    /// What follows the family's name: nothing, `_bucket`, `_sum` or `_count`.
    pub(crate) suffix: &'static str,
    /// Names and values, as they are meant.
    pub(crate) labels: Vec<(String, String)>,
    /// The number.
    pub(crate) value: f64,
}

/// Reads the text format (version 0.0.4). What is in no family, or can't be read, is left out: the recorder writes
/// neither.
pub(crate) fn read(text: &str) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    let mut help = (String::new(), String::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, about) = rest.split_once(' ').unwrap_or((rest, ""));
            help = (name.to_owned(), unescaped(about));
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let Some((name, kind)) = rest.split_once(' ') else { continue };
            let kind = match kind {
                "counter" => Kind::Counter,
                "histogram" => Kind::Histogram,
                _ => Kind::Gauge,
            };
            let about = if help.0 == name { std::mem::take(&mut help.1) } else { String::new() };
            families.push(Family { name: name.to_owned(), help: about, kind, samples: Vec::new() });
        } else if let Some(family) = families.last_mut() {
            family.samples.extend(sample(&family.name, line));
        }
    }
    families
}

fn sample(family: &str, line: &str) -> Option<Sample> {
    let rest = line.strip_prefix(family)?;
    let known = ["_bucket", "_sum", "_count", ""];
    let suffix = known
        .into_iter()
        .find(|suffix| rest.strip_prefix(suffix).is_some_and(|after| after.starts_with(['{', ' '])))?;
    let (labels, value) = match rest[suffix.len()..].strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Vec::new(), &rest[suffix.len()..]),
    };
    let value = match value.trim() {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        number => number.parse().ok()?,
    };
    Some(Sample { suffix, labels, value })
}

/// `name="value",…}`, and what follows it.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut found = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Some((found, after));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let mut escaped = false;
        let end = quoted.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        found.push((name.to_owned(), unescaped(&quoted[..end])));
        rest = &quoted[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, false) => plain.push(c),
            (_, true) => match chars.next() {
                Some('n') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => plain.push('\\'),
            },
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = r#"# HELP a_total What \\ it says.
# TYPE a_total counter
a_total{path="/x/{id}",odd="a\"b\\c\nd,e=\"}"} 3
a_total 4

# TYPE b_seconds histogram
b_seconds_bucket{le="0.5"} 1
b_seconds_bucket{le="+Inf"} 2
b_seconds_sum 1.5
b_seconds_count 2
"#;

    #[test]
    fn labels_are_read_whatever_they_hold() {
        let families = read(TEXT);

        assert_eq!(families[0].help, "What \\ it says.");
        assert_eq!(families[0].samples[0].labels[0], ("path".to_owned(), "/x/{id}".to_owned()));
        assert_eq!(families[0].samples[0].labels[1], ("odd".to_owned(), "a\"b\\c\nd,e=\"}".to_owned()));
        assert_eq!((families[0].samples[0].value, families[0].samples[1].value), (3.0, 4.0));
    }

    #[test]
    fn a_histogram_has_its_buckets_its_sum_and_its_count() {
        let samples = &read(TEXT)[1].samples;

        let suffixes: Vec<_> = samples.iter().map(|sample| sample.suffix).collect();
        assert_eq!(suffixes, ["_bucket", "_bucket", "_sum", "_count"]);
        assert_eq!(samples[1].labels[0].1, "+Inf");
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd_to_read(text in ".{0,200}", line in "# TYPE a counter\na[{} a-z=\"\\\\,0-9]{0,40}") {
            read(&text);
            read(&line);
        }
    }
}
