//! `cargo xtask settings-table`: the table of tenant settings in README.md, generated from the code.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use domain::settings::TenantSettings;
use domain::settings::section::Field;

use crate::paths;
use crate::progress::heading;

const BEGIN: &str = "<!-- settings: begin; `cargo xtask settings-table --write` -->\n";
const END: &str = "<!-- settings: end -->\n";

/// Prints the table, or puts it into the README.
pub(crate) fn run(write: bool) -> anyhow::Result<()> {
    let table = table()?;
    if !write {
        print!("{table}");
        return Ok(());
    }
    let path = readme();
    let old = std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", paths::shown(&path)))?;
    let new = with_table(&old, &table)?;
    if new == old {
        heading("  README.md is up to date");
        return Ok(());
    }
    std::fs::write(&path, new).with_context(|| format!("failed to write {}", paths::shown(&path)))?;
    heading("  README.md has the new table");
    Ok(())
}

fn readme() -> PathBuf {
    paths::root().join("README.md")
}

fn table() -> anyhow::Result<String> {
    let mut table = "| Field | Values | Default | Meaning |\n|---|---|---|---|\n".to_owned();
    for Field { path, values, default, meaning } in TenantSettings::fields()? {
        let default = default.map_or_else(|| "required".to_owned(), |default| format!("`{default}`"));
        let cells = [format!("`{path}`"), values.to_owned(), default, meaning];
        let [path, values, default, meaning] = cells.map(|cell| cell.replace('|', "\\|"));
        writeln!(table, "| {path} | {values} | {default} | {meaning} |")?;
    }
    Ok(table)
}

/// The README with this table between the markers.
fn with_table(readme: &str, table: &str) -> anyhow::Result<String> {
    let markers = format!("README.md must have the lines {BEGIN}and {END}once each, in this order");
    let (before, rest) = readme.split_once(BEGIN).with_context(|| markers.clone())?;
    let (_, after) = rest.split_once(END).with_context(|| markers.clone())?;
    ensure!(!after.contains(BEGIN) && !after.contains(END), markers);
    Ok([before, BEGIN, table, END, after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_the_table_of_the_code() {
        let readme = std::fs::read_to_string(readme()).unwrap();
        let expected = with_table(&readme, &table().unwrap()).unwrap();
        assert!(
            readme == expected,
            "README.md does not have the settings of the code: run `cargo xtask settings-table --write`"
        );
    }

    #[test]
    fn a_line_of_the_table_tells_path_values_default_and_meaning() {
        let table = table().unwrap();
        for line in [
            "| `version` | 1 | `1` | The form of the document. |\n",
            "| `email.channels` | `voice`, `text`; empty: all | `[]` | Mail only after sessions of these channels. |\n",
            "| `email.quiet_hours.from` | HH:MM | required | The first minute in which no mail is sent. |\n",
            "| `retention.transcripts_days` | days, 1 to 3650; null: for ever | `null` | What was said. |\n",
        ] {
            assert!(table.contains(line), "{line}{table}");
        }
    }

    #[test]
    fn a_readme_without_its_markers_is_an_error() {
        let table = "| t |\n";
        let replaced = with_table(&format!("a\n{BEGIN}old\n{END}b\n"), table).unwrap();
        assert_eq!(replaced, format!("a\n{BEGIN}{table}{END}b\n"));
        for readme in [BEGIN.to_owned(), format!("{END}{BEGIN}"), format!("{BEGIN}{END}{BEGIN}{END}")] {
            assert!(with_table(&readme, table).unwrap_err().to_string().contains("once each"), "{readme}");
        }
    }
}
