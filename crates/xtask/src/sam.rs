//! The files that `sam local invoke` needs to run a function against the running local stack.
//!
//! `--env-vars` only sets variables that the template declares, and nothing else reaches a container's environment. The
//! deployed template does not declare where AWS is, so the functions are invoked from a copy of it that does, which
//! `samconfig.toml` names.

mod relay;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::function::local_http;
use crate::lambda::FUNCTIONS;
use crate::progress::step;
use crate::seed::{self, Tenant};
use crate::stack::{StackFile, StateDir};
use crate::{lambda, paths};
pub(crate) use relay::run as relay;

/// The tenant of the sample events.
const TENANT: &str = "sample";
const BUSINESS: &str = "Sample Cycles";
/// Signs the sample events and nothing else.
const EVENTS_SECRET: &str = "whsec_ZXZlbnRzIGFyZSBzaWduZWQgd2l0aCB0aGlz";
/// Signs the link in a sample event and nothing else.
const EVENTS_LINK_SECRET: &str = "events-are-signed-with-this";
/// Ten years, in seconds: the sample events were signed long ago.
const TOLERANCE: &str = "315360000";

/// Found in a container by `--add-host`, and the one name that `store` connects to without TLS.
const LOCALHOST: &str = "localhost:";

/// The last of the variables that every function has.
const LAST_COMMON_VARIABLE: &str = "LOG_LEVEL: !Ref LogLevel";
const ARCHITECTURE: &str = "[!Ref Architecture]";
/// `sam local` reads the layers without resolving what they refer to.
const LAYERS: &str = r#"Layers: !If [HasLayers, !Split [",", !Ref LayerArns], !Ref AWS::NoValue]"#;

type Variables = BTreeMap<String, String>;

/// Seeds the tenant of the sample events, writes the two files and lets containers reach the stack.
pub(crate) async fn prepare(dir: &StateDir, stack: &StackFile) -> anyhow::Result<()> {
    step("tenant and variables for sam local", write(dir, stack)).await?;
    println!("  sam local      sam local invoke IngestFunction -e events/ingest.json --env-vars events/env.json");
    Ok(())
}

/// Removes the variables: the stack they lead to is gone.
pub(crate) fn forget() {
    // Nothing to remove is fine, and a file left behind only leads nowhere.
    let _ = std::fs::remove_file(variables_path());
}

async fn write(dir: &StateDir, stack: &StackFile) -> anyhow::Result<()> {
    let http = local_http().build()?;
    let seeded = seed::seed(stack, &http, &Tenant::named(TENANT)?, BUSINESS).await;
    seeded.context("seed the tenant of the sample events")?;
    let mut file = BTreeMap::new();
    for function in FUNCTIONS {
        let deployed = deployed(stack, &http, function).await?;
        file.insert(lambda::logical_id(function), local(stack, function, deployed)?);
    }
    relay::start(dir, &by_name(file.values_mut()))?;
    std::fs::write(variables_path(), serde_json::to_string_pretty(&file)? + "\n")?;
    let source = paths::read(&paths::root().join("template.yaml"))?;
    paths::write(&dir.path.join("template.yaml"), local_template(&source, stack.aws()?.keys(), lambda::archive)?)
}

/// Names this machine in every address, since 127.0.0.1 is a container itself; returns the ports.
fn by_name<'a>(functions: impl Iterator<Item = &'a mut Variables>) -> Vec<u16> {
    let mut ports = BTreeSet::new();
    for value in functions.flat_map(BTreeMap::values_mut) {
        *value = value.replace("127.0.0.1:", LOCALHOST);
        let ends = value.split(LOCALHOST).skip(1).filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
        ports.extend(ends.filter_map(|port| port.parse::<u16>().ok()));
    }
    ports.into_iter().collect()
}

fn variables_path() -> PathBuf {
    paths::root().join("events/env.json")
}

/// The variables of a deployed function, with their values.
async fn deployed(stack: &StackFile, http: &reqwest::Client, function: &str) -> anyhow::Result<Variables> {
    let url = format!("{}/configuration", stack.function_url(function)?);
    let answer: Value = http.get(&url).send().await?.error_for_status()?.json().await?;
    let variables = Variables::deserialize(&answer["Environment"]["Variables"]);
    let variables = variables.with_context(|| format!("read the variables of {function} at {url}"))?;
    ensure!(!variables.is_empty(), "{function} was deployed without variables");
    Ok(variables)
}

/// The variables of the function on this machine: the deployed variables and where AWS is.
fn local(stack: &StackFile, function: &str, mut variables: Variables) -> anyhow::Result<Variables> {
    if function == "ingest" {
        variables.extend([
            ("SIGNING_SECRETS".to_owned(), format!("{} {EVENTS_SECRET}", stack.signing_secret)),
            ("LINK_SECRETS".to_owned(), format!("{} {EVENTS_LINK_SECRET}", stack.link_secret)),
            ("SIGNATURE_TOLERANCE_SECONDS".to_owned(), TOLERANCE.to_owned()),
        ]);
    }
    variables.extend(stack.aws()?);
    Ok(variables)
}

/// `template.yaml` with the built archives as code, this machine's architecture, no layers, and further variables
/// declared. The rest is kept, comments and short forms included.
fn local_template<'a>(
    source: &str,
    declared: impl Iterator<Item = &'a String>,
    archive: impl Fn(&str) -> PathBuf,
) -> anyhow::Result<String> {
    let architecture = if cfg!(target_arch = "aarch64") { "[arm64]" } else { "[x86_64]" };
    let declared: String = declared.map(|name| format!("\n        {name}: \"\"")).collect();
    let mut local = replaced(source, ARCHITECTURE, architecture)?;
    local = replaced(&local, LAYERS, "Layers: []")?;
    local = replaced(&local, LAST_COMMON_VARIABLE, &format!("{LAST_COMMON_VARIABLE}{declared}"))?;
    for function in FUNCTIONS {
        let code = format!("CodeUri: {}\n", archive(function).display());
        local = replaced(&local, &format!("CodeUri: crates/{function}\n"), &code)?;
    }
    Ok(local)
}

fn replaced(template: &str, from: &str, to: &str) -> anyhow::Result<String> {
    let times = template.matches(from).count();
    ensure!(times == 1, "template.yaml is not laid out as expected: `{}` is there {times} times", from.trim());
    Ok(template.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack() -> StackFile {
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let fakes = [("bedrock", 1), ("ses", 2), ("sqs", 3)].map(|(name, port)| (name.to_owned(), url(port)));
        StackFile {
            signing_secret: "whsec_b3du".to_owned(),
            link_secret: "own".to_owned(),
            ministack_url: url(4),
            region: "us-east-1".to_owned(),
            fakes: fakes.into(),
            ..StackFile::default()
        }
    }

    fn deployed() -> Variables {
        let variables = [("DATABASE_URL", "postgres://127.0.0.1/x"), ("SIGNATURE_TOLERANCE_SECONDS", "300")];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn a_function_gets_what_it_was_deployed_with_and_where_aws_is() {
        let variables = local(&stack(), "notify", deployed()).unwrap();
        assert_eq!(variables.len(), 10);
        assert_eq!(variables["SIGNATURE_TOLERANCE_SECONDS"], "300");
        assert_eq!(variables["AWS_ENDPOINT_URL_SESV2"], "http://127.0.0.1:2");
        assert_eq!(variables["AWS_ENDPOINT_URL"], "http://127.0.0.1:4");
    }

    #[test]
    fn addresses_of_this_machine_are_those_a_container_reaches() {
        let values = [
            ("DATABASE_URL", "postgres://u@localhost:5432/x"),
            ("QUEUE_URL", "http://127.0.0.1:4/000000000000/q"),
            ("SENDER_ADDRESS", "sessions@example.com"),
            ("WEBHOOK_ALLOWED_HOSTS", "127.0.0.1:3,localhost:3"),
        ];
        let mut variables: Variables = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(by_name(std::iter::once(&mut variables)), [3, 4, 5432]);
        assert_eq!(variables["DATABASE_URL"], "postgres://u@localhost:5432/x");
        assert_eq!(variables["QUEUE_URL"], "http://localhost:4/000000000000/q");
        assert_eq!(variables["SENDER_ADDRESS"], "sessions@example.com");
        assert_eq!(variables["WEBHOOK_ALLOWED_HOSTS"], "localhost:3,localhost:3");
    }

    #[test]
    fn ingest_also_takes_the_sample_events_however_old() {
        let variables = local(&stack(), "ingest", deployed()).unwrap();
        assert_eq!(variables["SIGNING_SECRETS"], format!("whsec_b3du {EVENTS_SECRET}"));
        assert_eq!(variables["LINK_SECRETS"], format!("own {EVENTS_LINK_SECRET}"));
        assert_eq!(variables["SIGNATURE_TOLERANCE_SECONDS"], TOLERANCE);
    }

    #[test]
    fn the_sample_events_are_signed_with_their_secret() {
        let event: serde_json::Value =
            serde_json::from_str(include_str!("../../../events/ingest.json")).expect("the event is JSON");
        let header = |name: &str| event["headers"][name].as_str().expect("a header").to_owned();
        let timestamp = header("webhook-timestamp").parse().expect("seconds");
        let body = event["body"].as_str().expect("a body").as_bytes();
        let signed =
            standardwebhooks::Webhook::new(EVENTS_SECRET).unwrap().sign(&header("webhook-id"), timestamp, body);
        assert_eq!(signed.unwrap(), header("webhook-signature"));
    }

    #[test]
    fn the_link_of_a_sample_event_is_one_of_the_sample_tenants() {
        let event: serde_json::Value =
            serde_json::from_str(include_str!("../../../events/ingest-unsubscribe-page.json"))
                .expect("the event is JSON");
        let secrets = domain::unsubscribe::LinkSecrets::new(EVENTS_LINK_SECRET).unwrap();
        let link = secrets.open(event["pathParameters"]["token"].as_str().expect("a token"));
        assert_eq!(link.unwrap().tenant_id.as_ref(), TENANT);
    }

    #[test]
    fn only_code_architecture_layers_and_declared_variables_differ_from_the_deployed_template() {
        let source = include_str!("../../../template.yaml");
        let declared = ["AWS_REGION".to_owned(), "AWS_ENDPOINT_URL".to_owned()];
        let local = local_template(source, declared.iter(), |package| format!("/built/{package}.zip").into()).unwrap();
        let added: Vec<_> = local.lines().filter(|line| !source.lines().any(|other| other == *line)).collect();
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        let expected = [
            format!("    Architectures: [{architecture}]"),
            "    Layers: []".to_owned(),
            "        AWS_REGION: \"\"".to_owned(),
            "        AWS_ENDPOINT_URL: \"\"".to_owned(),
        ];
        let code = FUNCTIONS.map(|name| format!("      CodeUri: /built/{name}.zip"));
        assert_eq!(added, [expected.as_slice(), &code].concat());
        assert_eq!(local.lines().count(), source.lines().count() + declared.len());
    }

    #[test]
    fn another_layout_is_refused_rather_than_half_changed() {
        let error = local_template("Resources: {}\n", [].iter(), |package| package.into()).unwrap_err();
        assert!(error.to_string().contains("0 times"), "{error}");
    }
}
