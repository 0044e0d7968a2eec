# Finds the project: here, in a folder above, or, on Colab or Binder, by its address.
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

repository = ""  # only needed where the project is not on the machine: its address, as `git clone` takes it

if find_spec("melib") is None:
    here = Path.cwd()
    clone = here / "spot_then_recognize"
    root = next((each for each in (clone, here, *here.parents) if (each / "melib" / "__init__.py").is_file()), None)
    if root is None:
        if not repository:
            raise RuntimeError(
                "The project is not on this machine. Either open this notebook inside a clone of it, or write its "
                'address into the line above, as in repository = "ADDRESS", and run this cell again: it will run '
                "`git clone ADDRESS` and install the pinned packages."
            )
        subprocess.run(["git", "clone", "--depth", "1", repository, str(clone)], check=True)
        subprocess.run([sys.executable, "-m", "pip", "install", "-r", str(clone / "requirements.lock")], check=True)
        root = clone
    sys.path.insert(0, str(root))
