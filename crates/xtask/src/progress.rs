//! One line per step: what is done, and how long it took.

use std::io::{IsTerminal, Write};
use std::time::Instant;

/// Prints the name of a step when it starts and its time when it ends, and passes its result on.
pub(crate) async fn step<T>(name: &str, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let started = Instant::now();
    // On a terminal the line is completed in place; in a log each end is a line of its own.
    if std::io::stdout().is_terminal() {
        print!("  {name:<52} ");
        std::io::stdout().flush()?;
    }
    let result = work.await;
    let end = if result.is_ok() { "ok" } else { "FAILED" };
    let seconds = started.elapsed().as_secs_f64();
    if std::io::stdout().is_terminal() {
        println!("{end:<6} {seconds:>6.1} s");
    } else {
        println!("  {name:<52} {end:<6} {seconds:>6.1} s");
    }
    result
}

/// A heading above steps.
pub(crate) fn heading(text: &str) {
    println!("{text}");
}
