//! Figures that need the times of turns.

use domain::analysis::{Interruptions, Waiting};
use domain::transcript::{Role, Transcript, Turn};

use super::spoken;

/// Measures the time from the end of a visitor's turn to the start of the agent's next turn.
///
/// An agent who starts before the visitor ends causes no wait. Returns `None` if no pair of turns has times.
pub(super) fn visitor_waiting(transcript: &Transcript) -> Option<Waiting> {
    let turns = || spoken(transcript).map(|(_, turn)| turn);
    let waited = |(visitor, agent): (&Turn, &Turn)| match (visitor.role, agent.role) {
        (Role::Visitor, Role::Agent) => Some(i64::from(agent.started_ms?) - i64::from(visitor.ended_ms?)),
        _ => None,
    };
    let known: Vec<i64> = turns().zip(turns().skip(1)).filter_map(waited).collect();
    if known.is_empty() {
        return None;
    }
    let waits: Vec<u64> = known.into_iter().filter_map(|wait| u64::try_from(wait).ok()).collect();
    let (times, total) = (waits.len(), waits.iter().sum::<u64>());
    let mean_ms = (total as f64 / times.max(1) as f64).round() as u64;
    Some(Waiting { times, mean_ms, longest_ms: waits.into_iter().max().unwrap_or_default() })
}

/// Counts turns that began during the other speaker's turn.
///
/// The latest end of the other speaker's turns so far counts. Returns `None` if no two turns can be compared.
pub(super) fn interruptions(transcript: &Transcript) -> Option<Interruptions> {
    let mut found = Interruptions { by_visitor: 0, by_agent: 0 };
    let (mut is_known, mut visitor, mut agent) = (false, None::<(u32, u32)>, None::<(u32, u32)>);
    for (_, turn) in spoken(transcript) {
        let Some(started) = turn.started_ms else { continue };
        let by_visitor = turn.role == Role::Visitor;
        let (own, other) = if by_visitor { (&mut visitor, agent) } else { (&mut agent, visitor) };
        if let Some((other_started, other_ended)) = other {
            is_known = true;
            if (other_started..other_ended).contains(&started) {
                let count = if by_visitor { &mut found.by_visitor } else { &mut found.by_agent };
                *count += 1;
            }
        }
        if let Some(ended) = turn.ended_ms
            && own.is_none_or(|(_, latest)| ended > latest)
        {
            *own = Some((started, ended));
        }
    }
    is_known.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(turns: &[(Role, Option<u32>, Option<u32>)]) -> Transcript {
        let turn = |(role, started_ms, ended_ms): &(Role, Option<u32>, Option<u32>)| Turn {
            role: *role,
            text: "words".into(),
            started_ms: *started_ms,
            ended_ms: *ended_ms,
        };
        Transcript::new(turns.iter().map(turn).collect())
    }

    #[test]
    fn waiting_is_between_the_visitor_s_end_and_the_agent_s_beginning() {
        let transcript = timed(&[
            (Role::Visitor, Some(0), Some(1000)),
            (Role::Tool, Some(1000), Some(1400)),
            (Role::Agent, Some(1500), Some(3000)),
            (Role::Visitor, Some(3000), Some(4000)),
            (Role::Agent, Some(3500), Some(5000)),
            (Role::Visitor, Some(5000), None),
            (Role::Agent, Some(9000), Some(9500)),
            (Role::Visitor, Some(9600), Some(10_000)),
            (Role::Agent, Some(10_001), None),
        ]);
        assert_eq!(visitor_waiting(&transcript), Some(Waiting { times: 2, mean_ms: 251, longest_ms: 500 }));
        let talked_over = timed(&[(Role::Visitor, Some(0), Some(1000)), (Role::Agent, Some(500), None)]);
        assert_eq!(visitor_waiting(&talked_over), Some(Waiting { times: 0, mean_ms: 0, longest_ms: 0 }));
        assert_eq!(visitor_waiting(&timed(&[(Role::Visitor, None, None), (Role::Agent, None, None)])), None);
    }

    #[test]
    fn an_interruption_begins_before_the_other_has_ended() {
        let transcript = timed(&[
            (Role::Agent, Some(0), Some(10_000)),
            (Role::Visitor, Some(4000), Some(5000)),
            (Role::Visitor, Some(6000), Some(7000)),
            (Role::Agent, Some(10_000), Some(12_000)),
            (Role::Visitor, Some(12_000), Some(14_000)),
            (Role::Agent, Some(13_000), None),
        ]);
        assert_eq!(interruptions(&transcript), Some(Interruptions { by_visitor: 2, by_agent: 1 }));
        let backwards = timed(&[(Role::Agent, Some(5000), Some(4000)), (Role::Visitor, Some(4500), Some(6000))]);
        assert_eq!(interruptions(&backwards), Some(Interruptions { by_visitor: 0, by_agent: 0 }));
        assert_eq!(interruptions(&timed(&[(Role::Agent, None, None), (Role::Visitor, Some(1), None)])), None);
    }
}
