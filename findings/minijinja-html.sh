#!/usr/bin/env bash
# minijinja 3.0.5 and Jinja2 3.1.6: the same template with HTML escaping gives other text.
#
# Expected: MiniJinja follows Jinja2, so that templates can move from one to the other.
# Seen: MiniJinja escapes `/` and writes `&#x27;` and `&quot;`; `safe` text plus text is escaped as a whole, where Jinja2
# keeps the safe half; `urlencode` of a mapping writes %20 where Jinja2 writes +; a large float has all its digits; text
# compares with a number, where Jinja2 raises an error.
# Source: minijinja's src/utils.rs (HtmlEscape) and src/value/ops.rs; markupsafe's Markup.__add__.
# Dealt with in: crates/mail/docs/templates.md.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cd "$home"
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install Jinja2==3.1.6 MarkupSafe==3.0.3
cat >templates.txt <<'TEMPLATES'
{{ 'https://a.example/b' }}
{{ '<b>'|safe + '<i>' }}
{{ {'a b': 'c d'}|urlencode }}
{{ 1e20 }}
{{ '1' < 2 }}
TEMPLATES
cat >probe.py <<'PROBE'
import jinja2

environment = jinja2.Environment(autoescape=True)
for line in open("templates.txt").read().splitlines():
    try:
        print(environment.from_string(line).render())
    except TypeError:
        print("error")
PROBE
venv/bin/python probe.py >jinja2.txt
cargo --quiet new probe
cat >>probe/Cargo.toml <<'MANIFEST'
minijinja = { version = "=3.0.5", features = ["urlencode"] }
MANIFEST
cat >probe/src/main.rs <<'PROGRAM'
use minijinja::{AutoEscape, Environment, context};

fn main() {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    for line in include_str!("../../templates.txt").lines() {
        println!("{}", environment.render_str(line, context! {}).unwrap_or("error".into()));
    }
}
PROGRAM
CARGO_TARGET_DIR="$home/target" cargo run --quiet --manifest-path probe/Cargo.toml >minijinja.txt
paste -d '\n' templates.txt jinja2.txt minijinja.txt | sed '2~3s/^/    Jinja2     /; 3~3s/^/    MiniJinja  /'
diff - jinja2.txt <<'EXPECTED'
https://a.example/b
<b>&lt;i&gt;
a+b=c+d
1e+20
error
EXPECTED
diff - minijinja.txt <<'EXPECTED'
https:&#x2f;&#x2f;a.example&#x2f;b
&lt;b&gt;&lt;i&gt;
a%20b=c%20d
100000000000000000000.0
False
EXPECTED
echo unchanged
