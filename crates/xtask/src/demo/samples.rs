//! The six sample conversations of an invented bicycle shop, written for the demo.

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};

use super::notification::Notification;

/// The business that the sample visitors talk with.
pub(super) const BUSINESS: &str = "Tideway Cycles";

/// The files in the order of their conversations.
const FILES: [(&str, &str); 6] = [
    ("potential-buyer.json", include_str!("sessions/potential-buyer.json")),
    ("immediate-buyer.json", include_str!("sessions/immediate-buyer.json")),
    ("facing-issue.json", include_str!("sessions/facing-issue.json")),
    ("facing-issue-german.json", include_str!("sessions/facing-issue-german.json")),
    ("just-exploring.json", include_str!("sessions/just-exploring.json")),
    ("others.json", include_str!("sessions/others.json")),
];

/// The samples, moved by whole weeks so that the last one ended within the week before `now`: the weekdays that the
/// conversations speak of stay true, and no session ends in the future.
pub(super) fn notifications(now: DateTime<Utc>) -> anyhow::Result<Vec<Notification>> {
    let samples = read()?;
    let last = samples.iter().map(|sample| sample.ended_at).max().context("there are no samples")?;
    let weeks = (now - last).num_seconds().div_euclid(TimeDelta::weeks(1).num_seconds());
    Ok(samples.into_iter().map(|sample| sample.moved_by(TimeDelta::weeks(weeks))).collect())
}

fn read() -> anyhow::Result<Vec<Notification>> {
    FILES.iter().map(|(name, text)| serde_json::from_str(text).with_context(|| format!("read {name}"))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::session::{Channel, VisitorEmail};
    use domain::transcript::Role;

    use super::*;

    #[test]
    fn half_of_the_samples_are_voice_and_only_those_have_times() {
        let samples = read().unwrap();
        assert_eq!(samples.iter().filter(|sample| sample.channel == Channel::Voice).count(), 3);
        for sample in &samples {
            let voice = sample.channel == Channel::Voice;
            assert!(sample.transcript.iter().all(|turn| turn.started_ms.is_some() == voice), "{}", sample.session_id);
            assert!((12..=26).contains(&sample.transcript.len()), "{}", sample.session_id);
        }
    }

    #[test]
    fn voice_turns_follow_each_other_and_end_within_the_session() {
        for sample in read().unwrap().iter().filter(|sample| sample.channel == Channel::Voice) {
            let times: Vec<_> =
                sample.transcript.iter().flat_map(|turn| [turn.started_ms.unwrap(), turn.ended_ms.unwrap()]).collect();
            assert!(times.is_sorted(), "{}", sample.session_id);
            let duration = (sample.ended_at - sample.started_at).num_milliseconds();
            assert!(i64::from(*times.last().unwrap()) <= duration, "{}", sample.session_id);
        }
    }

    #[test]
    fn one_visitor_comes_twice_and_one_writes_german() {
        let samples = read().unwrap();
        let emails: BTreeSet<_> = samples.iter().filter_map(|sample| sample.visitor.email.clone()).collect();
        assert_eq!(emails.len(), samples.len() - 1);
        assert!(samples.iter().any(|sample| sample.visitor.locale.as_deref() == Some("de-DE")));
        assert!(samples.iter().all(|sample| matches!(sample.visitor.email(), VisitorEmail::Usable(_))));
        assert!(emails.iter().all(|email| email.ends_with("@example.com")));
    }

    #[test]
    fn visitors_and_agents_both_speak_in_every_sample() {
        for sample in read().unwrap() {
            let turns = |role| sample.transcript.iter().filter(|turn| turn.role == role).count();
            assert!(turns(Role::Visitor) >= 6 && turns(Role::Agent) >= 6, "{}", sample.session_id);
        }
    }

    #[test]
    fn samples_keep_their_weekdays_and_lie_in_the_past_week() {
        for now in ["2026-10-01T12:00:00Z", "2026-11-23T00:00:00Z", "2031-05-05T05:05:05Z"] {
            let now: DateTime<Utc> = now.parse().unwrap();
            let moved = notifications(now).unwrap();
            let last = moved.iter().map(|sample| sample.ended_at).max().unwrap();
            assert!(last <= now && now - last < TimeDelta::weeks(1), "{now}");
            let shift = moved[0].started_at - read().unwrap()[0].started_at;
            assert_eq!(shift.num_seconds() % TimeDelta::weeks(1).num_seconds(), 0);
        }
    }

    /// Asks the stand-in as `analyze` does, as far as it matters to the answer.
    async fn analysis(bedrock: &fakes::Running, sample: &Notification) -> serde_json::Value {
        let lines = sample.transcript.iter().enumerate();
        let lines: String =
            lines.map(|(index, turn)| format!("[{index}] {}: {}\n", turn.role.as_str(), turn.text)).collect();
        let prompt = format!("Output language: the transcript's language\n<transcript-1>\n{lines}</transcript-1>\n");
        let schema = include_str!("../../../analyze/prompts/v2/analysis.schema.json");
        let format = serde_json::json!({ "type": "json_schema", "structure": { "jsonSchema": { "schema": schema } } });
        let body = serde_json::json!({
            "messages": [{ "role": "user", "content": [{ "text": prompt }] }], "outputConfig": { "textFormat": format },
        });
        let url = format!("{}/model/demo/converse", bedrock.base_url);
        let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
        let answer: serde_json::Value = answer.json().await.unwrap();
        serde_json::from_str(answer["output"]["message"]["content"][0]["text"].as_str().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn the_stand_in_finds_each_sample_in_the_category_it_was_written_for() {
        let bedrock = fakes::bedrock::start().await.unwrap();
        for (sample, (file, _)) in read().unwrap().iter().zip(FILES) {
            let label = analysis(&bedrock, sample).await["category"]["label"].as_str().unwrap().replace('_', "-");
            assert!(file.starts_with(&label), "{file} was found to be {label}");
        }
    }

    #[test]
    fn a_posted_body_names_its_tenant() {
        let body = read().unwrap()[0].body(&"acme".parse().unwrap()).unwrap();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["tenant_id"], "acme");
        assert_eq!(body["transcript"][0]["role"], "agent");
        assert_eq!(body["transcript"][0].as_object().unwrap().len(), 2);
    }
}
