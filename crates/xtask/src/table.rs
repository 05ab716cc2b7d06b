//! Tables of plain text, for every command that prints one.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

/// Stands in the place of an unknown value.
pub(crate) const UNKNOWN: &str = "-";
/// Spaces between two columns.
const GAP: u16 = 2;

/// Lays out titles and rows in columns, a line each. Columns of numbers are aligned to the right.
pub(crate) fn table<T: ToString, R: AsRef<[String]>>(titles: &[T], rows: &[R]) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_header(titles.iter().map(clean))
        .add_rows(rows.iter().map(|row| row.as_ref().iter().map(clean)));
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, GAP));
        if !rows.is_empty() && rows.iter().all(|row| row.as_ref().get(index).is_some_and(|cell| is_number(cell))) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt() + "\n"
}

/// A number with its unit, or [`UNKNOWN`].
fn is_number(cell: &str) -> bool {
    cell == UNKNOWN || cell.trim_end_matches(['×', '%', ' ']).parse::<f64>().is_ok()
}

/// Makes one line of a text from outside, without control characters: a terminal would obey them.
pub(crate) fn clean(text: &impl ToString) -> String {
    text.to_string().replace(char::is_control, " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The median of sorted values; without values not a number.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted {
        [] => f64::NAN,
        _ if sorted.len() % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_numbers_end_at_the_right() {
        let rows = [["a", "1.50", "x"], ["bb\u{1b}[2J", "-", ""]].map(|row| row.map(str::to_owned).to_vec());
        insta::assert_snapshot!(table(&["NAME", "s", "REST"], &rows), @r"
        NAME       s  REST
        a       1.50  x
        bb [2J     -
        ");
    }

    #[test]
    fn a_table_without_rows_has_its_titles() {
        assert_eq!(table::<_, Vec<String>>(&["A", "B"], &[]), "A  B\n");
    }
}
