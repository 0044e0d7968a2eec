"""The tables, code and commands of the chapter on others' tables do what it says."""

import re
import shlex
from pathlib import Path

from melib.__main__ import main

PAGE = Path(__file__).parents[2] / "book" / "field_tables.md"
#: True positives, false positives and false negatives of each table.
COUNTS = {"renamed": ["2", "1", "1"], **dict.fromkeys(("boosting", "lgsnet", "auw_gcn"), ["2", "0", "1"])}


def test_each_table_is_brought_to_the_score_it_should_have(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```\{code-block\} (\w+)\n(?::caption: (\S+)\n)?(.*?)^```$", PAGE.read_text(), re.M | re.S)
    scored = {}
    for kind, name, content in blocks:
        if name:
            Path(name).write_text(content)
        elif kind == "python":
            exec(content, {})
        else:
            arguments = shlex.split(content.replace("\\\n", " "))[3:]
            assert main(arguments) == 0
            said = capsys.readouterr().out
            counts = re.findall(r"^  (?:true positives|false positives|false negatives) +(\d+)", said, re.MULTILINE)
            scored[Path(arguments[1]).stem] = counts
            assert ("undefined" in said) == (Path(arguments[1]).stem != "boosting")
    assert scored == COUNTS
