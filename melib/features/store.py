"""Planes on disk, in files whose names hash everything that the numbers depend on."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed
from tqdm import tqdm

from melib.errors import InputError
from melib.face import INPUT_SIZE
from melib.features.compute import place, planes
from melib.features.settings import FeatureSettings, Pairs
from melib.files import FILMED_ONLY, source_hash, whole
from melib.video import Dataset, Video

Request = tuple[Video, Pairs, FeatureSettings]


def key(dataset: Dataset, settings: FeatureSettings) -> str:
    """What the planes of a dataset's videos depend on, 64 hexadecimal digits: code, settings, dataset and version."""
    if dataset.synthetic:
        code = source_hash("melib.features.compute", "melib.synthetic.dataset", without=FILMED_ONLY)
    else:
        code = source_hash("melib.features.compute", "melib.datasets")
    described = [code, asdict(settings), dataset.name, dataset.version]
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def stored_planes(
    store: Path, dataset: Dataset, video: Video, pairs: Pairs, settings: FeatureSettings, *, device="auto", flows=None
) -> np.ndarray:
    """Planes ``(n, 3, 42, 42)`` float32 of pairs, mapped from disk and read-only; computed and stored where missing.

    ``store`` is a folder, made if missing; its files are there whole or not at all, and two may write at once. Their
    names tell dataset, video, pairs, settings, code, and whether ``device`` is a graphics card. ValueError: a video
    lacks what is read, or a file is damaged.
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
        path.parent.mkdir(parents=True, exist_ok=True)
        compute = functools.partial(_joined, store, dataset) if settings.input == "O+S" else planes
        # Chunk by chunk, through no more memory than a chunk's; a mapped file would stay in it.
        with whole(path) as part, part.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
            for chunk in compute(video, pairs, settings, device=device, flows=flows):
                file.write(np.ascontiguousarray(chunk, dtype="<f4").data)
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        if found.shape != shape:
            raise ValueError(f"shape {found.shape} in place of {shape}")
    except (ValueError, EOFError) as error:
        raise InputError(f"stored features {path} are damaged ({error}): delete the file and run again") from error
    return found


def _joined(store, dataset: Dataset, video: Video, pairs: Pairs, settings, *, device, flows) -> Iterator[np.ndarray]:
    """The planes of ``O+S`` out of those stored for ``O`` and ``S``, bit for bit: scene flow is dear."""
    parts = (replace(settings, input=part) for part in settings.input.split("+"))
    colour, space = (stored_planes(store, dataset, video, pairs, each, device=device, flows=flows) for each in parts)
    yield np.concatenate([colour[:, :2], space[:, 2:]], axis=1)


def fill_store(
    store: Path | str, dataset: Dataset, requests: Iterable[Request], *, device="auto", jobs=1, progress=False
) -> None:
    """Compute what the store lacks, videos in parallel; on a graphics card one after the other, in this process.

    ``requests`` are videos, pairs and settings, one file each. All that is asked of one video is computed at once, in
    the order of subjects, so that a frame and a person are rendered once. ``jobs`` processes of one thread share the
    videos: the result does not depend on their number. ``progress`` shows a bar; the rest is as :func:`stored_planes`.
    """
    # Each task takes its dataset along to another process, where its thousands of videos are not needed.
    dataset = Dataset(dataset.name, dataset.version, (), dataset.emotions, dataset.synthetic)
    by_video: dict[tuple[str, str], list[Request]] = {}
    for each in requests:
        by_video.setdefault((each[0].subject, each[0].name), []).append(each)
    tasks = [delayed(_fill_one)(store, dataset, by_video[name], device) for name in sorted(by_video)]
    on_card = any(place(settings, device) is not None for asked in by_video.values() for *_, settings in asked)
    done = Parallel(n_jobs=1 if on_card else jobs, return_as="generator_unordered")(tasks)
    for _ in tqdm(done, total=len(tasks), unit="video", disable=not progress):
        pass


def _fill_one(store, dataset: Dataset, requests: Sequence[Request], device) -> None:
    cv2.setNumThreads(1)
    if any(settings.uses_torch for *_, settings in requests):
        import torch

        torch.set_num_threads(1)
    # A filmed video may be too long for all its flows to be kept in memory.
    flows = {} if dataset.synthetic and len(requests) > 1 else None
    for video, pairs, settings in requests:
        stored_planes(store, dataset, video, pairs, settings, device=device, flows=flows)
