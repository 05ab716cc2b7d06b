//! The server that answers for the model in a local stack.

use reqwest::Url;

/// Bedrock has no model of this name, so an answer of the stand-in gets no price.
const STAND_IN: &str = "stand-in";
/// The name of the model where an OpenAI-compatible server has only one.
const ANY: &str = "default";

/// An OpenAI-compatible server that answers instead of the stand-in for Bedrock.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Llm {
    /// Let this OpenAI-compatible server answer instead of the stand-in for Bedrock; OPENAI_API_KEY holds its key.
    #[arg(long = "llm", value_name = "URL", value_parser = http_url)]
    pub(crate) url: Option<Url>,
    /// Name of the model on that server.
    #[arg(long = "llm-model", value_name = "NAME", requires = "url")]
    pub(crate) model: Option<String>,
}

impl Llm {
    pub(crate) fn model(&self) -> &str {
        self.url.as_ref().map_or(STAND_IN, |_| self.model.as_deref().unwrap_or(ANY))
    }

    /// Names the stand-in, or the model and its server; a password in the URL stays out.
    pub(crate) fn name(&self) -> String {
        let Some(mut url) = self.url.clone() else {
            return "the stand-in for Bedrock, which only counts words".to_owned();
        };
        // Only a URL without a host cannot be without a user.
        let _ = (url.set_username(""), url.set_password(None));
        format!("{} at {url}", self.model())
    }
}

fn http_url(text: &str) -> Result<Url, &'static str> {
    let url = text.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"));
    url.ok_or("must be an http:// or https:// URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str, model: Option<&str>) -> Llm {
        Llm { url: Some(url.parse().unwrap()), model: model.map(str::to_owned) }
    }

    #[test]
    fn only_bedrock_gets_the_name_of_one_of_its_models() {
        assert_eq!(server("http://127.0.0.1:1", Some("qwen")).model(), "qwen");
        assert_eq!(server("http://127.0.0.1:1", None).model(), "default");
        assert_eq!(Llm::default().model(), "stand-in");
    }

    #[test]
    fn a_run_is_named_without_punctuation_and_passwords() {
        let name = |url: &str| server(url, None).name();
        assert_eq!(Llm::default().name(), "the stand-in for Bedrock, which only counts words");
        assert_eq!(name("https://me:p%40ss@llm.example:8443/v1@2"), "default at https://llm.example:8443/v1@2");
        assert_eq!(name("https://me:p@ss@llm.example?key"), "default at https://llm.example/?key");
        assert_eq!(name("http://llm.example/a@b"), "default at http://llm.example/a@b");
    }

    #[test]
    fn a_server_is_an_http_url() {
        assert!(http_url("http://127.0.0.1:8080/v1").is_ok() && http_url("https://llm.example").is_ok());
        assert!(http_url("llm.example").is_err() && http_url("ftp://llm.example").is_err());
    }
}
