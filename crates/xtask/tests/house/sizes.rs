//! Short files. Short functions are held by clippy's `too_many_lines`.

use crate::files;

const FILE_LINES: usize = 400;
const MAIN_LINES: usize = 40;

#[test]
fn no_file_is_longer_than_a_reader_keeps_in_mind() {
    let limit = |path: &str| if path.ends_with("src/main.rs") { MAIN_LINES } else { FILE_LINES };
    let files = files::with_ending(".rs").into_iter();
    let lengths = files.map(|file| (file.text.lines().count(), file.path));
    let too_long: Vec<_> = lengths.filter(|(lines, path)| *lines > limit(path)).collect();
    assert!(too_long.is_empty(), "split these: {too_long:#?}");
}
