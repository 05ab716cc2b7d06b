//! Removes HTML tags from text.

/// Elements whose content is removed, too.
const WITHOUT_TEXT: [&str; 2] = ["script", "style"];

/// Removes tags, comments and declarations, however they are nested; other uses of `<` stay, as in `a < b`.
///
/// The time is linear: each byte is read a fixed number of times.
pub(super) fn removed(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    // Without a `>` there is no tag; the search for one from each `<` would not be linear.
    let last_end = text.rfind('>').unwrap_or(0);
    while let Some(at) = rest.find('<').filter(|at| text.len() - rest.len() + at < last_end) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        match length(rest) {
            Some(length) => {
                rest = &rest[length..];
                // The texts on both sides of the tag must not join into another tag.
                if kept.ends_with('<') || kept.ends_with("</") {
                    kept.push(' ');
                }
            }
            None => {
                kept.push('<');
                rest = &rest[1..];
            }
        }
    }
    kept + rest
}

/// Returns the bytes of the tag at the beginning of `text`.
fn length(text: &str) -> Option<usize> {
    let inner = &text[1..];
    if let Some(comment) = inner.strip_prefix("!--") {
        // Browsers, too, read an open comment up to the end.
        return Some(comment.find("-->").map_or(text.len(), |end| 4 + end + 3));
    }
    let name = inner.strip_prefix('/').unwrap_or(inner);
    let is_tag = name.starts_with(|c: char| c.is_ascii_alphabetic()) || inner.starts_with(['!', '?']);
    let end = inner.find('>').filter(|_| is_tag)? + 2;
    let name_end = inner.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inner.len());
    let hidden = WITHOUT_TEXT.iter().find(|element| element.eq_ignore_ascii_case(&inner[..name_end]));
    Some(hidden.map_or(end, |element| end + content(&text[end..], element)))
}

/// Returns the bytes of an element's content and its end tag.
fn content(text: &str, element: &str) -> usize {
    let ends = |at: &usize| {
        let name = text.get(at + 2..at + 2 + element.len());
        name.is_some_and(|name| name.eq_ignore_ascii_case(element))
    };
    let end = text.match_indices("</").map(|(at, _)| at).find(ends);
    end.map_or(text.len(), |at| text[at..].find('>').map_or(text.len(), |length| at + length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_go_and_comparisons_stay() {
        for (written, left) in [
            ("<p>Hello <b class=\"x\">you</b><br/></p>", "Hello you"),
            ("a < b, c > d, 1<2, x <3>", "a < b, c > d, 1<2, x <3>"),
            ("a<script>alert(1)</SCRIPT >b<style>p{}</style>c", "abc"),
            ("a<!-- <b> -->b<!DOCTYPE html>c<?xml?>d", "abcd"),
            ("a<script>b", "a"),
            ("a<!--b>c", "a"),
            ("<<b>script>x</<b>script>", "< script>x</ script>"),
            ("a <b without end", "a <b without end"),
        ] {
            assert_eq!(removed(written), left);
            assert_eq!(removed(left), left);
        }
    }

    #[test]
    fn a_heap_of_brackets_takes_no_longer_than_other_text() {
        let begun = std::time::Instant::now();
        for heap in ["<", "<a", "<!", "<a>", "< >", "<script></"] {
            removed(&heap.repeat(100_000));
            removed(&(heap.repeat(100_000) + ">"));
        }
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }
}
