"""No typed number: a result in the prose comes from a record or a computation, never from fingers.

    python tools/check_prose.py

Read are README.md, the chapters under ``book``, and the notebooks and labs: their text, the captions and alt texts of
their figures, and the sentences in their code. A number typed there goes stale without a sound. What looks like a
result is an error: a decimal number, a percentage, a large number, a ratio or a range, a number behind the name of a
metric, a count of hits or misses, a cell of a table that holds a number and nothing else.

Left out is what a program writes between its marks, and what states no result: code, the names in roles and links,
numbered formulas' labels, and exercises with their solutions, whose numbers are given or worked out there. Anything
else that must be typed, such as a definition, a setting or a quotation, stands in ``tools/prose_numbers.yml`` with its
reason: page, text, why. An entry there that no page needs is an error, too.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from melib.errors import in_one_line

ALLOWED = Path("tools", "prose_numbers.yml")
PAGES = ("README.md", "book/*.md", "book/api/*.md", "notebooks/*.md", "labs/*.md")
#: Allowed on every page.
EVERYWHERE = "every page"

_NUMBER = r"[-+\u2212]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)"
_METRIC = r"(?:F1(?:-score)?|UF1|UAR|STRS|AUC|IoU|AP|accuracy|precision|recall|correlation)"
_COUNTED = r"(?:true |false )?(?:positives?|negatives?|alarms?|hits?|misses|marks|(?:micro-)?expressions?)"
_BETWEEN = r"(?:\s+(?:of|is|was|at|from|reaches|about|only|score))*[\s:=]*"
#: What a result looks like, by what it is called in a message. A metric of 0 or 1, a range from 0 to 1 and a ratio to 0
#: follow from definitions.
LOOKS = {
    "decimal": re.compile(r"(?<![\w.])\d*\.\d+(?!\w|\.\d)"),
    "percentage": re.compile(rf"(?<!\w){_NUMBER}\s?(?:%|per ?cent\b)"),
    "large number": re.compile(r"(?<![\w,.])\d{1,3}(?:,\d{3})+(?!\w)"),
    "ratio": re.compile(r"(?<![\w.])\d+(?:(?: out)? of (?:the |all |its )?|\s?/\s?)(?!0\b)\d+(?!\w)"),
    "range": re.compile(rf"(?<![\w.])(?<!exercises )(?!0 to 1\b){_NUMBER} to {_NUMBER}(?!\w)"),
    "metric": re.compile(rf"\b{_METRIC}\b{_BETWEEN}(?![01]\b){_NUMBER}(?!\w)"),
    "count": re.compile(rf"(?<![\w.]){_NUMBER} (?:\w+ )?{_COUNTED}\b"),
    "cell": re.compile(rf"(?:(?<=\|)|^\s*(?:\*\s+)?-)\s*{_NUMBER}\s*(?=\||$)", re.MULTILINE),
}

#: Directives whose body is prose; the body of any other is code, data or the name of a file.
_PROSE = set("admonition caution glossary important list-table margin note seealso tip warning".split())
_FENCE = re.compile(r"^(?P<mark>`{3,}|~{3,}|:{3,})(?:\{(?P<name>[\w:-]+)\}|(?P<language>[\w-]*))(?P<rest>.*)$")
_OPTION = re.compile(r"^\s*:[\w-]+:( |$)")
_SILENT = re.compile(
    r"<!-- (?P<made>[\w ]+): written by tools/\w+\.py -->.*?<!-- end of (?P=made) -->"  # what a program puts there
    r"|<!--.*?-->"  # comments
    r"|(?:\{[\w:-]+\})?(?P<tick>`+)(?!`).+?(?<!`)(?P=tick)(?!`)"  # roles and code
    r"|\]\([^)]*\)|<[^<>]+>|https?://\S+",  # targets of links, HTML
    re.DOTALL,
)


def prose(source: str) -> str:
    """The prose of a page, line for line where it stands in the source; all else is blank."""
    lines = source.splitlines()
    kept = [""] * len(lines)
    number = lines.index("---", 1) + 1 if lines[:1] == ["---"] else 0  # behind the front matter of a notebook
    blocks: list[tuple[str, bool]] = []  # the closing mark of each open block, and whether its body is prose
    while number < len(lines):
        line = lines[number]
        fence = _FENCE.match(line)
        if fence and blocks and fence["mark"] == blocks[-1][0] and not (fence["name"] or line.strip(fence["mark"][0])):
            blocks.pop()
        elif fence and all(read for _, read in blocks):
            name = fence["name"] or fence["language"]
            if name == "code-cell":
                end = next(n for n in range(number + 1, len(lines)) if lines[n].strip() == fence["mark"])
                for at, text in _sentences(lines[number + 1 : end]):
                    kept[number + 1 + at] += text.replace("\n", " ") + " "
                number = end
            else:
                blocks.append((fence["mark"], name in _PROSE))
                kept[number] = fence["rest"] if name in _PROSE else ""
        elif all(read for _, read in blocks) and not _OPTION.match(line):
            kept[number] = line
        number += 1
    text = "\n".join(kept)
    return _SILENT.sub(lambda found: "`" + "\n" * found[0].count("\n") + "`", text)


def _sentences(cell: list[str]) -> Iterator[tuple[int, str]]:
    """Captions, alt texts and strings with words in them of a code cell, each with the line that it starts in."""
    start = 0
    if cell and cell[0] == "---":
        start = cell.index("---", 1) + 1
        settings = yaml.safe_load("\n".join(cell[1 : start - 1])).get("mystnb", {})
        said = settings.get("figure", {}).get("caption"), settings.get("image", {}).get("alt")
        yield from ((0, text) for text in said if text)
    tree = ast.parse("\n".join("" if line.startswith(":") else line for line in cell[start:]))
    # What a failed check says is about the reader's own code.
    checks = {part for node in ast.walk(tree) if isinstance(node, ast.Assert) for part in ast.walk(node)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and node not in checks else None
        if isinstance(text, str) and re.search(r"[a-z] [a-z]", text):
            yield start + node.lineno - 1, text


def typed_numbers(source: str, allowed: Mapping[str, str] = {}) -> tuple[list[str], set[str]]:
    """What looks like a result in a page of MyST Markdown, a line each, and the texts of ``allowed`` that were needed.

    ``allowed`` maps texts in which a number may stand, where white space counts as one space, to the reason.
    """
    text, found, used, told = prose(source), [], set(), set()
    looked_for = {words: r"\s+".join(map(re.escape, words.split())) for words in allowed}
    spans = [(words, *hit.span()) for words, pattern in looked_for.items() for hit in re.finditer(pattern, text)]
    for kind, pattern in LOOKS.items():
        for hit in pattern.finditer(text):
            around = {words for words, start, end in spans if start <= hit.start() and hit.end() <= end}
            used |= around
            if not around and not told & set(range(*hit.span())):
                told |= set(range(*hit.span()))
                line = text.count("\n", 0, hit.start()) + 1
                found.append(f"{line}: {kind} {' '.join(hit[0].split())!r}")
    return sorted(found, key=lambda one: int(one.partition(":")[0])), used


def faults(root: Path, allowed: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Typed numbers in the pages of a checkout, and entries of the list that none of them needs, a line each."""
    pages = {path.relative_to(root).as_posix(): path for pattern in PAGES for path in sorted(root.glob(pattern))}
    found = [f"{ALLOWED}: there is no page {name}" for name in allowed if name not in pages and name != EVERYWHERE]
    idle = {(name, text) for name, texts in allowed.items() for text in texts}
    common = allowed.get(EVERYWHERE, {})
    for name, path in pages.items():
        numbers, used = typed_numbers(path.read_text(encoding="utf-8"), {**common, **allowed.get(name, {})})
        found += [f"{name}:{number}" for number in numbers]
        idle -= {(part, text) for part in (name, EVERYWHERE) for text in used}
    return found + [f"{ALLOWED}: {name} does not need {text!r}" for name, text in sorted(idle)]


def main() -> int:
    """Print the faults; 1 if there is any."""
    if not ALLOWED.is_file():
        raise FileNotFoundError(f"no {ALLOWED}: start from the root of the checkout")
    if found := faults(Path.cwd(), yaml.safe_load(ALLOWED.read_text(encoding="utf-8"))):
        mend = f"Let a record or a cell say it, or allow it with a reason in {ALLOWED}."
        print(*found, mend, sep="\n", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(in_one_line("tools/check_prose.py", main))
