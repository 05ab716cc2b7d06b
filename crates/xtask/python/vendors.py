"""Runs scripts, each against the stand-in at its URL: vendors.py SCRIPT=URL …

All of them run; fails if one failed.
"""

import subprocess
import sys

failed = []
for argument in sys.argv[1:]:
    script, url = argument.split("=", 1)
    print(f"{script} {url}", flush=True)
    if subprocess.run([sys.executable, script, url]).returncode != 0:
        failed.append(script)
if failed:
    sys.exit(f"failed: {', '.join(failed)}")
