//! Plain text, in which a value is one line: nothing that a visitor said looks like a line of ours.

use super::sections::{Section, SectionItem};

/// A heading, the text below it, then the items; an empty line ends it.
pub(super) fn section(section: &Section) -> String {
    let heading = section.title.to_uppercase();
    let text = section.text.iter().map(|text| line(text)).filter(|line| !line.is_empty());
    let items = section.items.iter().flat_map(item);
    let lines: Vec<String> = [heading].into_iter().chain(text).chain(items).collect();
    lines.join("\n") + "\n\n"
}

fn item(item: &SectionItem) -> impl Iterator<Item = String> {
    let quotes = item.quotes.iter().map(|quote| format!("  - {}", line(quote)));
    [format!("- {}", line(&item.text))].into_iter().chain(quotes)
}

/// Any white space, and so any line break, as one space; no other control characters.
fn line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace(char::is_control, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_line_whatever_breaks_lines() {
        let hostile = "a\r\nb\u{2028}c\u{85}d\u{b}e\0f\tg";
        let text = section(&Section {
            title: "Topics",
            text: vec![hostile.to_owned(), " \n".to_owned()],
            items: vec![SectionItem { text: hostile.to_owned(), quotes: vec![hostile.to_owned()] }],
        });
        assert_eq!(text, "TOPICS\na b c d ef g\n- a b c d ef g\n  - a b c d ef g\n\n");
    }
}
