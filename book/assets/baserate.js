// What is a mark of a published spotter worth? Controls above the table of ethics.html, which holds the counts.
// A plain script without imports, so that it also runs where the page is opened as a file.
(function () {
  "use strict";

  const MARKS = 1000;
  const place = document.getElementById("base-rate");
  const rows = [...document.querySelectorAll("#base-rate-table tbody tr")];
  if (!place || rows.length === 0) return;

  const systems = rows.map((row) => ({
    name: row.querySelector("th").textContent,
    tp: Number(row.dataset.tp),
    fp: Number(row.dataset.fp),
  }));

  // As in tests/book/test_base_rate.py, which compares the two.
  function shares(system, common, liars, ratio) {
    const right = (common * system.tp) / (common * system.tp + system.fp);
    const shownByLiars = (liars * ratio) / (liars * ratio + 1 - liars);
    return {
      rightLying: right * shownByLiars,
      rightHonest: right * (1 - shownByLiars),
      falseLying: (1 - right) * liars,
      falseHonest: (1 - right) * (1 - liars),
    };
  }

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function slider(id, text, least, most, value, show) {
    const input = element("input", { type: "range", id, min: least, max: most, value, step: 1 });
    const output = element("output", { for: id });
    return { input, output, show, row: element("p", {}, element("label", { for: id }, text), input, output) };
  }

  const select = element("select", { id: "base-rate-system" });
  systems.forEach((system, index) => select.append(element("option", { value: index }, system.name)));
  const percents = (value) => `${value}%`;
  const common = slider("base-rate-common", "Micro-expressions, compared with the dataset", 1, 200, 100, percents);
  const liars = slider("base-rate-liars", "People who lie", 1, 99, 5, percents);
  const ratio = slider("base-rate-ratio", "Micro-expressions of a liar, for one of anybody else", 1, 20, 3, String);

  const KINDS = [
    ["rightLying", "a micro-expression, of somebody who lies"],
    ["rightHonest", "a micro-expression, of somebody who does not lie"],
    ["falseLying", "nothing there; the person lies"],
    ["falseHonest", "nothing there; the person does not lie"],
  ];
  const body = element("tbody", {});
  const bars = KINDS.map(([kind, text]) => {
    const bar = element("span", { class: `base-rate-bar base-rate-${kind}`, "aria-hidden": "true" });
    const count = element("td", { "data-kind": kind });
    body.append(element("tr", {}, element("th", { scope: "row" }, text), count, element("td", {}, bar)));
    return { kind, bar, count };
  });
  const said = element("p", { role: "status", id: "base-rate-said" });

  function update() {
    for (const one of [common, liars, ratio]) one.output.textContent = one.show(one.input.value);
    const prior = Number(liars.input.value) / 100;
    const result = shares(systems[select.value], Number(common.input.value) / 100, prior, Number(ratio.input.value));
    for (const { kind, bar, count } of bars) {
      count.textContent = Math.round(MARKS * result[kind]);
      bar.style.width = `${100 * result[kind]}%`;
    }
    const percent = (share) => `${(100 * share).toFixed(1)}%`;
    const right = result.rightLying + result.rightHonest;
    const lying = result.rightLying + result.falseLying;
    said.textContent =
      `${percent(right)} of the marks hold a micro-expression. ` +
      `A mark takes the chance that the person lies from ${percent(prior)} to ${percent(lying)}.`;
    Object.assign(said.dataset, { right, lying });
  }

  place.append(
    element(
      "fieldset",
      {},
      element("legend", {}, `What is a mark worth? ${MARKS} marks of a spotter, by what they are`),
      element("p", {}, element("label", { for: "base-rate-system" }, "Spotter and dataset"), select),
      common.row,
      liars.row,
      ratio.row,
      element("table", {}, body),
      said,
    ),
  );
  place.addEventListener("input", update);
  update();
})();
