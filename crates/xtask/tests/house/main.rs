//! Holds the house rules of the whole workspace: plain English, unique names, short files, arrows that point down, and
//! modules without circles.

#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

mod arrows;
mod circles;
mod codes;
mod files;
mod logs;
mod names;
mod prose;
mod sizes;
mod tables;
