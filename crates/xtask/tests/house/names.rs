//! One type name, one meaning, in all deployed crates.

use std::collections::BTreeMap;

use regex_automata::meta::Regex;

use crate::files;

/// Names that each crate may use for the same role.
const SHARED: [&str; 4] = ["Config", "Context", "Error", "Settings"];

#[test]
fn a_type_name_has_one_meaning_in_all_deployed_crates() {
    // A `type` that is indented is an associated one, which its trait names.
    let definition = Regex::new(
        r"(?m)^\s*(?:pub(?:\([a-z ]+\))? )?(?:struct|enum|trait) (\w+)|^(?:pub(?:\([a-z ]+\))? )?type (\w+)",
    );
    let definition = definition.expect("a pattern");
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files::deployed() {
        for found in definition.captures_iter(&file.text) {
            let name = found.get_group(1).or_else(|| found.get_group(2)).expect("a name");
            let line = file.text[..name.start].lines().count();
            places.entry(file.text[name.range()].to_owned()).or_default().push(format!("{}:{line}", file.path));
        }
    }
    places.retain(|name, places| places.len() > 1 && !SHARED.contains(&name.as_str()));
    assert!(places.is_empty(), "names with several meanings: {places:#?}");
}
