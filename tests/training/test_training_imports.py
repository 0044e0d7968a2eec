"""What the lowest floor loads; what the floors above may import is a contract of its own."""

import subprocess
import sys


def test_the_nouns_load_neither_pytorch_nor_figures_nor_a_floor_above():
    code = "import sys, melib.video, melib.files, melib.errors; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    above = ("torch", "matplotlib", "melib.study", "melib.plots", "melib.synthetic", "melib.datasets")
    assert not [name for name in loaded if name.startswith(above)]
