//! Runs the fakes until it is interrupted or its parent is gone.

mod cli;

use clap::Parser;
use cli::Arguments;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let _running = arguments.start().await?;
    println!("ready");
    tokio::select! {
        () = arguments.parent_gone() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
