//! Values of a session, its visitor and its analysis for the fields of a third party.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::analysis::{Analysis, CategoryLabel, MetricStatus};
use domain::integration::source::Path;
use domain::integration::{FieldType, Mapping, Source};
use domain::session::Session;
use serde_json::{Value, json};

use crate::job::Job;
use crate::name;
use crate::text::cut;

/// Whole numbers below are written in digits: floating point holds all of them exactly.
const MAX_EXACT: f64 = 1e15;

/// The mapped fields of an object that have a value, each as its type wants it. A value that does not fit is left out,
/// and noted.
pub(crate) fn values(job: &Job<'_>, object: &str, mapping: &Mapping) -> Vec<(String, Value)> {
    let mut fields = mapping.iter().peekable();
    if fields.peek().is_none() {
        return Vec::new();
    }
    let sources = Sources::of(job.session, job.analysis, job.key.analysis_version);
    let value = |(field, source): (&str, &Source)| {
        let found = sources.find(source)?;
        let kind = job.connection.fields.get(&format!("{object}.{field}"));
        match written(&found, kind) {
            Ok(value) => Some((field.to_owned(), value)),
            Err(why) => {
                job.notes.leave_out(field, why);
                None
            }
        }
    };
    fields.filter_map(value).collect()
}

/// Documents in which most sources are paths.
struct Sources<'a> {
    session: &'a Session,
    category: Option<CategoryLabel>,
    version: i32,
    visitor: Value,
    analysis: Value,
}

impl<'a> Sources<'a> {
    fn of(session: &'a Session, analysis: &Analysis, version: i32) -> Self {
        let category = analysis.category.as_ref().map(|category| category.label);
        Self { session, category, version, visitor: json!(session.visitor), analysis: json!(analysis) }
    }

    /// Finds a text, a number, a boolean or a list of texts. `None`: not known, not evaluated, or empty.
    fn find(&self, source: &Source) -> Option<Value> {
        let found = match source.path() {
            Path::Metadata(key) => self.session.metadata.get(key)?.clone(),
            Path::CustomMetric(name) => {
                let metric = self.analysis.get("custom_metrics")?.get(name)?;
                let is_evaluated = metric.get("status") == Some(&json!(MetricStatus::Ok));
                metric.get("value").filter(|_| is_evaluated)?.clone()
            }
            Path::Field(field) => self.field(field)?,
        };
        match &found {
            Value::Null | Value::Object(_) => None,
            Value::String(text) => (!text.trim().is_empty()).then_some(found),
            Value::Array(items) => (!items.is_empty() && items.iter().all(Value::is_string)).then_some(found),
            Value::Bool(_) | Value::Number(_) => Some(found),
        }
    }

    fn field(&self, field: &str) -> Option<Value> {
        let name = || self.session.visitor.name.as_deref().map(name::split).unwrap_or_default();
        match field {
            "visitor.first_name" => name().first.map(Value::from),
            "visitor.last_name" => name().last.map(Value::from),
            "session.session_id" => Some(self.session.session_id.as_ref().into()),
            "session.agent_id" => Some(self.session.agent_id.as_ref().into()),
            "session.channel" => Some(self.session.channel.as_str().into()),
            "session.end_reason" => self.session.end_reason.as_deref().map(Value::from),
            "session.started_at" => Some(text_of(self.session.started_at).into()),
            "session.ended_at" => Some(text_of(self.session.ended_at).into()),
            "analysis.version" => Some(self.version.into()),
            "analysis.category.title" => self.category.map(|category| category.title().into()),
            "analysis.category.reasoning" => self.at("analysis.category.justification.reasoning").cloned(),
            "analysis.insights" | "analysis.action_items" => {
                self.at(field)?.as_array()?.iter().map(|item| item.get("text").cloned()).collect()
            }
            field => self.at(field).cloned(),
        }
    }

    /// Follows the path of a source.
    fn at(&self, field: &str) -> Option<&Value> {
        let (document, path) = match field.split_once('.')? {
            ("visitor", path) => (&self.visitor, path),
            ("analysis", path) => (&self.analysis, path),
            _ => return None,
        };
        path.split('.').try_fold(document, |value, member| value.get(member))
    }
}

/// A time as all fields get it that are not of a type for times.
fn text_of(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Writes a value as the field wants it; the error says why it does not fit. A field whose type is not known gets text.
fn written(found: &Value, kind: Option<&FieldType>) -> Result<Value, &'static str> {
    let number = || found.as_f64().or_else(|| found.as_str()?.trim().parse().ok()).ok_or("the value is not a number");
    match kind {
        None | Some(FieldType::Text { max_length: None }) => Ok(plain(found).into()),
        Some(FieldType::Text { max_length: Some(max) }) => Ok(cut(&plain(found), *max as usize).into()),
        Some(FieldType::Number) => number().map(|number| whole(number).unwrap_or(number.into())),
        Some(FieldType::Integer) => whole(number()?).ok_or("the value is not a whole number"),
        Some(FieldType::Boolean) => match (found, found.as_str()) {
            (Value::Bool(value), _) => Ok((*value).into()),
            (_, Some(text @ ("true" | "false"))) => Ok((text == "true").into()),
            _ => Err("the value is neither true nor false"),
        },
        Some(FieldType::DateTime) => time(found).map(|time| text_of(time).into()),
        Some(FieldType::Date) => time(found).map(|time| time.format("%Y-%m-%d").to_string().into()),
        Some(FieldType::Options { values, is_multiple }) => option(found, values, *is_multiple),
    }
}

/// Writes the items that are options; several options are separated by semicolons in HubSpot and Salesforce.
fn option(found: &Value, values: &[String], is_multiple: bool) -> Result<Value, &'static str> {
    let (items, mut known) = (items(found), Vec::new());
    for item in &items {
        if values.contains(item) && !known.contains(&item.as_str()) {
            known.push(item);
        }
    }
    match known.as_slice() {
        [] => Err("the value is not one of the options"),
        [_, _, ..] if !is_multiple => Err("the value is several of the options, and the field takes one"),
        known => Ok(known.join(";").into()),
    }
}

/// Writes a whole number without a decimal point.
fn whole(number: f64) -> Option<Value> {
    (number.fract() == 0.0 && number.abs() < MAX_EXACT).then(|| (number as i64).into())
}

fn time(found: &Value) -> Result<DateTime<Utc>, &'static str> {
    found.as_str().and_then(|text| text.parse().ok()).ok_or("the value is not a time")
}

fn items(found: &Value) -> Vec<String> {
    match found {
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        text => vec![plain(text)],
    }
}

fn plain(found: &Value) -> String {
    match found {
        Value::String(text) => text.trim().to_owned(),
        Value::Array(_) => items(found).join("\n"),
        Value::Number(number) => number.as_f64().unwrap_or_default().to_string(),
        Value::Null | Value::Bool(_) | Value::Object(_) => found.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::analysis::IntentOutcome;
    use domain::integration::source::{SOURCES, SourceType};
    use domain::session::{Channel, EmailConsent, Visitor};

    fn source(path: &str) -> Source {
        path.to_owned().try_into().unwrap()
    }

    /// A session and its analysis with every value.
    fn full() -> (Session, Analysis) {
        let text = |text: &str| Some(text.to_owned());
        let visitor = Visitor {
            id: text("v-1"),
            name: text("Ana López"),
            email: text("ana@example.com"),
            phone: text("+34 600 000 000"),
            locale: text("es"),
            time_zone: text("Europe/Madrid"),
            email_consent: Some(EmailConsent::Given),
        };
        let session = Session {
            tenant_id: "acme".parse().unwrap(),
            session_id: "s-1".parse().unwrap(),
            agent_id: "agent".parse().unwrap(),
            channel: Channel::Voice,
            started_at: "2026-11-22T09:55:00Z".parse().unwrap(),
            ended_at: "2026-11-22T10:00:12Z".parse().unwrap(),
            end_reason: text("visitor_hung_up"),
            visitor,
            metadata: [("campaign".to_owned(), json!("autumn"))].into_iter().collect(),
        };
        let mut analysis: Analysis = serde_json::from_str(include_str!("../tests/analysis.json")).unwrap();
        analysis.intent.as_mut().unwrap().outcome = Some(IntentOutcome::Achieved);
        (session, analysis)
    }

    #[test]
    fn every_source_is_found_and_is_of_its_kind() {
        let (session, analysis) = full();
        let sources = Sources::of(&session, &analysis, 1);
        for (path, kind) in SOURCES {
            let found = sources.find(&source(path));
            let fits = match (kind, &found) {
                (SourceType::Label(labels), Some(Value::String(text))) => labels.contains(&text.as_str()),
                (SourceType::Integer, Some(Value::Number(number))) => number.is_u64(),
                (SourceType::Time, Some(found)) => time(found).is_ok(),
                (SourceType::Text, Some(Value::String(_)))
                | (SourceType::Number, Some(Value::Number(_)))
                | (SourceType::List, Some(Value::Array(_))) => true,
                _ => false,
            };
            assert!(fits, "{path}: {found:?}");
        }
        for path in ["session.metadata.campaign", "analysis.custom_metrics.budget_named"] {
            assert!(sources.find(&source(path)).is_some(), "{path}");
        }
    }
}
