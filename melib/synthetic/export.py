"""The benchmark as files in the layout of CAS(ME)^3, Part A, for code that was written for filmed faces."""

from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import asdict
from pathlib import Path
from string import Template
from zipfile import ZipFile, ZipInfo

import cv2
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from melib.errors import InputError, find
from melib.files import source_hash, whole
from melib.synthetic.dataset import SyntheticVideo
from melib.video import EMOTIONS_7, Dataset, Expression

#: Number of a population's first person (CAS(ME)^3 has none so high), and the names of a person's videos.
FIRST_PERSON, VIDEO_NAMES = {"train": 1001, "test": 5001}, "abcdefghijklm"
_MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png"}
_DATA = Path(__file__).parents[1] / "data"


def write_benchmark(
    dataset: Dataset, out: Path | str, image_format: str = "jpg", *, jobs: int = 1, progress: bool = False
) -> None:
    """Write videos and labels with a README, which says what lies where, and a description in Croissant.

    The same bytes each time, in however many processes; a folder that was left unfinished is completed.

    ValueError says that the layout has no names for people, videos or classes, or that the folder holds something else.

    Parameters
    ----------
    dataset : Dataset
        Of :func:`melib.synthetic.dataset.open_benchmark` with ``view="full"``; at most 4000 people with 13 videos.
    out : path
        Folder, made if need be; it is whole once ``croissant.json`` is there.
    image_format : {"jpg", "png"}
        Of colour: JPEG of quality 95, or without loss. Depth is 16-bit PNG in millimetres.
    """
    folder, people, first = Path(out), len(dataset.subjects), dataset.videos[0]
    each, population = len(dataset.videos) // people, first.subject.rstrip("0123456789")
    if people > 4000 or each > len(VIDEO_NAMES) or dataset.emotions != EMOTIONS_7 or first.view != "full" or jobs < 1:
        room = "at most 4000 people, 13 videos of each, whole images, the seven emotions; jobs are at least 1"
        raise InputError(f"{dataset.name}, {people} people with {each} videos, {jobs} jobs: this layout has {room}")
    view = 2 * np.degrees(np.arctan(first.camera.width / 2 / first.camera.fx)).item()
    asked = {"dataset": dataset.name, "version": dataset.version, "seed": first.suite.seed, "population": population}
    asked |= {"people": people, "videos": each, "frames": first.n_frames, "fps": first.fps, "field_of_view": view}
    asked |= {"format": image_format, "media_type": find(image_format, _MEDIA_TYPES, "image format")}
    asked |= {"suite": first.suite.name, "suite_version": first.suite.version, "source": source_hash(__name__)}
    names = [(f"spNO.{FIRST_PERSON[population] + n}", letter) for n in range(people) for letter in VIDEO_NAMES[:each]]
    places = dict(zip(names, dataset.videos, strict=True))
    texts = [Template((_DATA / name).read_text("utf-8")) for name in ("render_readme.md", "render_croissant.json")]
    files = {"render.json": json.dumps(asked, indent=1).encode(), "README.md": texts[0].substitute(asked).encode()}
    files |= _tables(places)
    folder.mkdir(parents=True, exist_ok=True)
    begun = folder / "render.json"
    if any(folder.iterdir()) and not (begun.is_file() and begun.read_bytes() == files["render.json"]):
        raise InputError(f"{folder} holds something else, or what another command or melib began: name an empty folder")
    for name, content in files.items():
        _write(folder / name, content)
    tasks = (delayed(_render)(video, folder.joinpath(*place), image_format) for place, video in places.items())
    done = Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks)
    for _ in tqdm(done, total=len(places), unit="video", disable=not progress):
        pass
    sums = {re.sub(r"\W", "_", name): hashlib.sha256(content).hexdigest() for name, content in files.items()}
    _write(folder / "croissant.json", texts[1].substitute(asked | sums).encode())


def _tables(places: dict[tuple[str, str], SyntheticVideo]) -> dict[str, bytes]:
    """Labels and videos as CSV, frames counted from 0, and the two label files of CAS(ME)^3, counted from 1."""
    camera = asdict(next(iter(places.values())).camera)  # in whole images that of everybody
    videos = [{"frames": video.n_frames, "fps": video.fps, **camera} for video in places.values()]
    videos = pd.DataFrame(videos, pd.MultiIndex.from_tuples(places, names=["subject", "video"]))
    rows = [(*place, *vars(each).values()) for place, video in places.items() for each in video.expressions]
    labels = pd.DataFrame(rows, columns=["subject", "video", *Expression.__dataclass_fields__])
    labels["action_units"] = labels["action_units"].map("+".join)
    counted = labels[["subject", "video"]].set_axis(["Subject", "Filename"], axis=1)
    counted[["Onset", "Apex", "Offset"]] = labels[["onset", "apex", "offset"]] + 1
    # A side stands before its unit there.
    counted["AU"] = labels["action_units"].str.replace(r"(\d+)([LR])", r"\2\1", regex=True)
    both = counted.assign(**{"Expression type": labels["kind"].str.capitalize() + "-expression", "Objective class": ""})
    micro = counted.assign(**{"Objective class": "", "emotion": labels["emotion"]})[labels["kind"] == "micro"]
    sheets = {"CAS(ME)3_part_A_v2.xlsx": _workbook("AU+Emotion", both)}
    sheets |= {"cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx": _workbook("label", micro)}
    return sheets | {"labels.csv": labels.to_csv(index=False).encode(), "videos.csv": videos.to_csv().encode()}


def _workbook(sheet: str, table: pd.DataFrame) -> bytes:
    """A table as an Excel file without the time of its making, which stands in it and in its archive."""
    made, timeless = io.BytesIO(), io.BytesIO()
    table.to_excel(made, sheet_name=sheet, index=False)
    with ZipFile(made) as archive, ZipFile(timeless, "w") as copy:
        for name in archive.namelist():
            part = re.sub(rb"20\d\d-\d\d-\d\dT[\d:]+Z", b"2000-01-01T00:00:00Z", archive.read(name))
            copy.writestr(ZipInfo(name), part)
    return timeless.getvalue()


def _render(video: SyntheticVideo, folder: Path, image_format: str) -> None:
    """Write the images that are missing, numbered from 1; what a killed run left half written is taken away."""
    cv2.setNumThreads(1)
    for kind in ("color", "depth"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for half in (folder / kind).glob(".*.part"):
            half.unlink()
    for frame in range(video.n_frames):
        colour, depth = folder / "color" / f"{frame + 1}.{image_format}", folder / "depth" / f"{frame + 1}.png"
        if not (colour.exists() and depth.exists()):
            millimetres = np.rint(1000 * video.depth(frame, frame + 1)[0]).astype(np.uint16)
            for path, pixels in ((colour, video.frames(frame, frame + 1)[0][..., ::-1]), (depth, millimetres)):
                _write(path, cv2.imencode(path.suffix, pixels)[1].tobytes())


def _write(path: Path, content: bytes) -> None:
    with whole(path) as part:
        part.write_bytes(content)
