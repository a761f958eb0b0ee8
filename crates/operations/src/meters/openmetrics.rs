//! The meters as OpenMetrics 1.0 writes them.

use std::fmt::Write;

use super::{
    family::{Family, Sample},
    table::Kind,
};

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The families as text. A counter's family is named without `_total`, its sample with it.
pub(super) fn write(families: &[Family]) -> String {
    let mut text = String::with_capacity(16 << 10);
    for family in families {
        let bare = family.name.strip_suffix("_total");
        // Only a counter whose samples can be named as the format wants is one.
        let (name, kind, suffix) = match (family.kind, bare) {
            (Kind::Counter, Some(bare)) => (bare, "counter", "_total"),
            (Kind::Counter, None) => (family.name.as_str(), "unknown", ""),
            (Kind::Gauge, _) => (family.name.as_str(), "gauge", ""),
            (Kind::Histogram, _) => (family.name.as_str(), "histogram", ""),
        };
        // Writing into a String does not fail.
        let _ = writeln!(text, "# TYPE {name} {kind}");
        if !family.help.is_empty() {
            let _ = writeln!(text, "# HELP {name} {}", escaped(&family.help));
        }
        for sample in &family.samples {
            let suffix = if sample.suffix.is_empty() { suffix } else { sample.suffix };
            let _ = writeln!(text, "{name}{suffix}{} {}", Labels(sample), number(sample.value));
        }
    }
    text.push_str("# EOF\n");
    text
}

struct Labels<'a>(&'a Sample);

impl std::fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Sample { suffix, labels, .. } = self.0;
        for (at, (name, value)) in labels.iter().enumerate() {
            f.write_str(if at == 0 { "{" } else { "," })?;
            // Bounds of buckets are canonical floats: `1.0`, not `1`.
            if *suffix == "_bucket" && name == "le" && value.parse::<i64>().is_ok() {
                write!(f, "{name}=\"{value}.0\"")?;
            } else {
                write!(f, "{name}=\"{}\"", escaped(value))?;
            }
        }
        f.write_str(if labels.is_empty() { "" } else { "}" })
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn number(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::family, *};

    #[test]
    fn counters_are_named_without_their_ending_and_the_text_ends_in_eof() {
        let families = family::read(
            "# HELP a_total How \\\\ many.\n# TYPE a_total counter\na_total{x=\"q\\\"\"} 3\n\
             # TYPE b_seconds histogram\nb_seconds_bucket{le=\"1\"} 1\nb_seconds_bucket{le=\"+Inf\"} 2\n\
             b_seconds_sum 1.5\nb_seconds_count 2\n# TYPE c gauge\nc 0.25\n",
        );

        assert_eq!(
            write(&families),
            "# TYPE a counter\n# HELP a How \\\\ many.\na_total{x=\"q\\\"\"} 3\n\
             # TYPE b_seconds histogram\nb_seconds_bucket{le=\"1.0\"} 1\nb_seconds_bucket{le=\"+Inf\"} 2\n\
             b_seconds_sum 1.5\nb_seconds_count 2\n# TYPE c gauge\nc 0.25\n# EOF\n"
        );
    }
}
