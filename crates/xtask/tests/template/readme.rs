//! The pages that describe the deployment have what the template has.

use std::collections::BTreeSet;

use crate::template;

const README: &str = include_str!("../../../../README.md");
const DEPLOY: &str = include_str!("../../docs/deploy.md");
const EVENTS: &str = include_str!("../../../../events/README.md");

/// Texts in backticks.
fn quoted(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned)
}

#[test]
fn the_table_of_parameters_is_the_templates() {
    let (_, rest) = DEPLOY.split_once("| Parameter | Default | Meaning |\n").expect("the table");
    let rows = rest.lines().take_while(|line| line.starts_with('|')).skip(1);
    let listed: Vec<String> = rows.flat_map(|row| quoted(row.split('|').nth(1).expect("a first column"))).collect();
    let unique: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), unique.len(), "a parameter stands twice");
    let parameters = template()["Parameters"].as_object().expect("parameters").keys().cloned().collect();
    assert_eq!(unique, parameters);
}

#[test]
fn the_table_of_sample_events_is_the_folder() {
    let (_, rest) = EVENTS.split_once("| Function | Event | Result |\n").expect("the table");
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

#[test]
fn the_readme_can_be_read_in_one_sitting() {
    assert!(README.lines().count() <= 250);
}

#[test]
fn every_page_that_the_readme_names_exists() {
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let (_, table) = README.split_once("| Path | Content |\n").expect("the table");
    let rows = table.lines().take_while(|line| line.starts_with('|')).skip(1);
    let paths = rows.flat_map(|row| quoted(row.split('|').nth(1).expect("a first column")).collect::<Vec<_>>());
    let links = README.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned);
    for path in paths.chain(links).filter(|path| !path.starts_with("https:")) {
        assert!(root.join(&path).exists(), "{path}");
    }
}
