"""``melib render SUITE``: the benchmark as files."""

import sys

from melib.synthetic.dataset import open_benchmark
from melib.synthetic.export import write_benchmark


def render(options) -> int:
    """Write what is missing, and say where it is explained."""
    size = {"subjects": options.people, "videos": options.videos, "frames": options.frames}
    dataset = open_benchmark(options.suite, **size, population=options.population, view="full")
    how = {"image_format": options.format, "jobs": options.jobs, "progress": sys.stderr.isatty()}
    write_benchmark(dataset, options.out, **how)
    print(f"{len(dataset.videos)} videos written; read {options.out / 'README.md'}")
    return 0
