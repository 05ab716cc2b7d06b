//! Waits until every session has ended, and says how far the run is.

use std::time::{Duration, Instant};

use super::database::{Database, Progress};

/// Between two looks at the database.
const PAUSE: Duration = Duration::from_millis(250);
/// Between two lines on the terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(2);
/// The local stack gives up on a session after less; a run without any change for so long will not go on.
const PATIENCE: Duration = Duration::from_secs(180);

/// Returns when `sessions` sessions have ended, or when nothing has changed for [`PATIENCE`].
pub(super) async fn until_ended(database: &Database, sessions: usize) -> anyhow::Result<()> {
    let start = Instant::now();
    let (mut before, mut changed, mut spoken) = (Progress::default(), start, start);
    loop {
        let progress = database.progress().await?;
        let ended = progress.completed + progress.failed;
        if progress != before {
            (before, changed) = (progress, Instant::now());
        }
        let stuck = changed.elapsed() >= PATIENCE;
        if ended >= sessions || stuck || spoken.elapsed() >= BETWEEN_LINES {
            spoken = Instant::now();
            println!("  {}", line(progress, sessions, start.elapsed()));
        }
        if stuck {
            println!("  nothing has changed for {} s: giving up", PATIENCE.as_secs());
        }
        if ended >= sessions || stuck {
            return Ok(());
        }
        pause().await;
    }
}

fn line(progress: Progress, sessions: usize, elapsed: Duration) -> String {
    let Progress { completed, failed, ended_steps } = progress;
    let failures = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    format!(
        "{:5.1} s  {completed}/{sessions} sessions completed{failures}, {ended_steps} steps ended",
        elapsed.as_secs_f64()
    )
}

#[expect(clippy::disallowed_methods, reason = "this is a command that watches, not a function that is billed")]
async fn pause() {
    tokio::time::sleep(PAUSE).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_the_run_is() {
        let progress = Progress { completed: 4, failed: 1, ended_steps: 17 };
        let line = |progress| line(progress, 6, Duration::from_millis(2345));
        assert_eq!(line(progress), "  2.3 s  4/6 sessions completed, 1 failed, 17 steps ended");
        assert_eq!(line(Progress::default()), "  2.3 s  0/6 sessions completed, 0 steps ended");
    }
}
