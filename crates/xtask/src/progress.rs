//! One line per step: what is done, and how long it took.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Prints the name of a step when it starts and its time when it ends, and passes its result on.
pub(crate) async fn step<T>(name: &str, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let started = Instant::now();
    // On a terminal the line is completed in place; in a log each end is a line of its own.
    if std::io::stdout().is_terminal() {
        print!("  {name:<52} ");
        std::io::stdout().flush()?;
    }
    let result = work.await;
    if !std::io::stdout().is_terminal() {
        print!("  {name:<52} ");
    }
    println!("{:<6} {:>6.1} s", if result.is_ok() { "ok" } else { "FAILED" }, started.elapsed().as_secs_f64());
    result
}

/// Waits between two looks at something that happens elsewhere.
#[expect(clippy::disallowed_methods, reason = "a command that watches, not a function that is billed")]
pub(crate) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
