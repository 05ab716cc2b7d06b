//! Conversations that the tests of the evaluation share, and tests of the whole.

pub(super) mod samples;

use super::*;

#[test]
fn a_run_without_any_analysis_or_with_results_missing_is_a_failure() {
    let outcomes = samples::outcomes();
    let run = |outcomes: &[Outcome]| Run::new(samples::subject("small"), 1.0, outcomes.to_vec());
    assert!(worked(&run(&outcomes), true).is_ok());
    let failed = run(&outcomes[4..]);
    assert_eq!(worked(&failed, true).unwrap_err().to_string(), "none of 1 conversations has an analysis");
    assert!(worked(&run(&outcomes), false).unwrap_err().to_string().starts_with("the analysis failed"));
}

#[test]
fn a_document_is_read_as_it_was_written() {
    let run = Run::new(samples::subject("small"), 12.5, samples::outcomes());
    let text = serde_json::to_string_pretty(&run).unwrap();
    assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), run);
}
