/* Tables that a run made: sorted by a click on the head of a column, and saved as CSV.

   book/extensions/made_tables.py writes them, each with its name. A classic script, since browsers refuse modules from file://. */
"use strict";
(function () {
  const WORDS = new Intl.Collator("en", { numeric: true });
  // What a cell starts with, such as the -0.034 of "-0.034 (-0.088 to 0.026)"; "10-29" and dates are words.
  const NUMBER = /^[-+\u2212]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?(?=$|[\s%,;)])/i;
  // How a click sorts a column that is sorted so; after the last the rows stand as they were made.
  const NEXT = { unsorted: "ascending", ascending: "descending", descending: "unsorted" };

  /* The cells at every place of some rows: one that spans several places stands in each. */
  function grid(rows) {
    const places = rows.map(() => []);
    rows.forEach((row, r) => {
      let c = 0;
      for (const cell of row.cells) {
        while (places[r][c]) c++;
        for (let y = r; y < Math.min(r + cell.rowSpan, rows.length); y++) {
          for (let x = c; x < c + cell.colSpan; x++) places[y][x] = cell;
        }
      }
    });
    return places;
  }

  function number(text) {
    const found = NUMBER.exec(text.trim());
    return found ? Number(found[0].replaceAll(",", "").replace("\u2212", "-")) : NaN;
  }

  /* A function that compares two cells of a column: by number if half of what is there are numbers, else as words.
     What is no number follows the numbers and the empty cells come last, whichever way the column is sorted. */
  function comparison(texts, sign) {
    const filled = texts.filter((text) => text.trim());
    const numeric = 2 * filled.filter((text) => !isNaN(number(text))).length >= filled.length;
    const rank = (text) => (!text.trim() ? 2 : numeric && isNaN(number(text)) ? 1 : 0);
    return (a, b) => {
      if (rank(a) !== rank(b)) return rank(a) - rank(b);
      return sign * (numeric && rank(a) === 0 ? number(a) - number(b) : WORDS.compare(a, b));
    };
  }

  /* Rows that can stand anywhere: a label that spans several rows is repeated in each. */
  function alone(rows) {
    if (!rows.some((row) => [...row.cells].some((cell) => cell.rowSpan > 1))) return rows;
    return grid(rows).map((cells, r) => {
      const row = rows[r].cloneNode(false);
      row.append(...cells.map((cell) => cell.cloneNode(true)));
      for (const cell of row.cells) cell.removeAttribute("rowspan");
      return row;
    });
  }

  function makeSortable(table) {
    const head = grid([...table.tHead.rows]), body = table.tBodies[0];
    const made = [...body.rows], free = alone(made);
    const texts = grid(free).map((cells) => cells.map((cell) => cell.textContent));
    for (let c = 0; c < texts[0].length; c++) {
      // The lowest head that is this column's own; further up stand those of several columns.
      const own = head.map((cells) => cells[c]).filter((cell) => cell?.tagName === "TH" && cell.colSpan === 1).pop();
      if (!own) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...own.childNodes);
      if (own.hasAttribute("aria-label")) button.setAttribute("aria-label", own.getAttribute("aria-label"));
      own.append(button);
      button.addEventListener("click", () => {
        const direction = NEXT[own.getAttribute("aria-sort") ?? "unsorted"];
        for (const cell of table.tHead.querySelectorAll("[aria-sort]")) cell.removeAttribute("aria-sort");
        if (direction === "unsorted") {
          body.replaceChildren(...made);
          return;
        }
        own.setAttribute("aria-sort", direction);
        const compare = comparison(texts.map((row) => row[c]), direction === "ascending" ? 1 : -1);
        const order = [...texts.keys()].sort((a, b) => compare(texts[a][c], texts[b][c]));
        body.replaceChildren(...order.map((r) => free[r]));
      });
    }
  }

  /* The table as it now stands, heads included, after RFC 4180. */
  function csv(table) {
    const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const parts = [table.tHead, ...table.tBodies].filter(Boolean);
    const rows = parts.flatMap((part) => grid([...part.rows]));
    return rows.map((cells) => cells.map((cell) => quoted(cell.textContent)).join(",") + "\r\n").join("");
  }

  function save(table) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv(table)], { type: "text/csv;charset=utf-8" }));
    link.download = table.dataset.csv;
    link.click();
    // The browser reads the link after the click.
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  for (const frame of document.querySelectorAll(".made-table")) {
    const box = frame.querySelector(".made-table-box"), table = box.querySelector("table");
    // Without a word in its head a table is a list of facts, which has one order.
    if (table.tHead?.textContent.trim() && table.tBodies[0]?.rows.length) makeSortable(table);
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Download CSV";
    button.setAttribute("aria-label", `Download CSV of ${table.getAttribute("aria-label")}`);
    button.addEventListener("click", () => save(table));
    frame.querySelector(".made-table-foot").prepend(button);
    // A table that fits keeps its heads in sight while the page scrolls; a wide one scrolls in its box.
    new ResizeObserver(() => {
      box.dataset.wide = table.offsetWidth > box.offsetWidth;
    }).observe(box);
  }

  // What is folded is printed all the same.
  addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll(".folded-table")) folded.open = true;
  });
})();
