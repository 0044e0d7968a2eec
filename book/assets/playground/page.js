/* The page of the playground: puzzles, controls, the panel of the chosen interval, and the table of scores. */
"use strict";
(function (playground) {
  const { element, metrics } = playground;
  const ROWS = [
    ["tp", "True positives"],
    ["fp", "False positives"],
    ["fn", "False negatives"],
    ["f1_spotting", "F1 of spotting"],
    ["f1_analysis", "F1 of analysis"],
    ["strs", "STRS"],
    ["uf1_analysis", "UF1 of analysis"],
    ["f1_named", "F1 of named intervals"],
  ];
  const METHODS = { studentised: "studentised", percentile: "percentiles" };
  const SAY_AFTER = 500;  // milliseconds without a change before the numbers are read out

  const count = (key, value) => (["tp", "fp", "fn"].includes(key) ? String(value) : value.toFixed(3));

  function stateOf(entry) {
    const state = structuredClone(entry.state);
    state.truth.forEach((row, k) => Object.assign(row, { id: `t${k}`, side: "truth" }));
    state.predictions.forEach((row, k) => Object.assign(row, { id: `p${k}`, side: "predictions" }));
    return { method: "studentised", ...state, excluded: new Set(), next: state.predictions.length };
  }

  /* Everything that follows from a state, people who are left out aside. */
  function judge(state) {
    const kept = (row) => !state.excluded.has(row.subject);
    const part = {
      ...state,
      subjects: state.subjects.filter((subject) => !state.excluded.has(subject)),
      truth: state.truth.filter(kept),
      predictions: state.predictions.filter(kept),
    };
    const { counts, pairs, scores } = metrics.evaluate(part);
    const pairOf = new Map();
    for (const pair of pairs) {
      const both = { truth: part.truth[pair.truth], prediction: part.predictions[pair.prediction], iou: pair.iou };
      pairOf.set(both.truth.id, both);
      pairOf.set(both.prediction.id, both);
    }
    const limits = playground.bootstrap(counts, state.emotions.length, state.protocol);
    return {
      scores, limits, pairOf, subjects: part.subjects.length, threshold: state.threshold,
      truth: structuredClone(part.truth), predictions: structuredClone(state.predictions),
      excluded: new Set(state.excluded),
    };
  }

  function start(box) {
    let state, puzzle, begun, chosen = null, waiting = false, saying = 0;
    const solved = new Set();
    const live = element("p", { class: "pg-live", role: "status", "aria-live": "polite" });
    const summary = element("p", { class: "pg-summary", "aria-hidden": "true" });
    const verdict = element("p", { class: "pg-verdict", role: "status", "aria-live": "polite" });
    const task = element("div", { class: "pg-task" });
    const notes = element("p", { class: "pg-notes" });
    const tracks = element("div", { class: "pg-tracks" });
    const panel = element("div", { class: "pg-panel", role: "group", "aria-label": "Chosen interval" });
    const timeline = new playground.Timeline(tracks, {
      state: () => state,
      editable: (row) => row.side === "predictions" || puzzle === null,
      select,
      changed,
    });

    const choices = [null, ...playground.puzzles].map((one, k) => element("button", {
      type: "button", "data-puzzle": one ? one.id : "free", onclick: () => load(one),
    }, one ? `${k}. ${one.title}` : "Free play"));

    const threshold = element("input", {
      type: "range", id: "pg-threshold", min: "0.05", max: "0.95", step: "0.05",
      oninput: () => { state.threshold = Number(threshold.value); changed(); },
    });
    const thresholdText = element("output", { for: "pg-threshold" });
    const rule = element("select", { id: "pg-rule", onchange: () => { state.protocol = rule.value; changed(); } },
      element("option", { value: "strict" }, "strict: one-to-one"),
      element("option", { value: "mean" }, "MEAN's evaluator: best IoU"));
    const method = element("select", { id: "pg-method", onchange: () => { state.method = method.value; changed(); } },
      ...Object.entries(METHODS).map(([value, words]) => element("option", { value }, words)));
    const controls = element("div", { class: "pg-controls" },
      element("label", { for: "pg-threshold" }, "IoU threshold ", threshold, thresholdText),
      element("label", { for: "pg-rule" }, "Rule ", rule),
      element("label", { for: "pg-method" }, "Interval ", method));

    const cells = new Map();
    const body = element("tbody", {}, ...ROWS.map(([key, words]) => {
      const row = { was: element("td"), is: element("td", { "data-score": key }), limits: element("td", { "data-limits": key }) };
      cells.set(key, row);
      return element("tr", { class: key === "strs" ? "pg-main" : null }, element("th", { scope: "row" }, words),
        row.was, row.is, row.limits);
    }));
    const head = ["Score", "Start", "Now", "95 % over people"].map((words) => element("th", { scope: "col" }, words));
    const table = element("table", { class: "pg-scores" }, element("thead", {}, element("tr", {}, ...head)), body);

    box.replaceChildren(
      element("div", { class: "pg-choices", role: "group", "aria-label": "Free play and puzzles" }, ...choices),
      task, controls, element("div", {}, tracks, panel, summary), table, notes, live);

    function load(one) {
      puzzle = one;
      state = stateOf(playground.cases[one ? one.id : "free"].start);
      chosen = null;
      begun = judge(state);
      threshold.value = state.threshold;
      rule.value = state.protocol;
      method.value = state.method;
      threshold.disabled = rule.disabled = one !== null;
      const words = one
        ? [element("p", { class: "pg-goal" }, element("strong", {}, `${one.title}. `), one.goal), verdict,
          element("details", {}, element("summary", {}, "Hint"), element("p", {}, one.hint))]
        : [element("p", {}, "Change what you like: predictions, true intervals, threshold and rule.")];
      const reset = element("button", { type: "button", class: "pg-reset", onclick: () => load(puzzle) }, "Reset");
      task.replaceChildren(...words, reset);
      verdict.textContent = "";
      choices.forEach((button, k) => {
        button.setAttribute("aria-pressed", String(k === (one ? playground.puzzles.indexOf(one) + 1 : 0)));
      });
      timeline.build();
      changed();
    }

    function select(id) {
      chosen = id;
      const row = [...state.truth, ...state.predictions].find((one) => one.id === id);
      if (!row || !timeline.bars.has(id)) {
        panel.replaceChildren(element("p", {}, "Choose an interval to see its numbers here."));
        return;
      }
      const last = timeline.video(row).frames - 1, editable = timeline.owner.editable(row);
      const number = (name, words) => {
        const field = element("input", {
          type: "number", min: "0", max: String(last), step: "1", "data-field": name, disabled: !editable,
          onchange: () => {
            const wanted = Math.round(Number(field.value)) - row[name];
            timeline.shift(row, name === "onset" ? wanted : 0, name === "offset" ? wanted : 0);
            changed();
          },
        });
        return element("label", {}, `${words} `, field);
      };
      const emotion = element("select", {
        "data-field": "emotion", disabled: !editable,
        onchange: () => { timeline.rename(row, emotion.value); changed(); },
      }, ...state.emotions.map((name) => element("option", { value: name }, name)));
      const remove = element("button", {
        type: "button", "data-field": "remove", disabled: !editable,
        onclick: () => { timeline.remove(row); changed(); },
      }, "Remove");
      panel.replaceChildren(
        element("strong", {}, `${row.side === "truth" ? "True interval" : "Prediction"}: ${row.subject}, video ${row.video}`),
        number("onset", "Onset"), number("offset", "Offset"), element("label", {}, "Emotion ", emotion), remove);
      fill(row);
    }

    function fill(row) {
      for (const field of panel.querySelectorAll("[data-field]")) {
        if (field.dataset.field in row) field.value = row[field.dataset.field];
      }
    }

    /* Score and draw once per frame of the screen, however many events a drag sends. */
    function changed() {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; show(); });
    }

    function show() {
      const now = judge(state);
      timeline.update(now);
      thresholdText.textContent = state.threshold.toFixed(2);
      for (const button of tracks.querySelectorAll("[data-subject]")) {
        button.checked = !state.excluded.has(button.dataset.subject);
      }
      for (const [key] of ROWS) {
        const row = cells.get(key), value = now.scores[key];
        row.was.textContent = count(key, begun.scores[key]);
        const mark = value > begun.scores[key] + 1e-12 ? " ▲" : value < begun.scores[key] - 1e-12 ? " ▼" : "";
        row.is.textContent = count(key, value) + mark;
        row.is.dataset.value = value;
        if (playground.SHOWN.includes(key)) drawLimits(row.limits, value, now, key);
      }
      const row = [...state.truth, ...state.predictions].find((one) => one.id === chosen);
      if (row) fill(row); else select(null);
      const short = { tp: "TP", fp: "FP", fn: "FN", f1_spotting: "F1 spotting", f1_analysis: "F1 analysis", strs: "STRS" };
      summary.replaceChildren(...Object.entries(short).map(([key, words]) =>
        element("span", {}, `${words} `, element("strong", {}, count(key, now.scores[key])))));
      notes.textContent = remarks(now).join(" ");
      judgePuzzle(now);
      clearTimeout(saying);
      saying = setTimeout(() => { live.textContent = spoken(now); }, SAY_AFTER);
    }

    /* Limits as words and as a band from 0 to 1. One of no width tells that nothing can be said, so none is drawn. */
    function drawLimits(cell, value, now, key) {
      const limits = now.limits && now.limits[state.method][key];
      if (!limits || !(limits[1] > limits[0])) {
        cell.textContent = "none";
        delete cell.dataset.low;
        return;
      }
      const [low, high] = limits;
      const band = element("span", { class: "pg-band", "aria-hidden": "true" }, element("span"), element("i"));
      band.firstChild.style.left = `${100 * low}%`;
      band.firstChild.style.width = `${100 * (high - low)}%`;
      band.lastChild.style.left = `${100 * value}%`;
      cell.replaceChildren(`${low.toFixed(3)} to ${high.toFixed(3)}`, band);
      cell.dataset.low = low;
      cell.dataset.high = high;
    }

    function remarks(now) {
      const said = [];
      if (now.subjects < 30) said.push(`Few data: ${now.subjects} people. With so few, an interval can be narrower than it claims.`);
      if (state.method === "studentised" && now.subjects === 2) {
        said.push("Two people give no spread of a studentised interval: whoever is drawn twice cannot be left out.");
      }
      const names = state.predictions.map((p) => [p.subject, p.video, p.onset, p.offset, p.emotion].join());
      if (new Set(names).size < names.length) said.push("Two predictions are the same; melib.metrics refuses such a table.");
      return said;
    }

    function judgePuzzle(now) {
      if (puzzle === null) return;
      const done = puzzle.check({ start: begun, now });
      if (done) solved.add(puzzle.id);
      const words = done ? `Solved. ${puzzle.lesson}` : "Not solved yet.";
      if (verdict.textContent !== words) verdict.textContent = words;
      verdict.dataset.solved = String(done);
      choices.forEach((button, k) => {
        const one = playground.puzzles[k - 1];
        if (one) button.textContent = `${k}. ${one.title}${solved.has(one.id) ? " ✓" : ""}`;
      });
    }

    function spoken(now) {
      const { scores } = now, limits = now.limits && now.limits[state.method].strs;
      const range = limits && limits[1] > limits[0] ? `, 95 % from ${limits[0].toFixed(2)} to ${limits[1].toFixed(2)}` : "";
      return `${scores.tp} true positives, ${scores.fp} false positives, ${scores.fn} false negatives. `
        + `F1 of spotting ${scores.f1_spotting.toFixed(2)}, F1 of analysis ${scores.f1_analysis.toFixed(2)}, `
        + `STRS ${scores.strs.toFixed(2)}${range}.`;
    }

    load(null);
  }

  const box = document.getElementById("playground");
  if (box) start(box);
})(melibPlayground);
