"""The whole way from a file to a folder of results, which appear all at once at the end."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import jinja2
import numpy as np
from matplotlib import pyplot
from matplotlib.figure import Figure

import melib
from melib import provenance
from melib.datasets.images import ImageVideo, list_images
from melib.errors import InputError
from melib.files import whole
from melib.own_video import pictures
from melib.own_video.analysis import PICTURED, Finding, analyse
from melib.own_video.recording import Recording, check_rate
from melib.own_video.spotter import SHIPPED, load_spotter
from melib.video import Video

FILES = ("intervals.csv", "timeline.png", "annotated.mp4", "report.html", "spot.json")
_TABLE, _TIMELINE, _ANNOTATED, _REPORT, _RECORD = FILES

#: Below this rate a micro-expression of a fifth of a second lasts three frames or fewer.
_SLOW = 20.0


def open_video(path: Path, *, fps: float | None = None) -> tuple[Video, tuple[str, ...]]:
    """A video file, or a folder of numbered images (which needs a rate), with what is odd about it."""
    # A name is only a name in a table: no formula, no separator, no blank at an end.
    name = re.sub(r"[^\w. -]", "_", path.resolve().name if path.is_dir() else path.stem).strip(" -") or "video"
    if not path.is_dir():
        recording = Recording(path, name=name, fps=fps)
        return recording, recording.notes
    if fps is None:
        raise InputError(f"{path} is a folder, which does not tell the frame rate of its images: give it (--fps)")
    check_rate(fps)
    listed = list_images(path, path)
    images = ImageVideo("own", name, listed, float(fps), int(listed.numbers[0]))
    note = f"{images.missing} of {images.n_frames} frames have no image: the nearest stands in."
    return images, (note,) if images.missing else ()


def spot_file(
    path: str | os.PathLike,
    out: str | os.PathLike | None = None,
    *,
    model: str | os.PathLike | None = None,
    fps: float | None = None,
    annotate: bool = True,
    device: str = "auto",
    progress: bool = False,
    **how,
) -> Finding:
    """Find the brief movements of a face in a video and write what was found.

    The folder gets ``intervals.csv``, ``timeline.png``, ``annotated.mp4``, ``report.html`` and ``spot.json`` (what
    was run on what) at the end; an earlier result of the same video is replaced, anything else refused. Until then all
    is kept in ``OUT.unfinished`` beside it, from which a run that was killed goes on to the same result; nothing is
    sent anywhere. Bad input raises a ValueError or OSError that names the thing and the mend.

    Parameters
    ----------
    path, out, model : path
        A video file or a folder of numbered images; the folder to write, by default ``NAME-spot``; and a spotter.
    fps : float, optional
        The rate as filmed of what has no clock.
    annotate, progress : bool
        Write the video with everything drawn in; show bars on stderr.
    device : {"auto", "cpu", "cuda"}
        Where motion that PyTorch computes, and the network, are computed.
    **how
        ``name``: give each movement also the nearest class of the network's invented action-unit table. ``start`` and
        ``end``: look at the seconds between them alone. ``box``, ``number`` and ``detector`` of
        :class:`melib.face.CroppedVideo`: without a box the crop follows the head.
    """
    path, model = Path(path), Path(model or SHIPPED)
    out = Path(os.path.abspath(out or f"{path.resolve().stem}-spot"))
    _check_out(out)
    spotter = load_spotter(model)
    video, notes = open_video(path, fps=fps)
    key = {"video": _fingerprint(path), "fps": fps, "annotate": annotate, "spotter": _fingerprint(model)}
    key |= {"code": _fingerprint(*sorted(Path(melib.__file__).parent.rglob("*.py")))}
    key |= {option: getattr(value, "name", value) for option, value in how.items()}
    if (out / _RECORD).exists() and key["video"] not in (out / _RECORD).read_text(encoding="utf-8"):
        raise InputError(f"{out} holds the result of another video: choose another --out")
    work = _open_work(out.with_name(f"{out.name}.unfinished"), key)
    made = work / "result"
    try:
        finding = analyse(video, spotter, work=work, device=device, progress=progress, **how)
        finding = replace(finding, notes=(*notes, *_more_notes(finding)))
        made.mkdir(exist_ok=True)
        if annotate and not (made / _ANNOTATED).exists():
            with whole(made / _ANNOTATED) as unfinished:
                pictures.write_annotated(finding, unfinished, progress=progress)
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
    finding.table().to_csv(folder / _TABLE, index=False, float_format="%.4f", lineterminator="\n")
    (folder / _TIMELINE).write_bytes(_png(pictures.timeline(finding)))
    (folder / _REPORT).write_text(report(finding, annotated=key["annotate"]), encoding="utf-8")
    face, spotter = finding.face, finding.spotter
    record = {
        "video": {"name": face.name, "frames": face.n_frames, "fps": face.fps, "sha256": key["video"]},
        "face": {"window": list(face.window(face.start.frame)), "detector": face.detector.name, "track": face.track},
        "spotter": {"sha256": key["spotter"], "settings": asdict(spotter.settings), **spotter.origin},
        **{"named": finding.named, "movements": len(finding.movements), "notes": finding.notes, "span": finding.span},
        **{"code": key["code"], "commit": provenance.git_commit(), "packages": provenance.package_versions()},
    }
    text = json.dumps(record, indent=1, sort_keys=True, allow_nan=False) + "\n"
    (folder / _RECORD).write_text(text, encoding="utf-8")


def report(finding: Finding, *, annotated: bool = True) -> str:
    """One HTML page that needs nothing beside it or from a network."""
    page = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    given = {"finding": finding, "pictures": pictures, "most_pictured": PICTURED}
    given |= {"video_file": _ANNOTATED if annotated else None, "clock": pictures.clock_time}
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


def _more_notes(finding: Finding) -> list[str]:
    face, usual = finding.face, finding.spotter.rate
    lost, (first, stop) = sum(stop - start for start, stop in finding.unscored()), finding.span
    share = f"Of the video {lost / (stop - first):.0%} ({lost:.1f} of {stop - first:.1f} s) could not be scored"
    much = f"There are {finding.rate:.1f} marks a minute, on the benchmark {usual or 0:.1f}"
    undecodable = len(getattr(face.source, "undecodable", ()))
    said = {
        f"{share}: no face to be measured was seen there, or too briefly. It is grey in the timeline.": lost,
        f"{much}: somebody speaks, or head or camera move. Do not trust the marks.": finding.flooded,
        f"Images that could not be decoded: {undecodable}. The nearest stands in.": undecodable,
        f"At {face.fps:g} frames per second a micro-expression lasts a few frames: many will be missed.": face.fps
        < _SLOW,
    }
    notes = [f"{note[0].upper()}{note[1:]}." for note in face.notes]
    return notes + [note for note, applies in said.items() if applies]


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


def _open_work(work: Path, key: dict) -> Path:
    """The folder of an unfinished run: kept if it was the same run, begun anew if not."""
    text, mark = json.dumps(key, sort_keys=True), work / "key.json"
    if work.exists() or work.is_symlink():
        if work.is_symlink() or not mark.is_file():
            raise InputError(f"{work} is in the way and not an unfinished run of this program: move it or delete it")
        if mark.read_text(encoding="utf-8") == text:
            return work
        shutil.rmtree(work)
    work.mkdir()
    mark.write_text(text, encoding="utf-8")
    return work


def _fingerprint(*paths: Path) -> str:
    """SHA-256 of a file, or of the names and contents of the files of a folder, or of several."""
    if len(paths) == 1 and paths[0].is_file():
        with open(paths[0], "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = paths if len(paths) > 1 else sorted(each for each in paths[0].iterdir() if each.is_file())
    return hashlib.sha256("".join(f"{each.name}\0{_fingerprint(each)}\n" for each in files).encode()).hexdigest()
