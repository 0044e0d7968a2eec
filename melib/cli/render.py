"""``melib render SUITE``: the benchmark as files."""

import sys

from melib.synthetic import dataset, export


def render(options) -> int:
    """Write what is missing, and say where it is explained."""
    size = {"subjects": options.people, "videos": options.videos, "frames": options.frames}
    rendered = dataset.open_benchmark(options.suite, **size, population=options.population, view="full")
    export.write_benchmark(rendered, options.out, options.format, jobs=options.jobs, progress=sys.stderr.isatty())
    print(f"{len(rendered.videos)} videos written; read {options.out / 'README.md'}")
    return 0
