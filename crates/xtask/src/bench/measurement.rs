//! Cold starts as measured, and their table.

use crate::table::table;

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// One start of a function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ColdStart {
    pub(super) init_ms: f64,
    pub(super) peak_bytes: u64,
}

/// A function and its starts.
#[derive(Debug)]
pub(super) struct Measured {
    name: &'static str,
    binary_bytes: u64,
    pub(super) starts: Vec<ColdStart>,
}

impl Measured {
    pub(super) fn new(name: &'static str, binary_bytes: u64) -> Self {
        Self { name, binary_bytes, starts: Vec::new() }
    }

    fn row(&self) -> Vec<String> {
        let mut init: Vec<_> = self.starts.iter().map(|start| start.init_ms).collect();
        init.sort_by(f64::total_cmp);
        let (least, most) = (init.first().copied().unwrap_or(f64::NAN), init.last().copied().unwrap_or(f64::NAN));
        let peak = self.starts.iter().map(|start| start.peak_bytes).max().unwrap_or_default();
        let (peak, binary) = (mebibytes(peak), mebibytes(self.binary_bytes));
        vec![
            self.name.to_owned(),
            format!("{:.1}", median(&init)),
            format!("{least:.1}"),
            format!("{most:.1}"),
            format!("{peak:.1}"),
            format!("{binary:.2}"),
        ]
    }
}

/// The median of sorted values.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted {
        [] => f64::NAN,
        _ if sorted.len() % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / MEBIBYTE
}

/// A line for each function.
pub(super) fn render(rows: &[Measured]) -> String {
    let titles = ["function", "median init ms", "min ms", "max ms", "peak MiB", "binary MiB"];
    table(&titles, &rows.iter().map(Measured::row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_median_range_and_the_highest_peak() {
        let starts = |init: &[f64]| {
            let start = |(run, &init_ms): (usize, &f64)| ColdStart { init_ms, peak_bytes: (run as u64 + 8) << 20 };
            init.iter().enumerate().map(start).collect()
        };
        let odd = Measured { starts: starts(&[9.0, 3.04, 4.0]), ..Measured::new("noop", 1 << 20) };
        let even = Measured { starts: starts(&[8.0, 12.5, 7.0, 9.0]), ..Measured::new("track-delivery", 12_000_000) };
        insta::assert_snapshot!(render(&[odd, even]), @"
        function        median init ms  min ms  max ms  peak MiB  binary MiB
        noop                       4.0     3.0     9.0      10.0        1.00
        track-delivery             8.5     7.0    12.5      11.0       11.44
        ");
    }
}
