//! The completed task about a session.

use super::client::Org;
use super::fields::{self, Fields, filled};
use crate::call::CallError;
use crate::job::Job;
use crate::summary::{self, Markup, SummaryFormat, TITLE};
use crate::text::cut;

/// The longest `Description` that Salesforce takes.
pub const MAX_DESCRIPTION_LENGTH: usize = 32_000;
/// The longest `Subject`.
const MAX_SUBJECT_LENGTH: usize = 255;
const TASK_FORMAT: SummaryFormat =
    SummaryFormat { markup: Markup::Plain, max_length: MAX_DESCRIPTION_LENGTH, record: "the description of a task" };
const TASK: &str = "Task";
/// The field with the person that the task is about.
const WHO: &str = "WhoId";

pub(super) async fn write(org: &Org<'_>, job: &Job<'_>, person: &str) -> Result<String, CallError> {
    let mut own = own(job);
    own.insert(WHO.to_owned(), person.into());
    let key = &job.session.session_id;
    fields::write(job, TASK, own, mapped(org, job), async |fields| org.upsert_task(key, fields).await).await
}

/// The task stays with the person who has it now: a lead may have been converted since.
pub(super) async fn rewrite(org: &Org<'_>, job: &Job<'_>, task: &str) -> Result<Option<String>, CallError> {
    fields::write(job, TASK, own(job), mapped(org, job), async |fields| org.update_task(task, fields).await).await
}

fn own(job: &Job<'_>) -> Fields {
    let category = job.analysis.category.as_ref().map(|category| category.label.title());
    let subject = category.map_or_else(|| TITLE.to_owned(), |category| format!("{TITLE}: {category}"));
    filled([
        ("Subject", Some(cut(&subject, MAX_SUBJECT_LENGTH))),
        ("Description", Some(summary::render(job.session, job.analysis, &TASK_FORMAT))),
        // The conversation is over: an open task would ask its owner to act.
        ("Status", Some("Completed".to_owned())),
        ("Priority", Some("Normal".to_owned())),
        ("ActivityDate", Some(job.session.ended_at.format("%Y-%m-%d").to_string())),
    ])
}

fn mapped(org: &Org<'_>, job: &Job<'_>) -> Fields {
    let key = org.config.external_id_field.as_ref();
    fields::mapped(job, TASK, &org.config.task_fields, &["Id", WHO, key])
}
