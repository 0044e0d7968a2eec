"""The Makefile: one environment, made when it must be, and clear words when it cannot be."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: A Python for make_venv.py. {setup} is run before the script; "-m venv DIR" makes an environment that notes its calls.
PYTHON = """#!/bin/sh
if [ "$1" = -m ]; then
  mkdir -p "$3/bin"
  printf '#!/bin/sh\\necho "$@" >> calls\\n[ ! -e broken ]\\n' > "$3/bin/python"
  chmod +x "$3/bin/python"
else
  exec "{real}" -c '
import runpy, sys
{setup}
sys.executable = "./python"
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")' "$@"
fi
"""


class Checkout:
    """A copy of what the Makefile needs to make the environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tools").mkdir()
        shutil.copy(ROOT / "Makefile", folder)
        shutil.copy(ROOT / "tools" / "make_venv.py", folder / "tools")
        (folder / "requirements.lock").write_text("numpy==2.4.6\ntorch==2.13.0\n")
        self.python("")

    def python(self, setup: str) -> None:
        path = self.folder / "python"
        path.write_text(PYTHON.format(real=sys.executable, setup=setup))
        path.chmod(0o755)

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        command = ["make", *(arguments or ("PYTHON=./python", "venv"))]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)

    def installs(self) -> list[str]:
        calls = self.folder / "calls"
        return calls.read_text().splitlines() if calls.exists() else []


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def test_the_environment_is_made_from_the_lock_and_again_only_when_that_changes_or_an_install_broke_off(checkout):
    lock, broken = checkout.folder / "requirements.lock", checkout.folder / "broken"
    broken.touch()
    result = checkout.make()
    assert result.returncode != 0 and "requirements.lock" in result.stderr
    broken.unlink()
    assert checkout.make().returncode == 0
    *halves, from_lock, package = checkout.installs()[2:]
    assert sorted(half.rpartition(" ")[2] for half in halves) == ["numpy==2.4.6", "torch==2.13.0"]
    assert from_lock.endswith("-r requirements.lock")
    assert "--no-deps --no-build-isolation --editable ." in package
    result = checkout.make()
    assert (result.returncode, result.stdout, len(checkout.installs())) == (0, "", 6)
    original = lock.read_bytes()
    assert (checkout.folder / ".venv" / "lock.sha256").read_text().strip() == hashlib.sha256(original).hexdigest()
    lock.write_text("numpy==2.4.7\n")
    broken.touch()
    assert checkout.make().returncode != 0 and len(checkout.installs()) == 8
    # Back to the first lock: the environment holds half of the other one and must not pass for whole.
    lock.write_bytes(original)
    broken.unlink()
    assert checkout.make().returncode == 0 and len(checkout.installs()) == 12


@pytest.mark.parametrize(
    ("python", "setup", "words"),
    [
        ("./python", "sys.version_info = (3, 9, 18)", "Python 3.11 or newer is needed"),
        ("./python", 'sys.modules["venv"] = None', "python3-venv"),
        ("./python", 'sys.modules["ensurepip"] = None', "python3-venv"),
        ("no-such-python", "", "no-such-python"),
    ],
)
def test_an_unfit_python_gets_one_clear_line(checkout, python, setup, words):
    checkout.python(setup)
    result = checkout.make(f"PYTHON={python}", "venv")
    said = [line for line in result.stderr.splitlines() if not line.startswith("make")]
    assert result.returncode != 0
    assert len(said) == 1 and words in said[0]
    assert not (checkout.folder / ".venv").exists()


@pytest.mark.parametrize("environment", [{"CI": "true"}, {}])
def test_continuous_integration_alone_installs_a_browser_and_finds_the_reference(tmp_path, environment):
    folder, programs = tmp_path / "checkout", tmp_path / "programs"
    for made in (folder / ".ci", programs, *([tmp_path / "shared" / "reference"] if environment else [])):
        made.mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci")
    for name in ("make", "apt-get"):
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" "reference=$MELIB_REFERENCE" >> "{folder}/calls"\n')
        (programs / name).chmod(0o755)
    for name in ("bash", "sh", "dirname"):
        (programs / name).symlink_to(shutil.which(name))
    environment = {"PATH": str(programs), **environment}
    result = subprocess.run([folder / ".ci" / "run"], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    *installed, tested = (folder / "calls").read_text().splitlines()
    browser = ["apt-get update", "apt-get install --yes --no-install-recommends chromium"]
    assert [call.rpartition(" ")[0] for call in installed] == (browser if "CI" in environment else [])
    assert tested == f"make test reference={tmp_path / 'shared' / 'reference' if 'CI' in environment else ''}"
