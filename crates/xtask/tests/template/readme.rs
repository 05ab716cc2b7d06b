//! What the README says of the deployment is what the template has.

use std::collections::BTreeSet;

use crate::template;

const README: &str = include_str!("../../../../README.md");

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned)
}

#[test]
fn the_table_of_parameters_is_the_templates() {
    let (_, rest) = README.split_once("| Parameter | Default | Meaning |\n").expect("the table");
    let rows = rest.lines().take_while(|line| line.starts_with('|')).skip(1);
    let listed: Vec<String> = rows.flat_map(|row| quoted(row.split('|').nth(1).expect("a first column"))).collect();
    let unique: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), unique.len(), "a parameter stands twice");
    let parameters = template()["Parameters"].as_object().expect("parameters").keys().cloned().collect();
    assert_eq!(unique, parameters);
}

#[test]
fn the_table_of_sample_events_is_the_folder() {
    let (_, rest) = README.split_once("| Function | Event | What one sees |\n").expect("the table");
    let rows = rest.lines().take_while(|line| line.starts_with('|')).skip(1);
    let listed: BTreeSet<String> =
        rows.flat_map(|row| quoted(row.split('|').nth(2).expect("a second column"))).collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
    let files = std::fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").file_name());
    let names = files.filter_map(|name| name.to_str()?.strip_suffix(".json").map(str::to_owned));
    // Written by `cargo xtask local up`.
    assert_eq!(listed, names.filter(|name| name != "env").collect());
}

#[test]
fn every_key_of_the_deployments_secret_is_named_where_it_is_to_be_filled() {
    let keys: BTreeSet<_> = include_str!("../../../../samconfig.toml")
        .split(":SecretString:")
        .skip(1)
        .filter_map(|rest| rest.split(['}', ':']).next())
        .filter(|key| *key != "KEY")
        .collect();
    assert_eq!(keys.len(), 3);
    for key in keys {
        assert!(README.contains(&format!("`{key}`")), "{key}");
    }
}
