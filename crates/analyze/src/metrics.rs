//! Checks values of the tenant's own metrics.

use std::collections::{BTreeMap, HashMap};

use domain::analysis::{CategoryLabel, CustomMetric, MetricStatus};
use domain::settings::metrics::{CustomMetrics, Metric, MetricKind};
use serde_json::Value;

use crate::answer;
use crate::text::clean;

/// The longest rationale in characters.
pub const MAX_RATIONALE: usize = 500;

const NO_VALUE: &str = "The model gave no value that fits.";
const NO_RATIONALE: &str = "The model gave no reason.";
const CONDITION_FAILED: &str = "Its condition did not hold.";

/// Reads the values of the requested metrics, each exactly once, and lists the problems.
///
/// Metrics that were not requested are dropped. Problems name a metric by the tenant's name for it.
pub fn read(answered: &[answer::RawCustomMetric], asked: &[&Metric]) -> (BTreeMap<String, CustomMetric>, Vec<String>) {
    let mut by_name: HashMap<&str, Vec<(usize, &answer::RawCustomMetric)>> = HashMap::new();
    for (n, metric) in answered.iter().enumerate() {
        by_name.entry(metric.name.trim()).or_default().push((n, metric));
    }
    let mut wrong = Vec::new();
    let mut read = |metric: &&Metric| {
        let name = metric.name();
        let entries = by_name.get(name).map_or(&[][..], Vec::as_slice);
        if entries.len() > 1 {
            wrong.push(format!("custom_metrics has more than one entry for {name}"));
        }
        let result = match entries.first() {
            None => Err(format!("custom_metrics has no entry for {name}")),
            Some((n, entry)) => value(entry, metric.kind()).map_err(|problem| format!("custom_metrics[{n}]{problem}")),
        };
        let result = result.unwrap_or_else(|problem| {
            wrong.push(problem);
            not_evaluated(NO_VALUE)
        });
        (name.to_owned(), result)
    };
    (asked.iter().map(&mut read).collect(), wrong)
}

/// Returns all of the tenant's metrics; a metric whose condition does not hold is not evaluated.
///
/// `answered` lacks the metrics that were not requested, because their condition could not hold.
pub fn finish(
    all: &CustomMetrics,
    mut answered: BTreeMap<String, CustomMetric>,
    category: Option<CategoryLabel>,
) -> BTreeMap<String, CustomMetric> {
    let finished = |metric: &Metric| {
        let when = metric.when();
        let holds = category.map_or(when.categories.is_empty(), |category| when.holds_for(category));
        let answer = answered.remove(metric.name()).filter(|_| holds);
        (metric.name().to_owned(), answer.unwrap_or_else(|| not_evaluated(CONDITION_FAILED)))
    };
    all.iter().map(finished).collect()
}

/// Returns all metrics without a value, for a conversation that was not analysed.
pub fn none(all: &CustomMetrics, rationale: &str) -> BTreeMap<String, CustomMetric> {
    all.iter().map(|metric| (metric.name().to_owned(), not_evaluated(rationale))).collect()
}

fn not_evaluated(rationale: &str) -> CustomMetric {
    CustomMetric { status: MetricStatus::NotEvaluated, value: Value::Null, rationale: rationale.to_owned() }
}

/// Reads one entry; `Err` names the field and its problem.
fn value(entry: &answer::RawCustomMetric, kind: &MetricKind) -> Result<CustomMetric, String> {
    let mut rationale = clean(&entry.rationale, MAX_RATIONALE);
    if rationale.is_empty() {
        rationale = NO_RATIONALE.to_owned();
    }
    match entry.status.as_str() {
        "not_evaluated" => Ok(not_evaluated(&rationale)),
        "ok" => match fitting(&entry.value, kind) {
            Some(value) => Ok(CustomMetric { status: MetricStatus::Ok, value, rationale }),
            None => Err(format!(".value is not {}", wanted(kind))),
        },
        _ => Err(".status is not one of ok, not_evaluated".to_owned()),
    }
}

fn fitting(value: &Value, kind: &MetricKind) -> Option<Value> {
    match kind {
        MetricKind::Boolean => value.as_bool().map(Value::from),
        MetricKind::Integer { min, max } => {
            integer(value).filter(|number| (min..=max).contains(&number)).map(Value::from)
        }
        MetricKind::Number { min, max } => {
            let number = value.as_f64().filter(|number| number.is_finite() && (min..=max).contains(&number));
            number.and(Some(value.clone()))
        }
        MetricKind::Text { max_length } => {
            let text = clean(value.as_str()?, usize::MAX);
            let fits = !text.is_empty() && text.chars().count() <= usize::try_from(*max_length).ok()?;
            fits.then(|| Value::from(text))
        }
        MetricKind::Enum { values } => {
            let given = value.as_str()?.trim();
            // Models change the case of a value; the tenant's spelling is kept.
            let by_case = || values.iter().find(|known| known.to_lowercase() == given.to_lowercase());
            let known = values.iter().find(|known| *known == given).or_else(by_case)?;
            Some(Value::from(known.as_str()))
        }
    }
}

/// Reads an integer; 3.0 counts, because some models write every number with a point.
fn integer(value: &Value) -> Option<i64> {
    /// The largest exact integer of a floating-point number: 2^53.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = |number: &f64| number.fract() == 0.0 && number.abs() <= EXACT;
    value.as_i64().or_else(|| value.as_f64().filter(whole).map(|number| number as i64))
}

fn wanted(kind: &MetricKind) -> String {
    match kind {
        MetricKind::Boolean => "true or false".to_owned(),
        MetricKind::Integer { min, max } => format!("an integer from {min} to {max}"),
        MetricKind::Number { min, max } => format!("a number from {min} to {max}"),
        MetricKind::Text { max_length } => format!("a text of 1 to {max_length} characters"),
        MetricKind::Enum { values } => format!("one of {}", values.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn all() -> CustomMetrics {
        let metrics = json!([
            { "name": "resolved", "description": "Was it solved?", "type": "boolean" },
            { "name": "nps", "description": "0 to 10", "type": "integer", "min": 0, "max": 10 },
            { "name": "urgency", "description": "How urgent?", "type": "number", "min": 0, "max": 1.5 },
            { "name": "product", "description": "Which one?", "type": "string", "max_length": 5 },
            { "name": "reason", "description": "Why?", "type": "enum", "values": ["Price", "Quality"],
              "when": { "categories": ["facing_issue"] } }
        ]);
        serde_json::from_value(metrics).unwrap()
    }

    fn entry(name: &str, value: Value) -> answer::RawCustomMetric {
        answer::RawCustomMetric { name: name.into(), status: "ok".into(), value, rationale: "Said so.".into() }
    }

    /// The metric's value after reading this entry, and what was wrong.
    fn one(name: &str, given: Value) -> (Value, Vec<String>) {
        let (all, entry) = (all(), entry(name, given));
        let asked: Vec<_> = all.iter().filter(|metric| metric.name() == name).collect();
        let (read, wrong) = read(&[entry], &asked);
        let metric = &read[name];
        assert_eq!(metric.value.is_null(), metric.status == MetricStatus::NotEvaluated);
        (metric.value.clone(), wrong)
    }

    #[test]
    fn values_of_the_right_type_are_kept() {
        for (name, given, kept) in [
            ("resolved", json!(false), json!(false)),
            ("nps", json!(10), json!(10)),
            ("nps", json!(3.0), json!(3)),
            ("urgency", json!(1.5), json!(1.5)),
            ("urgency", json!(1), json!(1)),
            ("product", json!(" pu\u{0}mp "), json!("pump")),
            ("reason", json!("price"), json!("Price")),
        ] {
            assert_eq!(one(name, given), (kept, vec![]), "{name}");
        }
    }

    #[test]
    fn values_that_do_not_fit_are_reported_and_not_evaluated() {
        for (name, given, expected) in [
            ("resolved", json!("yes"), "true or false"),
            ("resolved", json!(null), "true or false"),
            ("nps", json!(11), "an integer from 0 to 10"),
            ("nps", json!(2.5), "an integer from 0 to 10"),
            ("nps", json!(1e300), "an integer from 0 to 10"),
            ("nps", json!(u64::MAX), "an integer from 0 to 10"),
            ("urgency", json!(1.6), "a number from 0 to 1.5"),
            ("product", json!("pumps!"), "a text of 1 to 5 characters"),
            ("product", json!("\u{0}"), "a text of 1 to 5 characters"),
            ("reason", json!("colour"), "one of Price, Quality"),
        ] {
            assert_eq!(one(name, given), (Value::Null, vec![format!("custom_metrics[0].value is not {expected}")]));
        }
    }

    #[test]
    fn every_metric_that_was_asked_is_there_once_and_no_other() {
        let all = all();
        let asked: Vec<_> = all.iter().take(2).collect();
        let entries = [entry("nps", json!(1)), entry("invented", json!(1)), entry("nps", json!(2))];
        let (read, wrong) = read(&entries, &asked);
        assert_eq!(read.keys().collect::<Vec<_>>(), ["nps", "resolved"]);
        assert_eq!((&read["nps"].value, read["resolved"].rationale.as_str()), (&json!(1), NO_VALUE));
        let problems = ["custom_metrics has no entry for resolved", "custom_metrics has more than one entry for nps"];
        assert_eq!(wrong, problems);
    }

    #[test]
    fn a_condition_decides_in_the_end() {
        let all = all();
        let asked: Vec<_> = all.iter().skip(3).collect();
        let (read, _) = read(&[entry("product", json!("pump")), entry("reason", json!("Price"))], &asked);
        let reason = |category| finish(&all, read.clone(), category)["reason"].clone();
        assert_eq!(reason(Some(CategoryLabel::FacingIssue)).value, "Price");
        assert_eq!(reason(Some(CategoryLabel::Others)), not_evaluated(CONDITION_FAILED));
        assert_eq!(reason(None), not_evaluated(CONDITION_FAILED));
        let finished = finish(&all, read.clone(), None);
        assert_eq!((finished.len(), &finished["product"].value), (5, &json!("pump")));
        assert_eq!(finished["nps"], not_evaluated(CONDITION_FAILED), "it was not asked");
        assert_eq!(none(&all, "Nothing was said.")["nps"].rationale, "Nothing was said.");
    }
}
