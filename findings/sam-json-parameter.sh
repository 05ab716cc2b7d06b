#!/usr/bin/env bash
# aws-sam-cli 1.170.0: a JSON value in `parameter_overrides` ends at its first quotation mark, without a warning.
#
# Expected: an entry of the list, as TOML gives it, is one `Key=Value`; a value without spaces arrives whole.
# Seen: `Rows=[{"id":"x","price":1}]` arrives as `[{`. In single quotation marks the value arrives whole.
# Source: samcli/cli/types.py, CfnParameterOverridesType, which matches its own grammar on every entry.
# Dealt with in: samconfig.toml and crates/xtask/docs/deploy.md.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
python3 -m venv "$home/venv"
"$home/venv/bin/pip" --quiet --disable-pip-version-check install aws-sam-cli==1.170.0 click==8.1.8
cd "$home"
cat >probe.py <<'PROBE'
import tomlkit
from samcli.cli.types import CfnParameterOverridesType

CONFIG = r"""
plain = ["Rows=[{\"id\":\"x\",\"price\":1}]", "Other=1"]
quoted = ["Rows='[{\"id\":\"x\",\"price\":1}]'", "Other=1"]
"""
seen = {}
for name, entries in tomlkit.parse(CONFIG).unwrap().items():
    seen[name] = CfnParameterOverridesType().convert(tuple(entries), None, None)
    print(f"{name}: {entries[0]}\n    arrives as {seen[name]}")
assert seen["plain"] == {"Rows": "[{", "Other": "1"}, "a value is no longer cut"
assert seen["quoted"] == {"Rows": '[{"id":"x","price":1}]', "Other": "1"}, "single quotation marks no longer help"
print("unchanged")
PROBE
SAM_CLI_TELEMETRY=0 "$home/venv/bin/python" -W ignore probe.py
