//! The command line: which fakes listen where.

use std::net::SocketAddr;

use anyhow::Context;
use clap::Parser;

use fakes::{Running, bedrock, hubspot, salesforce, webhook};

/// Stand-ins for what the Post Session API talks to.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// Where the Bedrock stand-in listens, and the OpenAI-compatible server that answers in its place.
    ///
    /// The variable OPENAI_API_KEY has the server's key, if it wants one.
    #[arg(long, value_name = "HOST:PORT[=OPENAI_URL]", value_parser = listener)]
    bedrock: Option<Listener>,
    /// Names the model to the OpenAI-compatible server; Bedrock's id if not given.
    #[arg(long, value_name = "NAME", requires = "bedrock")]
    llm_model: Option<String>,
    /// Where the HubSpot stand-in listens.
    #[arg(long, value_name = "HOST:PORT")]
    hubspot: Option<SocketAddr>,
    /// Where the Salesforce stand-in listens.
    #[arg(long, value_name = "HOST:PORT")]
    salesforce: Option<SocketAddr>,
    /// Where the webhook receiver listens.
    #[arg(long, value_name = "HOST:PORT")]
    webhook: Option<SocketAddr>,
    /// Where the recording front of SES listens, and what it forwards to.
    #[arg(long, value_name = "HOST:PORT=UPSTREAM_URL", value_parser = front)]
    ses: Option<Listener>,
    /// Where the recording front of SQS listens, and what it forwards to.
    #[arg(long, value_name = "HOST:PORT=UPSTREAM_URL", value_parser = front)]
    sqs: Option<Listener>,
}

/// An address, and the server behind what listens there.
#[derive(Debug, Clone)]
struct Listener {
    address: SocketAddr,
    upstream: Option<String>,
}

fn listener(text: &str) -> Result<Listener, String> {
    let (address, upstream) = text.split_once('=').map_or((text, None), |(address, url)| (address, Some(url)));
    let address = address.parse().map_err(|_| format!("invalid HOST:PORT {address:?}"))?;
    Ok(Listener { address, upstream: upstream.map(str::to_owned) })
}

/// A front listens before a server that speaks HTTP without TLS.
fn front(text: &str) -> Result<Listener, String> {
    let front = listener(text)?;
    match &front.upstream {
        Some(url) if url.starts_with("http://") => Ok(front),
        _ => Err("HOST:PORT=UPSTREAM_URL is expected, with an http:// URL".to_owned()),
    }
}

impl Arguments {
    /// Starts all that were asked for; they stop when the result is dropped.
    pub(crate) async fn start(&self) -> anyhow::Result<Vec<Running>> {
        let mut running = Vec::new();
        if let Some(at) = &self.bedrock {
            running.push(self.start_bedrock(at).await.with_context(|| format!("--bedrock {}", at.address))?);
        }
        if let Some(address) = self.hubspot {
            running.push(hubspot::start_on(address).await.with_context(|| format!("--hubspot {address}"))?);
        }
        if let Some(address) = self.salesforce {
            running.push(salesforce::start_on(address).await.with_context(|| format!("--salesforce {address}"))?);
        }
        if let Some(address) = self.webhook {
            running.push(webhook::start_on(address).await.with_context(|| format!("--webhook {address}"))?);
        }
        for Listener { address, upstream } in self.ses.iter().chain(&self.sqs) {
            let started = fakes::front::start_on(*address, upstream.as_deref().unwrap_or_default()).await;
            running.push(started.with_context(|| format!("the front at {address}"))?);
        }
        anyhow::ensure!(!running.is_empty(), "nothing to start: see --help");
        Ok(running)
    }

    async fn start_bedrock(&self, Listener { address, upstream }: &Listener) -> anyhow::Result<Running> {
        let Some(url) = upstream else { return Ok(bedrock::start_on(*address).await?) };
        let key = std::env::var_os("OPENAI_API_KEY").filter(|key| !key.is_empty());
        let key = key.map(|key| key.into_string().map_err(|_| anyhow::anyhow!("OPENAI_API_KEY is not UTF-8")));
        let upstream = bedrock::Upstream::new(url, self.llm_model.as_deref(), key.transpose()?.as_deref())?;
        Ok(bedrock::bridge_on(*address, upstream).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bedrock_may_have_a_server_behind_it() {
        let parse = |bedrock: &str| Arguments::try_parse_from(["fakes", "--bedrock", bedrock]);
        assert_eq!(parse("127.0.0.1:1").unwrap().bedrock.unwrap().upstream, None);
        let bedrock = parse("127.0.0.1:1=http://127.0.0.1:2/v1?a=b").unwrap().bedrock.unwrap();
        assert_eq!(bedrock.upstream.as_deref(), Some("http://127.0.0.1:2/v1?a=b"));
        assert!(parse("localhost").is_err());
        assert!(Arguments::try_parse_from(["fakes", "--llm-model", "small"]).is_err());
    }

    #[test]
    fn a_front_needs_an_address_and_an_upstream() {
        let parse = |front: &str| Arguments::try_parse_from(["fakes", "--ses", front]);
        assert_eq!(
            parse("127.0.0.1:1=http://127.0.0.1:2").unwrap().ses.unwrap().upstream.unwrap(),
            "http://127.0.0.1:2"
        );
        for front in ["127.0.0.1:1", "localhost=http://127.0.0.1:2", "127.0.0.1:1=ftp://x"] {
            assert!(parse(front).is_err(), "{front}");
        }
    }
}
