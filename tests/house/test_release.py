"""What is given to others is whole, and nothing else is: tracked files, wheel, licence, profile, table of speeds."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import run_on_cuda
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
#: Absolute folders of somebody's machine; spelt in two parts so that this file does not name them itself.
MACHINE_PATH = re.compile(r"(?<![\w.$~-])/(?:" + "|".join(["work", "tmp", "root", "home", "Users"]) + r")/\w")
#: Large enough for the head asset, too small for a dataset or a network's weights.
LARGEST = 2**20


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    answer = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True)
    if answer.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in answer.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_tracked_files_name_no_path_of_a_machine_and_are_neither_large_nor_generated(tracked):
    texts = {path: content.decode(errors="replace") for path in tracked if b"\0" not in (content := path.read_bytes())}
    assert [f"{path.relative_to(ROOT)}: {hit[0]}" for path in texts for hit in MACHINE_PATH.finditer(texts[path])] == []
    assert [path for path in tracked if path.stat().st_size > LARGEST] == []
    names = [path.relative_to(ROOT).as_posix() for path in tracked]
    generated = ("book/runs/", "labs/student/", "labs/slides/", "_build/", ".venv/", ".cache/", ".snakemake/")
    assert not [name for name in names if name.startswith(generated) or "__pycache__" in name]


@pytest.fixture(scope="module")
def packed(tmp_path_factory, tracked) -> Path:
    """The wheel, built from a copy of the tracked files by the installed setuptools, without a package index."""
    folder = tmp_path_factory.mktemp("wheel")
    wanted = ("melib/", "pyproject.toml", "README.md", "LICENSE")
    for path in tracked:
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(wanted):
            target = folder / "copy" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    build = [sys.executable, "-c", "from setuptools.build_meta import build_wheel as b; print(b('..'))"]
    result = subprocess.run(build, cwd=folder / "copy", capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "Deprecat" not in result.stderr, "a later setuptools will refuse to build this"
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_the_wheel_holds_every_file_of_the_package_the_command_and_the_licences(packed):
    with zipfile.ZipFile(packed) as wheel:
        content = {name: wheel.read(name) for name in wheel.namelist()}
    copy = packed.parent / "copy"
    files = (path for path in (copy / "melib").rglob("*") if path.is_file())
    wanted = {path.relative_to(copy).as_posix(): path.read_bytes() for path in files}
    held = {name: data for name, data in content.items() if name.startswith("melib/")}
    assert held.keys() == wanted.keys()
    assert held == wanted
    assert {"melib/assets/head.npz", "melib/assets/spotter.safetensors", "melib/data/paper_tables.csv"} <= held.keys()
    (about,) = {Path(name).parts[0] for name in content if name.startswith("melib-")}
    assert "melib = melib.__main__:main" in content[f"{about}/entry_points.txt"].decode()
    licences = {Path(name).name for name in content if name.startswith(f"{about}/licenses/")}
    assert licences == {"LICENSE", "NOTICE-CC0"}


def test_the_licence_is_the_same_wherever_it_stands():
    code, asset = PROJECT["license"].split(" AND ")
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["license"] == code
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("BSD 3-Clause") and code == "BSD-3-Clause"
    assert "CC0 1.0" in (ROOT / "melib" / "assets" / "NOTICE-CC0").read_text(encoding="utf-8") and asset == "CC0-1.0"


def test_the_cluster_s_profile_names_rules_options_and_an_executor_that_there_are():
    rules = set(re.findall(r"^rule (\w+):", (ROOT / "Snakefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    text = (ROOT / "profiles" / "slurm" / "config.yaml").read_text(encoding="utf-8")
    offered = text.partition("# set-resources:")[2].replace("\n#", "\n")
    with_a_card = yaml.safe_load(f"set-resources:{offered}")["set-resources"]
    assert with_a_card == {"features": {"gres": "gpu:1"}, "record": {"gres": "gpu:1"}}
    chapter = (ROOT / "book" / "cluster.md").read_text(encoding="utf-8")
    named = set(re.findall(r"--set-resources (\w+):", chapter)) | set(with_a_card)
    assert named <= rules
    profile = yaml.safe_load(text)
    assert all(isinstance(profile["default-resources"][name], int) for name in ("runtime", "mem_mb"))
    said = subprocess.run([sys.executable, "-m", "snakemake", "--help"], capture_output=True, text=True, check=True)
    assert profile.keys() <= set(re.findall(r"--([a-z][a-z-]+)", said.stdout))
    pins = {pin.name: str(pin.specifier) for pin in map(Requirement, PROJECT["optional-dependencies"]["cluster"])}
    assert all(re.fullmatch(r"==[^*]+", pin) for pin in pins.values())
    assert f"snakemake-executor-plugin-{profile['executor']}" in pins


def test_the_table_of_speeds_shows_the_record_and_says_where_there_is_none(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert run_on_cuda.main(["--table", "--check"]) == 0, "run python tools/run_on_cuda.py --table"
    made = {"processor": "A processor", "packages": {"torch": "2"}, "time": "2026-01-02T03", "commit": "0123456789abcd"}
    row = {"work": "the chain", "processor_s": 30.0, "card_s": 4.0, "ratio": 7.5, "apart": "difference", "by": 0.001}
    record = {"command": "python tools/run_on_cuda.py", "parameters": {"tier": "quick", "jobs": 8}, "rows": [row]}
    record |= {"card": {"name": "A card", "cuda": "13.0"}, "provenance": made}
    shown = run_on_cuda.table(record)
    assert "* - the chain\n  - 30.00\n  - 4.00\n  - 7.5\n" in shown
    assert "A card, CUDA 13.0" in shown and "2026-01-02" in shown and "not measured" not in shown
    assert "**not measured**" in run_on_cuda.table(None)
