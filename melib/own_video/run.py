"""The whole way from a file to a folder of results, which appears whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

from matplotlib import pyplot

from melib import provenance
from melib.datasets.images import ImageVideo, list_images
from melib.errors import InputError
from melib.face import Detector
from melib.own_video import pictures
from melib.own_video.analysis import Finding, analyse
from melib.own_video.annotate import write_annotated
from melib.own_video.report import report
from melib.own_video.spotter import SHIPPED, load_spotter
from melib.recording import Recording, usual_camera
from melib.video import Video

INTERVALS, TIMELINE, ANNOTATED, REPORT, RECORD = FILES = (
    "intervals.csv",
    "timeline.png",
    "annotated.mp4",
    "report.html",
    "spot.json",
)

#: Below this rate a micro-expression of a fifth of a second lasts three frames or fewer.
_SLOW = 20.0
_CODE = ("video", "flow", "face", "features", "models", "spotting", "datasets")
_KEY = "key.json"


def open_video(path: Path, *, fps: float | None = None, depth: Path | None = None) -> tuple[Video, list[str]]:
    """A video file or a folder of numbered images, with what is odd about it.

    Parameters
    ----------
    path : path
    fps : float, optional
        Needed for a folder of images.
    depth : path, optional
        Folder of depth images in millimetres.

    Raises
    ------
    FileNotFoundError
        If there is nothing at a path.
    ValueError
        If it cannot be read as a video, a folder comes without a rate, or the depth images do not fit.
    """
    if not path.is_dir():
        recording = Recording(path, name=_plain(path.stem), fps=fps, depth=depth)
        return recording, list(recording.notes)
    if fps is None:
        raise InputError(f"{path} is a folder of images, which does not tell their frame rate: give it (--fps)")
    if not 1 <= fps <= 2000:
        raise InputError(f"a frame rate lies between 1 and 2000 per second, got {fps}")
    colour = list_images(path, path)
    first = int(colour.numbers[0])
    images = ImageVideo("own", _plain(path.resolve().name), colour, float(fps), first)
    if depth is not None:
        readings = list_images(depth, depth)
        if readings.numbers.tolist() != colour.numbers.tolist():
            raise InputError(
                f"depth folder {depth} holds {len(readings.numbers)} images and {path} {len(colour.numbers)}: "
                "the same numbers must stand in both"
            )
        images.depth_images, images.camera = readings, usual_camera(*images.size)
        images.depth(0, 1)
    missing = images.missing
    return images, [f"{missing} of {images.n_frames} frames have no image: the nearest stands in."] if missing else []


def spot_file(
    path: str | os.PathLike,
    out: str | os.PathLike,
    *,
    model: str | os.PathLike = SHIPPED,
    name: bool = False,
    depth: str | os.PathLike | None = None,
    fps: float | None = None,
    track: bool = False,
    detector: Detector | None = None,
    progress: bool = False,
) -> Finding:
    """Find the brief movements of a face in a video and write what was found.

    The folder gets ``intervals.csv``, ``timeline.png``, ``annotated.mp4``, ``report.html`` and ``spot.json`` (what
    was run on what), all at once at the end. Until then scores are kept in ``OUT.unfinished`` beside it, from which a
    run that was killed goes on to the same result; nothing is sent anywhere.

    Parameters
    ----------
    path : path
        A video file, or a folder of numbered images.
    out : path
        Folder to write; an earlier result there is replaced, anything else refused.
    model : path
        A spotter, by default the one shipped.
    name : bool
        Also give each movement the nearest class of the network's invented action-unit table.
    depth : path, optional
        Folder of depth images in millimetres, one for each frame.
    fps : float, optional
        The rate at which the video was filmed, where the file is wrong about it or is a folder.
    track : bool
        Let the crop follow the head.
    detector : melib.face.Detector, optional
        By default dlib's.
    progress : bool
        Show bars on stderr.

    Returns
    -------
    Finding

    Raises
    ------
    FileNotFoundError, ValueError, LookupError, OSError
        With a message that names the thing and the mend.
    """
    path, out = Path(path), Path(os.path.abspath(out))
    depth = None if depth is None else Path(depth)
    _check_out(out)
    spotter = load_spotter(model)
    video, notes = open_video(path, fps=fps, depth=depth)
    key = {
        "video": _fingerprint(path),
        "depth": None if depth is None else _fingerprint(depth),
        "fps": fps,
        "track": track,
        "detector": getattr(detector, "name", None),
        "spotter": _fingerprint(Path(model)),
        "code": [provenance.code_hash(*_CODE), provenance.presentation_hash()],
    }
    work = _open_work(out.with_name(f"{out.name}.unfinished"), key)
    try:
        finding = analyse(video, spotter, name=name, detector=detector, track=track, work=work, progress=progress)
        notes += _more_notes(finding, depth is not None)
        with tempfile.TemporaryDirectory(dir=work, prefix="result") as folder:
            whole = Path(folder) / "whole"
            whole.mkdir()
            _write(whole, finding, notes, key, progress=progress)
            if out.exists():
                # Moved, not deleted first, so that either the old or the new result is there.
                os.replace(out, Path(folder) / "before")
            os.replace(whole, out)
    except (InputError, OSError):
        # What could not even begin leaves nothing behind; what was scored stays.
        if not any(work.glob("scores-*.npz")):
            shutil.rmtree(work)
        raise
    shutil.rmtree(work)
    return finding


def _write(folder: Path, finding: Finding, notes: list[str], key: dict, *, progress: bool) -> None:
    finding.table().to_csv(folder / INTERVALS, index=False, float_format="%.4f", lineterminator="\n")
    drawn = pictures.timeline(finding)
    drawn.savefig(folder / TIMELINE, dpi=110, format="png", metadata={"Software": None})
    pyplot.close(drawn)
    write_annotated(finding, folder / ANNOTATED, progress=progress)
    (folder / REPORT).write_text(report(finding, notes=notes, video_file=ANNOTATED), encoding="utf-8")
    face = finding.face
    record = {
        "video": {"name": face.name, "frames": face.n_frames, "fps": face.fps, "sha256": key["video"]},
        "face": {"window": list(face.report.box), "detector": face.report.detector, "track": face.track},
        "spotter": {"sha256": key["spotter"], **finding.spotter.origin},
        "settings": asdict(finding.spotter.settings),
        "named": finding.named,
        "movements": len(finding.movements),
        "notes": notes,
        "code": key["code"],
        "commit": provenance.git_commit(),
        "packages": provenance.package_versions(),
    }
    text = json.dumps(record, indent=1, sort_keys=True, allow_nan=False) + "\n"
    (folder / RECORD).write_text(text, encoding="utf-8")


def _more_notes(finding: Finding, has_depth: bool) -> list[str]:
    face = finding.face
    notes = [f"{note[0].upper()}{note[1:]}." for note in face.report.notes]
    undecodable = getattr(face.source, "undecodable", {})
    if undecodable:
        notes.append(f"{len(undecodable)} images could not be decoded: the nearest stands in.")
    if face.fps < _SLOW:
        notes.append(
            f"At {face.fps:g} frames per second a micro-expression lasts only a few frames: many will be missed."
        )
    if has_depth:
        notes.append(
            "Depth tells how far a region moves towards or away from the camera, its unit taken as a millimetre; the "
            f"score rests on the planes {finding.spotter.settings.input!r}."
        )
    return notes


def _check_out(out: Path) -> None:
    """Refuse a folder that holds anything but an earlier result."""
    if not out.exists() and not out.is_symlink():
        if not out.parent.is_dir():
            raise FileNotFoundError(f"no folder {out.parent} to write {out.name} into: make it first")
        return
    if out.is_symlink() or not out.is_dir():
        raise InputError(f"{out} is not a folder: choose another --out")
    names = {path.name for path in out.iterdir()}
    if names and (RECORD not in names or not names <= set(FILES)):
        foreign = sorted(names - set(FILES)) or sorted(names)
        raise InputError(f"{out} holds other files ({foreign[0]} for one): choose another --out")


def _open_work(work: Path, key: dict) -> Path:
    """The folder of an unfinished run: kept if it was the same run, begun anew if not."""
    text = json.dumps(key, sort_keys=True)
    mark = work / _KEY
    if work.exists() or work.is_symlink():
        if work.is_symlink() or not mark.is_file():
            raise InputError(f"{work} is in the way and not an unfinished run of this program: move it or delete it")
        if mark.read_text(encoding="utf-8") == text:
            return work
        shutil.rmtree(work)
    work.mkdir()
    mark.write_text(text, encoding="utf-8")
    return work


def _fingerprint(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of the files of a folder."""
    if path.is_file():
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for each in sorted(each for each in path.iterdir() if each.is_file()):
        digest.update(f"{each.name}\0{_fingerprint(each)}\n".encode())
    return digest.hexdigest()


def _plain(name: str) -> str:
    """A name that is only a name in a table: no formula, no separator, no blank at an end."""
    return re.sub(r"[^\w. -]", "_", name).strip(" -") or "video"
