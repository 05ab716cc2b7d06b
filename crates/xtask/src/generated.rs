//! `cargo xtask settings-table` and `outcomes-table`: parts of Markdown documents that are generated from the code.

use std::fmt::Write as _;

use anyhow::{Context, ensure};
use connectors::reason;
use domain::settings::TenantSettings;
use domain::settings::section::SettingField;

use crate::paths;

const SETTINGS: Block = Block { document: "crates/domain/SETTINGS.md", name: "settings" };
const OUTCOMES: Block = Block { document: "crates/crm-sync/docs/outcomes.md", name: "outcomes" };

/// Prints the table of tenant settings, or writes it into its document.
pub(crate) fn settings(write: bool) -> anyhow::Result<()> {
    SETTINGS.run(&settings_table()?, write)
}

/// Prints the table of what ends or delays a sync, or writes it into its document.
pub(crate) fn outcomes(write: bool) -> anyhow::Result<()> {
    OUTCOMES.run(&reason::table(), write)
}

fn settings_table() -> anyhow::Result<String> {
    let mut table = "| Field | Values | Default | Meaning |\n|---|---|---|---|\n".to_owned();
    for SettingField { path, values, default, meaning } in TenantSettings::fields()? {
        let default = default.map_or_else(|| "required".to_owned(), |default| format!("`{default}`"));
        let cells = [format!("`{path}`"), values.to_owned(), default, meaning];
        let [path, values, default, meaning] = cells.map(|cell| cell.replace('|', "\\|"));
        writeln!(table, "| {path} | {values} | {default} | {meaning} |")?;
    }
    Ok(table)
}

/// A block between two marker lines of a document: `<!-- NAME: begin; … -->` and `<!-- NAME: end -->`.
///
/// Each block has a command that writes it, `cargo xtask NAME-table --write`; a test holds it current.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// Relative to the checkout.
    document: &'static str,
    name: &'static str,
}

impl Block {
    /// Prints the content, or writes it into the document.
    fn run(&self, content: &str, write: bool) -> anyhow::Result<()> {
        if !write {
            print!("{content}");
            return Ok(());
        }
        let old = self.read()?;
        let new = self.filled(&old, content)?;
        let state = if new == old { "is up to date" } else { "has been updated" };
        paths::write(&paths::root().join(self.document), new)?;
        println!("  {} {state}", self.document);
        Ok(())
    }

    fn read(&self) -> anyhow::Result<String> {
        paths::read(&paths::root().join(self.document))
    }

    /// Replaces what is between the markers.
    fn filled(&self, document: &str, content: &str) -> anyhow::Result<String> {
        let begin = format!("<!-- {0}: begin; `cargo xtask {0}-table --write` -->\n", self.name);
        let end = format!("<!-- {}: end -->\n", self.name);
        let markers = || format!("{} must have the lines {begin}and {end}once each, in this order", self.document);
        let (before, rest) = document.split_once(&begin).with_context(markers)?;
        let (_, after) = rest.split_once(&end).with_context(markers)?;
        ensure!(!after.contains(&begin) && !after.contains(&end), markers());
        Ok([before, &begin, content, &end, after].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: Block = Block { document: "X.md", name: "x" };

    #[test]
    fn the_documents_have_the_tables_of_the_code() {
        for (block, content) in [(SETTINGS, settings_table().unwrap()), (OUTCOMES, reason::table())] {
            let old = block.read().unwrap();
            let is_current = block.filled(&old, &content).unwrap() == old;
            assert!(is_current, "{} is out of date: run `cargo xtask {}-table --write`", block.document, block.name);
        }
    }

    #[test]
    fn a_row_has_the_path_values_default_and_meaning() {
        let table = settings_table().unwrap();
        // The meanings are held by the test above: here only how a row is made of its parts.
        for row in [
            "| `version` | 1 | `1` | ",
            "| `email.channels` | `voice`, `text`; empty: all | `[]` | ",
            "| `email.quiet_hours.from` | HH:MM | required | ",
            "| `retention.transcripts_days` | days, 1 to 3650; null: for ever | `null` | ",
        ] {
            assert!(table.lines().any(|line| line.starts_with(row) && line.len() > row.len() + 3), "{row}\n{table}");
        }
    }

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let document = "a\n<!-- x: begin; `cargo xtask x-table --write` -->\nold\n<!-- x: end -->\nb\n";
        assert_eq!(BLOCK.filled(document, "new\n").unwrap(), document.replace("old", "new"));
    }

    #[test]
    fn a_document_without_its_markers_is_an_error() {
        let (begin, end) = ("<!-- x: begin; `cargo xtask x-table --write` -->\n", "<!-- x: end -->\n");
        for document in [begin.to_owned(), format!("{end}{begin}"), format!("{begin}{end}{begin}{end}")] {
            let error = BLOCK.filled(&document, "new\n").unwrap_err().to_string();
            assert!(error.contains("once each"), "{document}");
        }
    }
}
