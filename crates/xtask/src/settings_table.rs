//! `cargo xtask settings-table`: the table of tenant settings, generated from the code.

use std::fmt::Write as _;

use domain::settings::TenantSettings;
use domain::settings::section::SettingField;

use crate::generated::Block;

const BLOCK: Block =
    Block { document: "crates/domain/SETTINGS.md", name: "settings", command: "cargo xtask settings-table --write" };

/// Prints the table, or writes it into its document.
pub(crate) fn run(write: bool) -> anyhow::Result<()> {
    BLOCK.run(&table()?, write)
}

fn table() -> anyhow::Result<String> {
    let mut table = "| Field | Values | Default | Meaning |\n|---|---|---|---|\n".to_owned();
    for SettingField { path, values, default, meaning } in TenantSettings::fields()? {
        let cells = [format!("`{path}`"), values.to_owned(), format!("`{default}`"), meaning];
        let [path, values, default, meaning] = cells.map(|cell| cell.replace('|', "\\|"));
        writeln!(table, "| {path} | {values} | {default} | {meaning} |")?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_the_table_of_the_code() {
        BLOCK.is_current(&table().unwrap()).unwrap();
    }

    #[test]
    fn a_row_has_the_path_values_default_and_meaning() {
        let table = table().unwrap();
        // The meanings are held by the test above: here only how a row is made of its parts.
        for row in [
            "| `version` | 1 | `1` | ",
            "| `email.channels` | `voice`, `text`; empty: all | `[]` | ",
            "| `retention.transcripts_days` | days, 1 to 3650; null: for ever | `null` | ",
        ] {
            assert!(table.lines().any(|line| line.starts_with(row) && line.len() > row.len() + 3), "{row}\n{table}");
        }
    }
}
