//! Developer commands: `cargo xtask --help`.

mod bench;
mod cli;
mod demo;
mod eval;
mod function;
mod integrations;
mod interrupt;
mod lambda;
mod paths;
mod preview_email;
mod process;
mod progress;
mod sam;
mod seed;
mod stack;
mod table;
mod test;
mod venv;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    paths::program();
    let command = cli::Cli::parse().command;
    interrupt::run_unless_interrupted(cli::run(command)).await
}
