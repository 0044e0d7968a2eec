"""The whole way from a file to a folder of results, which appear all at once at the end."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import shutil
from dataclasses import asdict
from pathlib import Path

import cv2
import jinja2
import numpy as np
from matplotlib import pyplot
from matplotlib.figure import Figure

from melib import provenance
from melib.datasets.images import ImageVideo, list_images
from melib.errors import InputError
from melib.files import source_hash
from melib.own_video import pictures
from melib.own_video.analysis import Finding, analyse
from melib.own_video.recording import FASTEST, SLOWEST, Recording
from melib.own_video.spotter import SHIPPED, load_spotter
from melib.video import Video

FILES = ("intervals.csv", "timeline.png", "annotated.mp4", "report.html", "spot.json")
_TABLE, _TIMELINE, _ANNOTATED, _REPORT, _RECORD = FILES


def open_video(path: Path, *, fps: float | None = None) -> Video:
    """A video file, or a folder of numbered images, which needs a rate."""
    # A name is only a name in a table: no formula, no separator, no blank at an end.
    name = re.sub(r"[^\w. -]", "_", path.resolve().name if path.is_dir() else path.stem).strip(" -") or "video"
    if fps is not None and not SLOWEST <= fps <= FASTEST:
        raise InputError(f"a frame rate lies between {SLOWEST:g} and {FASTEST:g} per second, got {fps}")
    if not path.is_dir():
        return Recording(path, name=name, fps=fps)
    if fps is None:
        raise InputError(f"{path} is a folder, which does not tell the frame rate of its images: give it (--fps)")
    listed = list_images(path, path)
    return ImageVideo("own", name, listed, float(fps), int(listed.numbers[0]))


def spot_file(
    path: str | os.PathLike,
    out: str | os.PathLike,
    *,
    model: str | os.PathLike | None = None,
    fps: float | None = None,
    annotate: bool = True,
    **how,
) -> Finding:
    """Find the brief movements of a face in a video and write what was found.

    At the end the folder gets ``intervals.csv``, ``timeline.png``, ``annotated.mp4``, ``report.html`` and ``spot.json``
    (what was run on what); an earlier result of the same video is replaced, anything else refused. A run that was
    killed goes on from ``OUT.unfinished`` beside it. Bad input: ValueError or OSError.

    Parameters
    ----------
    path, out, model : path
        A video file or a folder of numbered images; the folder to write; and a spotter, by default the shipped one.
    fps : float, optional
        The rate as filmed of what has no clock.
    annotate : bool
        Write the video with everything drawn in.
    **how
        ``name``: give each movement also the nearest class of the network's invented action-unit table. ``start`` and
        ``end``: look at the seconds between them alone. ``box``, ``number`` and ``detector`` of
        :class:`melib.face.CroppedVideo`: without a box the crop follows the head.
    """
    path, out, model = Path(path), Path(os.path.abspath(out)), Path(model or SHIPPED)
    _check_out(out)
    spotter = load_spotter(model)
    video = open_video(path, fps=fps)
    key = {"video": _fingerprint(path), "fps": fps, "annotate": annotate, "spotter": _fingerprint(model)}
    key |= {"code": source_hash("melib.own_video")}
    key |= {option: getattr(value, "name", value) for option, value in how.items()}
    if (out / _RECORD).exists() and key["video"] not in (out / _RECORD).read_text(encoding="utf-8"):
        raise InputError(f"{out} holds the result of another video: choose another --out")
    work = _open_work(out.with_name(f"{out.name}.unfinished"), key)
    made = work / "result"
    try:
        finding = analyse(video, spotter, work=work, **how)
        made.mkdir(exist_ok=True)
        _write(made, finding, key)
        out.mkdir(exist_ok=True)
        for name in FILES:
            (out / name).unlink(missing_ok=True)
            if (made / name).exists():
                os.replace(made / name, out / name)
    except (InputError, OSError):
        # What could not even begin leaves nothing behind; what was scored stays.
        if not any(work.glob("scores-*.npz")):
            shutil.rmtree(work)
        raise
    shutil.rmtree(work)
    return finding


def _write(folder: Path, finding: Finding, key: dict) -> None:
    if key["annotate"]:
        pictures.write_annotated(finding, folder / _ANNOTATED)
    finding.movements.to_csv(folder / _TABLE, index=False, float_format="%.4f", lineterminator="\n")
    (folder / _TIMELINE).write_bytes(_png(pictures.timeline(finding)))
    (folder / _REPORT).write_text(report(finding, annotated=key["annotate"]), encoding="utf-8")
    face, spotter = finding.face, finding.spotter
    record = {
        "video": {"name": face.name, "frames": face.n_frames, "fps": face.fps, "sha256": key["video"]},
        "face": {"window": face.window(face.start.frame), "detector": face.detector.name, "track": face.track},
        "spotter": {"sha256": key["spotter"], "settings": asdict(spotter.settings), **spotter.origin},
        **{"movements": len(finding.movements), "notes": finding.notes, "span": finding.span},
        **{"code": key["code"], "commit": provenance.git_commit(), "packages": provenance.package_versions()},
    }
    (folder / _RECORD).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def report(finding: Finding, *, annotated: bool = True) -> str:
    """One HTML page that needs nothing beside it or from a network."""
    page = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    given = {"finding": finding, "pictures": pictures, "clock": pictures.clock_time}
    given["video_file"] = _ANNOTATED if annotated else None
    given["png"] = lambda drawn: f"data:image/png;base64,{base64.b64encode(_png(drawn)).decode('ascii')}"
    text = Path(__file__).with_name("report.html").read_text(encoding="utf-8")
    return page.from_string(text).render(**given)


def _png(drawn: Figure | np.ndarray) -> bytes:
    """A figure, which is closed, or an RGB picture as a PNG file."""
    if isinstance(drawn, np.ndarray):
        return cv2.imencode(".png", drawn[..., ::-1])[1].tobytes()
    content = io.BytesIO()
    drawn.savefig(content, format="png", dpi=110, metadata={"Software": None})
    pyplot.close(drawn)
    return content.getvalue()


def _check_out(out: Path) -> None:
    """Refuse a folder that holds anything but an earlier result."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is not a folder: choose another --out")
    names = {path.name for path in out.iterdir()} if out.exists() else set()
    foreign = names - set(FILES) if _RECORD in names else names
    if foreign:
        raise InputError(f"{out} holds other files ({min(foreign)} for one): choose another --out")


def _open_work(work: Path, key: dict) -> Path:
    """The folder of an unfinished run: kept if it was the same run, begun anew if not."""
    text, mark = json.dumps(key, sort_keys=True), work / "key.json"
    if work.exists():
        if not mark.is_file():
            raise InputError(f"{work} is in the way and not an unfinished run of this program: move it or delete it")
        if mark.read_text(encoding="utf-8") == text:
            return work
        shutil.rmtree(work)
    work.mkdir(parents=True)
    mark.write_text(text, encoding="utf-8")
    return work


def _fingerprint(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of the files of a folder."""
    if path.is_file():
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = sorted(each for each in path.iterdir() if each.is_file())
    return hashlib.sha256("".join(f"{each.name}\0{_fingerprint(each)}\n" for each in files).encode()).hexdigest()
