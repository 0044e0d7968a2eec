# Features -> executed notebooks -> book.  `make book`, or by hand: snakemake --cores 2 --config tier=quick
#
# Snakemake alone decides what must run: a page is made again when its key (computing modules, notebook, parameters,
# tier) has changed or one of those files is newer. A file that was only touched costs a comparison of keys.
import os
import sys
from pathlib import Path

from melib.engine.execute import ONE_THREAD
from melib.engine.runs import check_tier, effective_parameters, load_runs, read_source, run_key
from melib.provenance import computing_files

ROOT = Path(workflow.basedir)
TIER = config.get("tier", "quick")
check_tier(TIER)
RUNS = load_runs(ROOT / "runs.yml")
JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")

# Jobs inherit the environment: one thread each, however Snakemake was started.
os.environ.update(ONE_THREAD)


def features_of(run):
    """The feature stamp of a run that trains on the benchmark; nothing for the others."""
    parameters = effective_parameters(run, TIER, read_source(run, ROOT))
    return [f".cache/features/{TIER}-{parameters['suite']}-{parameters['split']}.done"] if "split" in parameters else []


wildcard_constraints:
    id="|".join(RUNS),
    suite="[a-z_]+",
    split="fresh|loso",


rule book:
    input:
        pages=expand("book/runs/{id}.ipynb", id=RUNS),
        prose=sorted(str(path) for path in ROOT.joinpath("book").glob("*.*")),
        assets=sorted(str(path) for path in ROOT.joinpath("book/assets").rglob("*") if path.is_file()),
        settings=["_config.yml", "_toc.yml"],
    output:
        "_build/html/index.html",
    threads: 1
    shell:
        # --all: Sphinx remembers pages it has read, and on a second build their warnings would stay unsaid.
        "{sys.executable} tools/check_pages.py {TIER} && "
        "{JUPYTER_BOOK} build . -n -W --keep-going --all --quiet"


# The store itself holds a file per video and knows which are missing; the stamp says that none is.
rule features:
    input:
        code=[str(path) for path in computing_files()],
    output:
        touch(f".cache/features/{TIER}-{{suite}}-{{split}}.done"),
    threads: 2
    shell:
        "{sys.executable} -m melib features --suite {wildcards.suite} --split {wildcards.split} --tier {TIER} "
        "--store .cache/features --jobs {threads}"


rule page:
    input:
        features=lambda wildcards: features_of(RUNS[wildcards.id]),
        notebook=lambda wildcards: RUNS[wildcards.id].notebook,
        code=[str(path) for path in computing_files()],
    output:
        "book/runs/{id}.ipynb",
    params:
        key=lambda wildcards: run_key(RUNS[wildcards.id], TIER, ROOT),
    threads: 1
    shell:
        "{sys.executable} -m melib run {wildcards.id} --tier {TIER}"
