//! Whether somebody said what the model quotes.

mod turn;

use domain::analysis::Evidence;
use domain::transcript::{Role, Transcript};

use crate::answer::Quote;
use crate::normalize::{clusters, squeezed};
use crate::text;
use turn::NormalizedTurn;

/// The longest quote that is kept, in characters; the prompt asks for at most 200.
pub const MAX_QUOTE: usize = 400;

/// The words of visitor and agent, folded once; system and tool turns said nothing that can be quoted.
///
/// Costs one to three times the bytes of the text (eleven times for text of nothing but Arabic ligatures), and
/// [`QuotableTurns::find`] at most time in proportion to the three turns it looks in.
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

    /// The turn's own words for the quote: from the named turn, else from the one before it or after it.
    ///
    /// A model that miscounts is off by one. Further away the same words may have been said of something else.
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
            let span = self.turns.get(turn)?.as_ref()?.find(said, &wanted)?;
            let end = span.end + closing(&said[span.end..]);
            Some(Evidence { turn, quote: shortened(&text::as_said(&said[span.start..end])) })
        })
    }
}

/// How many bytes of the marks that end a sentence follow directly.
fn closing(rest: &str) -> usize {
    let ends = |c: &char| matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？' | '؟' | '।' | '։');
    rest.chars().take_while(ends).take(3).map(char::len_utf8).sum()
}

/// A quote that is too long ends after a word, and in `…`; before that nothing is left out.
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
    // Text without spaces ends after a character, and a heap of marks on one letter anywhere.
    let kept = match (word_end, end) {
        (0, 0) => quote.chars().take(MAX_QUOTE - 1).map(char::len_utf8).sum(),
        (0, end) => end,
        (word_end, _) => word_end,
    };
    format!("{}…", quote[..kept].trim_end())
}

#[cfg(test)]
mod tests;
