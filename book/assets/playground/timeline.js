/* The tracks: one per video, true intervals above, predictions below, each a focusable bar.

   A bar that can be changed is a slider: the arrows move it by a frame, with Shift its end, Enter changes the emotion,
   Delete removes it. The pointer drags a bar, or one end of it. */
"use strict";
(function (playground) {
  const EDGE = 8;  // pixels at either end that resize
  const LENGTH = 12;  // frames of an added prediction

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  /* An SVG line from each matched truth to its prediction; stretched with the track. */
  function links(frames) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `0 0 ${frames} 10`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("class", "pg-links");
    svg.setAttribute("aria-hidden", "true");
    return svg;
  }

  class Timeline {
    /* owner: {state(), changed(announce), select(id), editable(row)}; rows of the state carry id and side. */
    constructor(box, owner) {
      this.box = box;
      this.owner = owner;
      this.bars = new Map();
      this.lines = new Map();
    }

    video(row) {
      return this.owner.state().videos.find((one) => one.subject === row.subject && one.video === row.video);
    }

    /* All tracks anew: after a reset, or when bars came or went. */
    build(focused) {
      const state = this.owner.state();
      this.bars.clear();
      this.lines.clear();
      const people = state.subjects.map((subject) => {
        const counted = element("input", {
          type: "checkbox",
          "data-subject": subject,
          onchange: (event) => {
            if (event.target.checked) state.excluded.delete(subject); else state.excluded.add(subject);
            this.owner.changed();
          },
        });
        counted.checked = !state.excluded.has(subject);
        const videos = state.videos.filter((one) => one.subject === subject).map((one) => this.track(one));
        return element("fieldset", { class: "pg-person", "data-person": subject },
          element("legend", {}, subject, element("label", {}, counted, " count this person")), ...videos);
      });
      this.box.replaceChildren(...people);
      const bar = this.bars.get(focused);
      if (bar) bar.focus();
    }

    track(video) {
      const state = this.owner.state();
      const lane = (side, name) => {
        const rows = state[side].filter((row) => row.subject === video.subject && row.video === video.video);
        return element("div", { class: `pg-lane pg-${side}`, role: "group", "aria-label": `${name}, video ${video.video}` },
          ...rows.map((row) => this.bar(row)));
      };
      const svg = links(video.frames);
      this.lines.set(JSON.stringify([video.subject, video.video]), svg);
      const buttons = [[1, "Add a prediction"]];
      if (video.frames >= 50 * (LENGTH + 4)) buttons.push([10, "Add ten predictions"]);
      return element("div", { class: "pg-track" },
        element("div", { class: "pg-name" }, `video ${video.video}, frames 0 to ${video.frames - 1}`),
        element("div", { class: "pg-lanes" }, lane("truth", "True intervals"), svg, lane("predictions", "Predictions")),
        element("div", { class: "pg-buttons" }, ...buttons.map(([count, words]) => element("button", {
          type: "button",
          "data-add": `${video.subject}/${video.video}/${count}`,
          "aria-label": `${words}: ${video.subject}, video ${video.video}`,
          onclick: () => this.add(video, count),
        }, words))));
    }

    bar(row) {
      const editable = this.owner.editable(row);
      const made = element("div", {
        class: "pg-bar", tabindex: "0", "data-id": row.id,
        role: editable ? "slider" : "img",
        onfocus: () => this.owner.select(row.id),
      }, element("span", { "aria-hidden": "true" }));
      if (editable) {
        made.addEventListener("keydown", (event) => this.key(event, row));
        made.addEventListener("pointerdown", (event) => this.drag(event, row, made));
      }
      this.bars.set(row.id, made);
      return made;
    }

    /* Position, mark and words of every bar, from what the matching found. */
    update(found) {
      const state = this.owner.state();
      for (const svg of this.lines.values()) svg.replaceChildren();
      for (const side of ["truth", "predictions"]) {
        const high = [];
        for (const row of state[side]) {
          const pair = found.pairOf.get(row.id);
          const hit = pair !== undefined;
          const wrong = hit && pair.truth.emotion !== pair.prediction.emotion;
          const kind = side === "truth" ? (hit ? "found" : "missed") : hit ? (wrong ? "misnamed" : "hit") : "false";
          const words = {
            found: "found", missed: "missed", false: "false alarm", hit: "hit, right name", misnamed: "hit, wrong name",
          }[kind];
          const bar = this.bars.get(row.id), video = this.video(row);
          bar.dataset.kind = kind;
          bar.style.left = `${(100 * row.onset) / video.frames}%`;
          bar.style.width = `${(100 * (row.offset - row.onset + 1)) / video.frames}%`;
          // What overlaps an earlier bar hangs lower, so that both are seen.
          const covers = (one) => one.subject === row.subject && one.video === row.video
            && one.onset <= row.offset && row.onset <= one.offset;
          const low = high.some(covers);
          if (!low) high.push(row);
          bar.classList.toggle("pg-low", low);
          bar.classList.toggle("pg-slim", (row.offset - row.onset + 1) / video.frames < 0.03);
          const mark = { found: "✓", hit: "✓", misnamed: "≠", false: "✗", missed: "–" }[kind];
          bar.firstChild.textContent = `${mark} ${row.emotion.slice(0, 3)}`;
          const overlap = hit ? `, IoU ${pair.iou.toFixed(2)}` : "";
          const text = `frames ${row.onset} to ${row.offset}, ${row.emotion}, ${words}${overlap}`;
          const name = `${side === "truth" ? "True interval" : "Prediction"}, ${row.subject}, video ${row.video}`;
          bar.title = text;
          if (bar.getAttribute("role") === "slider") {
            bar.setAttribute("aria-label", name);
            bar.setAttribute("aria-valuemin", 0);
            bar.setAttribute("aria-valuemax", video.frames - 1);
            bar.setAttribute("aria-valuenow", row.onset);
            bar.setAttribute("aria-valuetext", text);
          } else {
            bar.setAttribute("aria-label", `${name}: ${text}`);
          }
        }
      }
      for (const pair of new Set(found.pairOf.values())) {
        const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
        const middle = (row) => (row.onset + row.offset + 1) / 2;
        const ends = { x1: middle(pair.truth), y1: 0, x2: middle(pair.prediction), y2: 10 };
        for (const [name, value] of Object.entries(ends)) line.setAttribute(name, value);
        this.lines.get(JSON.stringify([pair.truth.subject, pair.truth.video])).append(line);
      }
      for (const box of this.box.querySelectorAll(".pg-person")) {
        box.classList.toggle("pg-out", state.excluded.has(box.dataset.person));
      }
    }

    /* Move the ends of an interval by frames, within the video and never to nothing. */
    shift(row, byOnset, byOffset) {
      const last = this.video(row).frames - 1;
      if (byOnset === byOffset) {
        const by = Math.min(Math.max(byOnset, -row.onset), last - row.offset);
        row.onset += by;
        row.offset += by;
      } else {
        row.onset = Math.max(0, Math.min(row.onset + byOnset, row.offset));
        row.offset = Math.min(last, Math.max(row.offset + byOffset, row.onset));
      }
    }

    key(event, row) {
      const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (step !== undefined) this.shift(row, event.shiftKey ? 0 : step, step);
      else if (event.key === "Enter" || event.key === " ") this.rename(row);
      else if (event.key === "Delete" || event.key === "Backspace") this.remove(row);
      else return;
      event.preventDefault();
      event.stopPropagation();  // some settings of the theme turn pages with the arrows
      this.owner.changed();
    }

    rename(row, emotion) {
      const { emotions } = this.owner.state();
      row.emotion = emotion || emotions[(emotions.indexOf(row.emotion) + 1) % emotions.length];
    }

    /* Take an interval away; the focus goes to its neighbour, so that a keyboard is not sent back to the top. */
    remove(row) {
      const rows = this.owner.state()[row.side], place = rows.indexOf(row);
      rows.splice(place, 1);
      const near = rows[Math.min(place, rows.length - 1)];
      this.build(near && near.id);
      if (!near) this.owner.select(null);
    }

    /* New predictions in the first free stretches of a video; where none is left, at its start. */
    add(video, count) {
      const state = this.owner.state();
      const rows = () => [...state.truth, ...state.predictions]
        .filter((row) => row.subject === video.subject && row.video === video.video);
      let row = null;
      for (let k = 0; k < count; k++) {
        let onset = 0;
        const free = () => rows().every((one) => one.offset < onset || one.onset >= onset + LENGTH);
        while (onset + LENGTH < video.frames && !free()) onset += 1;
        if (!free()) onset = 0;
        row = {
          id: `p${state.next++}`, side: "predictions", subject: video.subject, video: video.video,
          onset, offset: onset + LENGTH - 1, emotion: state.emotions[0],
        };
        state.predictions.push(row);
      }
      this.build(count === 1 ? row.id : undefined);
      this.owner.changed();
    }

    drag(event, row, bar) {
      if (event.button !== 0) return;
      event.preventDefault();
      bar.focus();
      const box = bar.getBoundingClientRect(), edge = Math.min(EDGE, box.width / 4);
      const perPixel = this.video(row).frames / bar.parentElement.getBoundingClientRect().width;
      const at = event.clientX - box.left;
      const ends = at < edge ? [1, 0] : at > box.width - edge ? [0, 1] : [1, 1];
      const from = { onset: row.onset, offset: row.offset };
      const move = (now) => {
        const by = Math.round((now.clientX - event.clientX) * perPixel);
        Object.assign(row, from);
        this.shift(row, ends[0] * by, ends[1] * by);
        this.owner.changed();
      };
      const end = () => {
        bar.removeEventListener("pointermove", move);
        bar.removeEventListener("pointerup", end);
        bar.removeEventListener("pointercancel", end);
      };
      bar.setPointerCapture(event.pointerId);
      bar.addEventListener("pointermove", move);
      bar.addEventListener("pointerup", end);
      bar.addEventListener("pointercancel", end);
    }
  }

  playground.Timeline = Timeline;
  playground.element = element;
})(melibPlayground);
