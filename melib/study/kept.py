"""What is kept of a run beside its record: weights, losses and scores; and what lets a killed run go on.

A folder of kept work holds ``run.json`` (whose work it is), ``fold_N/INPUT.safetensors`` and ``fold_N/INPUT.csv`` (a
fold's network and its losses; N counts from 0, and the file's metadata names the subjects left out) and
``scores.npz`` (an array for each tested video, named ``subject/video``). A network is read by
:func:`melib.models.load_model`. The floor, which is trained in a moment, is not kept.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from melib.errors import InputError
from melib.files import whole
from melib.models import load_model, save_model
from melib.study.record import write_text

#: Losses of so many steps of a training are kept, evenly spaced.
KEPT_STEPS = 200
#: What the columns of a history are, by its stage.
_TERMS = {
    "spot": ("total", "spotting"),
    "recognition": ("total", "recognition"),
    "joint": ("total", "spotting", "recognition"),
}
_UNFINISHED = "unfinished"

History = Mapping[str, np.ndarray]
#: Trains a network.
Training = Callable[[], tuple[nn.Module, History]]


class Kept:
    """The folder of one run's kept work, or nothing.

    Parameters
    ----------
    folder : path or None
        Made if missing; None keeps nothing. Work of another run that lies there is thrown away: its parameters, data
        or code were others, and no step of it can be used.
    run : mapping
        What names the run, such as its parameters and the hash of the code; plain types.
    pool : path, optional
        A folder of networks that several runs share: what one of them has trained, another that would train the very
        same takes from there. Used only where ``folder`` is given.

    Raises
    ------
    ValueError
        If the folder holds files that are not of a run.
    """

    def __init__(self, folder: Path | str | None, run: Mapping[str, object], *, pool: Path | str | None = None) -> None:
        self.folder = None if folder is None else Path(folder)
        self.pool = None if pool is None else Path(pool)
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        named = json.dumps(run, indent=1, sort_keys=True) + "\n"
        marker = self.folder / "run.json"
        # What a killed writer left is nobody's.
        others = [path for path in self.folder.iterdir() if not path.match(".*.part")]
        if not marker.is_file() and others:
            raise InputError(f"{self.folder} holds other files, and none of a run: choose an empty folder to keep one")
        if marker.is_file() and marker.read_text(encoding="utf-8") != named:
            for part in (*self.folder.glob("fold_*"), *self.folder.glob(_UNFINISHED)):
                shutil.rmtree(part)
            (self.folder / "scores.npz").unlink(missing_ok=True)
        write_text(marker, named)

    def network(
        self, name: str, train: Training, *, passing: bool = False, same: object = None, **metadata: str
    ) -> nn.Module:
        """A network of the run: read where its training was finished, here or in the pool, and trained where not.

        Parameters
        ----------
        name : str
            Path of the network below the folder, without suffix; one for each training of the run.
        train : callable
            Returns network and history.
        passing : bool
            Not to be kept once the run is done, as the networks of inner folds and controls are not.
        same : object, optional
            What decides every bit of the training, as JSON takes it; two trainings that are equal in it are one in the
            pool. None shares nothing.
        **metadata : str
            Kept with the weights.
        """
        if self.folder is None:
            return train()[0]
        path = self._path(name, passing)
        if path.is_file():
            return load_model(path)[0]
        shared = self._shared({"same": same, "said": metadata}) if self.pool and same is not None else None
        if shared is not None and shared.is_file():
            copies = [shared] if passing else [shared.with_suffix(".csv"), shared]
            for each in copies:
                _copy(each, path.with_suffix(each.suffix))
            return load_model(path)[0]
        model, history = train()
        losses = _losses(history).to_csv(index=False, lineterminator="\n")
        path.parent.mkdir(parents=True, exist_ok=True)
        if not passing:
            write_text(path.with_suffix(".csv"), losses)
        save_model(model, path, **metadata)  # last: it says that the training is done
        if shared is not None:
            shared.parent.mkdir(parents=True, exist_ok=True)
            write_text(shared.with_suffix(".csv"), losses)
            _copy(path, shared)
        return model

    def has(self, name: str) -> bool:
        """Whether a network of the run is kept."""
        return self.folder is not None and self._path(name, False).is_file()

    def _path(self, name: str, passing: bool) -> Path:
        path = self.folder / (f"{_UNFINISHED}/{name}" if passing else name)
        return path.with_name(f"{path.name}.safetensors")

    def _shared(self, same: object) -> Path:
        """Where the pool has the network of a training."""
        named = json.dumps(same, sort_keys=True)
        return self.pool / f"{hashlib.sha256(named.encode()).hexdigest()[:40]}.safetensors"

    def finish(self, scores: Mapping[tuple[str, str], np.ndarray]) -> None:
        """Keep the scores of the tested videos, and delete what only an unfinished run needs."""
        if self.folder is None:
            return
        with whole(self.folder / "scores.npz") as part, part.open("wb") as file:
            np.savez_compressed(file, **{f"{subject}/{video}": score for (subject, video), score in scores.items()})
        for part in self.folder.glob(_UNFINISHED):
            shutil.rmtree(part)
        for part in self.folder.rglob(".*.part"):  # of a writer that was killed
            part.unlink()


def read_scores(folder: Path | str) -> dict[tuple[str, str], np.ndarray]:
    """The scores that a run kept: ``(subject, video)`` to the score of each frame, ``(T - k,)`` float32.

    Raises
    ------
    FileNotFoundError
        If the folder holds none.
    ValueError
        If they are damaged.
    """
    path = Path(folder) / "scores.npz"
    if not path.is_file():
        raise FileNotFoundError(f"no {path}: the run is not finished, or kept nothing here")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {tuple(name.split("/", 1)): file[name] for name in file.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"kept scores {path} are damaged ({error}): delete the file and run again") from error


def _copy(source: Path, target: Path) -> None:
    """Copy a file, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole(target) as part:
        shutil.copyfile(source, part)


def _losses(history: History) -> pd.DataFrame:
    """``stage, step, term, loss``, at most :data:`KEPT_STEPS` steps of each stage."""
    tables = []
    for stage, losses in history.items():
        terms = _TERMS[stage]
        steps = np.arange(0, len(losses), -(-len(losses) // KEPT_STEPS) or 1)
        tables.append(
            pd.DataFrame(
                {
                    "stage": stage,
                    "step": np.repeat(steps, len(terms)),
                    "term": np.tile(terms, len(steps)),
                    "loss": losses[steps].ravel(),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
