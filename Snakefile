# Features -> records of rows -> executed notebooks -> book, over all cores:
# `make book` (`make book CORES=4` takes four), or by hand: snakemake --cores all --config tier=quick
#
# A batch of rows is named by the keys of its records, so that it is computed again when what decides them has changed;
# each command computes what is missing or stale, and files are written whole or not at all. A page is made again when
# its key has changed. Target `records` computes the records of a tier. Pages of tier full show those under results.
import hashlib
import os
import sys
from pathlib import Path

from melib.study import records
from melib.study.pages import ONE_THREAD, load_runs, page_key
from melib.study.settings import tier_sizes

ROOT = Path(workflow.basedir)
TIER = config.get("tier", "quick")
tier_sizes(TIER)
RUNS = load_runs(ROOT)
LABS = sorted(path.stem for path in ROOT.joinpath("labs").glob("*.md"))
GIVEN_OUT = expand("labs/student/{name}.ipynb", name=LABS) + expand("labs/slides/{name}.html", name=LABS)
JUPYTER_BOOK = Path(sys.executable).with_name("jupyter-book")
# Jobs inherit the environment: one thread each, however Snakemake was started.
os.environ.update(ONE_THREAD)


# A job has all rows of a seed and as many processes as there are cores. `--config batch=1` makes one of each row, with one
# thread, as a cluster may want them; `threads=8` says how many cores one node has, which Snakemake cannot know there.
SIZE = {"size": int(config["batch"])} if "batch" in config else {}
THREADS = int(config["threads"]) if "threads" in config else workflow.cores
BATCHES = records.batches(TIER, **SIZE)


def asked(wildcards):
    """What names the rows of a batch on the command line."""
    seed, rows = BATCHES[wildcards.batch]
    homes = dict.fromkeys(row.home for row in rows)
    return " ".join([*homes, "--seed", str(seed), *(f"--row {row.name}" for row in rows)])


wildcard_constraints:
    batch="|".join(BATCHES),


rule book:
    input:
        pages=expand("book/runs/{id}.ipynb", id=RUNS),
        prose=sorted(str(path) for path in Path("book").rglob("*.*") if path.is_file() and "runs" not in path.parts),
        labs=GIVEN_OUT,
        settings=["_config.yml", "_toc.yml"],
    output:
        "_build/html/index.html",
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
    shell:
        "{sys.executable:q} tools/make_labs.py"


rule records:
    input:
        expand(f".cache/done/{TIER}/{{batch}}", batch=BATCHES),


# All that rows read, by as many processes as there are cores; the stores know what they hold.
rule features:
    output:
        touch(f".cache/done/{TIER}/features-{hashlib.sha256(''.join(sorted(BATCHES)).encode()).hexdigest()[:12]}"),
    threads: THREADS
    priority: 50  # it waits for all cores, and everything waits for it
    shell:
        "{sys.executable:q} -m melib rows all --tier {TIER} --features --jobs {threads}"


rule record:
    input:
        rules.features.output,
    output:
        touch(f".cache/done/{TIER}/{{batch}}"),
    params:
        asked=asked,
    threads: 1 if SIZE else THREADS
    shell:
        "{sys.executable:q} -m melib rows {params.asked} --tier {TIER} --jobs {threads}"


# All pages by as many processes as there are cores; a page whose key has not changed is taken as it was kept.
rule pages:
    input:
        notebooks=[run.notebook for run in RUNS.values()],
        # Pages of tier full show the records kept with the book.
        records=[] if TIER == "full" else rules.records.input,
    output:
        expand("book/runs/{id}.ipynb", id=RUNS),
    params:
        decided_by=lambda wildcards: [page_key(run, TIER, ROOT) for run in RUNS.values()],
    threads: THREADS
    shell:
        "{sys.executable:q} -m melib run all --tier {TIER} --jobs {threads}"
