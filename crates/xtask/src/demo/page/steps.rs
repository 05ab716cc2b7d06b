//! When each step of a session waited and ran, as bars on a common scale.

use chrono::{DateTime, Utc};
use domain::step::{FIRST_VERSION, Step};
use serde::Serialize;

use super::super::outcome::StepRecord;

#[derive(Serialize)]
pub(super) struct Timeline {
    pub(super) total_ms: i64,
    steps: Vec<StepView>,
}

#[derive(Serialize)]
struct StepView {
    title: String,
    status: String,
    code: Option<String>,
    attempt: i32,
    started: Option<String>,
    finished: Option<String>,
    wait_ms: Option<i64>,
    ms: Option<i64>,
    /// Shares of the whole in percent: where waiting begins, how long it lasts, and how long the step ran.
    from: f64,
    wait: f64,
    run: f64,
}

impl Timeline {
    /// `None` before anything was planned.
    pub(super) fn of(steps: &[StepRecord]) -> Option<Self> {
        let begin = steps.iter().map(|step| step.created_at).min()?;
        let latest = |step: &StepRecord| step.finished_at.or(step.started_at).unwrap_or(step.created_at);
        let end = steps.iter().map(latest).max()?;
        let total_ms = (end - begin).num_milliseconds();
        let steps = steps.iter().map(|step| StepView::of(step, begin, total_ms)).collect();
        Some(Self { total_ms, steps })
    }
}

impl StepView {
    fn of(step: &StepRecord, begin: DateTime<Utc>, total_ms: i64) -> Self {
        let wait_ms = step.started_at.map(|started| (started - step.created_at).num_milliseconds().max(0));
        Self {
            title: title(step),
            status: step.status.clone(),
            code: step.code.clone(),
            attempt: step.attempt,
            started: step.started_at.map(clock),
            finished: step.finished_at.map(clock),
            wait_ms,
            ms: step.ms(),
            from: share((step.created_at - begin).num_milliseconds(), total_ms),
            wait: share(wait_ms.unwrap_or(0), total_ms),
            run: share(step.ms().unwrap_or(0), total_ms),
        }
    }
}

fn title(step: &StepRecord) -> String {
    let Some(parsed) = step.parsed() else { return step.step.clone() };
    let name = match &parsed {
        Step::Analyze { .. } => "analyze".to_owned(),
        Step::Notify { .. } => "notify".to_owned(),
        Step::CrmSync { integration, .. } => format!("crm-sync · {integration}"),
        Step::Tell { integration, event, .. } => return format!("crm-sync · {integration} · {event}"),
    };
    match parsed.version() {
        FIRST_VERSION => name,
        later => format!("{name} · version {later}"),
    }
}

fn clock(time: DateTime<Utc>) -> String {
    time.format("%H:%M:%S%.3f").to_string()
}

/// In percent with one decimal.
fn share(ms: i64, total_ms: i64) -> f64 {
    (ms as f64 / total_ms.max(1) as f64 * 1000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(ms).unwrap()
    }

    #[test]
    fn bars_share_one_scale() {
        let step = |name: &str, created, started, finished| StepRecord {
            step: name.into(),
            status: "done".into(),
            attempt: 1,
            code: None,
            created_at: at(created),
            started_at: Some(at(started)),
            finished_at: Some(at(finished)),
        };
        let steps = [step("analyze", 0, 100, 600), step("crm_sync:hubspot", 600, 700, 1000)];
        let timeline = Timeline::of(&steps).unwrap();
        let bars: Vec<_> = timeline.steps.iter().map(|s| (s.title.as_str(), s.from, s.wait, s.run)).collect();
        assert_eq!(timeline.total_ms, 1000);
        assert_eq!(bars, [("analyze", 0.0, 10.0, 50.0), ("crm-sync · hubspot", 60.0, 10.0, 30.0)]);
    }

    #[test]
    fn a_later_version_says_so() {
        let title = |step: &str| {
            title(&StepRecord {
                step: step.into(),
                status: "done".into(),
                attempt: 1,
                code: None,
                created_at: at(0),
                started_at: None,
                finished_at: None,
            })
        };
        assert_eq!(["analyze", "analyze@2"].map(title), ["analyze", "analyze · version 2"]);
        assert_eq!(title("crm_sync@3:hubspot:main"), "crm-sync · hubspot:main · version 3");
        assert_eq!(title("unheard_of"), "unheard_of");
    }

    #[test]
    fn a_step_that_never_ran_has_no_times() {
        let step = StepRecord {
            step: "notify".into(),
            status: "pending".into(),
            attempt: 0,
            code: None,
            created_at: at(5),
            started_at: None,
            finished_at: None,
        };
        let timeline = Timeline::of(&[step]).unwrap();
        assert_eq!((timeline.total_ms, timeline.steps[0].ms), (0, None));
        assert!(Timeline::of(&[]).is_none());
    }
}
