/* The viewer of a clip: four pictures of the frame chosen by a slider, and the motion in them enlarged by another.

   notebooks/frame_viewer.py writes the data beside it. A classic script, since browsers refuse modules from file://. */
"use strict";
(function () {
  const FULL = 2;  // pixels of motion at which its colour is full
  const SPEEDS = { "full speed": 1, "a quarter": 0.25, "a tenth": 0.1 };

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value); else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  function pixels(image) {
    const canvas = element("canvas", {});
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    return (x, y, width, height) => context.getImageData(x, y, width, height);
  }

  /* Motion of a frame at a point of the picture, between the centres of four cells. */
  function sampler(bytes, data, frame) {
    const w = data.width / data.cell, h = data.height / data.cell, size = w * h, first = 2 * size * frame;
    return (x, y, part) => {
      const u = Math.min(Math.max((x + 0.5) / data.cell - 0.5, 0), w - 1);
      const v = Math.min(Math.max((y + 0.5) / data.cell - 0.5, 0), h - 1);
      const left = Math.min(Math.floor(u), w - 2), top = Math.min(Math.floor(v), h - 2), a = u - left, b = v - top;
      const at = first + part * size + top * w + left;
      return data.step * ((bytes[at] * (1 - a) + bytes[at + 1] * a) * (1 - b)
        + (bytes[at + w] * (1 - a) + bytes[at + w + 1] * a) * b);
    };
  }

  /* A direction as a hue (red right, yellow-green down), a length as how full the colour is. */
  function colourOf(right, down, out, place) {
    const hue = ((Math.atan2(down, right) / (2 * Math.PI) + 1) % 1) * 6;
    const full = Math.min(Math.hypot(right, down) / FULL, 1);
    [5, 3, 1].forEach((n, channel) => {
      const k = (n + hue) % 6;
      out[place + channel] = 255 * (1 - full * Math.max(0, Math.min(k, 4 - k, 1)));
    });
    out[place + 3] = 255;
  }

  function flowPicture(motion, data) {
    const made = new ImageData(data.width, data.height);
    for (let y = 0, place = 0; y < data.height; y++) {
      for (let x = 0; x < data.width; x++, place += 4) colourOf(motion(x, y, 0), motion(x, y, 1), made.data, place);
    }
    return made;
  }

  /* The frame with the motion since the onset enlarged: each pixel shows what came from (factor - 1) further back. */
  function magnified(picture, motion, factor, data) {
    if (factor === 1) return picture;
    const { width, height } = data, made = new ImageData(width, height), from = picture.data, to = made.data;
    for (let y = 0, place = 0; y < height; y++) {
      for (let x = 0; x < width; x++, place += 4) {
        const sx = Math.min(Math.max(x - (factor - 1) * motion(x, y, 0), 0), width - 1.001);
        const sy = Math.min(Math.max(y - (factor - 1) * motion(x, y, 1), 0), height - 1.001);
        const left = Math.floor(sx), top = Math.floor(sy), a = sx - left, b = sy - top;
        const at = 4 * (top * width + left), below = at + 4 * width;
        for (let c = 0; c < 3; c++) {
          to[place + c] = (from[at + c] * (1 - a) + from[at + 4 + c] * a) * (1 - b)
            + (from[below + c] * (1 - a) + from[below + 4 + c] * a) * b;
        }
        to[place + 3] = 255;
      }
    }
    return made;
  }

  async function start(box, number) {
    const data = JSON.parse(box.querySelector("script").textContent);
    const sheets = [box.querySelector(".mev-colour"), box.querySelector(".mev-depth")];
    await Promise.all(sheets.map((sheet) => sheet.decode()));
    const [colour, depth] = sheets.map(pixels);
    const motions = Object.fromEntries(Object.entries(data.motion).map(
      ([name, text]) => [name, Int8Array.from(atob(text), (letter) => letter.charCodeAt(0))]));

    const views = ["As filmed", "Motion enlarged", "Motion since the onset", "Depth"].map((words) => {
      const canvas = element("canvas", { width: data.width, height: data.height, role: "img", "aria-label": words });
      return { canvas, context: canvas.getContext("2d"), box: element("div", {}, canvas, words) };
    });
    const id = (name) => `mev-${number}-${name}`;
    const frame = element("input", {
      type: "range", id: id("frame"), min: 0, max: data.frames - 1, step: 1, oninput: () => { stop(); draw(); },
    });
    const factor = element("input", {
      type: "range", id: id("factor"), min: 1, max: 15, step: 1, value: 6, oninput: () => draw(),
    });
    const factorText = element("output", { for: id("factor") });
    const source = element("select", { id: id("source"), onchange: () => draw() },
      element("option", { value: "estimated" }, "estimated from the frames"),
      element("option", { value: "true" }, "true"));
    const speed = element("select", { id: id("speed") },
      ...Object.entries(SPEEDS).map(([words, value]) => element("option", { value }, words)));
    speed.value = "0.25";
    const play = element("button", { type: "button", onclick: () => (playing ? stop() : go()) }, "Play");
    const told = element("p", { class: "mev-told" });
    const field = (name, words, ...parts) => element("label", { for: id(name) }, `${words} `, ...parts);
    let playing = 0;

    const curve = box.querySelector(".mev-curve"), line = box.querySelector(".mev-now");
    const across = curve.viewBox.baseVal.width / data.frames;
    sheets.forEach((sheet) => sheet.remove());
    box.prepend(element("div", { class: "mev-views" }, ...views.map((view) => view.box)));
    curve.after(told, element("div", { class: "mev-controls" }, play,
      field("frame", "Frame", frame), field("factor", "Enlarge", factor, factorText),
      field("source", "Motion", source), field("speed", "Speed", speed)));
    box.classList.add("mev-on");

    function draw() {
      const now = Number(frame.value), times = Number(factor.value);
      const x = (now % data.columns) * data.width, y = Math.floor(now / data.columns) * data.height;
      const picture = colour(x, y, data.width, data.height);
      const motion = sampler(motions[source.value], data, now);
      const drawn = [picture, magnified(picture, motion, times, data), flowPicture(motion, data),
        depth(x, y, data.width, data.height)];
      views.forEach((view, k) => view.context.putImageData(drawn[k], 0, 0));
      line.setAttribute("x1", (now + 0.5) * across);
      line.setAttribute("x2", (now + 0.5) * across);
      const inside = now >= data.onset && now <= data.offset;
      const named = { [data.onset]: "onset", [data.apex]: "apex", [data.offset]: "offset" }[now];
      const truth = inside ? `micro-expression${named ? `, ${named}` : ""}` : "no micro-expression";
      const milliseconds = Math.round(((now - data.onset) * 1000) / data.fps);
      const score = data.score[now].toFixed(2);
      told.textContent = `Frame ${now}, ${milliseconds} ms after the onset: ${truth}. Score ${score} px.`;
      frame.setAttribute("aria-valuetext", told.textContent);
      factorText.textContent = `× ${times}`;
    }

    function go() {
      play.textContent = "Pause";
      if (Number(frame.value) >= data.frames - 1) frame.value = 0;
      const step = () => {
        frame.value = Number(frame.value) + 1;
        draw();
        if (Number(frame.value) >= data.frames - 1) stop();
        else playing = setTimeout(step, 1000 / (data.fps * Number(speed.value)));
      };
      playing = setTimeout(step, 1000 / (data.fps * Number(speed.value)));
    }

    function stop() {
      clearTimeout(playing);
      playing = 0;
      play.textContent = "Play";
    }

    frame.value = data.apex;
    draw();
  }

  document.querySelectorAll(".mev:not(.mev-on)").forEach((box, number) => { start(box, number); });
})();
