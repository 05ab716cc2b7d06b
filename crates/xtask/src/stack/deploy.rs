//! Deploys `template.yaml`, unchanged, to MiniStack with the parameter values of a local stack.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use housekeep::HousekeepTask;
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use super::files::{StackFile, address};
use crate::function::Function;
use crate::lambda::{self, FUNCTIONS, Package};
use crate::{paths, process, venv};

const STACK_NAME: &str = "post-session";
/// Verified in MiniStack's SES.
const IDENTITY: &str = "example.com";
/// Lines of the log that say which resources failed, and why.
const SHOWN_LINES: usize = 20;

/// Stages as in queue names.
const QUEUES: [&str; 4] = ["analyze", "notify", "crm-sync", "email-events"];

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
        "region": file.region,
        "stack": STACK_NAME,
        "template": paths::root().join("template.yaml"),
        "packages": archives,
        "parameters": parameters(file)?,
        "identity": IDENTITY,
    });
    let mut script = Command::new(venv::STACK.python());
    script.arg("-c").arg(include_str!("../../python/deploy.py"));
    let log = file.state_dir.join("deploy.log");
    script.stderr(std::fs::File::create(&log)?);
    let output = process::capture(&mut script, &job.to_string()).await?;
    ensure!(output.success, "failed to deploy template.yaml:\n{}", process::end_of(&log, SHOWN_LINES));
    let deployed = serde_json::from_str(&output.stdout).context("the deployment answered something else")?;
    describe(file, &deployed)
}

fn describe(file: &mut StackFile, deployed: &Deployed) -> anyhow::Result<()> {
    // https://{id}.execute-api.{region}.amazonaws.com/{stage}: MiniStack serves it under a path of its own.
    let url = deployed.output("ApiUrl")?;
    let (host, stage) = url.trim_start_matches("https://").split_once('/').context("ApiUrl has no stage")?;
    let id = host.split('.').next().unwrap_or_default();
    file.api_url = format!("{}/_aws/execute-api/{id}/{stage}", file.ministack_url);
    file.api_key.clone_from(&deployed.api_key);
    for stage in QUEUES {
        let output = |queue: &str| deployed.output(&lambda::logical_id(stage, queue));
        file.queues.insert(stage.to_owned(), output("QueueUrl")?);
        file.dead_letter_queues.insert(stage.to_owned(), output("DeadLetterQueueUrl")?);
    }
    for function in FUNCTIONS {
        let name = deployed.output(&lambda::logical_id(function, "FunctionName"))?;
        file.functions.insert(function.to_owned(), name);
    }
    file.email_events_topic = deployed.output("EmailEventsTopicArn")?;
    Ok(())
}

/// Seconds where a deployment has minutes, so that a test sees a retry, a lease or a time-out end.
fn parameters(file: &StackFile) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let hosts = |name: &str| {
        let host = address(file.fake(name)?);
        anyhow::Ok(format!("{host},{}", host.replace("127.0.0.1", "localhost")))
    };
    let fixed = [
        ("BedrockModelId", "global.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("BedrockFoundationModelId", "anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("AnalyzeTimeoutSeconds", "5"),
        ("StageTimeoutSeconds", "5"),
        ("RetryBaseSeconds", "1"),
        ("RetryMaxSeconds", "3"),
        ("TranscriptWaitSeconds", "5"),
        ("UnknownOutcomeWaitSeconds", "8"),
        ("LostAfterSeconds", "20"),
        ("HousekeepSchedule", "rate(1 minute)"),
        ("ApiRateLimit", "1000"),
        ("ApiBurstLimit", "1000"),
        // MiniStack refuses alarms with metric math.
        ("Alarms", "false"),
    ];
    let of_stack = [
        ("DatabaseUrl", file.database_url.clone()),
        ("SigningSecrets", file.signing_secret.clone()),
        // PublicUrl is left out: links in mails are https, which nobody serves here. Their path is the API's.
        ("LinkSecrets", file.link_secret.clone()),
        ("SenderAddress", file.sender_address.clone()),
        ("SecretPrefix", file.secret_prefix.clone()),
        ("HubSpotBaseUrl", file.fake("hubspot")?.to_owned()),
        ("SalesforceAllowedHosts", hosts("salesforce")?),
        ("WebhookAllowedHosts", hosts("webhook")?),
    ];
    Ok(fixed.map(|(name, value)| (name, value.to_owned())).into_iter().chain(of_stack).collect())
}

/// Applies the migrations the way a deployment does: through the deployed function.
pub(super) async fn migrate(file: &StackFile) -> anyhow::Result<()> {
    let housekeep = Function::of_stack(file, "housekeep")?;
    housekeep.invoke(&HousekeepTask::Migrate).await.context("housekeep could not migrate the database")?;
    Ok(())
}
