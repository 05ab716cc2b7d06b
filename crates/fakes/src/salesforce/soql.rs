//! SOQL, as far as a small client needs it.

use std::iter::Peekable;
use std::str::Chars;
use std::vec::IntoIter;

/// `SELECT fields FROM object WHERE condition AND … ORDER BY field LIMIT n`.
#[derive(Debug, PartialEq)]
pub(crate) struct Soql {
    pub(crate) fields: Vec<String>,
    pub(crate) object: String,
    /// All of which must hold.
    pub(crate) conditions: Vec<Condition>,
    /// A field, and whether it descends.
    pub(crate) order: Option<(String, bool)>,
    pub(crate) limit: Option<usize>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Condition {
    pub(crate) field: String,
    /// `false` for `!=`.
    pub(crate) equal: bool,
    pub(crate) literal: Literal,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Literal {
    Text(String),
    Bool(bool),
    Null,
    /// A number, a date or a time, as it was written.
    Bare(String),
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Comma,
    Equal,
    NotEqual,
}

/// Why a query can't be read.
type Malformed = String;

pub(crate) fn parse(query: &str) -> Result<Soql, Malformed> {
    let mut tokens = Tokens(tokens(query)?.into_iter().peekable());
    tokens.keyword("SELECT")?;
    let mut fields = vec![tokens.word()?];
    while tokens.0.next_if_eq(&Token::Comma).is_some() {
        fields.push(tokens.word()?);
    }
    tokens.keyword("FROM")?;
    let object = tokens.word()?;
    let mut conditions = Vec::new();
    if tokens.is_next("WHERE") {
        conditions.push(tokens.condition()?);
        while tokens.is_next("AND") {
            conditions.push(tokens.condition()?);
        }
    }
    let order = if tokens.is_next("ORDER") { Some(tokens.order()?) } else { None };
    let limit = if tokens.is_next("LIMIT") { Some(tokens.number()?) } else { None };
    match tokens.0.next() {
        None => Ok(Soql { fields, object, conditions, order, limit }),
        Some(token) => Err(unexpected(Some(&token))),
    }
}

fn unexpected(token: Option<&Token>) -> Malformed {
    match token {
        None => "unexpected token: <EOF>".to_owned(),
        Some(Token::Word(word)) => format!("unexpected token: '{word}'"),
        Some(Token::Text(text)) => format!("unexpected token: '{text}'"),
        Some(Token::Comma) => "unexpected token: ','".to_owned(),
        Some(Token::Equal) => "unexpected token: '='".to_owned(),
        Some(Token::NotEqual) => "unexpected token: '!='".to_owned(),
    }
}

struct Tokens(Peekable<IntoIter<Token>>);

impl Tokens {
    fn is_next(&mut self, keyword: &str) -> bool {
        self.0.next_if(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(keyword))).is_some()
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), Malformed> {
        if self.is_next(keyword) { Ok(()) } else { Err(unexpected(self.0.peek())) }
    }

    fn word(&mut self) -> Result<String, Malformed> {
        match self.0.next() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(unexpected(other.as_ref())),
        }
    }

    fn number(&mut self) -> Result<usize, Malformed> {
        let word = self.word()?;
        word.parse().map_err(|_| format!("expecting a number, found '{word}'"))
    }

    fn condition(&mut self) -> Result<Condition, Malformed> {
        let field = self.word()?;
        let equal = match self.0.next() {
            Some(Token::Equal) => true,
            Some(Token::NotEqual) => false,
            other => return Err(unexpected(other.as_ref())),
        };
        let literal = match self.0.next() {
            Some(Token::Text(text)) => Literal::Text(text),
            Some(Token::Word(word)) => match word.to_ascii_lowercase().as_str() {
                "true" => Literal::Bool(true),
                "false" => Literal::Bool(false),
                "null" => Literal::Null,
                _ => Literal::Bare(word),
            },
            other => return Err(unexpected(other.as_ref())),
        };
        Ok(Condition { field, equal, literal })
    }

    fn order(&mut self) -> Result<(String, bool), Malformed> {
        self.keyword("BY")?;
        let field = self.word()?;
        let descends = self.is_next("DESC");
        if !descends {
            self.is_next("ASC");
        }
        Ok((field, descends))
    }
}

fn tokens(query: &str) -> Result<Vec<Token>, Malformed> {
    let mut found = Vec::new();
    let mut rest = query.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            _ if letter.is_whitespace() => {}
            ',' => found.push(Token::Comma),
            '=' => found.push(Token::Equal),
            '!' if rest.next_if_eq(&'=').is_some() => found.push(Token::NotEqual),
            '\'' => found.push(Token::Text(text(&mut rest)?)),
            _ if is_word(letter) => {
                let mut word = letter.to_string();
                while let Some(next) = rest.next_if(|next| is_word(*next)) {
                    word.push(next);
                }
                found.push(Token::Word(word));
            }
            other => return Err(format!("unexpected token: '{other}'")),
        }
    }
    Ok(found)
}

/// Names, numbers, dates and times.
fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_.:+-".contains(letter)
}

/// Up to the closing quotation mark, without its escapes.
fn text(rest: &mut Peekable<Chars<'_>>) -> Result<String, Malformed> {
    let mut text = String::new();
    loop {
        match rest.next() {
            Some('\'') => return Ok(text),
            Some('\\') => text.push(escaped(rest)?),
            Some(letter) if letter != '\n' && letter != '\r' => text.push(letter),
            _ => return Err("line 1: a string literal is not closed".to_owned()),
        }
    }
}

fn escaped(rest: &mut Peekable<Chars<'_>>) -> Result<char, Malformed> {
    let illegal = |letter: Option<char>| {
        let letter = letter.map(String::from).unwrap_or_default();
        Err(format!("Invalid string literal. Illegal character sequence '\\{letter}' in string literal."))
    };
    match rest.next() {
        Some(letter @ ('\\' | '\'' | '"')) => Ok(letter),
        Some('n' | 'N') => Ok('\n'),
        Some('r' | 'R') => Ok('\r'),
        Some('t' | 'T') => Ok('\t'),
        Some('b' | 'B') => Ok('\u{8}'),
        Some('f' | 'F') => Ok('\u{c}'),
        Some('u') => {
            let digits = rest.by_ref().take(4).collect::<String>();
            let letter = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
            letter.map_or_else(|| illegal(Some('u')), Ok)
        }
        other => illegal(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_in_any_case_and_with_any_space() {
        let soql = parse(
            "select Id,  Email from Lead where Email='a' and IsConverted = FALSE order by CreatedDate desc limit 2",
        )
        .unwrap();
        assert_eq!(soql.fields, ["Id", "Email"]);
        assert_eq!(soql.conditions.len(), 2);
        assert_eq!(soql.conditions[1].literal, Literal::Bool(false));
        assert_eq!((soql.order, soql.limit), (Some(("CreatedDate".to_owned(), true)), Some(2)));
    }

    #[test]
    fn escapes_are_undone_in_one_pass() {
        let literal = |query: &str| parse(query).map(|mut soql| soql.conditions.remove(0).literal);
        let query = r#"SELECT Id FROM Lead WHERE Name = 'O\'Brien \\\' OR \"x\"\n\u00e4'"#;
        assert_eq!(literal(query), Ok(Literal::Text("O'Brien \\' OR \"x\"\nä".to_owned())));
        assert_eq!(literal(r"SELECT Id FROM Lead WHERE Name = '\\n'"), Ok(Literal::Text(r"\n".to_owned())));
    }

    #[test]
    fn what_is_not_escaped_does_not_pass_for_a_query() {
        for query in [
            "",
            "SELECT FROM Lead",
            "SELECT Id Lead",
            "SELECT Id FROM Lead WHERE Name = 'O'Brien'",
            r"SELECT Id FROM Lead WHERE Name = 'x\'",
            r"SELECT Id FROM Lead WHERE Name = 'x\q'",
            "SELECT Id FROM Lead WHERE Name = 'x' OR Name != ''",
            "SELECT Id FROM Lead WHERE Name = 'x\n'",
            "SELECT Id FROM Lead LIMIT two",
            "SELECT Id FROM Lead WHERE Name LIKE 'x'",
            "SELECT COUNT() FROM Lead",
        ] {
            assert!(parse(query).is_err(), "{query}");
        }
    }
}
