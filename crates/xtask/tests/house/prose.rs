//! Plain English: turns of phrase that readers stumble over, counted per 1,000 blocks.
//!
//! A block is a run of `///` or `//!` lines, a comment of a manifest, a template, a workflow, a script or a statement, or
//! a paragraph or table row of a page. The limits are the highest rates of well-kept projects of this field.

use regex_automata::meta::Regex;

use crate::files::{self, File};

/// Name, pattern on a whole block, limit per 1,000 blocks.
const RULES: [(&str, &str, f64); 11] = [
    ("headless-what", r"^(What|That which)\b", 3.0),
    ("headless-preposition", r"^(Of|By|In|So|With|Without|For)\b[^.:]*[.:]?", 33.0),
    ("headless-it", r"^(It|They)\b", 1.0),
    ("headless-who", r"^(Who|Whoever|Whom|Whose)\b", 1.3),
    ("is-none", r"\b(is|are|was|were|be) (none|no [a-z]+|nobody's)\b", 7.6),
    ("told", r"\b(is|are|was|were|be|been) told\b|\btells? (it|them|of|whether|what|who)\b", 1.0),
    ("whoever", r"\b[Ww]hoever\b|\bwho has [a-z]+ed\b", 0.7),
    ("one-that", r"\b[Oo]ne that\b|\b[Tt]hose that\b", 1.0),
    ("as-it-is", r"\bas (it|they) (is|are|was|were|came|comes)\b", 0.6),
    ("nobody", r"\b([Nn]obody|[Ss]omebody)\b", 1.0),
    (
        "odd-words",
        r"(?i)\b(mend(s|ed|ing)?|anew|so many|so-manieth|dear(er|est)?|takes? [^.]{1,40} for none|what (be)?(came|comes?) of|(became|becomes?) of)\b",
        0.3,
    ),
];

struct Block {
    place: String,
    text: String,
}

/// Collects lines into blocks.
struct Blocks<'a> {
    file: &'a File,
    start: usize,
    text: Vec<&'a str>,
    done: Vec<Block>,
}

impl<'a> Blocks<'a> {
    fn new(file: &'a File) -> Self {
        Self { file, start: 0, text: Vec::new(), done: Vec::new() }
    }

    fn push(&mut self, line: usize, text: &'a str) {
        if self.text.is_empty() {
            self.start = line;
        }
        self.text.push(text);
    }

    fn end(&mut self) {
        if !self.text.is_empty() {
            let place = format!("{}:{}", self.file.path, self.start);
            self.done.push(Block { place, text: std::mem::take(&mut self.text).join(" ") });
        }
    }
}

fn doc_comments(file: &File) -> Vec<Block> {
    let mut blocks = Blocks::new(file);
    for (at, line) in file.text.lines().enumerate() {
        let line = line.trim_start();
        match line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).map(str::trim) {
            Some(text) if !text.is_empty() => blocks.push(at + 1, text),
            _ => blocks.end(),
        }
    }
    blocks.end();
    blocks.done
}

/// Endings of files, and the marks of their comments. Rust holds statements, whose comments are those of SQL.
const COMMENTS: [(&str, &str); 6] =
    [(".toml", "#"), (".yaml", "#"), (".yml", "#"), (".sh", "#"), (".sql", "--"), (".rs", "--")];

/// Finds runs of lines that begin with the mark.
fn comments(file: &File, mark: &str) -> Vec<Block> {
    let mut blocks = Blocks::new(file);
    for (at, line) in file.text.lines().enumerate() {
        let comment = line.trim_start().strip_prefix(mark).map(str::trim);
        match comment {
            Some(text) if !text.is_empty() && !text.starts_with(['!', '-']) => blocks.push(at + 1, text),
            _ => blocks.end(),
        }
    }
    blocks.end();
    blocks.done
}

/// Finds the description of a crate.
fn descriptions(file: &File) -> Vec<Block> {
    let mut blocks = Blocks::new(file);
    for (at, line) in file.text.lines().enumerate() {
        if let Some(text) = line.strip_prefix("description = ") {
            blocks.push(at + 1, text.trim_matches('"'));
        }
        blocks.end();
    }
    blocks.done
}

fn paragraphs(file: &File) -> Vec<Block> {
    let mut blocks = Blocks::new(file);
    let mut is_code = false;
    for (at, line) in file.text.lines().enumerate() {
        is_code ^= line.starts_with("```");
        let line = line.trim();
        if is_code || line.is_empty() || line.starts_with(['#', '|']) || line.starts_with("<!--") {
            blocks.end();
            if !is_code && line.starts_with('|') {
                // The first column is a name.
                let cells: Vec<_> = line.trim_matches('|').split('|').skip(1).map(str::trim).collect();
                blocks.done.push(Block { place: format!("{}:{}", file.path, at + 1), text: cells.join(" ") });
            }
        } else {
            blocks.push(at + 1, line.trim_start_matches(['-', '*', ' ']));
        }
    }
    blocks.end();
    blocks.done
}

/// Prompts are written to a model.
fn is_page(file: &File) -> bool {
    !file.path.contains("/prompts/")
}

fn blocks() -> Vec<Block> {
    let code = files::with_ending(".rs");
    let pages = files::with_ending(".md");
    let pages = pages.iter().filter(|file| is_page(file)).flat_map(paragraphs);
    let manifests = files::with_ending("Cargo.toml");
    let mut blocks: Vec<_> = code.iter().flat_map(doc_comments).chain(pages).collect();
    blocks.extend(manifests.iter().flat_map(descriptions));
    for (ending, mark) in COMMENTS {
        let found: Vec<_> = files::with_ending(ending).iter().flat_map(|file| comments(file, mark)).collect();
        assert!(!found.is_empty(), "there are comments in {ending}");
        blocks.extend(found);
    }
    blocks
}

/// A question may begin with "What".
fn is_question(text: &str) -> bool {
    text.split('.').next().is_some_and(|sentence| sentence.contains('?'))
}

#[test]
fn turns_of_phrase_that_readers_stumble_over_are_rare() {
    let blocks = blocks();
    let mut over = String::new();
    for (name, pattern, limit) in RULES {
        let pattern = Regex::new(pattern).expect("a pattern");
        let is_hit =
            |block: &&Block| pattern.is_match(&block.text) && (name != "headless-what" || !is_question(&block.text));
        let hits: Vec<_> = blocks.iter().filter(is_hit).collect();
        let rate = 1000.0 * hits.len() as f64 / blocks.len() as f64;
        if rate > limit {
            over += &format!("{name}: {rate:.1} per 1,000 blocks, limit {limit}\n");
            let places = hits.iter().map(|hit| format!("    {}: {:.100}\n", hit.place, hit.text));
            over.extend(places);
        }
    }
    assert!(blocks.len() > 2000, "the patterns find the blocks");
    assert!(over.is_empty(), "{over}");
}

#[test]
fn names_of_functions_use_plain_words() {
    let odd =
        Regex::new(r"(?m)^ *(?:pub(?:\(\w+\))? )?(?:async )?fn (?:\w+_)?(?:told|tells?|whoever|mend(?:s|ed)?|anew|beside)(?:_\w+)?\b").expect("a pattern");
    let names: Vec<_> = files::with_ending(".rs")
        .iter()
        .flat_map(|file| {
            odd.find_iter(&file.text)
                .map(|name| format!("{}: {}", file.path, &file.text[name.range()]))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(names.is_empty(), "{names:#?}");
    assert!(odd.is_match("async fn a_failure_is_told_once"), "the pattern finds names");
}

#[test]
fn blocks_are_runs_of_doc_lines_and_paragraphs_of_pages() {
    let texts = |blocks: Vec<Block>| blocks.into_iter().map(|block| block.text).collect::<Vec<_>>();
    let code = File { path: "a.rs".into(), text: "/// One\n/// block.\n///\n/// Another.\nfn f() {} // not\n".into() };
    assert_eq!(texts(doc_comments(&code)), ["One block.", "Another."]);
    let manifest = "#!/bin/sh\n# One\n# comment.\ndescription = \"Mails\"\n  -- no\n# Another.\n";
    let manifest = File { path: "Cargo.toml".into(), text: manifest.into() };
    assert_eq!(texts(comments(&manifest, "#")), ["One comment.", "Another."]);
    assert_eq!(texts(comments(&manifest, "--")), ["no"]);
    assert_eq!(texts(descriptions(&manifest)), ["Mails"]);
    let page = "# Title\n\n- A point\n  goes on.\n\n```sh\ncode\n\n```\n\n| Name | Meaning |\n";
    let page = File { path: "README.md".into(), text: page.into() };
    assert_eq!(texts(paragraphs(&page)), ["A point goes on.", "```", "Meaning"]);
}
