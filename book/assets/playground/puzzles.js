/* The puzzles: what is asked, and how the page knows that it is done. Start states and solutions stand in cases.js.

   A check gets the start and the present: {scores, limits, predictions, truth, pairs, excluded, threshold}. Predictions
   keep their id, so a check can tell what was touched. */
"use strict";
(function (playground) {
  const SAME = 1e-9;

  function changes(start, now) {
    const before = new Map(start.predictions.map((one) => [one.id, one]));
    const added = now.predictions.filter((one) => !before.has(one.id));
    const removed = start.predictions.length + added.length - now.predictions.length;
    const kept = now.predictions.filter((one) => before.has(one.id)).map((one) => ({ was: before.get(one.id), is: one }));
    const moved = kept.filter(({ was, is }) => was.onset !== is.onset || was.offset !== is.offset);
    const renamed = kept.filter(({ was, is }) => was.emotion !== is.emotion);
    return { added, removed, moved, renamed };
  }

  const width = (limits) => limits[1] - limits[0];

  playground.puzzles = [
    {
      id: "withhold",
      title: "Say less, score more",
      goal: "The system finds all six expressions and names two of them wrongly. Raise STRS while F1 of spotting falls.",
      hint: "A wrong name costs the analysis more than a miss costs spotting. Which answers should the system have kept to itself?",
      lesson: "STRS rewards silence about hits whose name is doubtful. That is why this book shows the true positives and the F1 of named intervals beside it.",
      check: ({ start, now }) => now.scores.strs > start.scores.strs + SAME
        && now.scores.f1_spotting < start.scores.f1_spotting - SAME,
    },
    {
      id: "one-frame",
      title: "One frame",
      goal: "One prediction comes five frames late and is a false alarm. Turn it into a hit by moving one end, or both, by a single frame.",
      hint: "Shifted by s frames, two intervals of 12 frames share 12 − s and cover 12 + s. For which s is that one half?",
      lesson: "One frame made a false alarm and a miss into a hit. An annotator who had placed the expression a frame later would have done the same.",
      check: ({ start, now }) => {
        const { added, removed, moved, renamed } = changes(start, now);
        return added.length + removed + renamed.length === 0 && moved.length === 1
          && Math.abs(moved[0].is.onset - moved[0].was.onset) <= 1
          && Math.abs(moved[0].is.offset - moved[0].was.offset) <= 1
          && now.scores.tp === start.scores.tp + 1;
      },
    },
    {
      id: "fifty",
      title: "Fifty false alarms",
      goal: "Add fifty false alarms, and leave F1 of analysis exactly as it is.",
      hint: "The button below Ann's long video adds ten at a time.",
      lesson: "Analysis looks at matched pairs only, so no number of false alarms moves it. F1 of spotting fell for both of them.",
      check: ({ start, now }) => now.scores.fp >= start.scores.fp + 50
        && Math.abs(now.scores.f1_analysis - start.scores.f1_analysis) < SAME,
    },
    {
      id: "opposite",
      title: "Opposite systems",
      goal: "This system finds everything and names half of it. Build one of the same STRS (to three decimals) whose F1 of spotting is lower, and whose F1 of analysis is higher, by at least 0.3.",
      hint: "Let the three misnamed predictions miss their expressions instead. Deleting them is too kind: they must stay as false alarms.",
      lesson: "One product, two opposite systems. Which one is better depends on what somebody does with the output.",
      check: ({ start, now }) => Math.abs(now.scores.strs - start.scores.strs) < 5e-4
        && now.scores.f1_spotting <= start.scores.f1_spotting - 0.3
        && now.scores.f1_analysis >= start.scores.f1_analysis + 0.3,
    },
    {
      id: "doubled",
      title: "Two on one",
      goal: "Put a second prediction on an expression that is found already, so that both reach the threshold.",
      hint: "Add a prediction to Ann's video and drag it over the first one, without hiding it: an IoU of one half with the truth is enough.",
      lesson: "Only one of the two counts; the other is a false alarm although it lies on the expression. The released code of SFAMNet counts both as true positives.",
      check: ({ start, now }) => now.scores.tp === start.scores.tp && now.scores.fp === start.scores.fp + 1
        && now.truth.some((t) => now.predictions.filter((p) => p.subject === t.subject && p.video === t.video
          && playground.metrics.iou(t, p) >= now.threshold).length >= 2),
    },
    {
      id: "seven",
      title: "One of seven names",
      goal: "Seven expressions are found and named rightly. Change a single name so that F1 of analysis falls below two thirds.",
      hint: "Each class counts the same in the means, however rare it is.",
      lesson: "One name of seven took more than a third of the score, because its class had one member. With four members it would have cost less than half of that.",
      check: ({ start, now }) => {
        const { added, removed, moved, renamed } = changes(start, now);
        return added.length + removed + moved.length === 0 && renamed.length === 1 && now.scores.f1_analysis < 2 / 3;
      },
    },
    {
      id: "three",
      title: "One of three people",
      goal: "Leave out one person so that STRS rises by more than 0.2 and the interval by percentiles becomes narrower by at least 0.3.",
      hint: "With so few people, the limits by percentiles are little more than the worst and the best person.",
      lesson: "Fewer people, a better score and a narrower interval: the system did not change, only who was asked. An interval over subjects speaks about people like those in it.",
      check: ({ start, now }) => {
        const { added, removed, moved, renamed } = changes(start, now);
        return added.length + removed + moved.length + renamed.length === 0 && now.excluded.size === 1
          && now.limits !== null && now.scores.strs > start.scores.strs + 0.2
          && width(now.limits.percentile.strs) <= width(start.limits.percentile.strs) - 0.3;
      },
    },
  ];
})(melibPlayground);
