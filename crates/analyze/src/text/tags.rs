//! Removes HTML tags from text.

/// Elements of HTML, current and obsolete.
const ELEMENTS: &str = "\
    a abbr acronym address applet area article aside audio b base bdi bdo big blink blockquote body br button canvas \
    caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset \
    figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input \
    ins kbd label legend li link main map mark marquee math menu meta meter nav noframes noscript object ol optgroup \
    option output p param picture pre progress q rp rt ruby s samp script search section select slot small source \
    span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead time title tr track \
    tt u ul var video wbr";
/// Elements whose content is removed, too.
const WITHOUT_TEXT: [&str; 2] = ["script", "style"];
/// Attributes that need no value.
const WITHOUT_VALUE: &str =
    "async checked controls defer disabled download hidden multiple muted open readonly required";

/// Removes tags of HTML, comments and declarations, however they are nested; other uses of `<` stay, as in `a < b`,
/// `a<b and c>d` and `List<String>`.
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
    // A `<` before the end begins something else, and the search for the end stays short.
    let end = inner.find(['<', '>']).filter(|end| inner[*end..].starts_with('>'))?;
    let (tag, length) = (&inner[..end], end + 2);
    if tag.starts_with("?xml") || tag.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("!doctype")) {
        return Some(length);
    }
    if let Some(name) = tag.strip_prefix('/') {
        return is_element(name.trim_end()).then_some(length);
    }
    let (name, attributes) = tag.split_at(tag.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tag.len()));
    if !is_element(name) || !are_attributes(attributes) {
        return None;
    }
    let hidden = WITHOUT_TEXT.iter().find(|element| element.eq_ignore_ascii_case(name));
    Some(hidden.map_or(length, |element| length + content(&text[length..], element)))
}

fn is_element(name: &str) -> bool {
    ELEMENTS.split(' ').any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether the text between the name of a tag and its `>` is a list of attributes, not words of a sentence.
fn are_attributes(text: &str) -> bool {
    let is_gap = |c: char| c.is_whitespace() || c == '/';
    let mut rest = text.trim_start_matches(is_gap);
    if rest.len() == text.len() {
        return rest.is_empty();
    }
    while !rest.is_empty() {
        let (name, after) = rest.split_at(rest.find(|c| is_gap(c) || c == '=').unwrap_or(rest.len()));
        rest = match after.trim_start().strip_prefix('=').map(str::trim_start) {
            None if WITHOUT_VALUE.split(' ').any(|known| known.eq_ignore_ascii_case(name)) => after,
            None => return false,
            Some(value) => match value.chars().next().filter(|first| matches!(first, '"' | '\'')) {
                Some(quote) => value[1..].split_once(quote).map_or("", |(_, rest)| rest),
                None => &value[value.find(char::is_whitespace).unwrap_or(value.len())..],
            },
        };
        rest = rest.trim_start_matches(is_gap);
    }
    true
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
            ("List<String>, Map<K, V> and a<b and c>d", "List<String>, Map<K, V> and a<b and c>d"),
            (
                "<ana@example.com> <https://example.com> <3 <your name>",
                "<ana@example.com> <https://example.com> <3 <your name>",
            ),
            ("<input type=text disabled/>x<A HREF = 'y' download >z</A ><br />", "xz"),
            ("if x <b then y> z, a<i>b", "if x <b then y> z, ab"),
            ("<a\n\thref='y'\n>x</a\n><br\n/>y<svg/onload=z>", "xy"),
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
