"""Makes a virtual environment with pinned packages: environment.py DIRECTORY REQUIREMENTS"""

import importlib.util
import os
import shutil
import subprocess
import sys
import venv

directory, requirements = sys.argv[1:]
own = os.path.join(directory, "bin", "python")


def pip():
    """Debian's Python comes without ensurepip: pip of the system or uv can fill the environment as well."""
    try:
        venv.create(directory, clear=True, symlinks=True, with_pip=True)
        return [own, "-m", "pip", "install"]
    except (ImportError, subprocess.CalledProcessError):
        venv.create(directory, clear=True, symlinks=True)
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "--python", own, "install"]
    if shutil.which("uv"):
        return ["uv", "pip", "install", "--python", own]
    sys.exit("python3 has neither ensurepip nor pip: install python3-venv (Debian, Ubuntu), or uv")


options = ["--only-binary", ":all:", "--no-deps", "--requirement", requirements]
environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
sys.exit(subprocess.run([*pip(), *options], env=environment).returncode)
