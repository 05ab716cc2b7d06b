//! The template that `sam local invoke` is given.

use std::path::PathBuf;

use anyhow::ensure;

use crate::lambda::FUNCTIONS;

/// The last of the variables that every function has.
const LAST_COMMON_VARIABLE: &str = "LOG_LEVEL: !Ref LogLevel";
const ARCHITECTURE: &str = "[!Ref Architecture]";
/// `sam local` reads the layers without resolving what they refer to.
const LAYERS: &str = r#"Layers: !If [HasLayers, !Split [",", !Ref LayerArns], !Ref AWS::NoValue]"#;

/// `template.yaml` with the built archives as code, this machine's architecture, no layers, and further variables
/// declared.
///
/// The template is changed line by line: the rest is kept, comments and short forms included.
pub(super) fn local<'a>(
    source: &str,
    declared: impl Iterator<Item = &'a String>,
    archive: impl Fn(&str) -> PathBuf,
) -> anyhow::Result<String> {
    let declared: Vec<_> = declared.map(String::as_str).collect();
    let architecture = if cfg!(target_arch = "aarch64") { "[arm64]" } else { "[x86_64]" };
    let (mut functions, mut groups, mut architectures, mut layers) = (0, 0, 0, 0);
    let mut local = String::with_capacity(source.len());
    for line in source.lines() {
        let (indent, text) = line.split_at(line.len() - line.trim_start().len());
        if let Some(package) = text.strip_prefix("CodeUri: crates/") {
            functions += 1;
            local += &format!("{indent}CodeUri: {}\n", archive(package).display());
        } else if text == LAST_COMMON_VARIABLE {
            groups += 1;
            let empty = declared.iter().map(|name| format!("{indent}{name}: \"\"\n"));
            local += &format!("{line}\n{}", empty.collect::<String>());
        } else if text == LAYERS {
            layers += 1;
            local += &format!("{indent}Layers: []\n");
        } else {
            architectures += line.matches(ARCHITECTURE).count();
            local += &format!("{}\n", line.replace(ARCHITECTURE, architecture));
        }
    }
    ensure!(
        (functions, groups, architectures, layers) == (FUNCTIONS.len(), 1, 1, 1),
        "template.yaml is not laid out as expected: {functions} functions from crates, {groups} common groups of \
         variables, {architectures} architectures, {layers} lists of layers"
    );
    Ok(local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_architecture_layers_and_declared_variables_differ_from_the_deployed_template() {
        let source = include_str!("../../../../template.yaml");
        let declared = ["AWS_REGION".to_owned(), "AWS_ENDPOINT_URL".to_owned()];
        let local = local(source, declared.iter(), |package| format!("/built/{package}.zip").into()).unwrap();
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
        let error = local("Resources: {}\n", [].iter(), |package| package.into()).unwrap_err();
        assert!(error.to_string().contains("0 functions"), "{error}");
    }
}
