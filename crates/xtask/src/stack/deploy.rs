//! Deploys `template.yaml`, unchanged, to MiniStack with the parameter values of a local stack.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use housekeep::HousekeepTask;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use super::files::{StackFile, address};
use crate::function::Function;
use crate::lambda::Package;
use crate::{paths, process, venv};

const STACK_NAME: &str = "post-session";
/// Verified in MiniStack's SES.
const IDENTITY: &str = "example.com";
/// Lines of the log that say which resources failed, and why.
const SHOWN_LINES: usize = 20;

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
    let deployed: Map<String, Value> =
        serde_json::from_str(&output.stdout).context("the deployment answered something else")?;
    let mut fields = Map::deserialize(serde_json::to_value(&*file)?)?;
    fields.extend(deployed);
    *file = serde_json::from_value(fields.into())?;
    Ok(())
}

fn parameters(file: &StackFile) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let hosts = |name: &str| {
        let host = address(file.fake(name)?);
        anyhow::Ok(format!("{host},{}", host.replace("127.0.0.1", "localhost")))
    };
    let fixed = paths::variables(include_str!("parameters.env")).map(|(name, value)| (name, value.to_owned()));
    let of_stack = [
        ("DatabaseUrl", file.database_url.clone()),
        ("SigningSecrets", file.signing_secret.clone()),
        ("LinkSecrets", file.link_secret.clone()),
        ("SenderAddress", file.sender_address.clone()),
        ("SecretPrefix", file.secret_prefix.clone()),
        ("HubSpotBaseUrl", file.fake("hubspot")?.to_owned()),
        ("SalesforceAllowedHosts", hosts("salesforce")?),
        ("WebhookAllowedHosts", hosts("webhook")?),
    ];
    Ok(fixed.chain(of_stack).collect())
}

/// Applies the migrations the way a deployment does: through the deployed function.
pub(super) async fn migrate(file: &StackFile) -> anyhow::Result<()> {
    let housekeep = Function::of_stack(file, "housekeep")?;
    housekeep.invoke(&HousekeepTask::Migrate).await.context("housekeep could not migrate the database")?;
    Ok(())
}
