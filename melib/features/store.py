"""Planes on disk, in files whose names hash everything that the numbers depend on."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from melib.errors import InputError
from melib.face import INPUT_SIZE
from melib.features.compute import check_video, place, planes
from melib.features.settings import FeatureSettings, Pairs
from melib.files import source_hash, whole
from melib.video import Dataset, Video


def key(dataset: Dataset, settings: FeatureSettings) -> str:
    """What the planes of a dataset's videos depend on, 64 hexadecimal digits: code, settings, dataset and version."""
    frames = "melib.synthetic.dataset" if dataset.synthetic else "melib.datasets"
    described = [source_hash("melib.features.compute", frames), asdict(settings), dataset.name, dataset.version]
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def stored_planes(
    store: Path | str, dataset: Dataset, video: Video, pairs: Pairs, settings: FeatureSettings, *, device="auto"
) -> np.ndarray:
    """Planes ``(n, 3, 42, 42)`` float32 of pairs, mapped from disk and read-only; computed and stored where missing.

    ``store`` is a folder, made if missing; its files are there whole or not at all, and two may write at once. A file's
    name tells what was computed: dataset, video, pairs, settings and code (:func:`key`), and whether ``device`` is a
    graphics card (:func:`melib.features.compute.place`). A video that lacks what the settings read and a damaged file
    raise ValueError.
    """
    pairs = tuple(np.asarray(side, dtype=int) for side in pairs)
    shape = (len(pairs[0]), 3, INPUT_SIZE, INPUT_SIZE)
    if shape[0] == 0:
        return np.empty(shape, dtype=np.float32)
    sample = [key(dataset, settings), video.subject, video.name, video.n_frames, float(video.fps)]
    sample += [] if (where := place(settings, device)) is None else [where.type]
    named = json.dumps(sample).encode() + np.stack(pairs).astype("<i8").tobytes()
    path = Path(store) / f"{hashlib.sha256(named).hexdigest()[:40]}.npy"
    if not path.exists():
        check_video(video, settings)
        path.parent.mkdir(parents=True, exist_ok=True)
        compute = functools.partial(_joined, store, dataset) if settings.input == "O+S" else planes
        # Chunk by chunk, through no more memory than a chunk's; a mapped file would stay in it.
        with whole(path) as part, part.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
            for chunk in compute(video, pairs, settings, device=device):
                file.write(np.ascontiguousarray(chunk, dtype="<f4").data)
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        if found.shape != shape:
            raise ValueError(f"shape {found.shape} in place of {shape}")
    except (ValueError, EOFError) as error:
        raise InputError(f"stored features {path} are damaged ({error}): delete the file and run again") from error
    return found


def _joined(store, dataset: Dataset, video: Video, pairs: Pairs, settings, *, device) -> Iterator[np.ndarray]:
    """The planes of ``O+S`` out of those stored for ``O`` and ``S``, bit for bit: scene flow is dear."""
    parts = (replace(settings, input=part) for part in settings.input.split("+"))
    colour, space = (stored_planes(store, dataset, video, pairs, each, device=device) for each in parts)
    yield np.concatenate([colour[:, :2], space[:, 2:]], axis=1)


def fill_store(
    store: Path | str,
    dataset: Dataset,
    requests: Sequence[tuple[Video, Pairs]],
    settings: FeatureSettings,
    *,
    device="auto",
    jobs: int = 1,
    progress: bool = False,
) -> None:
    """Compute what the store lacks, videos in parallel; on a graphics card one after the other, in this process.

    ``requests`` are videos and pairs, one file each; ``jobs`` processes of one thread share them, so that the result
    does not depend on their number; ``progress`` shows a bar on stderr. The rest is as for :func:`stored_planes`.
    """
    # Each task carries its dataset to another process; thousands of videos in it would have to be copied each time.
    dataset = Dataset(dataset.name, dataset.version, (), dataset.emotions, dataset.synthetic)
    tasks = (delayed(_fill_one)(store, dataset, video, pairs, settings, device) for video, pairs in requests)
    jobs = jobs if place(settings, device) is None else 1
    done = Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks)
    for _ in tqdm(done, total=len(requests), unit="video", disable=not progress):
        pass


def _fill_one(store, dataset: Dataset, video: Video, pairs: Pairs, settings: FeatureSettings, device) -> None:
    cv2.setNumThreads(1)
    if settings.uses_torch:
        import torch

        torch.set_num_threads(1)
    stored_planes(store, dataset, video, pairs, settings, device=device)
