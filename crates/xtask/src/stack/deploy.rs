//! Deploys `template.yaml`, unchanged, to MiniStack with the parameter values of a local stack.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, ensure};
use housekeep::HousekeepTask;
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use super::files::StackFile;
use crate::lambda::{self, FUNCTIONS, Package};
use crate::{paths, process, venv};

pub(crate) const SECRET_PREFIX: &str = "post-session/local/";
pub(super) const REGION: &str = "us-east-1";
const STACK_NAME: &str = "post-session";
/// Verified in MiniStack's SES.
const IDENTITY: &str = "example.com";
const SENDER_ADDRESS: &str = "sessions@example.com";

/// Stage as in queue names, and the prefix of the outputs that name its queues.
const QUEUES: [(&str, &str); 4] =
    [("analyze", "Analyze"), ("notify", "Notify"), ("crm-sync", "CrmSync"), ("email-events", "EmailEvents")];

#[derive(Deserialize)]
struct Deployed {
    outputs: BTreeMap<String, String>,
    api_key: String,
}

impl Deployed {
    fn output(&self, name: &str) -> anyhow::Result<String> {
        self.outputs.get(name).cloned().with_context(|| format!("template.yaml has no output {name}"))
    }
}

/// Creates or updates the stack and notes in the file where its parts are.
pub(super) async fn deploy(file: &mut StackFile, packages: &[Package]) -> anyhow::Result<()> {
    let archives: BTreeMap<_, _> = packages.iter().map(|package| (package.name, &package.archive)).collect();
    let job = json!({
        "endpoint": file.ministack_url,
        "region": REGION,
        "stack": STACK_NAME,
        "template": paths::root().join("template.yaml"),
        "packages": archives,
        "parameters": parameters(file),
        "identity": IDENTITY,
    });
    let mut script = Command::new(venv::STACK.python());
    script.arg("-c").arg(include_str!("../../python/deploy.py"));
    let log = file.state_dir.join("deploy.log");
    script.stderr(std::fs::File::create(&log)?);
    let output = process::capture(&mut script, &job.to_string()).await?;
    ensure!(output.success, "failed to deploy template.yaml:\n{}", end_of(&log));
    let deployed = serde_json::from_str(&output.stdout).context("the deployment answered something else")?;
    describe(file, &deployed)
}

/// The last lines: which resources failed, and why.
fn end_of(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(20)).copied().collect::<Vec<_>>().join("\n")
}

fn describe(file: &mut StackFile, deployed: &Deployed) -> anyhow::Result<()> {
    // https://{id}.execute-api.{region}.amazonaws.com/{stage}: MiniStack serves it under a path of its own.
    let url = deployed.output("ApiUrl")?;
    let (host, stage) = url.trim_start_matches("https://").split_once('/').context("ApiUrl has no stage")?;
    let id = host.split('.').next().unwrap_or_default();
    file.api_url = format!("{}/_aws/execute-api/{id}/{stage}", file.ministack_url);
    file.api_key.clone_from(&deployed.api_key);
    file.region = REGION.to_owned();
    for (stage, output) in QUEUES {
        file.queues.insert(stage.to_owned(), deployed.output(&format!("{output}QueueUrl"))?);
        let dead_letters = deployed.output(&format!("{output}DeadLetterQueueUrl"))?;
        file.dead_letter_queues.insert(stage.to_owned(), dead_letters);
    }
    for function in FUNCTIONS {
        let name = deployed.output(&format!("{}Name", lambda::logical_id(function)))?;
        file.functions.insert(function.to_owned(), name);
    }
    file.email_events_topic = deployed.output("EmailEventsTopicArn")?;
    file.secret_prefix = SECRET_PREFIX.to_owned();
    file.sender_address = SENDER_ADDRESS.to_owned();
    Ok(())
}

/// Seconds where a deployment has minutes, so that a test sees a retry, a lease or a time-out end.
fn parameters(file: &StackFile) -> BTreeMap<&'static str, String> {
    let fake = |name: &str| file.fakes.get(name).cloned().unwrap_or_default();
    let hosts = |name: &str| {
        let host = fake(name).trim_start_matches("http://").to_owned();
        format!("{host},{}", host.replace("127.0.0.1", "localhost"))
    };
    [
        ("DatabaseUrl", file.database_url.clone()),
        ("SigningSecrets", file.signing_secret.clone()),
        // PublicUrl is left out: links in mails are https, which nobody serves here. Their path is the API's.
        ("LinkSecrets", file.link_secret.clone()),
        ("BedrockModelId", "global.anthropic.claude-haiku-4-5-20251001-v1:0".to_owned()),
        ("BedrockFoundationModelId", "anthropic.claude-haiku-4-5-20251001-v1:0".to_owned()),
        ("SenderAddress", SENDER_ADDRESS.to_owned()),
        ("SecretPrefix", SECRET_PREFIX.to_owned()),
        ("HubSpotBaseUrl", fake("hubspot")),
        ("SalesforceAllowedHosts", hosts("salesforce")),
        ("WebhookAllowedHosts", hosts("webhook")),
        ("AnalyzeTimeoutSeconds", "5".to_owned()),
        ("StageTimeoutSeconds", "5".to_owned()),
        ("RetryBaseSeconds", "1".to_owned()),
        ("RetryMaxSeconds", "3".to_owned()),
        ("TranscriptWaitSeconds", "5".to_owned()),
        ("UnknownOutcomeWaitSeconds", "8".to_owned()),
        ("LostAfterSeconds", "20".to_owned()),
        ("HousekeepSchedule", "rate(1 minute)".to_owned()),
        ("ApiRateLimit", "1000".to_owned()),
        ("ApiBurstLimit", "1000".to_owned()),
        // MiniStack refuses alarms with metric math.
        ("Alarms", "false".to_owned()),
    ]
    .into()
}

/// Applies the migrations the way a deployment does: through the deployed function.
pub(super) async fn migrate(file: &StackFile) -> anyhow::Result<()> {
    let name = file.functions.get("housekeep").context("housekeep is not deployed")?;
    let url = format!("{}/2015-03-31/functions/{name}/invocations", file.ministack_url);
    let response = reqwest::Client::new().post(url).json(&HousekeepTask::Migrate).send().await?;
    let failed = response.headers().contains_key("x-amz-function-error") || !response.status().is_success();
    let answer = response.text().await?;
    ensure!(!failed, "housekeep could not migrate the database: {answer}");
    Ok(())
}
