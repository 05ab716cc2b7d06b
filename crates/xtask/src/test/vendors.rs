//! The vendors' own clients against the stand-ins: what they take for the real thing, ours may too.

use std::path::{Path, PathBuf};

use super::checks::Check;
use crate::stand_in::StandIn;
use crate::{paths, stack};

/// Each script and the option of `fakes` that starts what it is for.
const SCRIPTS: [(&str, &str); 3] =
    [("hubspot.py", "--hubspot"), ("salesforce.py", "--salesforce"), ("webhook.py", "--webhook")];

/// Stand-ins that listen, and the check that drives them; they end when this is dropped.
pub(super) struct Clients {
    _stand_in: StandIn,
    pub(super) check: Check,
}

/// Starts the stand-ins on free ports.
pub(super) async fn clients(fakes: &Path) -> anyhow::Result<Clients> {
    let addresses = stack::free_ports::<{ SCRIPTS.len() }>()?.map(|port| format!("127.0.0.1:{port}"));
    let options = SCRIPTS.iter().zip(&addresses).flat_map(|((_, option), address)| [*option, address.as_str()]);
    let stand_in = StandIn::start(fakes, options).await?;
    let runs = SCRIPTS
        .iter()
        .zip(&addresses)
        .map(|((script, _), address)| format!("{}=http://{address}", directory().join(script).display()));
    Ok(Clients { check: Check::vendors(runs), _stand_in: stand_in })
}

fn directory() -> PathBuf {
    paths::root().join("crates/fakes/vendors")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_script_of_a_vendors_client_is_run() {
        let files = directory().read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let files = files.filter(|name| name.ends_with(".py")).collect::<BTreeSet<_>>();
        assert_eq!(files, SCRIPTS.map(|(script, _)| script.to_owned()).into());
    }
}
