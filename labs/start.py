# Finds the project: here, in a folder above or, on Colab or Binder, by its address.
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

# Where the project is not on the machine: its address, as `git clone` takes it.
repository = ""

if find_spec("melib") is None:
    here = Path.cwd()
    clone = here / "spot_then_recognize"
    places = (clone, here, *here.parents)
    found = (each for each in places if (each / "melib" / "__init__.py").is_file())
    root = next(found, None)
    if root is None:
        if not repository:
            raise RuntimeError(
                "The project is not on this machine. Either open this notebook in "
                "a clone of it, or write its address into the line above, as in "
                'repository = "ADDRESS", and run this cell again: it will run '
                "`git clone ADDRESS` and install the pinned packages."
            )
        fetch = ["git", "clone", "--depth", "1", repository, str(clone)]
        subprocess.run(fetch, check=True)
        pinned = str(clone / "requirements.lock")
        install = [sys.executable, "-m", "pip", "install", "-r", pinned]
        subprocess.run(install, check=True)
        root = clone
    sys.path.insert(0, str(root))
