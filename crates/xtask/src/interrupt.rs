//! Ctrl-C and termination end a command the way an error does: by dropping it, so that whatever it started is stopped.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

/// Exit code of a process ended by SIGINT, as shells report it.
const INTERRUPTED: u8 = 130;

/// Runs the command to its end, or drops it when SIGINT, SIGTERM or SIGHUP arrives.
pub(crate) async fn run_unless_interrupted(command: impl Future<Output = anyhow::Result<ExitCode>>) -> ExitCode {
    tokio::select! {
        result = command => result.unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }),
        () = received(SignalKind::interrupt()) => stopped("SIGINT"),
        () = received(SignalKind::terminate()) => stopped("SIGTERM"),
        () = received(SignalKind::hangup()) => stopped("SIGHUP"),
    }
}

fn stopped(signal: &str) -> ExitCode {
    eprintln!("stopped by {signal}");
    ExitCode::from(INTERRUPTED)
}

async fn received(kind: SignalKind) {
    match signal(kind) {
        Ok(mut stream) => drop(stream.recv().await),
        // Without a handler the signal keeps its default action, which ends the process.
        Err(_) => std::future::pending().await,
    }
}
