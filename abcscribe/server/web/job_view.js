// A recording at work: what has been heard as a roll of notes, bars as they are written, time left, and a way to stop.

import { api } from "./api.js";
import { clock, h } from "./dom.js";
import { share, timeLeft } from "./library.js";
import { prepare } from "./prepare.js";
import { ScoreDrawing } from "./score_drawing.js";
import { session } from "./session.js";
import { colour, drawPeaks } from "./waveform.js";

const PEAKS = 400;
const AGAIN_MS = 1500; // until the state of a recording is asked for again, when no events can be had
const LOWEST = 33; // MIDI pitches of the roll
const HIGHEST = 96;

/** Show the state of the open recording; `onready` is called when it has a score. */
export function jobView(root, recording, onready) {
  if (recording.state === "waiting" || recording.state === "running") return new JobView(root, recording, onready);
  const failed = recording.state === "failed";
  root.replaceChildren(h("section", { class: "job" },
    h("h2", { text: recording.title || recording.file_name }),
    failed && h("p", { class: "error", role: "alert", text: recording.error ?? "It could not be transcribed." }),
    !failed && h("p", { class: "muted", text: "This recording has not been transcribed yet." }),
    h("div", { class: "row" },
      h("button", {
        type: "button", class: "button primary", text: failed ? "Try again" : "Transcribe",
        onclick: () => api.transcribe(recording.id, { hints: recording.hints, start: recording.start, end: recording.end }).then(onready, (error) => session.tell(error.message)),
      }),
      h("button", {
        type: "button", class: "button", text: "Choose a part, say what I know",
        onclick: async () => {
          try {
            if (await prepare(recording, recording.hints)) onready();
          } catch (error) {
            session.tell(error.message);
          }
        },
      }))));
  return { close() {} };
}

class JobView {
  constructor(root, recording, onready) {
    Object.assign(this, { recording, onready, notes: [], peaks: [], job: { state: recording.state, seconds: 0, total: recording.seconds } });
    this.sentence = h("p", { role: "status", text: "Waiting" });
    this.bar = h("i");
    this.track = h("div", { class: "progress", role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0, "aria-valuemax": 100 }, this.bar);
    this.roll = h("canvas", { class: "roll", role: "img", "aria-label": "Notes heard so far" });
    this.warnings = h("div");
    this.paper = h("div", { class: "paper", hidden: true }, h("div", { class: "score preview", role: "group", "aria-label": "The score so far" }));
    root.replaceChildren(
      h("section", { class: "job" },
        h("h2", { text: recording.title || recording.file_name }),
        h("div", { class: "row" }, h("div", { class: "grow" }, this.sentence),
          h("button", { type: "button", class: "button", text: "Cancel", onclick: () => this.#cancel() })),
        this.track, this.warnings, this.roll, this.paper));
    this.drawing = new ScoreDrawing(this.paper.firstElementChild);
    this.observer = new ResizeObserver(() => this.#drawRoll());
    this.observer.observe(this.roll);
    this.#listen();
    this.#fetchPeaks();
  }

  /** The sound itself, behind the notes that are heard in it. */
  async #fetchPeaks() {
    const { id, start, end } = this.recording;
    const found = await api.peaks(id, PEAKS, start, end).catch(() => ({ peaks: [] })); // only an ornament
    this.peaks = found.peaks;
    this.#drawRoll();
  }

  close() {
    clearTimeout(this.again);
    this.events?.close();
    this.observer.disconnect();
  }

  #listen() {
    if (!this.recording.job) return void (this.again = setTimeout(this.onready, AGAIN_MS)); // it is just being queued
    const events = (this.events = api.jobEvents(this.recording.job));
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED) this.again ??= setTimeout(this.onready, AGAIN_MS);
    });
    const on = (name, react) => events.addEventListener(name, (event) => react(JSON.parse(event.data)));
    const step = (phase) => ({ seconds, total, left, notes = [] }) => {
      this.job = { state: "running", phase, seconds, total, left };
      this.notes.push(...notes);
      this.#show();
    };
    on("waiting", ({ position }) => (this.sentence.textContent = position ? `Waiting: ${position} before it` : "Waiting"));
    on("started", () => (this.sentence.textContent = "Listening"));
    on("heard", step("hearing"));
    on("wrote", step("writing"));
    on("warned", ({ message }) => this.warnings.append(h("p", { class: "notice doubt", text: message })));
    on("bars", (score) => {
      this.paper.hidden = false;
      this.drawing.show(score);
    });
    on("done", () => {
      this.close();
      session.say("The score is ready.");
      this.onready();
    });
    for (const name of ["failed", "cancelled"]) {
      on(name, () => {
        this.close();
        this.onready();
      });
    }
  }

  #show() {
    const { job } = this;
    const done = Math.round(100 * share(job));
    this.bar.style.width = `${done}%`;
    this.track.setAttribute("aria-valuenow", done);
    const doing = job.phase === "writing" ? "Writing it down" : "Listening";
    this.sentence.textContent = `${doing}: ${clock(job.seconds)} of ${clock(job.total)}${timeLeft(job.left)}`;
    this.#drawRoll();
  }

  #drawRoll() {
    drawPeaks(this.roll, this.peaks, colour("--line"));
    const { clientWidth: width, clientHeight: height } = this.roll;
    const context = this.roll.getContext("2d");
    const total = this.job.total ?? Math.max(10, this.job.seconds);
    const accent = colour("--accent");
    for (const [onset, offset, pitch, , confidence] of this.notes) {
      const place = Math.min(1, Math.max(0, (pitch - LOWEST) / (HIGHEST - LOWEST)));
      context.globalAlpha = 0.35 + 0.65 * confidence;
      context.fillStyle = accent;
      context.fillRect((onset / total) * width, (1 - place) * (height - 10) + 3, Math.max(2, ((offset - onset) / total) * width - 1), 4);
    }
    context.globalAlpha = 1;
    context.fillStyle = accent;
    context.fillRect((this.job.seconds / total) * width, 0, 1, height);
  }

  async #cancel() {
    await api.cancel(this.recording.job).catch((error) => session.tell(error.message));
  }
}
