//! Places in an HTML document at which a value is safe.
//!
//! Escaping makes a text safe between tags and in quoted attributes that programs only read; a value at any other place
//! is an error. The scanner knows as little of HTML as it needs, and treats the unknown as a tag.

use std::cell::RefCell;

/// Attributes whose value is plain text; `aria-…` and `data-…` are text, too.
const TEXT_ATTRIBUTES: [&str; 7] = ["abbr", "alt", "dir", "label", "lang", "summary", "title"];
/// Attributes that may hold one of our links.
const LINK_ATTRIBUTES: [&str; 1] = ["href"];
/// Elements whose content is not text.
const RAW_ELEMENTS: [&str; 9] =
    ["iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "template", "xmp"];
/// Elements whose content is text without tags.
const TEXT_ELEMENTS: [&str; 2] = ["textarea", "title"];
/// Bytes of the longest end of a comment, `--!>`.
const COMMENT_END: usize = 4;
/// The most bytes that are kept of a name: more than the longest name above.
const MAX_NAME: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Text,
    /// After `<`.
    Opening,
    /// After `</`.
    Ending,
    /// After `<!`: a comment or a declaration.
    Declaration,
    /// Browsers read `<?…>` and `</ …>` as comments that end at the next `>`.
    BogusComment,
    Comment,
    Name,
    /// Inside a tag, between attributes.
    Tag,
    Attribute,
    AfterAttribute,
    BeforeValue,
    Quoted(u8),
    Unquoted,
    /// Inside an element of [`RAW_ELEMENTS`] or [`TEXT_ELEMENTS`].
    Raw,
}

struct Scanner {
    at: At,
    /// The name of the last tag in lower case, with `/` in front if the tag ends an element.
    tag: Vec<u8>,
    attribute: Vec<u8>,
    /// The last bytes, which may become the end of a comment or of a raw element.
    tail: Vec<u8>,
}

thread_local! {
    // The formatter can refuse a value and does not see the output; the writer sees the output and not the values.
    static SCANNER: RefCell<Scanner> =
        const { RefCell::new(Scanner { at: At::Text, tag: Vec::new(), attribute: Vec::new(), tail: Vec::new() }) };
}

/// Starts a new document on this thread.
pub(super) fn start() {
    SCANNER.with_borrow_mut(|scanner| scanner.at = At::Text);
}

pub(super) fn follow(bytes: &[u8]) {
    SCANNER.with_borrow_mut(|scanner| scanner.follow(bytes));
}

/// Returns `Err` with the reason if a value must not stand here; our links may stand at more places than others.
pub(super) fn admit(is_link: bool) -> Result<(), String> {
    SCANNER.with_borrow(|scanner| scanner.admit(is_link))
}

impl Scanner {
    fn admit(&self, is_link: bool) -> Result<(), String> {
        let (tag, attribute) = (String::from_utf8_lossy(&self.tag), String::from_utf8_lossy(&self.attribute));
        let name = attribute.as_ref();
        let is_text = TEXT_ATTRIBUTES.contains(&name) || name.starts_with("aria-") || name.starts_with("data-");
        match self.at {
            At::Text => Ok(()),
            At::Quoted(_) if is_text || (is_link && LINK_ATTRIBUTES.contains(&name)) => Ok(()),
            At::Quoted(_) if LINK_ATTRIBUTES.contains(&name) => {
                Err(format!("only `unsubscribe_url` can be a link: the value stands in `{name}`"))
            }
            At::Quoted(_) => Err(format!("a value cannot stand in the attribute `{name}`")),
            At::Unquoted | At::BeforeValue => Err(format!("the value of the attribute `{name}` needs quotes")),
            At::Raw if TEXT_ELEMENTS.contains(&tag.as_ref()) => Ok(()),
            At::Comment | At::BogusComment | At::Declaration => Err("a value cannot stand in a comment".to_owned()),
            At::Raw => Err(format!("a value cannot stand in <{tag}>")),
            At::Opening | At::Ending | At::Name | At::Tag | At::Attribute | At::AfterAttribute => {
                Err("a value cannot stand in a tag outside of the quotes of an attribute".to_owned())
            }
        }
    }

    fn follow(&mut self, mut bytes: &[u8]) {
        loop {
            // Most of a document is text and values of attributes: there is one end to look for.
            let end = match self.at {
                At::Text => b'<',
                At::Quoted(quote) => quote,
                _ => {
                    let [byte, rest @ ..] = bytes else { return };
                    self.step(byte.to_ascii_lowercase());
                    bytes = rest;
                    continue;
                }
            };
            let Some(at) = bytes.iter().position(|byte| *byte == end) else { return };
            self.step(end);
            bytes = &bytes[at + 1..];
        }
    }

    fn step(&mut self, byte: u8) {
        match self.at {
            At::Text if byte == b'<' => self.at = At::Opening,
            At::Text => {}
            At::Opening => self.open(byte),
            At::Ending => self.end(byte),
            At::Declaration => self.declare(byte),
            At::BogusComment if byte == b'>' => self.at = At::Text,
            At::BogusComment => {}
            At::Comment => {
                self.remember(byte, COMMENT_END);
                // The tail still has the mark of the beginning: `<!-->` and `<!--->` end at once.
                let ends_at_once = self.tail == b"<>" || self.tail == b"<->";
                if ends_at_once || self.tail.ends_with(b"-->") || self.tail.ends_with(b"--!>") {
                    self.at = At::Text;
                }
            }
            At::Raw => {
                let end = [b"</", self.tag.as_slice()].concat();
                if is_end_of_name(byte) && self.tail == end {
                    self.tag.insert(0, b'/');
                    self.between(byte);
                } else {
                    self.remember(byte, end.len());
                }
            }
            At::Name if !is_end_of_name(byte) => push(&mut self.tag, byte),
            At::Attribute if byte != b'=' && !is_end_of_name(byte) => push(&mut self.attribute, byte),
            At::Name | At::Tag | At::Attribute | At::AfterAttribute => self.between(byte),
            At::BeforeValue if byte.is_ascii_whitespace() => {}
            At::BeforeValue if byte == b'"' || byte == b'\'' => self.at = At::Quoted(byte),
            At::BeforeValue | At::Unquoted if byte == b'>' => self.close(),
            At::BeforeValue => self.at = At::Unquoted,
            At::Unquoted if byte.is_ascii_whitespace() => self.at = At::Tag,
            At::Unquoted => {}
            At::Quoted(quote) if byte == quote => self.at = At::Tag,
            At::Quoted(_) => {}
        }
    }

    fn open(&mut self, byte: u8) {
        self.tag.clear();
        self.tail.clear();
        self.at = match byte {
            b'!' => At::Declaration,
            b'?' => At::BogusComment,
            b'<' => At::Opening,
            b'/' => At::Ending,
            byte if byte.is_ascii_alphabetic() => At::Name,
            _ => At::Text,
        };
        if self.at == At::Name {
            self.tag.push(byte);
        }
    }

    fn end(&mut self, byte: u8) {
        self.at = match byte {
            b'>' => At::Text,
            byte if byte.is_ascii_alphabetic() => At::Name,
            _ => At::BogusComment,
        };
        self.tag.extend([b'/', byte]);
    }

    fn declare(&mut self, byte: u8) {
        push(&mut self.tail, byte);
        match byte {
            b'>' => self.at = At::Text,
            _ if self.tail == b"--" => {
                self.at = At::Comment;
                self.tail = b"<".to_vec();
            }
            _ => {}
        }
    }

    /// Reads one byte inside a tag, outside of names and values.
    fn between(&mut self, byte: u8) {
        match byte {
            b'>' => self.close(),
            b'=' if matches!(self.at, At::Attribute | At::AfterAttribute) => self.at = At::BeforeValue,
            b'/' => self.at = At::Tag,
            byte if byte.is_ascii_whitespace() => {
                self.at =
                    if matches!(self.at, At::Attribute | At::AfterAttribute) { At::AfterAttribute } else { At::Tag };
            }
            byte => {
                self.attribute.clear();
                self.attribute.push(byte);
                self.at = At::Attribute;
            }
        }
    }

    fn close(&mut self) {
        self.tail.clear();
        let is_raw = RAW_ELEMENTS.iter().chain(&TEXT_ELEMENTS).any(|name| name.as_bytes() == self.tag);
        self.at = if is_raw { At::Raw } else { At::Text };
    }

    /// Keeps the last `most` bytes.
    fn remember(&mut self, byte: u8, most: usize) {
        if self.tail.len() == most {
            self.tail.remove(0);
        }
        self.tail.push(byte);
    }
}

fn is_end_of_name(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b'>' || byte == b'/'
}

fn push(name: &mut Vec<u8>, byte: u8) {
    if name.len() < MAX_NAME {
        name.push(byte);
    }
}
