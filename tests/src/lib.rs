//! The harness of the whole-pipeline tests: a tenant of its own for each test on the deployed stack.
//!
//! `cargo xtask test` starts the stack and names its `stack.json` in `STACK_JSON`. A test that leaves a message of its
//! tenant on a queue fails.

#![expect(clippy::expect_used, reason = "a harness that cannot go on ends its test, saying so")]

mod conversation;
mod mailing;
mod queues;
mod session;
mod stack;
mod world;

pub use queues::{DeadLetter, Queue};
pub use session::Ended;
pub use stack::Stack;
pub use world::{World, eventually, on_the_stack, pause};
