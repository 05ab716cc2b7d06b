//! What is known of the models: how they give structured answers, how much they take, what they cost.
//!
//! `models.json` is the table, with its date. An id is matched without its geography (`eu.`, `global.`), the longest
//! row first.
//!
//! | `output` | How | Models |
//! |---|---|---|
//! | `json_schema` | `outputConfig.textFormat` | Claude from 4.5 |
//! | `strict_tool` | one forced tool with `strict` | none of the table; for overrides |
//! | `forced_tool` | one forced tool, its schema in what every model takes | Nova, and models without a row |
//!
//! A model without a row is given 32,000 tokens, and what it costs is not known.

use serde::Deserialize;

/// The table in this crate, dated; a deployment overrides or adds to it (`MODEL_OVERRIDES`).
const TABLE: &str = include_str!("../models.json");

/// Of a model that is not in the table: what every model on Bedrock can do.
const UNKNOWN: Model = Model {
    id: String::new(),
    output: Output::ForcedTool,
    prompt_cache: false,
    context_tokens: 32_000,
    max_output_tokens: 8_000,
    usd_per_million_tokens: None,
};

/// A request and its correction, with an answer about ten visitor turns: with less a model is of no use here.
const LEAST_CONTEXT_TOKENS: usize = 16_000;
const LEAST_OUTPUT_TOKENS: usize = 4_400;

const GLOBAL: &str = "global.";

/// How a model is made to answer in a given shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// `outputConfig.textFormat`: the decoder keeps to the JSON schema.
    JsonSchema,
    /// One tool that must be called, whose input the decoder keeps to the JSON schema: the input is the answer.
    StrictTool,
    /// The same of a model that takes the schema as a hint only, and not all of its keywords.
    ForcedTool,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// How the model's Bedrock id begins, without the geography of an inference profile (`eu.`, `global.`).
    pub id: String,
    pub output: Output,
    /// Whether the model takes cache points. Below its minimum a cache point is without effect.
    pub prompt_cache: bool,
    /// Tokens of prompt and answer together.
    pub context_tokens: usize,
    pub max_output_tokens: usize,
    /// `None`: not known.
    pub usd_per_million_tokens: Option<Price>,
}

/// US dollars for a million tokens of a global inference profile.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub input: f64,
    pub output: f64,
    /// Read from the prompt cache.
    pub cached: f64,
    /// Written to the prompt cache.
    pub cache_write: f64,
    /// How much more a profile costs that keeps requests in one geography.
    #[serde(default = "a_tenth_more")]
    pub regional_factor: f64,
}

fn a_tenth_more() -> f64 {
    1.1
}

/// Tokens of one answer as Bedrock counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// Neither read from the cache nor written to it.
    pub input: u64,
    pub output: u64,
    pub cached: u64,
    pub cache_write: u64,
}

/// A model or inference-profile id with what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ChosenModel {
    pub id: String,
    pub model: Model,
}

impl ChosenModel {
    /// `None` where the price is not known.
    pub fn cost_usd(&self, tokens: &TokenCounts) -> Option<f64> {
        let price = self.model.usd_per_million_tokens?;
        let parts = [
            (tokens.input, price.input),
            (tokens.output, price.output),
            (tokens.cached, price.cached),
            (tokens.cache_write, price.cache_write),
        ];
        let global = parts.iter().map(|(tokens, usd)| *tokens as f64 * usd).sum::<f64>() / 1e6;
        Some(if name(&self.id).starts_with(GLOBAL) { global } else { global * price.regional_factor })
    }
}

/// The table.
#[derive(Debug, Clone)]
pub struct Models(Vec<Model>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[expect(dead_code, reason = "for who reads the file")]
    as_of: String,
    models: Vec<Model>,
}

/// Why overrides of the table were refused.
#[derive(Debug, thiserror::Error)]
pub enum InvalidModels {
    #[error("read the overrides of the model table")]
    Json(#[source] serde_json::Error),
    #[error(
        "use model {0}: it takes less than {LEAST_CONTEXT_TOKENS} tokens, or answers with less than {LEAST_OUTPUT_TOKENS}"
    )]
    TooSmall(String),
}

impl Models {
    /// The table with `overrides`, a JSON array of rows that take the place of rows with the same id or come on top.
    pub fn with_overrides(overrides: &str) -> Result<Self, InvalidModels> {
        let table: Table = serde_json::from_str(TABLE).map_err(InvalidModels::Json)?;
        let mut models: Vec<Model> = serde_json::from_str(overrides).map_err(InvalidModels::Json)?;
        let is_small = |model: &&Model| {
            model.context_tokens < LEAST_CONTEXT_TOKENS || model.max_output_tokens < LEAST_OUTPUT_TOKENS
        };
        if let Some(model) = models.iter().find(is_small) {
            return Err(InvalidModels::TooSmall(model.id.clone()));
        }
        let added = models.len();
        models.extend(table.models);
        // The first of equally long ids is found first.
        let overridden = |model: &Model| models[..added].iter().any(|over| over.id == model.id);
        let kept: Vec<bool> = models.iter().enumerate().map(|(n, model)| n < added || !overridden(model)).collect();
        let rows = models.into_iter().zip(kept).filter_map(|(model, kept)| kept.then_some(model));
        Ok(Self(rows.collect()))
    }

    /// The row whose id is the longest beginning of this model's; a model without one gets by with what all can do.
    pub fn choose(&self, id: &str) -> ChosenModel {
        let name = name(id);
        let plain = |model: &&Model| {
            let geography = name.split_once('.').map(|(_, rest)| rest);
            name.starts_with(&model.id) || geography.is_some_and(|rest| rest.starts_with(&model.id))
        };
        let found = self.0.iter().filter(plain).max_by_key(|model| model.id.len());
        ChosenModel { id: id.to_owned(), model: found.cloned().unwrap_or(UNKNOWN) }
    }
}

/// Without the resource path of an ARN.
fn name(id: &str) -> &str {
    id.rsplit_once('/').map_or(id, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models() -> Models {
        Models::with_overrides("[]").unwrap()
    }

    #[test]
    fn a_model_is_found_by_its_profile_id_and_by_its_arn() {
        for id in [
            "anthropic.claude-haiku-4-5-20251001-v1:0",
            "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
            "global.anthropic.claude-haiku-4-5",
            "arn:aws:bedrock:eu-central-1:1:inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0",
        ] {
            assert_eq!(models().choose(id).model.id, "anthropic.claude-haiku-4-5", "{id}");
        }
        assert_eq!(models().choose("us.amazon.nova-micro-v1:0").model.output, Output::ForcedTool);
        let unknown = models().choose("meta.llama9");
        assert_eq!((unknown.model.output, unknown.cost_usd(&TokenCounts::default())), (Output::ForcedTool, None));
    }

    #[test]
    fn a_price_counts_each_kind_of_token_and_the_geography() {
        let tokens = TokenCounts { input: 1_000_000, output: 100_000, cached: 1_000_000, cache_write: 1_000_000 };
        let cost = |id: &str| models().choose(id).cost_usd(&tokens).unwrap();
        assert!((cost("global.anthropic.claude-haiku-4-5") - 2.85).abs() < 1e-9);
        assert!((cost("eu.anthropic.claude-haiku-4-5") - 3.135).abs() < 1e-9);
    }

    #[test]
    fn overrides_replace_and_add_rows() {
        let row = |id: &str| {
            format!(
                r#"{{"id":"{id}","output":"forced_tool","prompt_cache":false,"context_tokens":20000,
                    "max_output_tokens":5000,"usd_per_million_tokens":null}}"#
            )
        };
        let overrides = format!("[{},{}]", row("anthropic.claude-haiku-4-5"), row("meta.llama"));
        let models = Models::with_overrides(&overrides).unwrap();
        assert_eq!(models.choose("eu.anthropic.claude-haiku-4-5").model.context_tokens, 20_000);
        assert_eq!(models.choose("meta.llama3").model.max_output_tokens, 5000);
        assert_eq!(models.choose("eu.anthropic.claude-sonnet-5-5").model.context_tokens, 200_000);
        assert!(Models::with_overrides(r#"[{"id":"x"}]"#).is_err());
        let small = Models::with_overrides(&format!("[{}]", row("x").replace("20000", "2000"))).unwrap_err();
        assert!(small.to_string().starts_with("use model x: it takes less than 16000 tokens"), "{small}");
    }
}
