"""Make the README's picture: micro-expressions from onset to apex to offset, with depth and motion.

    python tools/make_picture.py

Writes book/assets/filmstrip.png from the first test subjects of the suite `default`; the same bits on the same machine.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "notebooks"))

from card import filmstrip, micro_events

from melib.files import whole
from melib.synthetic.dataset import open_benchmark

TARGET = Path(__file__).parents[1] / "book" / "assets" / "filmstrip.png"


def main() -> None:
    people = open_benchmark("default", population="test", subjects=4, videos=1, frames=300)
    # One expression of each person who has one: faces, not one face, are what a reader should see.
    chosen = list({event[0].subject: event for event in reversed(micro_events(people))}.values())[::-1][:3]
    with whole(TARGET) as part:
        filmstrip(chosen).savefig(part, dpi=110, format="png", metadata={"Software": None})
    print(f"{TARGET.name}: {TARGET.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
