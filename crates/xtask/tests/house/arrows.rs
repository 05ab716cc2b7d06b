//! Crates depend only on crates below them, as the README draws.

use std::collections::BTreeMap;

use crate::files;

/// The floors of the house, from the lowest: a crate may use the crates of lower floors only.
const FLOORS: [&[&str]; 7] = [
    &["redaction", "transport"],
    &["domain"],
    &["store", "mail"],
    &["stage"],
    &["connectors"],
    &["ingest", "analyze", "notify", "crm-sync", "track-delivery", "housekeep"],
    &["fakes", "xtask", "pipeline-tests"],
];

fn floors() -> BTreeMap<&'static str, usize> {
    FLOORS.iter().enumerate().flat_map(|(floor, names)| names.iter().map(move |name| (*name, floor))).collect()
}

/// Name of the crate, section of its manifest, name of a crate it depends on.
fn dependencies() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let manifests = files::with_ending("Cargo.toml").into_iter().filter(|file| file.path != "Cargo.toml");
    for manifest in manifests {
        let (mut own, mut section) = (String::new(), String::new());
        for line in manifest.text.lines() {
            if let Some(name) = line.strip_prefix("name = ").filter(|_| section == "package") {
                own = name.trim_matches('"').to_owned();
            } else if line.starts_with('[') {
                section = line.trim_matches(['[', ']']).to_owned();
            } else if section.ends_with("dependencies") {
                let name = line.split(['.', ' ', '=']).next().expect("a first part");
                found.push((own.clone(), section.clone(), name.to_owned()));
            }
        }
    }
    found
}

#[test]
fn a_crate_depends_only_on_crates_of_lower_floors() {
    let floors = floors();
    let arrows = dependencies();
    for (from, ..) in &arrows {
        assert!(floors.contains_key(from.as_str()), "give {from} a floor in FLOORS, and a place in the README");
    }
    // Tests may drive another function.
    let is_upward = |(from, section, to): &&(String, String, String)| {
        section != "dev-dependencies" && floors.get(to.as_str()).is_some_and(|to| *to >= floors[from.as_str()])
    };
    let upward: Vec<_> =
        arrows.iter().filter(is_upward).filter(|(from, ..)| floors[from.as_str()] < FLOORS.len() - 1).collect();
    assert!(upward.is_empty(), "arrows that do not point down: {upward:#?}");
    let pairs = arrows.iter().filter(|(_, section, to)| section == "dependencies" && floors.contains_key(to.as_str()));
    assert!(pairs.count() > 20, "the manifests are read");
}
