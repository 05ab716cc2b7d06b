//! The configuration of the AWS SDK inside Lambda.

use std::collections::BTreeMap;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use transport::AwsHttpClient;

use crate::config::{ConfigError, Env};

const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";
/// Times that a request is sent: the SDK's own default.
const ATTEMPTS: u32 = 3;

/// Reads region, credentials and endpoints from the environment, where Lambda puts them.
///
/// Not `aws_config::load_defaults`: it also supports profiles, containers, instance metadata and STS, which no Lambda
/// function has, and their code would be in every binary.
pub fn sdk_config(env: &Env) -> Result<SdkConfig, ConfigError> {
    let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(env.text("AWS_REGION")?))
        .credentials_provider(credentials)
        .retry_config(transport::retries(ATTEMPTS))
        .http_client(AwsHttpClient::new().map_err(ConfigError::HttpClient)?)
        .service_config(Endpoints(env.starting_with(ENDPOINT_URL)));
    config.set_endpoint_url(env.optional(ENDPOINT_URL).map(str::to_owned));
    Ok(config.build())
}

/// `AWS_ENDPOINT_URL_<SERVICE>`: local stacks put stand-ins in front of single services.
#[derive(Debug)]
struct Endpoints(BTreeMap<String, String>);

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        // AWS spells the suffix of these variables this way: `Bedrock Runtime` becomes `BEDROCK_RUNTIME`.
        let service = key.service_id().to_uppercase().replace([' ', '-'], "_");
        self.0.get(&format!("{}_{service}", key.env())).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_services_own_endpoint_wins_over_the_common_one() {
        let variables = [
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:2"),
        ];
        let env: Env = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let config = sdk_config(&env).unwrap();
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:1"));
        let endpoint = |service| {
            let key = ServiceConfigKey::builder().service_id(service).env(ENDPOINT_URL).profile("endpoint_url").build();
            config.service_config().unwrap().load_config(key.unwrap())
        };
        assert_eq!(endpoint("Bedrock Runtime").as_deref(), Some("http://127.0.0.1:2"));
        assert_eq!(endpoint("SQS"), None);
    }
}
