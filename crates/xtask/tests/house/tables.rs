//! Tables in pages that are generated from the code. `UPDATE_TABLES=1 cargo test --workspace --test house` writes them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use connectors::reason::{HealthSign, Next, Reason, ReasonRow};
use domain::integration::source::{SOURCES, Source, SourceType};
use domain::settings::TenantSettings;
use domain::settings::section::SettingField;

const UPDATE: &str = "UPDATE_TABLES";
const HOW_TO_UPDATE: &str = "run UPDATE_TABLES=1 cargo test --workspace --test house";

/// Replaces what is between the markers of a table in a page.
fn filled(page: &str, table: &str, content: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {table}: begin; {HOW_TO_UPDATE} -->\n"), format!("<!-- {table}: end -->\n"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    let is_once = !after.contains(&begin) && !after.contains(&end);
    is_once.then(|| [before, &begin, content, &end, after].concat())
}

fn hold(page: &str, table: &str, content: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page);
    let old = fs::read_to_string(&path).expect("a readable page");
    let new = filled(&old, table, content).expect("the markers of the table, once each");
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, &new).expect("a writable page");
    } else {
        assert!(new == old, "{page} is out of date: {HOW_TO_UPDATE}");
    }
}

#[test]
fn the_page_of_settings_has_every_field() {
    hold("crates/domain/SETTINGS.md", "settings", &settings());
}

#[test]
fn the_page_of_outcomes_has_every_reason() {
    hold("crates/crm-sync/docs/outcomes.md", "outcomes", &outcomes());
}

#[test]
fn the_page_of_configurations_has_every_source_of_a_field() {
    hold("crates/connectors/docs/configuration.md", "sources", &sources());
}

/// Renders the table of the fields of a tenant's settings.
fn settings() -> String {
    let mut table = "| Field | Values | Default | Meaning |\n|---|---|---|---|\n".to_owned();
    for SettingField { path, values, default, meaning } in TenantSettings::fields().expect("defaults that are JSON") {
        let cells = [format!("`{path}`"), values.to_owned(), format!("`{default}`"), meaning];
        let [path, values, default, meaning] = cells.map(|cell| cell.replace('|', "\\|"));
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| {path} | {values} | {default} | {meaning} |");
    }
    table
}

/// Renders the table of the sources of mapped fields.
fn sources() -> String {
    let any = [("session.metadata.<key>", SourceType::Any), ("analysis.custom_metrics.<name>", SourceType::Any)];
    let mut table = "| Source | Value |\n|---|---|\n".to_owned();
    for (source, kind) in SOURCES.into_iter().chain(any) {
        let value = match kind {
            SourceType::Text => "text".to_owned(),
            SourceType::Label(texts) => format!("`{}`", texts.join("`, `")),
            SourceType::Number => "number".to_owned(),
            SourceType::Integer => "whole number".to_owned(),
            SourceType::Time => "time".to_owned(),
            SourceType::List => "texts, one per line".to_owned(),
            SourceType::Any => "any value".to_owned(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| `{source}` | {value} |");
    }
    table
}

/// Renders the table of what ends or delays a sync.
fn outcomes() -> String {
    let mut table =
        "| Code | What follows | Says of the integration | Message to administrators |\n|---|---|---|---|\n".to_owned();
    for reason in Reason::ALL {
        let ReasonRow { code, next, health, message } = reason.row();
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| `{code}` | {} | {} | {} |",
            follows(next),
            said(health),
            message.replace("{party}", "…")
        );
    }
    table
}

fn follows(next: Next) -> String {
    let seconds = |wait: Duration| match wait.as_secs() {
        3600 => "an hour".to_owned(),
        seconds => format!("{seconds} s"),
    };
    match next {
        Next::Fail => "fails".to_owned(),
        Next::Skip => "skipped".to_owned(),
        Next::Disable => "the integration is disabled; waits as `integration_disabled`".to_owned(),
        Next::Retry => "retried".to_owned(),
        Next::RetryAfter(wait) => format!("retried after `Retry-After`, or {}", seconds(wait)),
        Next::Wait(wait) => format!("waits {}", seconds(wait)),
        Next::Rest(wait) => format!("waits with the integration for `Retry-After`, or {}", seconds(wait)),
        Next::RestOrRetry => "waits with the integration for `Retry-After`; without it, retried".to_owned(),
        Next::Turn => "waits for its turn".to_owned(),
    }
}

fn said(health: HealthSign) -> &'static str {
    match health {
        HealthSign::Nothing => "nothing",
        HealthSign::Unsure => "nothing; an open circuit stays open",
        HealthSign::Down => "it is down",
        HealthSign::Answered => "a CRM works; a webhook fails",
    }
}

#[test]
fn a_row_of_a_setting_has_its_path_values_default_and_meaning() {
    let table = settings();
    for row in [
        "| `version` | 1 | `1` | ",
        "| `email.channels` | `voice`, `text`; empty: all | `[]` | ",
        "| `retention.transcripts_days` | days, 1 to 3650; null: for ever | `null` | ",
    ] {
        assert!(table.lines().any(|line| line.starts_with(row) && line.len() > row.len() + 3), "{row}\n{table}");
    }
}

#[test]
fn every_source_of_the_table_can_be_mapped() {
    let table = sources();
    let names: Vec<_> = table.lines().skip(2).filter_map(|row| row.split('`').nth(1)).collect();
    assert_eq!(names.len(), SOURCES.len() + 2);
    for name in names {
        let source = name.replace(['<', '>'], "");
        assert!(Source::try_from(source).is_ok(), "{name}");
    }
}

#[test]
fn only_what_is_between_the_markers_is_replaced() {
    let (begin, end) = (format!("<!-- x: begin; {HOW_TO_UPDATE} -->\n"), "<!-- x: end -->\n");
    let page = format!("a\n{begin}old\n{end}b\n");
    assert_eq!(filled(&page, "x", "new\n"), Some(page.replace("old", "new")));
    for page in [begin.clone(), format!("{end}{begin}"), format!("{begin}{end}{begin}{end}")] {
        assert_eq!(filled(&page, "x", "new\n"), None, "{page}");
    }
}
