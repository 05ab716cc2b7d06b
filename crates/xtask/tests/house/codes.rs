//! Every code of a failed or waiting step stands in the page of codes of its crate.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mail::SesRefusal;
use regex_automata::meta::Regex;

use crate::files;

/// Finds the codes in the source of a crate: the texts of its tables `facts`, and those of its constants.
fn codes(krate: &str) -> BTreeSet<String> {
    let table = Regex::new(r"(?s)fn facts\(.*?\n    \}\n").expect("a pattern");
    let code = Regex::new("\"([a-z][a-z0-9_]+)\"").expect("a pattern");
    let constant = Regex::new("Code::new\\(\"[a-z][a-z0-9_]+\"\\)").expect("a pattern");
    let mut codes = BTreeSet::new();
    let is_own = |file: &files::File| file.path.starts_with(&format!("crates/{krate}/src/"));
    for file in files::deployed().into_iter().filter(is_own) {
        let places = table.find_iter(&file.text).chain(constant.find_iter(&file.text));
        for place in places {
            let place = &file.text[place.range()];
            codes.extend(code.find_iter(place).map(|code| place[code.range()].trim_matches('"').to_owned()));
        }
    }
    codes
}

fn missing(page: &str, codes: &BTreeSet<String>) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page);
    let page = fs::read_to_string(page).expect("a readable page");
    codes.iter().filter(|code| !page.contains(&format!("`{code}`"))).cloned().collect()
}

#[test]
fn the_pages_of_codes_have_every_code() {
    let refusals: BTreeSet<_> = SesRefusal::TEXTS.iter().map(|code| (*code).to_owned()).collect();
    let (analyze, notify, mail) = (codes("analyze"), codes("notify"), codes("mail"));
    for code in ["transcript_too_long", "model_throttled", "budget_spent"] {
        assert!(analyze.contains(code), "the patterns find {code}: {analyze:?}");
    }
    assert!(notify.contains("template_failed") && mail.contains("outcome_unknown"), "{notify:?} {mail:?}");
    for (page, codes) in [
        ("crates/analyze/docs/codes.md", analyze),
        ("crates/notify/docs/codes.md", &(&notify | &mail) | &refusals),
        ("crates/mail/README.md", &mail | &refusals),
    ] {
        assert_eq!(missing(page, &codes), [""; 0], "codes that {page} lacks");
    }
}
