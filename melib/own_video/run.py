"""The whole way from a file to a folder of results, which appears whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import asdict
from pathlib import Path

from matplotlib import pyplot

import melib
from melib import provenance
from melib.datasets.images import ImageVideo, list_images
from melib.errors import InputError
from melib.own_video import pictures
from melib.own_video.analysis import Finding, analyse
from melib.own_video.annotate import write_annotated
from melib.own_video.recording import Recording, usual_camera
from melib.own_video.report import report
from melib.own_video.spotter import SHIPPED, load_spotter
from melib.video import Video

FILES = ("intervals.csv", "timeline.png", "annotated.mp4", "report.html", "spot.json")
_TABLE, _TIMELINE, _ANNOTATED, _REPORT, _RECORD = FILES

#: Below this rate a micro-expression of a fifth of a second lasts three frames or fewer.
_SLOW = 20.0
#: In the folder of an unfinished run: what was run, and where an earlier result waits while the new one is put there.
_KEY, _EARLIER = "key.json", "earlier"


def open_video(path: Path, *, fps: float | None = None, depth: Path | None = None) -> tuple[Video, list[str]]:
    """A video file, or a folder of numbered images (which needs a rate), with what is odd about it."""
    if not path.is_dir():
        recording = Recording(path, name=_plain(path.stem), fps=fps, depth=depth)
        return recording, list(recording.notes)
    if fps is None:
        raise InputError(f"{path} is a folder of images, which does not tell their frame rate: give it (--fps)")
    if not 1 <= fps <= 2000:
        raise InputError(f"a frame rate lies between 1 and 2000 per second, got {fps}")
    colour = list_images(path, path)
    images = ImageVideo("own", _plain(path.resolve().name), colour, float(fps), int(colour.numbers[0]))
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
    progress: bool = False,
    **crop,
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
    progress : bool
        Show bars on stderr.
    **crop
        How the face is cut out: ``track``, ``box`` and ``detector`` of :class:`melib.face.CroppedVideo`.

    Raises
    ------
    ValueError, OSError
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
        "crop": {option: getattr(value, "name", value) for option, value in crop.items()},
        "spotter": _fingerprint(Path(model)),
        "code": _fingerprint(Path(melib.__file__).parent, "**/*.py"),
    }
    work = out.with_name(f"{out.name}.unfinished")
    _open_work(work, key, out)
    try:
        finding = analyse(video, spotter, name=name, work=work, progress=progress, **crop)
        notes += _more_notes(finding, depth is not None)
        made = work / "result"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        _write(made, finding, notes, key, progress=progress)
        _replace(out, made, work / _EARLIER)
    except (InputError, OSError):
        # What could not even begin leaves nothing behind; what was scored, and an earlier result, stay.
        if not any(work.glob("scores-*.npz")) and not (work / _EARLIER).exists():
            shutil.rmtree(work)
        raise
    shutil.rmtree(work)
    return finding


def _replace(out: Path, made: Path, earlier: Path) -> None:
    """Put what was made in the place of an earlier result, which goes back there if that fails."""
    if out.exists():
        os.replace(out, earlier)
    try:
        os.replace(made, out)
    except BaseException:
        if earlier.exists():
            os.replace(earlier, out)
        raise


def _write(folder: Path, finding: Finding, notes: list[str], key: dict, *, progress: bool) -> None:
    finding.table().to_csv(folder / _TABLE, index=False, float_format="%.4f", lineterminator="\n")
    drawn = pictures.timeline(finding)
    drawn.savefig(folder / _TIMELINE, dpi=110, format="png", metadata={"Software": None})
    pyplot.close(drawn)
    write_annotated(finding, folder / _ANNOTATED, progress=progress)
    (folder / _REPORT).write_text(report(finding, notes=notes, video_file=_ANNOTATED), encoding="utf-8")
    face, spotter = finding.face, finding.spotter
    record = {
        "video": {"name": face.name, "frames": face.n_frames, "fps": face.fps, "sha256": key["video"]},
        "face": {"window": list(face.window(0)), "detector": face.detector.name, "track": face.track},
        "spotter": {"sha256": key["spotter"], **spotter.origin},
        "settings": asdict(spotter.settings),
        "named": finding.named,
        "movements": len(finding.movements),
        "notes": notes,
        "code": key["code"],
        "commit": provenance.git_commit(),
        "packages": provenance.package_versions(),
    }
    text = json.dumps(record, indent=1, sort_keys=True, allow_nan=False) + "\n"
    (folder / _RECORD).write_text(text, encoding="utf-8")


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
    if names and (_RECORD not in names or not names <= set(FILES)):
        foreign = sorted(names - set(FILES)) or sorted(names)
        raise InputError(f"{out} holds other files ({foreign[0]} for one): choose another --out")


def _open_work(work: Path, key: dict, out: Path) -> None:
    """Make the folder of an unfinished run: kept if it was the same run, begun anew if not."""
    text = json.dumps(key, sort_keys=True)
    mark, earlier = work / _KEY, work / _EARLIER
    if work.exists() or work.is_symlink():
        if work.is_symlink() or not mark.is_file():
            raise InputError(f"{work} is in the way and not an unfinished run of this program: move it or delete it")
        if earlier.exists():
            # A run was killed while it put its result in the place of this one: before that was done, or after.
            shutil.rmtree(earlier) if out.exists() else os.replace(earlier, out)
        if mark.read_text(encoding="utf-8") == text:
            return
        shutil.rmtree(work)
    work.mkdir()
    mark.write_text(text, encoding="utf-8")


def _fingerprint(path: Path, files: str = "*") -> str:
    """SHA-256 of a file, or of the names and contents of the files of a folder."""
    if path.is_file():
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for each in sorted(each for each in path.glob(files) if each.is_file()):
        digest.update(f"{each.relative_to(path)}\0{_fingerprint(each)}\n".encode())
    return digest.hexdigest()


def _plain(name: str) -> str:
    """A name that is only a name in a table: no formula, no separator, no blank at an end."""
    return re.sub(r"[^\w. -]", "_", name).strip(" -") or "video"
