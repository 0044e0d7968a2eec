"""A small checkout with one notebook, figures closed after each test, and which tests share a process."""

import sys
from pathlib import Path

import pytest

NOTEBOOK = """\
---
kernelspec:
  name: python3
  display_name: Python 3
---

# A small page

Question: what does the kernel see?

```{code-cell} python
:tags: [parameters]

tier = "quick"
seed = 3
fail = False
```

```{code-cell} python
import os
from pathlib import Path

print("tier", tier, "seed", seed)
print("folder", Path.cwd())
print("threads", os.environ["OMP_NUM_THREADS"])
```

```{code-cell} python
import time

# A test that wants to kill the run in the middle puts this file here.
if Path("wait").exists():
    Path("waiting").touch()
    time.sleep(120)
if fail:
    raise RuntimeError("this notebook was told to fail")
```
"""

RUNS = """\
- id: small
  notebook: notebooks/small.md
  title: A small page
  parameters: {seed: 5}
  minutes: {smoke: 0.1, quick: 0.2}
"""


#: Folders whose tests take longest begin, and shorter ones fill what is left of both processes.
FIRST = ("book", "study", "datasets", "engine", "own_video", "labs", "synthetic", "house", "features", "parity")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Tests of a folder share a process, and with it the built book and whatever else they make once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return nodeid.partition("::")[0].rpartition("/")[0]

    config.option.loadscopereorder = False
    return ByFolder(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order of FIRST, with the rest as they come."""
    items.sort(key=lambda item: FIRST.index(name) if (name := item.path.parent.name) in FIRST else len(FIRST))


@pytest.fixture(autouse=True)
def closed_figures():
    """No figure that a test leaves open stays."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Folder with ``runs.yml`` and one notebook."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "small.md").write_text(NOTEBOOK)
    (tmp_path / "runs.yml").write_text(RUNS)
    return tmp_path
