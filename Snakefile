# Features -> records of rows -> executed notebooks -> book.
# `make book`, or by hand: snakemake --cores 2 --config tier=quick
#
# Snakemake alone decides what must run: a page is made again when its key (computing modules, notebook, parameters,
# tier) has changed or one of those files is newer. A file that was only touched costs a comparison of keys.
# Features and records are files that are written whole or not at all, and each command computes what is missing or
# stale; the stamps below .cache/done say that nothing is.
#
# Target `records` computes all records of a tier. Pages of the full tier show the records under results/full, which are
# kept with the book, and compute none.
import os
import sys
from pathlib import Path

from melib.engine.execute import ONE_THREAD
from melib.engine.jobs import batches_of, experiments_of, jobs_of
from melib.engine.runs import PUBLISHED_TIER, check_tier, effective_parameters, load_runs, read_source, run_key
from melib.provenance import computing_files

ROOT = Path(workflow.basedir)
TIER = config.get("tier", "quick")
check_tier(TIER)
RUNS = load_runs(ROOT / "runs.yml")
EXPERIMENTS = {id: experiments_of(run, ROOT) for id, run in RUNS.items()}
JOBS = jobs_of([experiment for each in EXPERIMENTS.values() for experiment in each], TIER)
# Rows that one process computes; `--config batch=1` gives each its own, as a cluster may want them.
BATCH = int(config.get("batch", 20))
BATCHES = batches_of(JOBS, TIER, size=BATCH)


def features_with(job):
    """Whose features are made by one job with those that this one reads: all of its chain, or no others."""
    return job.row.feature_key(TIER) if BATCH == 1 else job.row.chain.name


# Name of a job that makes features -> a job for each feature key, that reads them.
READS = {}
for job in JOBS.values():
    READS.setdefault(features_with(job), {}).setdefault(job.row.feature_key(TIER), job)
CODE = [str(path) for path in computing_files()]
# What students and teachers get of each lab.
LABS = sorted(path.stem for path in ROOT.joinpath("labs").glob("*.md"))
GIVEN_OUT = expand("labs/student/{name}.ipynb", name=LABS) + expand("labs/slides/{name}.html", name=LABS)
JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")

# Jobs inherit the environment: one thread each, however Snakemake was started.
os.environ.update(ONE_THREAD)


def features_of(run):
    """The feature stamp of a run that trains on the benchmark; nothing for the others."""
    parameters = effective_parameters(run, TIER, read_source(run, ROOT))
    return [f".cache/features/{TIER}-{parameters['suite']}-{parameters['split']}.done"] if "split" in parameters else []


def records_of(run):
    """The stamps of the records that a run shows; nothing for a run without an experiment, or with published records."""
    if TIER == PUBLISHED_TIER:
        return []
    shown = jobs_of(EXPERIMENTS[run.id], TIER)
    return [
        f".cache/done/{TIER}/{name}" for name, batch in BATCHES.items() if any(job.name in shown for job in batch)
    ]


def experiments_in(jobs):
    """The experiments of some jobs, as words of a command."""
    return " ".join(dict.fromkeys(job.experiment.name for job in jobs))


def rows_in(jobs):
    """The rows of some jobs, as words of a command."""
    return " ".join(f"--row {job.row.name}" for job in jobs)


wildcard_constraints:
    batch="[a-z_]+/[0-9a-f]{12}[.][0-9]+[.][0-9]+",
    id="|".join(RUNS),
    made="[a-z_]+|[0-9a-f]{12}",
    suite="[a-z_]+",
    split="fresh|loso",


rule book:
    input:
        pages=expand("book/runs/{id}.ipynb", id=RUNS),
        prose=sorted(
            str(path)
            for path in ROOT.joinpath("book").rglob("*.*")
            if path.is_file() and not {"runs", "__pycache__"} & set(path.relative_to(ROOT / "book").parts)
        ),
        labs=GIVEN_OUT,
        settings=["_config.yml", "_toc.yml"],
    output:
        "_build/html/index.html",
    threads: 1
    shell:
        # --all: Sphinx remembers pages it has read, and on a second build their warnings would stay unsaid.
        "{sys.executable:q} tools/check_pages.py {TIER} && "
        "{JUPYTER_BOOK:q} build . -n -W --keep-going --all --quiet"


rule labs:
    input:
        expand("labs/{name}.md", name=LABS),
        "labs/start.py",
        "tools/make_labs.py",
    output:
        GIVEN_OUT,
    threads: 1
    shell:
        "{sys.executable:q} tools/make_labs.py"


# The store itself holds a file per video and knows which are missing; the stamp says that none is.
rule features:
    input:
        code=CODE,
    output:
        touch(f".cache/features/{TIER}-{{suite}}-{{split}}.done"),
    threads: 2
    priority: 50  # before two records, so that these never wait for features
    shell:
        "{sys.executable:q} -m melib features --suite {wildcards.suite} --split {wildcards.split} --tier {TIER} "
        "--store .cache/features --jobs {threads}"


rule records:
    input:
        [f".cache/done/{TIER}/{name}" for name in BATCHES],


# Two processes share the pairs of one set of features; sets come one after the other.
rule row_features:
    input:
        code=CODE,
    output:
        touch(f".cache/done/{TIER}/features/{{made}}"),
    params:
        experiments=lambda wildcards: experiments_in(READS[wildcards.made].values()),
        rows=lambda wildcards: rows_in(READS[wildcards.made].values()),
    threads: 2
    priority: 50  # before two records, so that these never wait for features
    shell:
        "{sys.executable:q} -m melib record {params.experiments} {params.rows} --tier {TIER} "
        "--features --store .cache/features --jobs {threads}"


rule record:
    input:
        features=lambda wildcards: f".cache/done/{TIER}/features/{features_with(BATCHES[wildcards.batch][0])}",
        code=CODE,
    output:
        touch(f".cache/done/{TIER}/{{batch}}"),
    params:
        experiments=lambda wildcards: experiments_in(BATCHES[wildcards.batch]),
        rows=lambda wildcards: rows_in(BATCHES[wildcards.batch]),
        seed=lambda wildcards: BATCHES[wildcards.batch][0].seed,
    threads: 1
    priority: 10  # pages are short and fill both processes to the end
    shell:
        "{sys.executable:q} -m melib record {params.experiments} {params.rows} --seed {params.seed} --tier {TIER} "
        "--folder .cache/records --store .cache/features"


rule page:
    input:
        records=lambda wildcards: records_of(RUNS[wildcards.id]),
        features=lambda wildcards: features_of(RUNS[wildcards.id]),
        notebook=lambda wildcards: RUNS[wildcards.id].notebook,
        code=CODE,
    output:
        "book/runs/{id}.ipynb",
    params:
        key=lambda wildcards: run_key(RUNS[wildcards.id], TIER, ROOT),
    threads: 1
    shell:
        "{sys.executable:q} -m melib run {wildcards.id} --tier {TIER}"
