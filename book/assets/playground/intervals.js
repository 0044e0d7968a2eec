/* The bootstrap over subjects of melib.metrics.uncertainty, studentised or by percentiles, on the very draws it makes.

   draws.js holds, for each number of subjects, how often each subject is drawn in the 2,000 resamples of seed 0, equal
   resamples counted. So a page needs no generator of its own, and agrees with Python to rounding. */
"use strict";
(function (playground) {
  const SHOWN = ["f1_spotting", "f1_analysis", "strs", "uf1_analysis", "f1_named"];
  const TAIL = 0.025;
  const NO_ERROR = 1e-6;  // standard errors below this are rounding, as in Python
  const LEAST_SHARE = 0.5;  // of the sample's standard error, that a resample has at least

  const toScale = (value) => Math.asin(Math.min(Math.sqrt(Math.max(value, 0)), 1));
  const fromScale = (value) => Math.sin(Math.min(Math.max(value, 0), Math.PI / 2)) ** 2;

  /* The quantile of values that stand `times` times each, interpolated between neighbours as numpy does. */
  function quantile(values, times, share) {
    const order = values.map((_, k) => k).filter((k) => Number.isFinite(values[k]))
      .sort((a, b) => values[a] - values[b]);
    if (order.length === 0) return NaN;
    const n = order.reduce((total, k) => total + times[k], 0);
    const at = share * (n - 1), below = Math.floor(at);
    let passed = 0;
    let low = NaN;
    for (const k of order) {
      passed += times[k];
      if (Number.isNaN(low) && passed > below) low = values[k];
      if (passed > below + 1 || (passed > below && at === below)) return low + (values[k] - low) * (at - below);
    }
    return low;
  }

  /* Limits of 95 % by method and shown metric, or null with fewer than two subjects or more than the draws cover.
     counts: a line per subject in alphabetical order, as metrics.tally gives them. */
  function bootstrap(counts, nClasses, protocol) {
    const size = counts.length, draws = playground.draws[size];
    if (size < 2 || draws === undefined) return null;
    const width = counts[0].length;
    const measure = (totals) => {
      const found = playground.metrics.scores(totals, nClasses, protocol);
      return SHOWN.map((key) => found[key]);
    };
    // Values on the studentising scale, and their jackknife error over the subjects drawn `copies` times each.
    const centreAndError = (copies) => {
      const totals = new Array(width).fill(0);
      copies.forEach((n, s) => counts[s].forEach((value, k) => { totals[k] += n * value; }));
      const plain = measure(totals), centre = plain.map(toScale);
      const first = SHOWN.map(() => 0), second = SHOWN.map(() => 0);
      copies.forEach((n, s) => {
        if (n === 0) return;
        measure(totals.map((value, k) => value - counts[s][k])).forEach((value, m) => {
          const step = toScale(value) - centre[m];
          first[m] += n * step;
          second[m] += n * step * step;
        });
      });
      const error = first.map((total, m) =>
        Math.sqrt(((size - 1) / size) * Math.max(second[m] - (total * total) / size, 0)));
      return { plain, centre, error };
    };
    const whole = centreAndError(new Array(size).fill(1));
    const times = draws.map((draw) => draw[size]);
    const resamples = draws.map((draw) => centreAndError(draw.slice(0, size)));
    const studentised = {}, percentile = {};
    SHOWN.forEach((key, m) => {
      const plain = resamples.map((one) => one.plain[m]);
      percentile[key] = [TAIL, 1 - TAIL].map((share) => quantile(plain, times, share));
      if (whole.error[m] <= NO_ERROR) {  // every subject left out gives the same value
        studentised[key] = [whole.plain[m], whole.plain[m]];
        return;
      }
      const deviations = resamples.map((one) =>
        (one.centre[m] - whole.centre[m]) / Math.max(one.error[m], LEAST_SHARE * whole.error[m]));
      studentised[key] = [1 - TAIL, TAIL].map((share) =>
        fromScale(whole.centre[m] - quantile(deviations, times, share) * whole.error[m]));
    });
    return { studentised, percentile };
  }

  playground.bootstrap = bootstrap;
  playground.SHOWN = SHOWN;
})(melibPlayground);
