// Playing: the recording is the clock, our notes and the metronome follow it.

import { Sampler } from "./sampler.js";
import { lastNotAbove } from "./timeline.js";

const TICK_MS = 25; // how often notes are put into the audio clock
const LATE = 0.03; // seconds by which a note may be late and still sound

/** A clock without a recording, for when there is none or the browser cannot play it. Same face as an audio element. */
class SilentClock {
  constructor(seconds) {
    [this.duration, this.at, this.since, this.rate, this.paused, this.volume] = [seconds, 0, 0, 1, true, 1];
  }

  get currentTime() {
    return this.paused ? this.at : Math.min(this.duration, this.at + ((performance.now() - this.since) / 1000) * this.rate);
  }

  set currentTime(seconds) {
    [this.at, this.since] = [seconds, performance.now()];
  }

  get playbackRate() {
    return this.rate;
  }

  set playbackRate(rate) {
    this.currentTime = this.currentTime;
    this.rate = rate;
  }

  get ended() {
    return this.currentTime >= this.duration;
  }

  async play() {
    this.currentTime = this.at;
    this.paused = false;
  }

  pause() {
    this.at = this.currentTime;
    this.paused = true;
  }
}

/** Plays a recording, our notes, or both; tells its listeners ("change") when it starts, stops, or jumps. */
export class Transport extends EventTarget {
  /** @param {Object} samples - see "samples" of the vocabulary */
  constructor(samples) {
    super();
    this.samples = samples;
    this.clock = new SilentClock(0);
    this.notes = [];
    this.beats = [];
    this.programs = [];
    Object.assign(this, { speed: 1, mix: 0, metronome: false, countIn: false, loop: null, counting: false });
    this.muted = new Set();
    this.soloed = new Set();
    this.levels = [];
  }

  /**
   * Take a recording.
   *
   * @param {HTMLAudioElement|null} audio - null: a clock alone
   * @param {number} seconds - length of the recording
   */
  take(audio, seconds) {
    this.pause();
    this.audio = audio;
    this.clock = audio ?? new SilentClock(seconds);
    this.seconds = seconds;
    this.loop = null;
    if (audio) {
      audio.preservesPitch = true;
      audio.addEventListener("ended", () => this.pause());
      audio.addEventListener("error", () => {
        if (this.audio !== audio) return;
        this.take(null, seconds);
        this.dispatchEvent(new CustomEvent("silent"));
      });
    }
    this.#apply();
  }

  /** Take the notes to play, the beats to click, and the programs of the parts. */
  follow(notes, beats, programs) {
    Object.assign(this, { notes, beats, programs });
    if (this.sampler) this.sampler.prepare(programs).catch(() => this.dispatchEvent(new CustomEvent("silent")));
    this.#rewind();
    this.#apply();
  }

  get playing() {
    return !this.clock.paused || this.counting;
  }

  get position() {
    return this.clock.currentTime;
  }

  /** Change speed, mix, metronome, count-in or loop. */
  set(changes) {
    Object.assign(this, changes);
    if ("speed" in changes || "loop" in changes) this.#rewind();
    this.#apply();
    this.dispatchEvent(new CustomEvent("change"));
  }

  seek(seconds) {
    this.clock.currentTime = Math.max(0, Math.min(this.seconds ?? seconds, seconds));
    this.#rewind();
    this.dispatchEvent(new CustomEvent("change"));
  }

  async play() {
    await this.#wake();
    if (this.playing) return;
    const { loop } = this;
    if (loop && (this.position < loop.from - 0.05 || this.position >= loop.to - 0.02)) this.seek(loop.from);
    else if (this.clock.ended || this.position >= this.seconds - 0.05) this.seek(0);
    if (this.countIn && !(await this.#count())) return;
    this.#apply();
    try {
      await this.clock.play();
    } catch (error) {
      if (error.name !== "AbortError") this.dispatchEvent(new CustomEvent("silent"));
      return;
    }
    this.#rewind();
    this.timer ??= setInterval(() => this.#tick(), TICK_MS);
    this.dispatchEvent(new CustomEvent("change"));
  }

  pause() {
    this.counting = false;
    clearInterval(this.timer);
    this.timer = null;
    this.clock.pause();
    this.sampler?.stop();
    this.dispatchEvent(new CustomEvent("change"));
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  /** Sound some pitches at once, as when a note is chosen. */
  async preview(pitches, part) {
    if (this.playing) return;
    await this.#wake();
    const now = this.context.currentTime + 0.02;
    for (const pitch of pitches) this.sampler.play({ pitch, part, velocity: 84 }, now, 0.45);
  }

  async #wake() {
    this.context ??= new AudioContext({ latencyHint: "interactive" });
    if (this.context.state === "suspended") await this.context.resume();
    if (!this.sampler) {
      this.sampler = new Sampler(this.context, this.samples);
      this.#apply();
    }
    await this.sampler.prepare(this.programs).catch(() => this.dispatchEvent(new CustomEvent("silent")));
  }

  /** One bar of clicks at the speed of the place where playing begins; false if stopped meanwhile. */
  async #count() {
    const at = Math.max(0, lastNotAbove(this.beats, this.position + 0.01, (beat) => beat.seconds));
    const here = this.beats.slice(at, at + 16);
    const inBar = Math.max(2, here.findIndex((beat, i) => i > 0 && beat.first));
    const step = here.length > 2 ? (here[2].seconds - here[0].seconds) / 2 / this.speed : 0.5;
    this.counting = true;
    this.dispatchEvent(new CustomEvent("change"));
    const begin = this.context.currentTime + 0.05;
    for (let i = 0; i < inBar; i++) this.sampler.click(begin + i * step, i === 0);
    await new Promise((resolve) => setTimeout(resolve, (0.05 + inBar * step) * 1000));
    const goes = this.counting;
    this.counting = false;
    return goes;
  }

  /** Recording and notes as loud as the mix says (equal power), each part as its switches say. */
  #apply() {
    const angle = (this.mix * Math.PI) / 2;
    this.clock.volume = this.audio ? Math.min(1, Math.cos(angle)) : 1;
    this.clock.playbackRate = this.speed;
    if (!this.sampler) return;
    const now = this.context.currentTime;
    this.sampler.output.gain.setTargetAtTime(this.audio ? Math.sin(angle) : 1, now, 0.02);
    this.sampler.parts.forEach((part, i) => {
      const heard = this.soloed.size ? this.soloed.has(i) : !this.muted.has(i);
      part.gain.setTargetAtTime(heard ? (this.levels[i] ?? 1) : 0, now, 0.02);
    });
  }

  /** Forget what was put into the clock: the next tick begins at the present position. */
  #rewind() {
    this.sampler?.stop();
    const from = this.position - 1e-3;
    this.nextNote = lastNotAbove(this.notes, from, (note) => note.onset) + 1;
    this.nextBeat = lastNotAbove(this.beats, from, (beat) => beat.seconds) + 1;
  }

  #tick() {
    const { clock, loop } = this;
    if (clock.paused) return;
    if (clock.ended) return void this.pause();
    if (loop && clock.currentTime >= loop.to) return void this.seek(loop.from);
    const position = clock.currentTime;
    const now = this.context.currentTime;
    const until = Math.min(position + Sampler.AHEAD * this.speed, loop ? loop.to : Infinity);
    const when = (seconds) => Math.max(now, now + (seconds - position) / this.speed);
    for (; this.notes[this.nextNote]?.onset < until; this.nextNote++) {
      const note = this.notes[this.nextNote];
      if (this.mix > 0 || !this.audio) {
        if (note.onset > position - LATE) this.sampler.play(note, when(note.onset), (note.offset - note.onset) / this.speed);
      }
    }
    for (; this.beats[this.nextBeat]?.seconds < until; this.nextBeat++) {
      const beat = this.beats[this.nextBeat];
      if (this.metronome && beat.seconds > position - LATE) this.sampler.click(when(beat.seconds), beat.first);
    }
  }
}
