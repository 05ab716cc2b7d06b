//! The run as a table of plain text.
//!
//! Every cell is ASCII (ids are by type), so that characters are columns.

use super::outcome::{Ending, Kind, Outcome, SessionOutcome};

const GAP: &str = "  ";
const NOTHING: &str = "-";

struct Column {
    title: String,
    right: bool,
    cells: Vec<String>,
}

/// Lines of `session, channel, category, sentiment, mail, HubSpot, Salesforce, webhook` and the seconds of each stage.
pub(super) fn render(outcome: &Outcome) -> String {
    let columns = columns(outcome);
    let mut text = line(&columns, |column| &column.title);
    text.push_str(&rule(&columns));
    for row in 0..outcome.sessions.len() {
        text.push_str(&line(&columns, |column| &column.cells[row]));
    }
    text
}

fn columns(outcome: &Outcome) -> Vec<Column> {
    let column = |title: &str, right: bool, cell: &dyn Fn(&SessionOutcome) -> String| Column {
        title: title.to_owned(),
        right,
        cells: outcome.sessions.iter().map(cell).collect(),
    };
    let mut columns = vec![
        column("SESSION", false, &|session| session.session_id.clone()),
        column("CHANNEL", false, &|session| session.channel.as_str().to_owned()),
        column("CATEGORY", false, &category),
        column("SENTIMENT", true, &sentiment),
        column("MAIL", false, &mail),
        column("HUBSPOT", false, &|session| crm(session, Kind::Hubspot, "note")),
        column("SALESFORCE", false, &|session| crm(session, Kind::Salesforce, "task")),
        column("WEBHOOK", false, &webhook),
    ];
    let stages = outcome.stages();
    columns.extend(stages.iter().map(|stage| column(&format!("{stage} s"), true, &|session| seconds(session, stage))));
    columns
}

/// Or what went wrong, in capitals: there is no category to show then.
fn category(session: &SessionOutcome) -> String {
    if !session.is_completed() {
        let code = match &session.ending {
            Ending::Refused(_) | Ending::Missing => None,
            Ending::Stored { failure_code, .. } => failure_code.as_deref(),
        };
        return with_code(&session.ending.as_str().to_uppercase(), code);
    }
    let Some(analysis) = &session.analysis else { return NOTHING.into() };
    analysis.category.as_ref().map_or_else(
        || format!("({})", analysis.status.as_str()),
        |category| format!("{} {:.0}%", category.label.title(), category.confidence.get() * 100.0),
    )
}

fn sentiment(session: &SessionOutcome) -> String {
    let sentiment = session.analysis.as_ref().and_then(|analysis| analysis.sentiment.as_ref());
    sentiment.map_or(NOTHING.into(), |s| format!("{} {:+.2}", s.label.as_str(), s.average.get()))
}

fn mail(session: &SessionOutcome) -> String {
    session.email.as_ref().map_or(NOTHING.into(), |email| with_code(&email.status, email.code.as_deref()))
}

/// `noun` is what the CRM calls its record of a session.
fn crm(session: &SessionOutcome, kind: Kind, noun: &str) -> String {
    let Some(record) = session.integration(kind) else { return NOTHING.into() };
    match (&record.contact_id, &record.record_id) {
        (Some(contact), Some(id)) => format!("{contact}, {noun} {id}"),
        (Some(contact), None) => format!("{contact}, {}", record.status),
        (None, _) => with_code(&record.status, record.code.as_deref()),
    }
}

fn webhook(session: &SessionOutcome) -> String {
    let record = session.integration(Kind::Webhook);
    record.map_or(NOTHING.into(), |record| with_code(&record.status, record.code.as_deref()))
}

fn with_code(status: &str, code: Option<&str>) -> String {
    code.map_or_else(|| status.to_owned(), |code| format!("{status}: {code}"))
}

fn seconds(session: &SessionOutcome, stage: &str) -> String {
    let step = session.steps.iter().find(|step| step.stage() == stage);
    step.and_then(|step| step.ms()).map_or(NOTHING.into(), |ms| format!("{}.{:02}", ms / 1000, ms % 1000 / 10))
}

fn width(column: &Column) -> usize {
    column.cells.iter().chain([&column.title]).map(|cell| cell.chars().count()).max().unwrap_or(0)
}

fn line<'a>(columns: &'a [Column], cell: impl Fn(&'a Column) -> &'a str) -> String {
    let cells: Vec<_> = columns
        .iter()
        .map(|column| {
            let (cell, width) = (cell(column), width(column));
            if column.right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        })
        .collect();
    format!("{}\n", cells.join(GAP).trim_end())
}

fn rule(columns: &[Column]) -> String {
    let dashes: Vec<_> = columns.iter().map(|column| "-".repeat(width(column))).collect();
    format!("{}\n", dashes.join(GAP))
}

#[cfg(test)]
mod tests {
    use super::super::canned;
    use super::*;

    #[test]
    fn the_table_is_aligned() {
        insta::assert_snapshot!(render(&canned::small()), @"
        SESSION           CHANNEL  CATEGORY                        SENTIMENT  MAIL               HUBSPOT            SALESFORCE         WEBHOOK  analyze s  notify s  hubspot s  salesforce s  webhook s
        ----------------  -------  ----------------------------  -----------  -----------------  -----------------  -----------------  -------  ---------  --------  ---------  ------------  ---------
        brake-complaint   voice    Facing Issue 91%              mixed -0.14  sent               101, note 501      00Q1, task 00T1    done          0.85      0.22       0.62          0.23       0.11
        said-nothing      voice    (insufficient_content)                  -  skipped: no_email  skipped: no_email  skipped: no_email  done          0.85      0.22       0.62          0.23       0.11
        mietrad-stoerung  text     FAILED: model_answer_invalid            -  -                  -                  -                  -             0.85         -          -             -          -
        ");
    }

    #[test]
    fn a_run_of_nothing_has_a_heading() {
        let mut outcome = canned::small();
        outcome.sessions.clear();
        assert!(render(&outcome).starts_with("SESSION  CHANNEL"));
    }
}
