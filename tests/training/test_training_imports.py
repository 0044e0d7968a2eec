"""What the lower floors load."""

import subprocess
import sys

import pytest

ABOVE = ("melib.study", "melib.plots", "melib.tables", "melib.synthetic", "melib.datasets", "matplotlib")


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [("melib.video, melib.files, melib.errors", ("torch", *ABOVE)), ("melib.training, melib.spotting", ABOVE)],
    ids=["nouns", "networks"],
)
def test_a_floor_loads_nothing_from_above(modules, unwanted):
    code = f"import sys, {modules}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in loaded if name.startswith(unwanted)]
