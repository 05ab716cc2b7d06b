//! Runs the fakes until it is interrupted.

mod cli;

use clap::Parser;
use cli::Arguments;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let _running = arguments.start().await?;
    println!("ready");
    Ok(tokio::signal::ctrl_c().await?)
}
