/* STRS in the browser: the definitions of melib.metrics for lists as small as one can drag about.

   Classic scripts that share one global name, not ES modules: a browser refuses modules from file://, and the book must
   open from there. Frames are whole numbers, onset and offset inclusive. tests/book/test_playground.py compares each
   function with its namesake in Python. */
"use strict";
var melibPlayground = window.melibPlayground || {};
window.melibPlayground = melibPlayground;

(function (playground) {
  const ratio = (a, b) => (b === 0 ? 0 : a / b);
  const sum = (values) => values.reduce((total, value) => total + value, 0);

  function iou(a, b) {
    const common = Math.max(Math.min(a.offset, b.offset) - Math.max(a.onset, b.onset) + 1, 0);
    return common / (a.offset - a.onset + 1 + (b.offset - b.onset + 1) - common);
  }

  /* Every pair of one video that reaches the threshold, by prediction and for each prediction by falling IoU. */
  function overlaps(truth, predictions, threshold) {
    const pairs = [];
    predictions.forEach((p, prediction) => {
      const near = [];
      truth.forEach((t, row) => {
        const value = iou(t, p);
        if (value >= threshold) near.push({ truth: row, prediction, iou: value });
      });
      pairs.push(...near.sort((a, b) => b.iou - a.iou || a.truth - b.truth));
    });
    return pairs;
  }

  /* The columns that make the sum of costs least, one for each row; there are at least as many columns as rows.
     Rows enter one by one, each along the cheapest alternating path to a free column (Crouse 2016, IEEE Transactions on
     Aerospace and Electronic Systems 52(4)). Free columns are preferred among equals and columns are scanned as in
     scipy.optimize.linear_sum_assignment, so that ties fall as they do there. */
  function assign(costs, rows, columns) {
    const columnOf = new Array(rows).fill(-1), rowOf = new Array(columns).fill(-1);
    const u = new Array(rows).fill(0), v = new Array(columns).fill(0);
    for (let entering = 0; entering < rows; entering++) {
      const reach = new Array(columns).fill(Infinity), from = new Array(columns).fill(-1);
      const seenRows = new Set(), seenColumns = new Set();
      const open = Array.from({ length: columns }, (_, k) => columns - 1 - k);
      let row = entering, least = 0, free = -1;
      while (free < 0) {
        seenRows.add(row);
        let best = -1, lowest = Infinity;
        open.forEach((column, place) => {
          const through = least + costs[row][column] - u[row] - v[column];
          if (through < reach[column]) { from[column] = row; reach[column] = through; }
          if (reach[column] < lowest || (reach[column] === lowest && rowOf[column] < 0)) {
            lowest = reach[column];
            best = place;
          }
        });
        least = lowest;
        const column = open[best];
        seenColumns.add(column);
        open[best] = open[open.length - 1];
        open.pop();
        if (rowOf[column] < 0) free = column; else row = rowOf[column];
      }
      u[entering] += least;
      for (const one of seenRows) if (one !== entering) u[one] += least - reach[columnOf[one]];
      for (const one of seenColumns) v[one] -= least - reach[one];
      for (let column = free, one = -1; one !== entering;) {
        one = from[column];
        rowOf[column] = one;
        [columnOf[one], column] = [column, columnOf[one]];
      }
    }
    return columnOf;
  }

  /* As many pairs as possible, and among the largest matchings the one of largest total IoU. */
  function oneToOne(pairs, nTruth, nPredictions) {
    const [rows, columns] = [nTruth, nPredictions];
    const contested = pairs.some((a) => pairs.some(
      (b) => a !== b && (a.truth === b.truth || a.prediction === b.prediction)));
    if (!contested) return pairs;
    // A pair is worth more than all the IoU that could be gained by giving it up.
    const worth = Array.from({ length: rows }, () => new Array(columns).fill(0));
    for (const pair of pairs) worth[pair.truth][pair.prediction] = -(pair.iou + Math.min(rows, columns) + 1);
    if (rows <= columns) {
      const chosen = assign(worth, rows, columns);
      return pairs.filter((pair) => chosen[pair.truth] === pair.prediction);
    }
    const turned = Array.from({ length: columns }, (_, p) => worth.map((row) => row[p]));
    const chosen = assign(turned, columns, rows);
    return pairs.filter((pair) => chosen[pair.prediction] === pair.truth);
  }

  /* The released rule of MEAN: each prediction in turn claims the truth it overlaps most, if nobody claimed it before. */
  function bestIou(pairs) {
    const claimed = new Set(), served = new Set();
    return pairs.filter((pair) => {
      if (served.has(pair.prediction)) return false;
      served.add(pair.prediction);
      if (claimed.has(pair.truth)) return false;
      claimed.add(pair.truth);
      return true;
    });
  }

  /* Pairs of two lists of rows {subject, video, onset, offset}; positions count in the lists given. */
  function match(truth, predictions, protocol, threshold) {
    const found = [];
    const key = (row) => JSON.stringify([row.subject, row.video]);
    const inVideo = (rows, name) => rows.map((_, k) => k).filter((k) => key(rows[k]) === name);
    for (const name of new Set(predictions.map(key))) {
      const t = inVideo(truth, name), p = inVideo(predictions, name);
      const pairs = overlaps(t.map((k) => truth[k]), p.map((k) => predictions[k]), threshold);
      const kept = protocol === "mean" ? bestIou(pairs) : oneToOne(pairs, t.length, p.length);
      found.push(...kept.map((pair) => ({ truth: t[pair.truth], prediction: p[pair.prediction], iou: pair.iou })));
    }
    return found;
  }

  /* Counts per subject: tp, fp, fn, named, then per class the hits rightly named, and those named so or truly so. */
  function tally(state) {
    const { truth, predictions, emotions, subjects } = state;
    const pairs = match(truth, predictions, state.protocol, state.threshold);
    const n = emotions.length;
    const counts = subjects.map(() => new Array(4 + 3 * n).fill(0));
    const row = (one) => counts[subjects.indexOf(one.subject)];
    const hit = new Set(pairs.map((pair) => pair.prediction)), found = new Set(pairs.map((pair) => pair.truth));
    predictions.forEach((one, k) => { if (!hit.has(k)) row(one)[1] += 1; });
    truth.forEach((one, k) => { if (!found.has(k)) row(one)[2] += 1; });
    for (const pair of pairs) {
      const t = truth[pair.truth], p = predictions[pair.prediction], line = row(t);
      line[0] += 1;
      line[3] += t.emotion === p.emotion;
      const a = emotions.indexOf(t.emotion), b = emotions.indexOf(p.emotion);
      if (a < 0) continue;  // a truth outside the classes is spotted and never analysed
      line[4 + n + a] += 1;
      if (b >= 0) line[4 + 2 * n + b] += 1;
      if (a === b) line[4 + a] += 1;
    }
    return { counts, pairs };
  }

  /* All metrics from added counts, under the names of melib.metrics.strs. */
  function scores(totals, nClasses, protocol) {
    const [tp, fp, fn, named] = totals;
    let precision = 0, recall = 0, uf1 = 0, counted = 0;
    for (let c = 0; c < nClasses; c++) {
      const right = totals[4 + c], shown = totals[4 + nClasses + c], said = totals[4 + 2 * nClasses + c];
      if (protocol === "mean" && shown + said === 0) continue;  // under `mean` such a class leaves the means
      counted += 1;
      precision += ratio(right, said);
      recall += ratio(right, shown);
      uf1 += ratio(2 * right, shown + said);
    }
    [precision, recall, uf1] = [precision, recall, uf1].map((total) => ratio(total, counted));
    const f1Spotting = ratio(2 * tp, 2 * tp + fp + fn);
    const f1Analysis = ratio(2 * precision * recall, precision + recall);
    return {
      tp, fp, fn,
      precision_spotting: ratio(tp, tp + fp),
      recall_spotting: ratio(tp, tp + fn),
      f1_spotting: f1Spotting,
      precision_analysis: precision,
      recall_analysis: recall,
      f1_analysis: f1Analysis,
      uf1_analysis: uf1,
      uar_analysis: recall,
      strs: f1Spotting * f1Analysis,
      f1_named: ratio(2 * named, 2 * tp + fp + fn),
    };
  }

  function evaluate(state) {
    const { counts, pairs } = tally(state);
    const totals = new Array(4 + 3 * state.emotions.length).fill(0)
      .map((_, k) => sum(counts.map((line) => line[k])));
    return { counts, pairs, scores: scores(totals, state.emotions.length, state.protocol) };
  }

  playground.metrics = { iou, match, tally, scores, evaluate };
})(melibPlayground);
