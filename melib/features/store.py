"""Planes on disk, in files whose names hash everything that the numbers depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from melib import face, provenance
from melib.errors import InputError
from melib.features.compute import planes
from melib.features.motion import check_video
from melib.features.pairs import Pairs, other_sample
from melib.features.settings import FeatureSettings
from melib.files import whole
from melib.video import Dataset, Video

_CODE = ("video", "flow", "face", "synthetic", "datasets", "features")


def stored_planes(
    store: Path | str, dataset: Dataset, video: Video, pairs: Pairs, settings: FeatureSettings
) -> np.ndarray:
    """Planes of pairs from the store, computed and stored first where they are missing.

    Parameters
    ----------
    store : path
        Folder of the store; made if missing. A file is written under a temporary name and moved, so that a reader
        never sees half of one and a killed writer leaves nothing that would be taken for whole.
    dataset, video, pairs, settings
        What to compute; together with the code's hash they make the file's name. For input ``uvz-other`` the dataset
        is also where the other samples are found (:func:`melib.features.other_sample`), which count as well.

    Returns
    -------
    numpy.ndarray
        ``(n, 3, 42, 42)`` float32, mapped from disk and read-only.

    Raises
    ------
    ValueError
        If the stored file is damaged.
    """
    starts, ends = (np.asarray(side, dtype=int) for side in pairs)
    if len(starts) == 0:
        return np.empty((0, 3, face.INPUT_SIZE, face.INPUT_SIZE), dtype=np.float32)
    folder = Path(store)
    pairs = (starts, ends)
    other = other_sample(dataset, video, pairs) if settings.input == "uvz-other" else None
    path = folder / f"{_key(dataset, video, pairs, settings, other)}.npy"
    if not path.exists():
        check_video(video, settings)
        folder.mkdir(parents=True, exist_ok=True)
        if settings.input == "O+S":
            chunks = _joined(store, dataset, video, pairs, settings)
        else:
            chunks = planes(video, pairs, settings, other=other)
        _write(path, len(starts), chunks)
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InputError(f"stored features {path} are damaged ({error}): delete the file and run again") from error
    if found.shape != (len(starts), 3, face.INPUT_SIZE, face.INPUT_SIZE):
        raise InputError(f"stored features {path} have shape {found.shape}: delete the file and run again")
    return found


def _joined(
    store: Path | str, dataset: Dataset, video: Video, pairs: Pairs, settings: FeatureSettings
) -> Iterator[np.ndarray]:
    """The planes of ``O+S`` out of those stored for ``O`` and ``S``, bit for bit: scene flow is dear."""
    colour, space = (
        stored_planes(store, dataset, video, pairs, replace(settings, input=part)) for part in settings.input.split("+")
    )
    yield np.concatenate([colour[:, :2], space[:, 2:]], axis=1)


def _write(path: Path, count: int, chunks: Iterator[np.ndarray]) -> None:
    """Write an array chunk by chunk, through no more memory than a chunk's (a mapped file would stay in it)."""
    kind = np.dtype("<f4")
    header = {"descr": kind.str, "fortran_order": False, "shape": (count, 3, face.INPUT_SIZE, face.INPUT_SIZE)}
    with whole(path) as part, part.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk, dtype=kind).data)


def _key(
    dataset: Dataset, video: Video, pairs: Pairs, settings: FeatureSettings, other: tuple[Video, Pairs] | None
) -> str:
    described = {
        "dataset": [dataset.name, dataset.version],
        "samples": _samples(video, pairs),
        "other": other and _samples(*other),
        "settings": asdict(settings),
        "code": provenance.code_hash(*_CODE),
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:40]


def _samples(video: Video, pairs: Pairs) -> list:
    frames = hashlib.sha256(np.stack(pairs).astype("<i8").tobytes()).hexdigest()
    return [video.subject, video.name, video.n_frames, float(video.fps), frames]


def fill_store(
    store: Path | str,
    dataset: Dataset,
    requests: Sequence[tuple[Video, Pairs]],
    settings: FeatureSettings,
    *,
    jobs: int = 1,
    progress: bool = False,
) -> None:
    """Compute what the store lacks, videos in parallel.

    Parameters
    ----------
    requests : sequence of (Video, pairs)
        One file each.
    jobs : int
        Processes; each uses one thread, so the result does not depend on their number.
    progress : bool
        Show a bar on stderr (for the command line; notebooks stay quiet).
    """
    if settings.input != "uvz-other":
        # Each task carries its dataset to another process; thousands of videos in it would have to be copied each time.
        dataset = Dataset(dataset.name, dataset.version, (), dataset.emotions, dataset.synthetic)
    tasks = (delayed(_fill_one)(store, dataset, video, pairs, settings) for video, pairs in requests)
    done = Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks)
    for _ in tqdm(done, total=len(requests), unit="video", disable=not progress):
        pass


def _fill_one(store: Path | str, dataset: Dataset, video: Video, pairs: Pairs, settings: FeatureSettings) -> None:
    cv2.setNumThreads(1)
    if settings.uses_torch:
        import torch

        torch.set_num_threads(1)
    stored_planes(store, dataset, video, pairs, settings)
