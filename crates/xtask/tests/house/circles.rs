//! Modules of a crate use each other in one direction.
//!
//! A module may use what its parents hold: parent and child are one room.

use std::collections::{BTreeMap, BTreeSet};

use crate::files;

/// The path of a module below its crate's root: `["webhook", "sign"]`.
type Module = Vec<String>;
type Uses = BTreeMap<Module, BTreeSet<Module>>;

/// Splits the path of a file into its crate and its module; `None` for a `main.rs`.
fn module(path: &str) -> Option<(String, Module)> {
    let (name, file) = path.strip_prefix("crates/")?.split_once("/src/")?;
    let parts: Module = file.strip_suffix(".rs")?.split('/').map(ToOwned::to_owned).collect();
    match parts.last()?.as_str() {
        "main" => None,
        "lib" => Some((name.to_owned(), vec![])),
        _ => Some((name.to_owned(), parts)),
    }
}

/// Lists the paths of a `use`, each without braces: `a::{b, c::d}` are `a::b` and `a::c::d`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let (head, inner) = text.split_once('{').unwrap_or((text, ""));
    let segments = |text: &str| {
        let name = text.split(" as ").next().expect("a first part");
        name.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect::<Vec<_>>()
    };
    let Some((inner, _)) = inner.rsplit_once('}') else { return vec![segments(head)] };
    let (mut found, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, letter) in inner.char_indices().chain([(inner.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let tails = paths(&inner[start..at]).into_iter();
                found.extend(tails.map(|tail| [segments(head), tail].concat()));
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// Follows a path from a module to the module that holds the name; `None` where the path leaves the crate.
fn target(from: &Module, path: &[String], modules: &BTreeSet<Module>) -> Option<Module> {
    let mut found = match path.first()?.as_str() {
        "crate" => vec![],
        "self" => from.clone(),
        "super" => from[..from.len().saturating_sub(1)].to_vec(),
        child => [from.as_slice(), &[child.to_owned()]].concat(),
    };
    if !modules.contains(&found) {
        return None;
    }
    for part in &path[1..] {
        if part == "super" {
            found.pop();
            continue;
        }
        found.push(part.clone());
        if !modules.contains(&found) {
            found.pop();
            break;
        }
    }
    Some(found)
}

/// Lists the paths in a file: the paths of `use`, and the paths that code spells out.
fn mentioned(text: &str) -> Vec<Vec<String>> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| line.to_owned() + "\n").collect();
    let imports = code.split("use ").skip(1).filter_map(|rest| rest.split_once(';'));
    let imported = imports.flat_map(|(list, _)| paths(&list.replace('\n', " ")));
    let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    let spelt = code.split(|c: char| !is_path(c)).filter(|word| word.contains("::")).flat_map(paths);
    imported.chain(spelt).filter(|path| path.len() > 1).collect()
}

fn uses() -> BTreeMap<String, Uses> {
    let mut texts: BTreeMap<String, BTreeMap<Module, String>> = BTreeMap::new();
    for file in files::deployed() {
        if let Some((name, module)) = module(&file.path) {
            texts.entry(name).or_default().insert(module, file.text);
        }
    }
    let of_crate = |texts: BTreeMap<Module, String>| {
        let modules: BTreeSet<Module> = texts.keys().cloned().collect();
        let of_module = |(module, text): (Module, String)| {
            let targets = mentioned(&text).into_iter().filter_map(|path| target(&module, &path, &modules));
            let others = targets.filter(|target| !module.starts_with(target)).collect();
            (module, others)
        };
        texts.into_iter().map(of_module).collect()
    };
    texts.into_iter().map(|(name, texts)| (name, of_crate(texts))).collect()
}

/// Lists the modules that lead back to themselves: what is left when modules that use nothing are removed again
/// and again, from both ends.
fn circles(mut uses: Uses) -> Uses {
    loop {
        let used: BTreeSet<Module> = uses.values().flatten().cloned().collect();
        let stays = |module: &Module, targets: &BTreeSet<Module>| !targets.is_empty() && used.contains(module);
        let kept: Uses =
            uses.iter().filter(|(module, to)| stays(module, to)).map(|(m, to)| (m.clone(), to.clone())).collect();
        let within = |to: &BTreeSet<Module>| to.iter().filter(|to| kept.contains_key(*to)).cloned().collect();
        let next: Uses = kept.iter().map(|(module, to)| (module.clone(), within(to))).collect();
        if next == uses {
            return next;
        }
        uses = next;
    }
}

#[test]
fn no_module_leads_back_to_itself() {
    let all = uses();
    assert!(all.values().flat_map(|uses| uses.values()).map(BTreeSet::len).sum::<usize>() > 300, "paths are read");
    let found: BTreeMap<_, _> = all.into_iter().map(|(name, uses)| (name, circles(uses))).collect();
    let found: Vec<_> = found.iter().filter(|(_, circles)| !circles.is_empty()).collect();
    assert!(found.is_empty(), "modules that use each other in a circle: {found:#?}");
}

#[test]
fn a_circle_is_found_through_braces_and_paths_in_code() {
    let module = |text: &str| text.split("::").map(ToOwned::to_owned).collect::<Module>();
    let texts = [
        ("a", "use crate::{b::{self, C}, d};"),
        ("b", "fn f() { super::e::g() }"),
        ("d", ""),
        ("e", "use super::a::H;"),
    ];
    let modules = texts.iter().map(|(name, _)| module(name)).chain([vec![]]).collect();
    let of = |name: &str, text: &str| {
        mentioned(text).iter().filter_map(|path| target(&module(name), path, &modules)).collect()
    };
    let uses = texts.iter().map(|(name, text)| (module(name), of(name, text))).collect();
    assert_eq!(circles(uses).into_keys().collect::<Vec<_>>(), ["a", "b", "e"].map(module));
}
