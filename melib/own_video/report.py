"""The report: one HTML page that needs nothing beside it and nothing from a network."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import matplotlib.figure
from matplotlib import pyplot

from melib.own_video import pictures
from melib.own_video.analysis import Finding, Movement

#: Movements with a picture of their own; the table holds them all.
_PICTURED = 24

_STYLE = """
:root{color-scheme:light dark;--text:#1a1a1a;--back:#fff;--card:#f3f4f6;--line:#c9ccd1;--link:#0057a3}
@media (prefers-color-scheme:dark){:root{--text:#e8e8e8;--back:#15171a;--card:#22262b;--line:#454a52;--link:#8cc4ff}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:52rem;font:1rem/1.5 system-ui,sans-serif;color:var(--text);
background:var(--back);overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.2}h2{margin-top:2rem;font-size:1.25rem}a{color:var(--link)}
.card{background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.2rem 1rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}caption{text-align:left;padding:.3rem 0}
th,td{border-bottom:1px solid var(--line);padding:.3rem .6rem;text-align:left;white-space:nowrap}
figure{margin:1rem 0}img{max-width:100%;height:auto;background:#fff;border-radius:.3rem}figcaption{font-size:.9rem}
"""

#: What a reader has to know before the first number.
_LIMITS = (
    "It marks moments at which a face moves briefly. Blinks, speech, swallowing, a turn of the head and flicker of the "
    "light move a face briefly too, and some of them will be marked.",
    "The network learnt on rendered heads, never on filmed people. How often it is right on real faces is not known.",
    "A brief movement is no evidence of lying or of hiding something. No measurement of a face is.",
    "An expression is not a felt emotion. People feel without showing and show without feeling.",
    "Much is missed, even on rendered heads: a stretch without a mark is no proof that nothing moved.",
    "Film and analyse people only with their consent. Do not use this to judge anybody: not in hiring, teaching, "
    "policing, insurance or medicine.",
)
_NAMING = (
    "Each name is the nearest class of an invented action-unit table: a list of muscle movements that the makers of "
    "the rendered heads drew up. It says which of their patterns the movement resembles most, not what the person "
    "felt, and a nearest class exists even where none fits. Names are not added up over the video on purpose."
)


def report(finding: Finding, *, notes: Sequence[str], video_file: str) -> str:
    """The page as text.

    Parameters
    ----------
    finding : Finding
    notes : sequence of str
        What was odd about the video, a sentence each.
    video_file : str
        Name of the annotated video beside the page.

    Returns
    -------
    str
        HTML with all pictures inside.
    """
    face, spotter = finding.face, finding.spotter
    seconds = face.n_frames / face.fps
    title = f"Brief movements of a face: {face.name}"
    count = len(finding.movements)
    found = "No brief movement was found" if count == 0 else f"{count} brief movement{'s' * (count > 1)} found"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{found} in {seconds:.1f} seconds of video ({face.n_frames} frames, {face.fps:g} per second). "
        f'The same with everything drawn in: <a href="{escape(video_file)}">{escape(video_file)}</a>, '
        'as a table: <a href="intervals.csv">intervals.csv</a> (both in the folder of this page).</p>',
        '<div class="card"><h2>What this can and cannot tell</h2>',
        _list(_LIMITS),
        f"<p>{_NAMING}</p>" if finding.named else "",
        "</div>",
        "<h2>Along the video</h2>",
        _picture(
            pictures.timeline(finding),
            f"Line of the score over {seconds:.0f} seconds with {count} bars where a movement was found.",
            "The score of each moment. Where its smoothed line peaks above the threshold, a movement is marked."
            + (" Below it, the movements of the highest scores: arrows and colours show the way the skin moves from "
               "onset to apex, head motion taken out." if count else ""),
        ),
    ]  # fmt: skip
    if count:
        parts += ["<h2>What was found</h2>", _table(finding)]
        strongest = sorted(finding.movements, key=lambda one: -one.score)[:_PICTURED]
        if count > _PICTURED:
            parts.append(f"<p>Pictures follow of the {_PICTURED} movements of the highest scores.</p>")
        for one in sorted(strongest, key=lambda one: one.onset):
            parts.append(_section(finding, one))
    if notes:
        parts += ["<h2>About this video</h2>", _list(notes)]
    parts += ["<h2>About the numbers</h2>", _list(_about(finding))]
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + f"\n</main>\n<footer><p>Made by <code>melib spot</code> with a spotter trained on "
        f"{escape(str(spotter.origin.get('dataset', 'unnamed data')))}.</p></footer>\n</body>\n</html>\n"
    )


def _section(finding: Finding, found: Movement) -> str:
    number, motion, fps = finding.movements.index(found) + 1, found.motion, finding.face.fps
    away = "" if motion.away_mm is None else f" It moves {abs(motion.away_mm):.1f} mm {_towards(motion.away_mm)}."
    name = "" if found.emotion is None else f" Nearest class of the invented table: {escape(found.emotion)}."
    blink = " A blink looks like this." if motion.region.endswith("eye") else ""
    return (
        f"<h3>Movement {number}: {motion.region}, at {found.apex / fps:.2f} s</h3>"
        f"<p>From {found.onset / fps:.2f} to {found.offset / fps:.2f} s (frames {found.onset} to {found.offset}). "
        f"The {motion.region} moves most, by {motion.millimetres:.1f} mm ({motion.pixels:.1f} pixels of the crop) "
        f"from onset to apex.{blink}{away}{name} {_worth(found)}</p>"
        + _picture(
            pictures.movement(finding, found),
            f"The face at onset and at apex, and a map of the motion between them, strongest at the {motion.region}.",
            f"Movement {number}: onset, apex, and the motion from one to the other, head motion taken out. Arrows are "
            "8 times as long as the motion; the wheel tells which way each colour moves, full colours "
            f"{pictures.FULL_PX:g} pixels of the crop or more.",
        )
    )


def _worth(found: Movement) -> str:
    band = found.band
    return (
        f"Of {band.found} intervals of such a score on fresh rendered people, {band.hits} were micro-expressions: "
        f"{band.share:.0%} (95 % interval {band.low:.0%} to {band.high:.0%}). This holds for the benchmark alone."
    )


def _towards(away_mm: float) -> str:
    return "away from the camera" if away_mm > 0 else "towards the camera"


def _table(finding: Finding) -> str:
    fps = finding.face.fps
    head = [
        "",
        "Onset, s",
        "Apex, s",
        "Offset, s",
        "Frames",
        "Region",
        "Strength, mm",
        "Score",
        "Right on the benchmark",
    ]
    head += ["Nearest class of an invented action-unit table"] if finding.named else []
    rows = []
    for number, found in enumerate(finding.movements, start=1):
        cells = [
            str(number),
            *(f"{frame / fps:.2f}" for frame in (found.onset, found.apex, found.offset)),
            f"{found.onset} to {found.offset}",
            found.motion.region,
            f"{found.motion.millimetres:.1f}",
            f"{found.score:.2f}",
            f"{found.band.share:.0%} ({found.band.low:.0%} to {found.band.high:.0%})",
        ]
        cells += [found.emotion] if finding.named else []
        rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="All movements found"><table>'
        "<caption>All movements found. The last column of percentages holds for rendered heads alone.</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _about(finding: Finding) -> list[str]:
    spotter = finding.spotter
    origin = spotter.origin
    fresh = f"{origin.get('fresh_subjects', 'some')} fresh people"
    missed = int(origin.get("fresh_true", 0)) - sum(band.hits for band in spotter.bands)
    return [
        "Onset, apex and offset: the apex is where the score peaks; every interval has the same length, "
        f"{2 * spotter.half_length(finding.face.fps) + 1} frames here, cut at the ends of the video.",
        "Strength: how far the tenth of the region that moves most is displaced between onset and apex, head motion "
        "taken out; millimetres take the eyes to be 63 mm apart.",
        "Right and left are the person's own.",
        f"Right on the benchmark: the share of intervals of such a score that were micro-expressions, among those "
        f"found in videos of {fresh} of the benchmark, none of whom taught the network or its threshold. On the same "
        f"videos {missed} of {origin.get('fresh_true', 'all')} micro-expressions were missed. There, "
        "landmarks were known exactly; a detector, as here, errs by some pixels, and the share may be lower.",
        f"The threshold was chosen on the {origin.get('training_subjects', 'training')} training people "
        f"(seed {origin.get('seed', 'unknown')}, commit {str(origin.get('commit', 'unknown'))[:12]}).",
    ]


def _picture(drawn: matplotlib.figure.Figure, alternative: str, caption: str) -> str:
    content = io.BytesIO()
    drawn.savefig(content, format="png", dpi=110, metadata={"Software": None})
    pyplot.close(drawn)
    data = base64.b64encode(content.getvalue()).decode("ascii")
    return (
        f'<figure><img alt="{escape(alternative)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _list(sentences: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + "</ul>"
