"""The whole way from a file to a folder of results, which appears whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import jinja2
from matplotlib import pyplot
from matplotlib.figure import Figure

from melib import provenance
from melib.datasets.images import ImageVideo, assumed_camera, list_images
from melib.errors import InputError
from melib.files import source_hash
from melib.own_video import pictures
from melib.own_video.analysis import Finding, analyse
from melib.own_video.recording import USUAL_VIEW, Recording, check_rate
from melib.own_video.spotter import SHIPPED, load_spotter
from melib.video import Video

FILES = ("intervals.csv", "timeline.png", "annotated.mp4", "report.html", "spot.json")
_TABLE, _TIMELINE, _ANNOTATED, _REPORT, _RECORD = FILES

#: Below this rate a micro-expression of a fifth of a second lasts three frames or fewer.
_SLOW = 20.0
#: Movements of the report with a picture of their own; its table holds them all.
_PICTURED = 24
#: In the folder of an unfinished run: what was run, and where an earlier result waits while the new one is put there.
_KEY, _EARLIER = "key.json", "earlier"


def open_video(path: Path, *, fps: float | None = None, depth: Path | None = None) -> tuple[Video, list[str]]:
    """A video file, or a folder of numbered images (which needs a rate), with what is odd about it."""
    if not path.is_dir():
        recording = Recording(path, name=_plain(path.stem), fps=fps, depth=depth)
        return recording, list(recording.notes)
    if fps is None:
        raise InputError(f"{path} is a folder of images, which does not tell their frame rate: give it (--fps)")
    check_rate(fps)
    colour = list_images(path, path)
    images = ImageVideo("own", _plain(path.resolve().name), colour, float(fps), int(colour.numbers[0]))
    if depth is not None:
        readings = list_images(depth, depth)
        if readings.numbers.tolist() != colour.numbers.tolist():
            raise InputError(f"depth folder {depth} and {path} must hold images of the same numbers")
        images.depth_images, images.camera = readings, assumed_camera(USUAL_VIEW, *images.size)
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
    device: str = "auto",
    progress: bool = False,
    **crop,
) -> Finding:
    """Find the brief movements of a face in a video and write what was found.

    The folder gets ``intervals.csv``, ``timeline.png``, ``annotated.mp4``, ``report.html`` and ``spot.json`` (what
    was run on what), all at once at the end; an earlier result there is replaced, anything else refused. Until then
    scores are kept in ``OUT.unfinished`` beside it, from which a run that was killed goes on to the same result;
    nothing is sent anywhere. Bad input raises a ValueError or OSError that names the thing and the mend.

    Parameters
    ----------
    path, out : path
        A video file or a folder of numbered images, and the folder to write.
    model : path
        A spotter, by default the one shipped.
    name, progress : bool
        Give each movement also the nearest class of the network's invented action-unit table; show bars on stderr.
    depth, fps : path and float, optional
        Folder of depth images (mm), one for each frame, and the rate as filmed, where the file is wrong or a folder.
    device : {"auto", "cpu", "cuda"}
        Where motion that PyTorch computes, and the network, are computed.
    **crop
        How the face is cut out: ``track``, ``box`` and ``detector`` of :class:`melib.face.CroppedVideo`.
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
        "code": source_hash("melib.own_video"),
    }
    work = out.with_name(f"{out.name}.unfinished")
    _open_work(work, key, out)
    made, earlier = work / "result", work / _EARLIER
    try:
        finding = analyse(video, spotter, name=name, work=work, device=device, progress=progress, **crop)
        notes += _more_notes(finding, depth is not None)
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        _write(made, finding, notes, key, progress=progress)
        if out.exists():
            os.replace(out, earlier)
        os.replace(made, out)
    except (InputError, OSError):
        _put_back(earlier, out)
        # What could not even begin leaves nothing behind; what was scored stays.
        if not any(work.glob("scores-*.npz")):
            shutil.rmtree(work)
        raise
    shutil.rmtree(work)
    return finding


def _put_back(earlier: Path, out: Path) -> None:
    """An earlier result goes back to its place if no new one has taken it."""
    if earlier.exists():
        shutil.rmtree(earlier) if out.exists() else os.replace(earlier, out)


def _write(folder: Path, finding: Finding, notes: list[str], key: dict, *, progress: bool) -> None:
    finding.table().to_csv(folder / _TABLE, index=False, float_format="%.4f", lineterminator="\n")
    (folder / _TIMELINE).write_bytes(_png(pictures.timeline(finding)))
    pictures.write_annotated(finding, folder / _ANNOTATED, progress=progress)
    (folder / _REPORT).write_text(report(finding, notes=notes), encoding="utf-8")
    face, spotter = finding.face, finding.spotter
    record = {
        "video": {"name": face.name, "frames": face.n_frames, "fps": face.fps, "sha256": key["video"]},
        "face": {"window": list(face.window(0)), "detector": face.detector.name, "track": face.track},
        "spotter": {"sha256": key["spotter"], **spotter.origin},
        **{"settings": asdict(spotter.settings), "named": finding.named, "movements": len(finding.movements)},
        **{"notes": notes, "code": key["code"], "commit": provenance.git_commit()},
        "packages": provenance.package_versions(),
    }
    text = json.dumps(record, indent=1, sort_keys=True, allow_nan=False) + "\n"
    (folder / _RECORD).write_text(text, encoding="utf-8")


def report(finding: Finding, *, notes: Sequence[str]) -> str:
    """One HTML page that needs nothing beside it or from a network; notes say what was odd, a sentence each."""
    numbered = list(enumerate(finding.movements, start=1))
    pictured = sorted(sorted(numbered, key=lambda one: -one[1].score)[:_PICTURED])
    page = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    given = {"finding": finding, "notes": notes, "numbered": numbered, "pictured": pictured, "video_file": _ANNOTATED}
    given["png"] = lambda drawn: f"data:image/png;base64,{base64.b64encode(_png(drawn)).decode('ascii')}"
    text = Path(__file__).with_name("report.html").read_text(encoding="utf-8")
    return page.from_string(text).render(**given, most_pictured=_PICTURED, pictures=pictures)


def _png(drawn: Figure) -> bytes:
    """A picture as a PNG file; the figure is closed."""
    content = io.BytesIO()
    drawn.savefig(content, format="png", dpi=110, metadata={"Software": None})
    pyplot.close(drawn)
    return content.getvalue()


def _more_notes(finding: Finding, has_depth: bool) -> list[str]:
    face, lost = finding.face, sum(stop - start for start, stop in finding.unscored())
    notes = [f"{note[0].upper()}{note[1:]}." for note in face.notes]
    if lost:
        share = f"{lost:.1f} of {finding.seconds:.1f} seconds were not scored: no face was seen there, or none whose"
        notes.append(f"{share} motion could be measured. They are grey in the timeline.")
    if undecodable := getattr(face.source, "undecodable", {}):
        notes.append(f"{len(undecodable)} images could not be decoded: the nearest stands in.")
    if face.fps < _SLOW:
        notes.append(f"At {face.fps:g} frames per second a micro-expression lasts a few frames: many will be missed.")
    if has_depth:
        unit = "Depth tells how far a region moves towards or away from the camera, its unit taken as a millimetre"
        notes.append(f"{unit}; the score rests on the planes {finding.spotter.settings.input!r}.")
    return notes


def _check_out(out: Path) -> None:
    """Refuse a folder that holds anything but an earlier result."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InputError(f"{out} is not a folder: choose another --out")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"no folder {out.parent} to write {out.name} into: make it first")
    names = {path.name for path in out.iterdir()} if out.exists() else set()
    if names and (_RECORD not in names or not names <= set(FILES)):
        foreign = sorted(names - set(FILES)) or sorted(names)
        raise InputError(f"{out} holds other files ({foreign[0]} for one): choose another --out")


def _open_work(work: Path, key: dict, out: Path) -> None:
    """Make the folder of an unfinished run: kept if it was the same run, begun anew if not."""
    text, mark = json.dumps(key, sort_keys=True), work / _KEY
    if work.exists() or work.is_symlink():
        if work.is_symlink() or not mark.is_file():
            raise InputError(f"{work} is in the way and not an unfinished run of this program: move it or delete it")
        # A run may have been killed while it put its result in the place of an earlier one.
        _put_back(work / _EARLIER, out)
        if mark.read_text(encoding="utf-8") == text:
            return
        shutil.rmtree(work)
    work.mkdir()
    mark.write_text(text, encoding="utf-8")


def _fingerprint(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of the files of a folder."""
    if path.is_file():
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = sorted(each for each in path.iterdir() if each.is_file())
    return hashlib.sha256("".join(f"{each.name}\0{_fingerprint(each)}\n" for each in files).encode()).hexdigest()


def _plain(name: str) -> str:
    """A name that is only a name in a table: no formula, no separator, no blank at an end."""
    return re.sub(r"[^\w. -]", "_", name).strip(" -") or "video"
