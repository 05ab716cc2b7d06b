//! `cargo xtask outcomes-table`: the table of what ends or delays a sync, generated from the code.

use connectors::reason;

use crate::generated::Block;

const BLOCK: Block = Block {
    document: "crates/crm-sync/docs/outcomes.md",
    name: "outcomes",
    command: "cargo xtask outcomes-table --write",
};

/// Prints the table, or writes it into its document.
pub(crate) fn run(write: bool) -> anyhow::Result<()> {
    BLOCK.run(&reason::table(), write)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_the_table_of_the_code() {
        BLOCK.is_current(&reason::table()).unwrap();
    }
}
