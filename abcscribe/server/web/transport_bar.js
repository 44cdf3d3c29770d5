// The foot of the page: play, where it is in the recording, speed, mix, loop, count-in, metronome.

import { api } from "./api.js";
import { clock, h, icon, iconButton } from "./dom.js";
import { session } from "./session.js";
import { colour, drawPeaks, fitted } from "./waveform.js";

const PEAKS = 900;
const SLOWEST = 40;
const FASTEST = 120; // per cent

export class TransportBar {
  /** @param {HTMLElement} root; @param {import("./transport.js").Transport} transport; @param {() => import("./score_view.js").ScoreView} view */
  constructor(root, transport, view) {
    Object.assign(this, { root, transport, view, peaks: [] });
    this.play = iconButton("play", "Play", () => transport.toggle(), { class: "icon-button play" });
    this.loop = iconButton("loop", "Loop the bars that are marked, or the bar at the cursor (L)", () => this.toggleLoop(), { "aria-pressed": "false" });
    this.count = iconButton("count", "Count in before it plays (I)", () => this.flip("countIn"), { "aria-pressed": "false" });
    this.click = iconButton("metronome", "Metronome (K)", () => this.flip("metronome"), { "aria-pressed": "false" });
    this.times = h("span", { class: "times" });
    this.wave = h("canvas", { "aria-hidden": "true" });
    this.overlay = h("canvas", { "aria-hidden": "true" });
    this.strip = h("div", { class: "strip", role: "slider", tabindex: "0", "aria-label": "Place in the recording", "aria-valuemin": 0 }, this.wave, this.overlay);
    this.#mixers();
    root.replaceChildren(
      h("div", { class: "buttons" }, iconButton("start", "To the beginning (Home)", () => transport.seek(0)), this.play, this.loop, this.count, this.click, this.times),
      this.strip, this.mixers);
    this.#listen();
  }

  #mixers() {
    this.speed = h("input", { type: "range", min: SLOWEST, max: FASTEST, step: 5, value: 100, id: "speed", "aria-label": "Speed in per cent" });
    this.speedShown = h("output", { for: "speed", text: "100 %" });
    this.mix = h("input", { type: "range", min: 0, max: 100, step: 1, value: 0, id: "mix", "aria-label": "Mix: from the recording to our notes" });
    this.played = h("select", { "aria-label": "Which notes sound", class: "mix-ends" },
      h("option", { value: "", text: "Notes, written" }), h("option", { value: "played", text: "Notes, played" }));
    this.mixers = h("div", { class: "mixers" },
      h("span", { text: "Speed" }), this.speed, this.speedShown, h("span", { text: "Recording" }), this.mix, this.played);
  }

  #listen() {
    const { transport } = this;
    this.speed.addEventListener("input", () => this.setSpeed(Number(this.speed.value)));
    this.mix.addEventListener("input", () => {
      transport.set({ mix: Number(this.mix.value) / 100 });
      session.configure({ mix: transport.mix });
    });
    this.played.addEventListener("change", () => {
      session.configure({ asPlayed: this.played.value === "played" });
      this.view()?.sound();
    });
    transport.addEventListener("change", () => this.#show());
    transport.addEventListener("silent", () => session.tell("The browser cannot play this sound; the score can be followed in silence."));
    this.strip.addEventListener("pointerdown", (event) => this.#drag(event));
    this.strip.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(this.strip);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** Take the settings that were kept. */
  restore(settings) {
    this.transport.set({ mix: settings.mix ?? 0, metronome: Boolean(settings.metronome), countIn: Boolean(settings.countIn) });
    this.mix.value = 100 * (settings.mix ?? 0);
    this.played.value = settings.asPlayed ? "played" : "";
    this.#show();
  }

  /** Show the sound of a recording. */
  async take(recording) {
    this.seconds = recording.seconds ?? 0;
    this.peaks = [];
    this.#draw();
    this.#show();
    try {
      const { peaks, seconds } = await api.peaks(recording.id, PEAKS);
      if (session.recording?.id !== recording.id) return;
      [this.peaks, this.seconds] = [peaks, seconds];
      this.#draw();
    } catch (error) {
      session.tell(error.message);
    }
  }

  flip(name) {
    const on = !this.transport[name];
    this.transport.set({ [name]: on });
    session.configure({ [name]: on });
    session.say(`${name === "countIn" ? "Count-in" : "Metronome"} ${on ? "on" : "off"}`);
  }

  toggleLoop() {
    const view = this.view();
    if (!view) return;
    if (this.transport.loop) view.loop();
    else {
      const bars = session.selection.map((id) => [...session.score.notes, ...session.score.rests].find((one) => one.id === id)?.bar).filter((bar) => bar !== undefined);
      const here = bars.length ? bars : [view.barNow()];
      view.loop(Math.min(...here), Math.max(...here));
    }
  }

  setSpeed(percent) {
    const speed = Math.max(SLOWEST, Math.min(FASTEST, percent));
    this.transport.set({ speed: speed / 100 });
    this.speed.value = speed;
    this.speedShown.textContent = `${speed} %`;
  }

  /** A place that is asked for: in the score if it is open. */
  #drag(event) {
    const box = this.strip.getBoundingClientRect();
    const at = (moved) => Math.max(0, Math.min(1, (moved.clientX - box.left) / box.width)) * this.seconds;
    this.strip.setPointerCapture(event.pointerId);
    this.transport.seek(at(event));
    const move = (moved) => this.transport.seek(at(moved));
    this.strip.addEventListener("pointermove", move);
    this.strip.addEventListener("lostpointercapture", () => this.strip.removeEventListener("pointermove", move), { once: true });
  }

  #key(event) {
    const by = { ArrowLeft: -2, ArrowRight: 2, ArrowDown: -2, ArrowUp: 2, PageDown: -10, PageUp: 10 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    this.transport.seek(this.transport.position + by);
  }

  #show() {
    const { transport } = this;
    if (this.shownPlaying !== transport.playing) {
      this.shownPlaying = transport.playing;
      this.play.replaceChildren(icon(transport.playing ? "pause" : "play"));
      this.play.setAttribute("aria-label", transport.playing ? "Pause" : "Play");
      this.play.title = transport.playing ? "Pause (Space)" : "Play (Space)";
    }
    this.loop.setAttribute("aria-pressed", String(Boolean(transport.loop)));
    this.count.setAttribute("aria-pressed", String(transport.countIn));
    this.click.setAttribute("aria-pressed", String(transport.metronome));
    this.frame(transport.position);
  }

  /** Show a moment; called in every frame. */
  frame(seconds) {
    const words = `${clock(seconds, true)} / ${clock(this.seconds)}`;
    if (this.times.textContent !== words) this.times.textContent = words;
    this.strip.setAttribute("aria-valuemax", Math.round(this.seconds));
    this.strip.setAttribute("aria-valuenow", Math.round(seconds));
    this.strip.setAttribute("aria-valuetext", `${clock(seconds)} of ${clock(this.seconds)}`);
    const { width, height, context } = fitted(this.overlay);
    if (!this.seconds) return;
    const x = (at) => (at / this.seconds) * width;
    context.fillStyle = this.accent ?? (this.accent = colour("--accent"));
    const { loop } = this.transport;
    if (loop) {
      context.globalAlpha = 0.2;
      context.fillRect(x(loop.from), 0, x(loop.to) - x(loop.from), height);
      context.globalAlpha = 1;
    }
    context.globalAlpha = 0.12;
    context.fillRect(0, 0, x(seconds), height);
    context.globalAlpha = 1;
    context.fillRect(x(seconds) - 1, 0, 2, height);
  }

  #draw() {
    this.accent = null;
    drawPeaks(this.wave, this.peaks, colour("--strong-line"));
    this.frame(this.transport.position);
  }

  /** The colours have changed. */
  repaint() {
    this.#draw();
  }
}

