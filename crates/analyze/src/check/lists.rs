//! Topics, insights, action items and other lists.

use std::collections::BTreeSet;

use domain::analysis::{ActionItem, Evidence, Insight, Owner};

use super::{Check, MAX_SENTENCE, MAX_WORDS};
use crate::answer::{self, Quote};

impl Check<'_> {
    /// Cleans the texts and leaves out empty ones.
    pub(super) fn texts(&mut self, place: &str, texts: &[String], max: usize) -> Vec<String> {
        let bounded = self.bounded(place, texts).iter().enumerate();
        let texts = bounded.map(|(n, text)| self.cleaned(&format!("{place}[{n}]"), text, max));
        texts.filter(|text| !text.is_empty()).collect()
    }

    /// Keeps each topic once, whatever its case; a tenant's own list decides which topics exist and how they are spelt.
    pub(super) fn topics(&mut self, topics: &[String]) -> Vec<String> {
        let mut known = BTreeSet::new();
        let mut kept = Vec::new();
        for (n, topic) in self.bounded("topics", topics).iter().enumerate() {
            let mut topic = self.cleaned(&format!("topics[{n}]"), topic, MAX_WORDS);
            if topic.is_empty() {
                continue;
            }
            if !self.scope.topics.is_empty() {
                let Some(own) = self.scope.topics.find(&topic) else {
                    self.shortcomings.add(|| format!("topics[{n}] is not one of the topics allowed"));
                    continue;
                };
                topic = own.to_string();
            }
            if known.insert(topic.to_lowercase()) {
                kept.push(topic);
            }
        }
        kept
    }

    /// Finds the evidence of an item, which is dropped without any.
    fn needed_evidence(&mut self, place: &str, quotes: &[Quote]) -> Vec<Evidence> {
        if quotes.is_empty() {
            self.shortcomings.add(|| format!("{place} has no quote"));
        }
        self.evidence(place, quotes)
    }

    /// Keeps the insights that have a text and a quote that was said.
    pub(super) fn insights(&mut self, insights: &[answer::RawInsight]) -> Vec<Insight> {
        let mut kept = Vec::new();
        for (n, insight) in self.bounded("insights", insights).iter().enumerate() {
            let evidence = self.needed_evidence(&format!("insights[{n}].evidence"), &insight.evidence);
            let text = self.cleaned(&format!("insights[{n}].text"), &insight.text, MAX_SENTENCE);
            if !text.is_empty() && !evidence.is_empty() {
                kept.push(Insight { text, evidence });
            }
        }
        kept
    }

    /// Keeps the action items that have a text and a quote that was said.
    pub(super) fn action_items(&mut self, items: &[answer::RawActionItem]) -> Vec<ActionItem> {
        let bounded = self.bounded("action_items", items).iter().enumerate();
        bounded.filter_map(|(n, item)| self.action_item(n, item)).collect()
    }

    fn action_item(&mut self, n: usize, item: &answer::RawActionItem) -> Option<ActionItem> {
        let owner = Owner::parse(item.owner.trim());
        if owner.is_none() {
            let owners = Owner::TEXTS.join(", ");
            self.faults.add(|| format!("action_items[{n}].owner is not one of {owners}"));
        }
        let evidence = self.needed_evidence(&format!("action_items[{n}].evidence"), &item.evidence);
        let text = self.cleaned(&format!("action_items[{n}].text"), &item.text, MAX_SENTENCE);
        let due = item.due.as_ref().map(|due| self.cleaned(&format!("action_items[{n}].due"), due, MAX_WORDS));
        if text.is_empty() || evidence.is_empty() {
            return None;
        }
        Some(ActionItem { text, owner: owner?, due: due.filter(|due| !due.is_empty()), evidence })
    }
}
