// Before a recording is heard: which part of it, and what is known about it.

import { api } from "./api.js";
import { dialog, h } from "./dom.js";
import { hintsForm, field, select } from "./hints_form.js";
import { session } from "./session.js";
import { partChooser } from "./waveform.js";

const PEAKS = 700;

/**
 * Show the form and start what was asked for.
 *
 * @param {Object} recording
 * @param {Object} [hints] - to begin with
 * @returns {Promise<boolean>} - whether it was started
 */
export async function prepare(recording, hints = {}) {
  const sound = await api.peaks(recording.id, PEAKS);
  let part = { start: recording.start, end: recording.end };
  let known = hints;
  let engine = "";
  const problem = h("p", { class: "error", role: "alert" });
  const audio = h("audio", { src: api.audioUrl(recording.id), preload: "metadata" });
  const listen = h("button", { type: "button", class: "button", text: "Listen to the part", onclick: () => hear() });
  const hear = () => {
    if (!audio.paused) return audio.pause();
    audio.currentTime = part.start ?? 0;
    audio.play().catch(() => (problem.textContent = "The browser cannot play this recording."));
  };
  audio.addEventListener("timeupdate", () => audio.currentTime >= (part.end ?? Infinity) && audio.pause());
  for (const kind of ["play", "pause"]) audio.addEventListener(kind, () => (listen.textContent = audio.paused ? "Listen to the part" : "Stop"));
  let started = false;
  const begin = async () => {
    try {
      await api.transcribe(recording.id, { ...part, hints: known, ...(engine && { engine }) });
      started = true;
      box.close();
      session.refresh().catch(() => {});
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  const engines = session.vocabulary.engines.filter((one) => one.ready !== false);
  const box = dialog(recording.title || recording.file_name, [
    partChooser(sound, part, (next) => (part = next)),
    h("h3", { text: "What you know" }),
    hintsForm(session.vocabulary, hints, (next) => (known = next)),
    engines.length > 1 && h("details", {},
      h("summary", { text: "Who listens" }),
      field("Engine", select([["", "The usual one"], ...engines.map((one) => [one.name, `${one.name}: ${one.summary}`])], "", (name) => (engine = name)))),
    problem,
    h("div", { class: "row end" }, listen, h("button", { type: "button", class: "button primary", text: "Transcribe", onclick: begin })),
  ]);
  return new Promise((resolve) => box.addEventListener("close", () => {
    audio.pause();
    audio.removeAttribute("src");
    resolve(started);
  }));
}
