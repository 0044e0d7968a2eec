"""Filmed faces made ready for a study: read, cropped, checked, and apexes located where labels have none."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from melib import datasets, face, features
from melib.datasets.folders import FolderDataset
from melib.errors import InputError
from melib.study.parameters import Parameters
from melib.video import Expression, Video


def open_filmed(parameters: Parameters, *, store: Path | str, jobs: int = 1, progress: bool = False) -> FolderDataset:
    """The licensed dataset of an experiment, as videos of cropped faces.

    Faces are found once and kept in the store. A video in which no face can be used, that is too short to hold two
    frames a gap apart, or that lacks the depth an input needs, is left out, and stands with its labels in
    ``labels.skipped``. Where a micro-expression has no
    apex, the frame of the largest summed feature stands in (:func:`locate_apexes`).

    Parameters
    ----------
    parameters : Parameters
    store : path
        Folder of the feature store.
    jobs, progress
        As for :func:`melib.features.fill_store`.

    Raises
    ------
    FileNotFoundError
        If the folder holds no such dataset.
    LookupError
        If the optional face detector is not installed.
    ValueError
        If no video can be used.
    """
    whole = datasets.open_dataset(parameters.dataset, parameters.data_root)
    dataset = face.crop_dataset(whole, cache=Path(store) / "faces")
    if parameters.micro_videos_only:
        dataset = replace(dataset, videos=tuple(video for video in dataset.videos if _has_micro(video)))
    found = joblib.Parallel(n_jobs=jobs)(joblib.delayed(unusable)(video, parameters) for video in dataset.videos)
    reasons = {
        (video.subject, video.name): reason
        for video, reason in zip(dataset.videos, found, strict=True)
        if reason is not None
    }
    dataset = _without(dataset, reasons)
    return locate_apexes(dataset, parameters, store=store, jobs=jobs, progress=progress)


def unusable(video: face.CroppedVideo, parameters: Parameters) -> str | None:
    """Why a video cannot be used, or None."""
    gap = features.gap_frames(video.fps, parameters.resolved().gap_s)
    if video.n_frames <= gap:
        return f"it has {video.n_frames} frames, too few for two that are {gap} apart"
    if video.source.camera is None and any(part.input in features.DEPTH_INPUTS for part in parameters.parts):
        return f"it has no depth, which input {parameters.input} needs"
    try:
        video.find()
    except face.FaceError as error:
        return str(error)
    return None


def locate_apexes(
    dataset: FolderDataset, parameters: Parameters, *, store: Path | str, jobs: int = 1, progress: bool = False
) -> FolderDataset:
    """The same dataset, with an apex for every micro-expression.

    Where the labels have none, as in SMIC, it is the frame between onset and offset whose feature is largest in sum:
    of the optical flow from that frame on, over a gap. That is MEAN's way, but for the onset, which is passed over, as
    nothing has moved from onset to onset, and for magnitudes, where features are not scaled to [0, 1].
    """
    gap_s = parameters.resolved().gap_s
    settings = replace(parameters.parts[0].feature_settings(), input="O")
    requests = {
        (video.subject, video.name): (video, pairs)
        for video in dataset.videos
        if len((pairs := _searched(video, gap_s))[0])
    }
    features.fill_store(store, dataset, list(requests.values()), settings, jobs=jobs, progress=progress)
    videos = []
    for video in dataset.videos:
        starts, moved = np.empty(0, int), np.empty(0)
        if (video.subject, video.name) in requests:
            starts, ends = requests[video.subject, video.name][1]
            planes = features.stored_planes(store, dataset, video, (starts, ends), settings)
            moved = np.abs(planes).sum((1, 2, 3))
        located = copy.copy(video)
        located.expressions = tuple(_with_apex(each, starts, moved) for each in video.expressions)
        videos.append(located)
    return replace(dataset, videos=tuple(videos))


def account(dataset: FolderDataset) -> dict[str, int]:
    """Labels that are used, rows of the label files that are not, videos or folders left out, and values changed."""
    skipped = dataset.labels.skipped
    return {
        "used": len(dataset.labels.rows),
        "skipped": int((skipped["row"] > 0).sum()),
        "videos_left_out": int((skipped["row"] == 0).sum()),
        "values_changed": len(dataset.labels.changes),
    }


def _without(dataset: FolderDataset, reasons: Mapping[tuple[str, str], str]) -> FolderDataset:
    """The dataset without some videos, whose labels move to ``labels.skipped``."""
    videos = tuple(video for video in dataset.videos if (video.subject, video.name) not in reasons)
    if not videos:
        said = next(iter(reasons.values()), "none has a micro-expression")
        raise InputError(f"no video of {dataset.name} can be used: {said}")
    rows = dataset.labels.rows
    lost = pd.Series([key in reasons for key in zip(rows["subject"], rows["video"], strict=True)], rows.index, bool)
    skipped = pd.concat(
        [
            dataset.labels.skipped,
            pd.DataFrame(
                [(0, *key, reason) for key, reason in reasons.items()], columns=dataset.labels.skipped.columns
            ),
            rows.loc[lost, ["row", "subject", "video"]].assign(reason="its video is left out"),
        ],
        ignore_index=True,
    )
    return replace(dataset, videos=videos, labels=replace(dataset.labels, rows=rows[~lost], skipped=skipped))


def _has_micro(video: Video) -> bool:
    return any(each.kind == "micro" for each in video.expressions)


def _lacks_apex(expression: Expression) -> bool:
    return expression.kind == "micro" and expression.apex is None


def _searched(video: Video, gap_s: float) -> features.Pairs:
    """Pairs a gap apart that begin inside a micro-expression without apex."""
    gap = features.gap_frames(video.fps, gap_s)
    frames = {i for each in video.expressions if _lacks_apex(each) for i in range(each.onset + 1, each.offset)}
    starts = np.array(sorted(i for i in frames if i + gap < video.n_frames), int)
    return starts, starts + gap


def _with_apex(expression: Expression, starts: np.ndarray, moved: np.ndarray) -> Expression:
    """An expression with an apex, from the sum of the feature at each start; the offset where no frame was searched."""
    if not _lacks_apex(expression):
        return expression
    inside = (starts > expression.onset) & (starts < expression.offset)
    apex = int(starts[inside][moved[inside].argmax()]) if inside.any() else expression.offset
    return replace(expression, apex=apex)
