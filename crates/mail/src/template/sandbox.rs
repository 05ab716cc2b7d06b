//! The language of templates: a list of what is allowed.
//!
//! Templates are checked before the engine compiles them, because the compiler folds constants: it would make the text
//! of `"x" * 1000000000` at once. Nothing on the list makes a text longer than its parts, calls anything, or nests
//! deeper than [`MAX_TAG_TOKENS`].

use minijinja::machinery::{Span, Token, tokenize};
use minijinja::syntax::SyntaxConfig;

/// The most tokens in one tag, and so the deepest nesting of an expression.
const MAX_TAG_TOKENS: usize = 100;
/// The most `elif` of a template: the parser nests each branch in the branch before.
const MAX_ELIFS: usize = 50;

pub(super) const FILTERS: [&str; 10] =
    ["capitalize", "first", "items", "join", "last", "length", "lower", "round", "trim", "upper"];
pub(super) const TESTS: [&str; 3] = ["even", "none", "odd"];
const STATEMENTS: [&str; 7] = ["if", "elif", "else", "endif", "for", "endfor", "set"];
/// Words after which a parenthesis groups and does not call.
const OPERATORS: [&str; 7] = ["and", "or", "not", "if", "elif", "else", "in"];
const LITERALS: [&str; 5] = ["true", "false", "none", "True", "False"];

/// The line, from 1, and a description.
pub(super) type Problem = (Option<usize>, String);

/// Returns `Err` at the first tag that is not allowed.
pub(super) fn inspect(source: &str, syntax: &SyntaxConfig) -> Result<(), Problem> {
    let (mut tag, mut is_statement, mut elifs) = (Vec::new(), false, 0);
    for token in tokenize(source, false, syntax.clone()) {
        let (token, span) = token.map_err(|error| (error.line(), super::problem(&error)))?;
        let at = |problem: String| (Some(usize::from(span.start_line)), problem);
        match token {
            Token::TemplateData(_) => {}
            Token::VariableStart | Token::BlockStart => {
                tag.clear();
                is_statement = matches!(token, Token::BlockStart);
            }
            Token::VariableEnd | Token::BlockEnd => {
                elifs += usize::from(matches!(tag.first(), Some((Token::Ident("elif"), _))));
                if elifs > MAX_ELIFS {
                    return Err(at(format!("there are more than {MAX_ELIFS} `elif`")));
                }
                let inspected = if is_statement { statement(&tag) } else { expression(&tag) };
                inspected.map_err(at)?;
            }
            _ if tag.len() == MAX_TAG_TOKENS => {
                return Err(at(format!("the tag has more than {MAX_TAG_TOKENS} words and signs")));
            }
            token => tag.push((token, span)),
        }
    }
    Ok(())
}

type TagTokens<'t, 's> = &'t [(Token<'s>, Span)];

fn statement(tag: TagTokens<'_, '_>) -> Result<(), String> {
    match tag {
        [(Token::Ident("for"), _), rest @ ..] => {
            let is_in = |(token, _): &(Token<'_>, Span)| matches!(token, Token::Ident("in"));
            let (names, values) = rest.split_at(rest.iter().position(is_in).unwrap_or(rest.len()));
            expression(names)?;
            expression(values.get(1..).unwrap_or_default())
        }
        [(Token::Ident("set"), _), (Token::Ident(_), _), (Token::Assign, _), value @ ..] => expression(value),
        [(Token::Ident("set"), _), ..] => Err("`set` must be of the form `{% set name = value %}`".to_owned()),
        [(Token::Ident(word), _), rest @ ..] if STATEMENTS.contains(word) => expression(rest),
        [(Token::Ident(word), _), ..] => {
            Err(format!("unknown statement `{word}`; known are if, elif, else, for and set"))
        }
        _ => Err("a statement must begin with a word".to_owned()),
    }
}

fn expression(tokens: TagTokens<'_, '_>) -> Result<(), String> {
    for at in 0..tokens.len() {
        let before = |by: usize| at.checked_sub(by).map(|at| &tokens[at].0);
        let next = tokens.get(at + 1).map(|(token, _)| token);
        match &tokens[at].0 {
            Token::Pipe => named(next, &FILTERS, "filter")?,
            Token::Ident("is") => {
                let negated = matches!(next, Some(Token::Ident("not")));
                named(if negated { tokens.get(at + 2).map(|(token, _)| token) } else { next }, &TESTS, "test")?;
            }
            Token::Ident("in") => return Err("`in` can only be used in `for`".to_owned()),
            Token::Ident("recursive") => return Err("a loop cannot be recursive".to_owned()),
            Token::ParenOpen if !is_group([before(1), before(2), before(3)]) => {
                return Err("nothing can be called".to_owned());
            }
            Token::BracketOpen if !matches!(before(1), Some(Token::Ident(_) | Token::BracketClose)) => {
                return Err("a list cannot be made".to_owned());
            }
            sign if is_comparison(Some(sign)) => {
                let is_negative = matches!(next, Some(Token::Minus));
                if !is_negative && ![before(1), next].into_iter().flatten().any(is_literal) {
                    return Err("a comparison must be with a text in quotes or with a number".to_owned());
                }
            }
            Token::Minus if is_comparison(before(1)) && next.is_some_and(is_literal) => {}
            sign @ (Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::FloorDiv
            | Token::Pow
            | Token::Mod) => {
                return Err(format!("nothing can be computed with {sign}"));
            }
            Token::Tilde => return Err("`~` cannot be used: texts next to each other are joined".to_owned()),
            sign @ (Token::BraceOpen | Token::BraceClose | Token::Colon | Token::Assign) => {
                return Err(format!("{sign} cannot be used here"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn named(name: Option<&Token<'_>>, known: &[&str], what: &str) -> Result<(), String> {
    match name {
        Some(Token::Ident(name)) if known.contains(name) => Ok(()),
        Some(Token::Ident(name)) => Err(format!("unknown {what} `{name}`; known are {}", known.join(", "))),
        Some(_) | None => Err(format!("the name of a {what} is missing")),
    }
}

/// Returns whether a parenthesis holds a part of an expression, or the arguments of a filter or test.
fn is_group(before: [Option<&Token<'_>>; 3]) -> bool {
    match before {
        [None, ..] => true,
        [Some(Token::Ident(_)), Some(Token::Pipe | Token::Ident("is")), _] => true,
        [Some(Token::Ident(_)), Some(Token::Ident("not")), Some(Token::Ident("is"))] => true,
        [Some(Token::Ident(word)), ..] => OPERATORS.contains(word),
        [Some(Token::ParenClose | Token::BracketClose | Token::Str(_) | Token::String(_)), ..] => false,
        _ => true,
    }
}

fn is_comparison(token: Option<&Token<'_>>) -> bool {
    matches!(token, Some(Token::Eq | Token::Ne | Token::Gt | Token::Gte | Token::Lt | Token::Lte))
}

fn is_literal(token: &Token<'_>) -> bool {
    match token {
        Token::Str(_) | Token::String(_) | Token::Int(_) | Token::Int128(_) | Token::Float(_) => true,
        Token::Ident(word) => LITERALS.contains(word),
        _ => false,
    }
}
