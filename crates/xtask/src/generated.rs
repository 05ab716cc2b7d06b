//! Parts of Markdown documents that are generated from the code.

use anyhow::{Context, ensure};

use crate::paths;
use crate::progress::heading;

/// A block between two marker lines of a document: `<!-- NAME: begin; … -->` and `<!-- NAME: end -->`.
///
/// Each block has a command that writes it and a test that calls `is_current`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    /// Relative to the checkout.
    pub(crate) document: &'static str,
    pub(crate) name: &'static str,
    /// The command that writes the block, as its marker names it: `cargo xtask settings-table --write`.
    pub(crate) command: &'static str,
}

impl Block {
    /// Prints the content, or writes it into the document.
    pub(crate) fn run(&self, content: &str, write: bool) -> anyhow::Result<()> {
        if !write {
            print!("{content}");
            return Ok(());
        }
        let old = self.read()?;
        let new = self.filled(&old, content)?;
        let state = if new == old { "is up to date" } else { "has been updated" };
        std::fs::write(paths::root().join(self.document), new)
            .with_context(|| format!("failed to write {}", self.document))?;
        heading(&format!("  {} {state}", self.document));
        Ok(())
    }

    /// Returns an error that names the command to run if the document has another content.
    #[cfg(test)]
    pub(crate) fn is_current(&self, content: &str) -> anyhow::Result<()> {
        let old = self.read()?;
        ensure!(self.filled(&old, content)? == old, "{} is out of date: run `{}`", self.document, self.command);
        Ok(())
    }

    fn read(&self) -> anyhow::Result<String> {
        let path = paths::root().join(self.document);
        std::fs::read_to_string(path).with_context(|| format!("failed to read {}", self.document))
    }

    /// Replaces what is between the markers.
    fn filled(&self, document: &str, content: &str) -> anyhow::Result<String> {
        let begin = format!("<!-- {}: begin; `{}` -->\n", self.name, self.command);
        let end = format!("<!-- {}: end -->\n", self.name);
        let markers = || format!("{} must have the lines {begin}and {end}once each, in this order", self.document);
        let (before, rest) = document.split_once(&begin).with_context(markers)?;
        let (_, after) = rest.split_once(&end).with_context(markers)?;
        ensure!(!after.contains(&begin) && !after.contains(&end), markers());
        Ok([before, &begin, content, &end, after].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: Block = Block { document: "X.md", name: "x", command: "cargo xtask x --write" };

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let document = "a\n<!-- x: begin; `cargo xtask x --write` -->\nold\n<!-- x: end -->\nb\n";
        assert_eq!(BLOCK.filled(document, "new\n").unwrap(), document.replace("old", "new"));
    }

    #[test]
    fn a_document_without_its_markers_is_an_error() {
        let (begin, end) = ("<!-- x: begin; `cargo xtask x --write` -->\n", "<!-- x: end -->\n");
        for document in [begin.to_owned(), format!("{end}{begin}"), format!("{begin}{end}{begin}{end}")] {
            let error = BLOCK.filled(&document, "new\n").unwrap_err().to_string();
            assert!(error.contains("once each"), "{document}");
        }
    }
}
