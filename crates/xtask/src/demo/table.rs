//! The run as a table of plain text.

use domain::session::SessionStatus;

use super::outcome::{Delivery, Outcome, SessionOutcome, Stored, Totals};
use crate::table::{UNKNOWN, table};

/// A line for each session, with the seconds of each stage.
pub(super) fn render(outcome: &Outcome) -> String {
    let titles = ["SESSION", "CHANNEL", "CATEGORY", "SENTIMENT", "MAIL", "HUBSPOT", "SALESFORCE", "WEBHOOK"];
    let stages = outcome.stages.iter().map(|stage| format!("{} s", stage.stage));
    let titles: Vec<_> = titles.map(str::to_owned).into_iter().chain(stages).collect();
    let rows: Vec<_> = outcome.sessions.iter().map(|session| row(session, outcome)).collect();
    table(&titles, &rows)
}

/// The counts of the run in one line.
pub(super) fn totals(Outcome { totals, wall_s, .. }: &Outcome) -> String {
    let Totals { accepted, completed, failed, cost_usd, .. } = totals;
    let Totals { emails_sent, contacts, notes, people, tasks, webhooks, dead_letters, .. } = totals;
    let cost = cost_usd.map_or_else(String::new, |usd| format!("{usd:.4} USD at list price; "));
    format!(
        "{accepted} accepted, {completed} completed, {failed} failed; {emails_sent} mails; HubSpot: {contacts} \
         contacts, {notes} notes; Salesforce: {people} people, {tasks} tasks; {webhooks} webhooks; {dead_letters} \
         dead letters; {cost}{wall_s:.1} s"
    )
}

fn row(session: &SessionOutcome, outcome: &Outcome) -> Vec<String> {
    let Stored { email, hubspot, salesforce, webhook, .. } = &session.stored;
    let cells = [
        session.session_id.clone(),
        session.channel.as_str().to_owned(),
        category(session),
        sentiment(session),
        with_code(&email.status, &email.code),
        crm(hubspot, "note"),
        crm(salesforce, "task"),
        with_code(&webhook.status, &webhook.code),
    ];
    let seconds = outcome.stages.iter().map(|stage| match session.stages_ms.get(&stage.stage) {
        Some(ms) => format!("{}.{:02}", ms / 1000, ms % 1000 / 10),
        None => UNKNOWN.to_owned(),
    });
    cells.into_iter().chain(seconds).collect()
}

/// The category; for a session without one, what happened instead.
fn category(session: &SessionOutcome) -> String {
    let stored = &session.stored;
    if stored.status != SessionStatus::Completed.as_str() {
        // What `ingest` answered is printed when it answers.
        let code = stored.failure.clone().filter(|_| stored.status != "refused");
        return with_code(&Some(stored.status.to_uppercase()), &code);
    }
    let Some(analysis) = &stored.analysis else { return UNKNOWN.to_owned() };
    analysis.category.as_ref().map_or_else(
        || format!("({})", analysis.status.as_str()),
        |category| format!("{} {:.0}%", category.label.title(), category.confidence.get() * 100.0),
    )
}

fn sentiment(session: &SessionOutcome) -> String {
    let sentiment = session.stored.analysis.as_ref().and_then(|analysis| analysis.sentiment.as_ref());
    sentiment.map_or(UNKNOWN.into(), |s| format!("{} {:+.2}", s.label.as_str(), s.average.get()))
}

/// The ids in a CRM. `noun` is what the CRM calls its record of a session.
fn crm(Delivery { status, code, contact_id, record_id, .. }: &Delivery, noun: &str) -> String {
    match (contact_id, record_id) {
        (Some(contact), Some(record)) => format!("{contact}, {noun} {record}"),
        (Some(contact), None) => format!("{contact}, {}", status.as_deref().unwrap_or(UNKNOWN)),
        (None, _) => with_code(status, code),
    }
}

fn with_code(status: &Option<String>, code: &Option<String>) -> String {
    let status = status.as_deref().unwrap_or(UNKNOWN);
    code.as_ref().map_or_else(|| status.to_owned(), |code| format!("{status}: {code}"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::canned;
    use super::*;

    #[test]
    fn a_run_reads_like_this() {
        insta::assert_snapshot!(render(&canned::small()), @"
        SESSION           CHANNEL  CATEGORY                      SENTIMENT    MAIL               HUBSPOT            SALESFORCE         WEBHOOK  analyze s  notify s  hubspot s  salesforce s  webhook s
        brake-complaint   voice    Facing Issue 91%              mixed -0.14  sent               101, note 501      00Q1, task 00T1    done          0.85      0.22       0.62          0.23       0.11
        said-nothing      voice    (insufficient_content)        -            skipped: no_email  skipped: no_email  skipped: no_email  done          0.85      0.22       0.62          0.23       0.11
        mietrad-stoerung  text     FAILED: model_answer_invalid  -            -                  -                  -                  -             0.85         -          -             -          -
        ");
    }
}
