"""Imports point one way, and a command loads no more than it needs."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Modules of melib that one module of figures may load.
MOST = 30
PLOTS = sorted(path.stem for path in (ROOT / "melib" / "plots").glob("*.py") if path.stem != "__init__")
HEAVY = ("torch", "matplotlib", "sklearn", "cv2")


def loaded(code: str, folder: Path) -> set[str]:
    """Names of the modules that a fresh interpreter has loaded after some code."""
    code += "\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return set(json.loads(result.stdout.splitlines()[-1]))


def test_scoring_loads_nothing_heavy_and_nothing_of_the_study(tmp_path):
    for name in ("truth.csv", "predicted.csv"):
        (tmp_path / name).write_text("subject,video,onset,offset,emotion\na,1,10,25,negative\n")
    code = "from melib.__main__ import main\nassert main(['score', 'predicted.csv', 'truth.csv']) == 0"
    names = loaded(code, tmp_path)
    assert "melib.metrics.strs" in names
    assert not {name for name in names if name.split(".")[0] in HEAVY or "melib.study" in name}


def test_a_figure_is_read_with_few_modules_beside_it(tmp_path):
    code = "import importlib, sys\n"
    code += f"for name in {PLOTS}:\n"
    code += "    for old in [each for each in sys.modules if each.partition('.')[0] == 'melib']:\n"
    code += "        del sys.modules[old]\n"
    code += "    importlib.import_module(f'melib.plots.{name}')\n"
    code += "    ours = [each for each in sys.modules if each.partition('.')[0] == 'melib']\n"
    code += f"    assert len(ours) <= {MOST}, (name, ours)"
    assert PLOTS and loaded(code, tmp_path)


def test_every_import_points_down():
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([program, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout
