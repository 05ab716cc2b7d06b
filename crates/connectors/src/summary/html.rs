//! The little HTML that HubSpot's editor keeps: `p`, `br`, `strong`, `ul`, `li`.

use super::sections::{Section, SectionItem};

/// Text as HTML: visitors write anything, and it must stay text.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' => html.push_str("<br>"),
            c if c.is_control() => {}
            c => html.push(c),
        }
    }
    html
}

/// A heading and text below it, then a list, which no paragraph may hold.
pub(super) fn section(section: &Section) -> String {
    let text = section.text.iter().map(|text| escape(text)).filter(|html| !html.is_empty());
    let text: String = text.map(|html| format!("<br>{html}")).collect();
    format!("<p><strong>{}</strong>{text}</p>{}", escape(section.title), list(section.items.iter().map(item)))
}

fn item(item: &SectionItem) -> String {
    escape(&item.text) + &list(item.quotes.iter().map(|quote| escape(quote)))
}

/// Items of HTML; nothing for none.
fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: String = items.into_iter().map(|item| format!("<li>{item}</li>")).collect();
    if items.is_empty() { items } else { format!("<ul>{items}</ul>") }
}

/// Extracts the visible text of some HTML, with single spaces.
pub(crate) fn visible(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        rest = tag.split_once('>').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text.replace("&nbsp;", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_becomes_markup() {
        assert_eq!(escape("<b>\"a\" & 'b'</b>\r\n\0c"), "&lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/b&gt;<br>c");
    }

    #[test]
    fn what_is_visible_is_separated_from_markup() {
        assert_eq!(visible("<p class=\"x\"><b>A</b><br/>b&nbsp;c</p> d"), "A b c d");
    }
}
