// The sound as a picture: a strip to go to a place, and a part of it that can be chosen.

import { h } from "./dom.js";

/** Draw peaks into a canvas at the resolution of the screen. */
export function drawPeaks(canvas, peaks, colour) {
  const { width, height, context } = fitted(canvas);
  context.fillStyle = colour;
  const loudest = Math.max(0.05, ...peaks.map(([low, high]) => Math.max(-low, high)));
  const step = width / Math.max(1, peaks.length);
  peaks.forEach(([low, high], i) => {
    const top = (height / 2) * (1 - (0.92 * high) / loudest);
    const bottom = (height / 2) * (1 - (0.92 * low) / loudest);
    context.fillRect(i * step, top, Math.max(step * 0.72, 0.75), Math.max(1, bottom - top));
  });
}

/** Size a canvas to its box; drawing is in pixels of the page. */
export function fitted(canvas) {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.clearRect(0, 0, width, height);
  return { width, height, context };
}

/** A colour of the style sheet as it is now. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/**
 * A waveform on which a part is chosen by dragging, with fields for the same by keyboard.
 *
 * @param {{seconds: number, peaks: number[][]}} sound
 * @param {{start: number|null, end: number|null}} part - what is chosen at first; null: from the beginning, to the end
 * @param {(part: {start: number|null, end: number|null}) => void} onchange
 * @returns {HTMLElement}
 */
export function partChooser(sound, part, onchange) {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const wave = h("div", { class: "wave" }, canvas);
  const fields = ["start", "end"].map((name) =>
    h("input", {
      placeholder: name === "start" ? "start" : "end",
      type: "number", min: 0, max: sound.seconds.toFixed(1), step: 0.1, inputmode: "decimal",
      oninput: (event) => choose({ ...part, [name]: event.target.value === "" ? null : clamp(Number(event.target.value)) }, false),
    }));
  const clamp = (seconds) => Math.max(0, Math.min(sound.seconds, seconds));
  const draw = () => {
    const { width, height } = fitted(canvas);
    drawPeaks(canvas, sound.peaks, colour("--strong-line"));
    const context = canvas.getContext("2d");
    const [from, to] = [part.start ?? 0, part.end ?? sound.seconds].map((at) => (at / sound.seconds) * width);
    context.fillStyle = colour("--accent");
    context.globalAlpha = 0.22;
    context.fillRect(from, 0, to - from, height);
    context.globalAlpha = 1;
    context.fillRect(from - 1, 0, 2, height);
    context.fillRect(to - 1, 0, 2, height);
  };
  const choose = (next, intoFields = true) => {
    part = next;
    if (intoFields) fields.forEach((field, i) => (field.value = [part.start, part.end][i]?.toFixed(1) ?? ""));
    draw();
    onchange(part);
  };
  const secondsAt = (event) => {
    const box = wave.getBoundingClientRect();
    return clamp(((event.clientX - box.left) / box.width) * sound.seconds);
  };
  wave.addEventListener("pointerdown", (event) => {
    wave.setPointerCapture(event.pointerId);
    const at = secondsAt(event);
    const move = (moved) => {
      const to = secondsAt(moved);
      if (Math.abs(to - at) > sound.seconds / 200) choose({ start: Math.min(at, to), end: Math.max(at, to) });
    };
    wave.addEventListener("pointermove", move);
    wave.addEventListener("pointerup", () => wave.removeEventListener("pointermove", move), { once: true });
  });
  new ResizeObserver(draw).observe(wave);
  choose(part);
  return h("div", {},
    wave,
    h("div", { class: "row bottom" },
      h("label", { class: "field" }, h("span", { text: "From (seconds)" }), fields[0]),
      h("label", { class: "field" }, h("span", { text: "To (seconds)" }), fields[1]),
      h("button", { type: "button", class: "button", text: "The whole", onclick: () => choose({ start: null, end: null }) })));
}
