"""A small checkout with one notebook, a store, and rows of the smallest size."""

import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from melib.study import long_videos, settings

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

#: Tier smoke with two people on each side, and one video and four clips of each.
FEW = replace(settings.TIERS["smoke"], people=(2, 2), videos=1, clips=4, resamples=20)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Folder with ``runs.yml`` and one notebook."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "small.md").write_text(NOTEBOOK)
    (tmp_path / "runs.yml").write_text(textwrap.dedent(RUNS))
    return tmp_path


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """One store of features and networks for all tests of the study."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def outcome(store):
    """A whole row of few data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(settings.TIERS, "smoke", FEW)
        return long_videos.study(settings.Settings(suite="sanity", tier="smoke", device="cpu"), 0, store=store)


@pytest.fixture
def nine_updates(monkeypatch):
    """Few data, and nine updates of every network."""
    updates = {"spot_steps": 9, "recognition_steps": 9, "joint_steps": 9, "batch": 16}
    monkeypatch.setitem(settings.TIERS, "smoke", replace(FEW, **updates))
    monkeypatch.setattr(long_videos, "FLOOR_DRAWS", 2)
    monkeypatch.setattr(long_videos, "CHANCE_DRAWS", 20)
