//! Facts about models: the form of structured answers, limits, and prices; `docs/models.md` describes the table.

use serde::Deserialize;
use store::model_calls::TokenCounts;

/// The built-in table; a deployment replaces and adds rows (`MODEL_OVERRIDES`).
const TABLE: &str = include_str!("../models.json");

/// The row of a model that is not in the table: every model on Bedrock can do this.
const UNKNOWN: Model = Model {
    id: String::new(),
    output: Output::ForcedTool,
    prompt_cache: false,
    context_tokens: 32_000,
    max_output_tokens: 8_000,
    usd_per_million_tokens: None,
};

/// The least context of a useful model: a request and its correction, with an answer about ten visitor turns.
const LEAST_CONTEXT_TOKENS: usize = 16_000;
const LEAST_OUTPUT_TOKENS: usize = 4_400;

const GLOBAL: &str = "global.";

/// The way to make a model answer in a given shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// `outputConfig.textFormat`: the decoder keeps to the JSON schema.
    JsonSchema,
    /// A tool that must be called: its input is the answer, and the decoder keeps to the JSON schema.
    StrictTool,
    /// A tool that must be called, for models that read the schema as a hint and not all of its keywords.
    ForcedTool,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The beginning of the model's Bedrock id, without the geography of an inference profile (`eu.`, `global.`).
    pub id: String,
    pub output: Output,
    /// Whether the model supports cache points. Below the model's minimum a cache point has no effect.
    pub prompt_cache: bool,
    /// Tokens of prompt and answer together.
    pub context_tokens: usize,
    pub max_output_tokens: usize,
    /// The price; `None` if it is unknown.
    pub usd_per_million_tokens: Option<Price>,
}

/// Prices in US dollars for a million tokens of a global inference profile.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub input: f64,
    pub output: f64,
    /// Tokens read from the prompt cache.
    pub cached: f64,
    /// Tokens written to the prompt cache.
    pub cache_write: f64,
    /// The factor for a profile that keeps requests in one geography.
    #[serde(default = "a_tenth_more")]
    pub regional_factor: f64,
}

fn a_tenth_more() -> f64 {
    1.1
}

/// The id of a model or inference profile, and the facts about it.
#[derive(Debug, Clone, PartialEq)]
pub struct ChosenModel {
    pub id: String,
    pub model: Model,
}

impl ChosenModel {
    /// Returns `None` if the price is unknown.
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

/// The table with its overrides.
#[derive(Debug, Clone)]
pub struct Models(Vec<Model>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[expect(dead_code, reason = "for readers of the file")]
    as_of: String,
    models: Vec<Model>,
}

/// Reasons to refuse overrides of the table.
#[derive(Debug, thiserror::Error)]
pub enum InvalidModels {
    #[error("invalid overrides of the model table")]
    Json(#[source] serde_json::Error),
    #[error(
        "model {0} is too small: a context of {LEAST_CONTEXT_TOKENS} and answers of {LEAST_OUTPUT_TOKENS} tokens are the least"
    )]
    TooSmall(String),
}

impl Models {
    /// Reads the table and `overrides`, a JSON array of rows that replace rows with the same id or are added.
    pub fn with_overrides(overrides: &str) -> Result<Self, InvalidModels> {
        let table: Table = serde_json::from_str(TABLE).map_err(InvalidModels::Json)?;
        let overrides: Vec<Model> = serde_json::from_str(overrides).map_err(InvalidModels::Json)?;
        let is_small = |model: &&Model| {
            model.context_tokens < LEAST_CONTEXT_TOKENS || model.max_output_tokens < LEAST_OUTPUT_TOKENS
        };
        if let Some(model) = overrides.iter().find(is_small) {
            return Err(InvalidModels::TooSmall(model.id.clone()));
        }
        // Of equally long ids the last one is chosen: an override comes after the row that it replaces.
        Ok(Self([table.models, overrides].concat()))
    }

    /// Finds the row of a model; a model without a row gets the facts of `UNKNOWN`.
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

/// Removes the resource path of an ARN.
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
        assert!(small.to_string().starts_with("model x is too small: a context of 16000"), "{small}");
    }
}
