//! Whether the time that the analysis's own code takes per turn stays flat from ten turns to ten thousand.
//!
//! The growth compares the time per turn at a size with the least time per turn at any smaller size. A cost that does not
//! depend on the turns makes small sizes slower per turn, which does not count as growth. Nothing is subtracted for this
//! cost: a guess of the fixed part would decide the verdict. The table shows the time per turn at every size.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::paths;
use crate::table::table;

/// The groups that `crates/analyze/benches/turns.rs` measures.
const GROUPS: [&str; 4] = ["prompt", "validation", "quotes", "merging"];
/// Turns.
const SIZES: [u32; 4] = [10, 100, 1_000, 10_000];
/// Time per turn may grow up to this many times.
const LIMIT: f64 = 2.0;

/// A group and its nanoseconds per turn, by [`SIZES`].
#[derive(Debug, Clone, PartialEq)]
struct Measured {
    group: &'static str,
    per_turn: [f64; 4],
}

/// Measures and prints the verdict; false if a group is not flat.
pub(super) async fn run() -> anyhow::Result<bool> {
    // Criterion writes to cargo's target directory.
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(paths::target, PathBuf::from);
    let home = std::path::absolute(target)?.join("criterion");
    // What a former run left must not be taken for this one's.
    GROUPS.iter().try_for_each(|group| paths::empty(&home.join(group)))?;
    let mut cargo = super::cargo("analyze", "turns")?;
    cargo.env("CRITERION_HOME", &home);
    super::logged(cargo, "turns").await?;
    let measured = GROUPS.into_iter().map(|group| Measured::read(&home, group)).collect::<anyhow::Result<Vec<_>>>()?;
    println!("\n{}", render(&measured));
    println!("{}", verdict(&measured));
    Ok(measured.iter().all(Measured::is_flat))
}

impl Measured {
    fn read(home: &Path, group: &'static str) -> anyhow::Result<Self> {
        let mut per_turn = [0.0; SIZES.len()];
        for (per_turn, turns) in per_turn.iter_mut().zip(SIZES) {
            let path = home.join(group).join(turns.to_string()).join("new/estimates.json");
            let estimates: Value = serde_json::from_str(&paths::read(&path)?)?;
            // The median, in nanoseconds per run: a scheduler that steps in now and then moves the mean.
            let nanoseconds = estimates["median"]["point_estimate"].as_f64().context("an estimate without a median")?;
            ensure!(nanoseconds > 0.0, "{group} took no time at {turns} turns");
            *per_turn = nanoseconds / f64::from(turns);
        }
        Ok(Self { group, per_turn })
    }

    /// How many times the time per turn is, at worst, that at some smaller size.
    fn growth(&self) -> f64 {
        let (mut least, mut growth) = (f64::INFINITY, 0.0_f64);
        for time in self.per_turn {
            growth = growth.max(time / least);
            least = least.min(time);
        }
        growth
    }

    fn is_flat(&self) -> bool {
        self.growth() <= LIMIT
    }
}

fn render(measured: &[Measured]) -> String {
    let titles = SIZES.map(|turns| format!("{turns} turns"));
    let titles: Vec<_> = ["ns per turn".to_owned()].into_iter().chain(titles).chain(["growth".to_owned()]).collect();
    let row = |group: &Measured| {
        let times = group.per_turn.map(|time| format!("{time:.1}"));
        let growth = format!("{:.2}×", group.growth());
        [group.group.to_owned()].into_iter().chain(times).chain([growth]).collect::<Vec<_>>()
    };
    table(&titles, &measured.iter().map(row).collect::<Vec<_>>())
}

fn verdict(measured: &[Measured]) -> String {
    let flat = if measured.iter().all(Measured::is_flat) { "flat" } else { "not flat" };
    let figures: Vec<_> = measured.iter().map(|group| format!("{} {:.2}×", group.group, group.growth())).collect();
    let ([least, .., most], figures) = (SIZES, figures.join(", "));
    format!("{flat}: {figures} the time per turn of any smaller size, from {least} to {most} turns (limit {LIMIT}×)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(group: &'static str, per_turn: [f64; 4]) -> Measured {
        Measured { group, per_turn }
    }

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn a_fixed_cost_makes_small_sizes_dearer_and_is_no_growth() {
        let group = measured("prompt", [500.0, 110.0, 100.0, 90.0]);
        assert!(close(group.growth(), 100.0 / 110.0) && group.is_flat());
    }

    #[test]
    fn growth_is_to_the_cheapest_of_all_smaller_sizes() {
        assert!(close(measured("quotes", [300.0, 100.0, 150.0, 190.0]).growth(), 1.9));
        let quadratic = measured("merging", [10.0, 100.0, 1_000.0, 10_000.0]);
        assert!(close(quadratic.growth(), 1_000.0) && !quadratic.is_flat());
        assert!(measured("quotes", [100.0, 100.0, 100.0, 200.0]).is_flat());
    }

    #[test]
    fn the_verdict_names_every_group() {
        let flat = [measured("prompt", [100.0, 100.0, 130.0, 120.0]), measured("quotes", [90.0, 60.0, 66.0, 60.0])];
        assert_eq!(
            verdict(&flat),
            "flat: prompt 1.30×, quotes 1.10× the time per turn of any smaller size, from 10 to 10000 turns (limit 2×)"
        );
        let grown = [flat[0].clone(), measured("quotes", [1.0, 1.0, 1.0, 3.0])];
        assert!(verdict(&grown).starts_with("not flat: prompt 1.30×, quotes 3.00× "));
    }

    #[test]
    fn criterions_estimates_are_read() {
        let home = std::env::temp_dir().join(format!("criterion-{}", std::process::id()));
        for (turns, nanoseconds) in [(10, 5_000.0), (100, 11_000.0), (1_000, 100_000.0), (10_000, 1_500_000.0)] {
            let directory = home.join(format!("prompt/{turns}/new"));
            std::fs::create_dir_all(&directory).unwrap();
            let text = format!(
                r#"{{"mean":{{"point_estimate":1.0}},"median":{{"confidence_interval":{{"confidence_level":0.95,
                "lower_bound":1.0,"upper_bound":2.0}},"point_estimate":{nanoseconds},"standard_error":1.0}},"slope":null}}"#
            );
            std::fs::write(directory.join("estimates.json"), text).unwrap();
        }
        let read = Measured::read(&home, "prompt").unwrap();
        let missing = Measured::read(&home, "quotes").unwrap_err().to_string();
        std::fs::remove_dir_all(&home).unwrap();
        assert_eq!(read.per_turn, [500.0, 110.0, 100.0, 150.0]);
        assert!(close(read.growth(), 1.5));
        assert!(missing.ends_with("quotes/10/new/estimates.json"), "{missing}");
    }
}
