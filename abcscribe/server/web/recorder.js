// The microphone: a level before and while it records, a bar of clicks to begin with, and the take to listen to.

import { clock, dialog, h, icon } from "./dom.js";
import { Sampler } from "./sampler.js";
import { session } from "./session.js";

const TYPES = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const FLOOR_DB = -60; // the level that shows as nothing
const LOUD_DB = -1; // from here it is nearly cut off
// What calls need and music suffers from.
const CONSTRAINTS = { audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } };

/** Record in a dialog. Resolves to a File, or null if nothing was kept. */
export async function record() {
  if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) {
    session.tell("This browser gives no access to a microphone here.");
    return null;
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia(CONSTRAINTS);
  } catch (error) {
    session.tell(error.name === "NotFoundError"
      ? "No microphone was found."
      : "The microphone may not be used: allow it in the browser's settings for this page.");
    return null;
  }
  return new Promise((resolve) => new Recorder(stream, resolve));
}

class Recorder {
  constructor(stream, resolve) {
    Object.assign(this, { stream, resolve, file: null, seconds: 0 });
    this.context = new AudioContext();
    this.analyser = this.context.createAnalyser();
    this.context.createMediaStreamSource(stream).connect(this.analyser);
    this.#show();
    this.#measure();
  }

  #show() {
    this.time = h("p", { class: "record-time", role: "timer", text: clock(0, true) });
    this.level = h("i");
    this.meter = h("div", { class: "meter", role: "meter", "aria-label": "Level", "aria-valuemin": FLOOR_DB, "aria-valuemax": 0, "aria-valuenow": FLOOR_DB }, this.level);
    this.advice = h("p", { class: "muted small", role: "status", text: "Play as loud as you will: the bar should reach well to the right, and not turn red." });
    this.counted = h("input", { type: "checkbox", checked: Boolean(session.settings.recordCount) });
    this.tempo = h("input", { type: "number", class: "short", min: 30, max: 300, value: session.settings.recordTempo ?? 90 });
    this.button = h("button", { type: "button", class: "button primary", onclick: () => this.#toggle() });
    this.keep = h("button", { type: "button", class: "button primary", text: "Transcribe it", hidden: true, onclick: () => this.box.close() });
    this.player = h("audio", { controls: true, hidden: true, "aria-label": "The take" });
    this.box = dialog("Record", [
      this.time, this.meter, this.advice,
      h("div", { class: "row" }, h("label", { class: "check" }, this.counted, "Four clicks before it begins"),
        h("label", { class: "check" }, "at", this.tempo, "a minute")),
      this.player,
      h("div", { class: "row end" }, this.button, this.keep),
    ], "small");
    this.box.addEventListener("close", () => this.#end());
    this.#name("Start recording");
    this.keep.addEventListener("click", () => (this.kept = true));
  }

  #name(words, name = "microphone") {
    this.button.replaceChildren(icon(name), words);
  }

  /** The level in each frame, in dB of full scale. */
  #measure() {
    const samples = new Float32Array(this.analyser.fftSize);
    const frame = () => {
      if (this.ended) return;
      this.analyser.getFloatTimeDomainData(samples);
      const peak = samples.reduce((loudest, value) => Math.max(loudest, Math.abs(value)), 1e-6);
      const level = Math.max(FLOOR_DB, 20 * Math.log10(peak));
      this.level.style.transform = `scaleX(${(level - FLOOR_DB) / -FLOOR_DB})`;
      this.level.classList.toggle("loud", level > LOUD_DB);
      this.meter.setAttribute("aria-valuenow", Math.round(level));
      if (this.recorder?.state === "recording") {
        this.seconds = (performance.now() - this.began) / 1000;
        this.time.textContent = clock(this.seconds, true);
      }
      requestAnimationFrame(frame);
    };
    frame();
  }

  async #toggle() {
    if (this.counting) return;
    if (this.recorder?.state === "recording") return this.recorder.stop();
    await this.context.resume();
    if (this.counted.checked) await this.#countIn();
    if (this.ended) return;
    const type = TYPES.find((one) => MediaRecorder.isTypeSupported(one));
    this.recorder = new MediaRecorder(this.stream, { mimeType: type, audioBitsPerSecond: 192_000 });
    const pieces = [];
    this.recorder.ondataavailable = (event) => pieces.push(event.data);
    this.recorder.onstop = () => this.#finish(new Blob(pieces, { type: this.recorder.mimeType }));
    this.recorder.start(1000);
    this.began = performance.now();
    this.player.hidden = this.keep.hidden = true;
    this.#name("Stop", "stop");
    this.advice.textContent = "Recording.";
  }

  async #countIn() {
    this.counting = true;
    const step = 60 / Math.min(300, Math.max(30, Number(this.tempo.value) || 90));
    session.configure({ recordCount: true, recordTempo: Math.round(60 / step) });
    const sampler = new Sampler(this.context, { sets: {}, programs: [] });
    const begin = this.context.currentTime + 0.1;
    for (let i = 0; i < 4; i++) sampler.click(begin + i * step, i === 0);
    this.#name("Counting in …", "metronome");
    await new Promise((resolve) => setTimeout(resolve, (0.1 + 4 * step) * 1000));
    this.counting = false;
  }

  #finish(blob) {
    const now = new Date();
    const two = (number) => String(number).padStart(2, "0");
    const name = `Recording ${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())} ${two(now.getHours())}.${two(now.getMinutes())}.${two(now.getSeconds())}`;
    const suffix = /mp4/.test(blob.type) ? "m4a" : /ogg/.test(blob.type) ? "ogg" : "webm";
    this.file = new File([blob], `${name}.${suffix}`, { type: blob.type });
    if (this.player.src) URL.revokeObjectURL(this.player.src);
    this.player.src = URL.createObjectURL(blob);
    this.player.hidden = this.keep.hidden = false;
    this.#name("Record again");
    this.button.classList.remove("primary");
    this.advice.textContent = `${clock(this.seconds, true)} recorded. Listen to it, transcribe it, or record again.`;
    this.keep.focus();
  }

  #end() {
    this.ended = true;
    if (this.recorder?.state === "recording") {
      this.recorder.onstop = null;
      this.recorder.stop();
    }
    for (const track of this.stream.getTracks()) track.stop();
    this.context.close();
    if (this.player.src) URL.revokeObjectURL(this.player.src);
    this.resolve(this.kept ? this.file : null);
  }
}
