//! Values of a session, its visitor and its analysis for the fields of a third party.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::analysis::{Analysis, MetricStatus};
use domain::integration::source::Path;
use domain::integration::{FieldType, Mapping, Source};
use domain::session::Session;
use serde_json::Value;

use crate::job::Job;
use crate::name;
use crate::text::cut;

/// A value before it is written as a field's type wants it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum MappedValue {
    Text(String),
    Number(f64),
    Boolean(bool),
    Time(DateTime<Utc>),
    List(Vec<String>),
}

/// The mapped fields of an object that have a value, each as its type wants it. What has none, or does not fit, is left
/// out; the latter is noted.
pub(crate) fn values(job: &Job<'_>, object: &str, mapping: &Mapping) -> Vec<(String, Value)> {
    let value = |(field, source): (&str, &Source)| {
        let found = find(source, job.session, job.analysis, job.key.analysis_version)?;
        let kind = job.connection.fields.get(&format!("{object}.{field}"));
        match written(&found, kind) {
            Ok(value) => Some((field.to_owned(), value)),
            Err(why) => {
                job.notes.leave_out(field, why);
                None
            }
        }
    };
    mapping.iter().filter_map(value).collect()
}

/// `None`: not known, not evaluated, or empty.
pub(crate) fn find(source: &Source, session: &Session, analysis: &Analysis, version: i32) -> Option<MappedValue> {
    let found = match source.path() {
        Path::Metadata(key) => any(session.metadata.get(key)?),
        Path::CustomMetric(name) => {
            let metric = analysis.custom_metrics.get(name)?;
            (metric.status == MetricStatus::Ok).then(|| any(&metric.value)).flatten()
        }
        Path::Field(field) => match field.split_once('.')? {
            ("visitor", field) => visitor(field, session),
            ("session", field) => of_session(field, session),
            ("analysis", field) => of_analysis(field, analysis, version),
            _ => None,
        },
    };
    found.filter(|found| match found {
        MappedValue::Text(text) => !text.trim().is_empty(),
        MappedValue::List(items) => !items.is_empty(),
        MappedValue::Number(_) | MappedValue::Boolean(_) | MappedValue::Time(_) => true,
    })
}

fn any(value: &Value) -> Option<MappedValue> {
    match value {
        Value::Null | Value::Object(_) => None,
        Value::Bool(value) => Some(MappedValue::Boolean(*value)),
        Value::Number(number) => number.as_f64().map(MappedValue::Number),
        Value::String(text) => Some(MappedValue::Text(text.clone())),
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>().map(MappedValue::List)
        }
    }
}

fn text(text: Option<&str>) -> Option<MappedValue> {
    text.map(|text| MappedValue::Text(text.to_owned()))
}

fn visitor(field: &str, session: &Session) -> Option<MappedValue> {
    let visitor = &session.visitor;
    let name = || visitor.name.as_deref().map(name::split).unwrap_or_default();
    match field {
        "id" => text(visitor.id.as_deref()),
        "name" => text(visitor.name.as_deref()),
        "first_name" => text(name().first.as_deref()),
        "last_name" => text(name().last.as_deref()),
        "email" => text(visitor.email.as_deref()),
        "phone" => text(visitor.phone.as_deref()),
        "locale" => text(visitor.locale.as_deref()),
        "time_zone" => text(visitor.time_zone.as_deref()),
        "email_consent" => text(visitor.email_consent.map(|consent| consent.as_str())),
        _ => None,
    }
}

fn of_session(field: &str, session: &Session) -> Option<MappedValue> {
    match field {
        "session_id" => text(Some(session.session_id.as_ref())),
        "agent_id" => text(Some(session.agent_id.as_ref())),
        "channel" => text(Some(session.channel.as_str())),
        "started_at" => Some(MappedValue::Time(session.started_at)),
        "ended_at" => Some(MappedValue::Time(session.ended_at)),
        "end_reason" => text(session.end_reason.as_deref()),
        _ => None,
    }
}

fn of_analysis(field: &str, analysis: &Analysis, version: i32) -> Option<MappedValue> {
    let Analysis { intent, summary, category, sentiment, conversation, .. } = analysis;
    let (intent, summary, category) = (intent.as_ref(), summary.as_ref(), category.as_ref());
    let number = |number: f64| Some(MappedValue::Number(number));
    match field {
        "status" => text(Some(analysis.status.as_str())),
        "version" => number(version.into()),
        "intent.primary_purpose" => text(intent.map(|intent| intent.primary_purpose.as_str())),
        "intent.objectives" => intent.map(|intent| MappedValue::List(intent.objectives.clone())),
        "intent.outcome" => text(intent.and_then(|intent| intent.outcome).map(|outcome| outcome.as_str())),
        "summary.text" => text(summary.map(|summary| summary.text.as_str())),
        "summary.key_points" => summary.map(|summary| MappedValue::List(summary.key_points.clone())),
        "category.label" => text(category.map(|category| category.label.as_str())),
        "category.title" => text(category.map(|category| category.label.title())),
        "category.confidence" => number(category?.confidence.get()),
        "category.reasoning" => text(category.map(|category| category.justification.reasoning.as_str())),
        "sentiment.average" => number(sentiment.as_ref()?.average.get()),
        "sentiment.label" => text(sentiment.as_ref().map(|sentiment| sentiment.label.as_str())),
        "sentiment.patterns" => sentiment.as_ref().map(|sentiment| MappedValue::List(sentiment.patterns.clone())),
        "topics" => Some(MappedValue::List(analysis.topics.clone())),
        "insights" => Some(MappedValue::List(analysis.insights.iter().map(|insight| insight.text.clone()).collect())),
        "action_items" => Some(MappedValue::List(analysis.action_items.iter().map(|item| item.text.clone()).collect())),
        "conversation.turns" => number(conversation.turns as f64),
        "conversation.visitor_turns" => number(conversation.visitor_turns as f64),
        "conversation.agent_turns" => number(conversation.agent_turns as f64),
        "conversation.words" => number(conversation.words as f64),
        "conversation.talk_ratio" => number(conversation.talk_ratio?),
        "conversation.duration_s" => number(conversation.duration_s as f64),
        _ => None,
    }
}

/// As the field wants it, or why it does not fit. A field whose type is not known gets text.
fn written(found: &MappedValue, kind: Option<&FieldType>) -> Result<Value, &'static str> {
    match (kind, found) {
        (None, _) => Ok(plain(found).into()),
        (Some(FieldType::Text { max_length: None }), _) => Ok(plain(found).into()),
        (Some(FieldType::Text { max_length: Some(max) }), _) => Ok(cut(&plain(found), *max as usize).into()),
        (Some(FieldType::Number), MappedValue::Number(number)) => Ok(whole(*number).unwrap_or((*number).into())),
        (Some(FieldType::Number | FieldType::Integer), MappedValue::Text(text)) => {
            let number: f64 = text.trim().parse().map_err(|_| "the value is no number")?;
            written(&MappedValue::Number(number), kind)
        }
        (Some(FieldType::Integer), MappedValue::Number(number)) => whole(*number).ok_or("the value is no whole number"),
        (Some(FieldType::Number | FieldType::Integer), _) => Err("the value is no number"),
        (Some(FieldType::Boolean), MappedValue::Boolean(value)) => Ok((*value).into()),
        (Some(FieldType::Boolean), MappedValue::Text(text)) if ["true", "false"].contains(&text.as_str()) => {
            Ok((text == "true").into())
        }
        (Some(FieldType::Boolean), _) => Err("the value is neither true nor false"),
        (Some(FieldType::DateTime), _) => {
            time(found).map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true).into())
        }
        (Some(FieldType::Date), _) => time(found).map(|time| time.format("%Y-%m-%d").to_string().into()),
        (Some(FieldType::Options { values, is_multiple }), MappedValue::List(items)) => {
            let mut known: Vec<&str> = Vec::new();
            for item in items {
                if values.contains(item) && !known.contains(&item.as_str()) {
                    known.push(item);
                }
            }
            match known.as_slice() {
                [] => Err("the value is none of the options"),
                [_, _, ..] if !is_multiple => Err("the value is several of the options, and the field takes one"),
                known => Ok(known.join(";").into()),
            }
        }
        (Some(FieldType::Options { values, .. }), _) => {
            let text = plain(found);
            if values.contains(&text) { Ok(text.into()) } else { Err("the value is none of the options") }
        }
    }
}

/// Writes a whole number without a decimal point.
fn whole(number: f64) -> Option<Value> {
    (number.fract() == 0.0 && number.abs() < 1e15).then(|| (number as i64).into())
}

fn time(found: &MappedValue) -> Result<DateTime<Utc>, &'static str> {
    match found {
        MappedValue::Time(time) => Ok(*time),
        MappedValue::Text(text) => text.parse().map_err(|_| "the value is no time"),
        MappedValue::Number(_) | MappedValue::Boolean(_) | MappedValue::List(_) => Err("the value is no time"),
    }
}

fn plain(found: &MappedValue) -> String {
    match found {
        MappedValue::Text(text) => text.trim().to_owned(),
        MappedValue::Number(number) => number.to_string(),
        MappedValue::Boolean(value) => value.to_string(),
        MappedValue::Time(time) => time.to_rfc3339_opts(SecondsFormat::Millis, true),
        MappedValue::List(items) => items.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use domain::analysis::IntentOutcome;
    use domain::integration::source::{SOURCES, SourceType};
    use domain::session::{Channel, EmailConsent, Visitor};
    use serde_json::json;

    use super::*;

    fn source(path: &str) -> Source {
        path.to_owned().try_into().unwrap()
    }

    /// Of which everything is known.
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
        for (path, kind) in SOURCES {
            let found = find(&source(path), &session, &analysis, 1);
            let fits = match (kind, &found) {
                (SourceType::Label(labels), Some(MappedValue::Text(text))) => labels.contains(&text.as_str()),
                (SourceType::Integer, Some(MappedValue::Number(number))) => whole(*number).is_some(),
                (SourceType::Text, Some(MappedValue::Text(_)))
                | (SourceType::Number, Some(MappedValue::Number(_)))
                | (SourceType::Time, Some(MappedValue::Time(_)))
                | (SourceType::List, Some(MappedValue::List(_))) => true,
                _ => false,
            };
            assert!(fits, "{path}: {found:?}");
        }
        for path in ["session.metadata.campaign", "analysis.custom_metrics.budget_named"] {
            assert!(find(&source(path), &session, &analysis, 1).is_some(), "{path}");
        }
    }
}
