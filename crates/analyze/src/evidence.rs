//! Looks up the model's quotes in the transcript.

mod turn;

use domain::analysis::Evidence;
use domain::transcript::{Role, Transcript};

use crate::answer::Quote;
use crate::normalize::{clusters, squeezed};
use crate::text;
use turn::NormalizedTurn;

/// The longest quote that is kept, in characters; the prompt asks for at most 200.
pub const MAX_QUOTE: usize = 400;

/// The turns of visitor and agent, normalized once; turns of the system and of tools cannot be quoted.
///
/// The memory is one to three times the text, and eleven times a text of Arabic ligatures only. [`QuotableTurns::find`]
/// takes time in proportion to the three turns that it searches.
pub struct QuotableTurns<'t> {
    transcript: &'t Transcript,
    turns: Vec<Option<NormalizedTurn>>,
}

impl<'t> QuotableTurns<'t> {
    pub fn new(transcript: &'t Transcript) -> Self {
        let fold = |turn: &domain::transcript::Turn| match turn.role {
            Role::Visitor | Role::Agent => Some(NormalizedTurn::new(&turn.text)),
            Role::System | Role::Tool => None,
        };
        Self { transcript, turns: transcript.turns().iter().map(fold).collect() }
    }

    pub fn transcript(&self) -> &'t Transcript {
        self.transcript
    }

    /// Returns the turn's own words for a quote, from the named turn or from a neighbour of it.
    ///
    /// A model that miscounts is off by one. Further away, the same words may mean something else.
    pub fn find(&self, quote: &Quote) -> Option<Evidence> {
        self.look_for(quote.turn, &quote.quote).or_else(|| {
            // The prompt writes line breaks as the two characters `\n`.
            quote.quote.contains("\\n").then(|| self.look_for(quote.turn, &quote.quote.replace("\\n", " ")))?
        })
    }

    fn look_for(&self, turn: i64, quote: &str) -> Option<Evidence> {
        let turn = usize::try_from(turn).ok()?;
        let wanted = squeezed(quote);
        if wanted.is_empty() {
            return None;
        }
        [Some(turn), turn.checked_sub(1), turn.checked_add(1)].into_iter().flatten().find_map(|turn| {
            let said = &self.transcript.turns().get(turn)?.text;
            // A model may quote half a placeholder, which could never be restored.
            let span = redaction::uncut(said, self.turns.get(turn)?.as_ref()?.find(said, &wanted)?);
            let end = span.end + closing(&said[span.end..]);
            Some(Evidence { turn, quote: shortened(&text::as_said(&said[span.start..end])) })
        })
    }
}

/// Counts the bytes of up to three marks at the beginning of `rest` that end a sentence.
fn closing(rest: &str) -> usize {
    let ends = |c: &char| matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？' | '؟' | '।' | '։');
    rest.chars().take_while(ends).take(3).map(char::len_utf8).sum()
}

/// Cuts a long quote after a word and adds `…`.
fn shortened(quote: &str) -> String {
    if quote.chars().nth(MAX_QUOTE).is_none() {
        return quote.to_owned();
    }
    let (mut chars, mut end, mut word_end) = (0, 0, 0);
    for (at, cluster) in clusters(quote) {
        if cluster.chars().all(char::is_whitespace) && end == at {
            word_end = at;
        }
        chars += cluster.chars().count();
        if chars >= MAX_QUOTE {
            break;
        }
        end = at + cluster.len();
    }
    // Text without spaces is cut after a cluster, and a heap of marks on one letter anywhere.
    let kept = match (word_end, end) {
        (0, 0) => quote.chars().take(MAX_QUOTE - 1).map(char::len_utf8).sum(),
        (0, end) => end,
        (word_end, _) => word_end,
    };
    format!("{}…", quote[..kept].trim_end())
}

#[cfg(test)]
mod tests;
