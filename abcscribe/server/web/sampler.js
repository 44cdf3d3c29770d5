// Sound of our own notes, from recorded single tones that come with the page. Nothing is fetched from elsewhere.

const AHEAD = 0.25; // seconds of sound that are put into the audio clock in advance

/** Plays notes of parts, each part through a gain of its own. */
export class Sampler {
  /**
   * @param {AudioContext} context
   * @param {{sets: Object, programs: string[]}} samples - see "samples" of the vocabulary
   */
  constructor(context, samples) {
    this.context = context;
    this.samples = samples;
    this.buffers = new Map(); // url -> promise of an AudioBuffer
    this.ready = new Map(); // url -> AudioBuffer
    this.output = context.createGain();
    this.output.connect(limiter(context));
    this.parts = [];
    this.sounding = new Set();
  }

  /** Make a gain for each part and load the tones of their programs. Resolves when all are there. */
  prepare(programs) {
    this.programs = programs;
    while (this.parts.length < programs.length) {
      const gain = this.context.createGain();
      gain.connect(this.output);
      this.parts.push(gain);
    }
    const urls = programs.flatMap((program) => this.#set(program).notes.map((note) => note.url));
    return Promise.all([...new Set(urls)].map((url) => this.#load(url)));
  }

  #set(program) {
    return this.samples.sets[this.samples.programs[program] ?? "piano"] ?? Object.values(this.samples.sets)[0];
  }

  #load(url) {
    if (!this.buffers.has(url)) {
      const loading = bytesOf(url).then((bytes) => this.context.decodeAudioData(bytes)).then((buffer) => this.ready.set(url, buffer));
      loading.catch(() => this.buffers.delete(url));
      this.buffers.set(url, loading);
    }
    return this.buffers.get(url);
  }

  /**
   * Sound one note.
   *
   * @param {{pitch: number, part: number, velocity: number}} note
   * @param {number} when - in seconds of the audio clock
   * @param {number} seconds - how long it is held
   */
  play(note, when, seconds) {
    const set = this.#set(this.programs?.[note.part] ?? 0);
    const tone = set.notes.reduce((a, b) => (Math.abs(b.midi - note.pitch) < Math.abs(a.midi - note.pitch) ? b : a));
    const buffer = this.ready.get(tone.url);
    if (!buffer) return;
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    if (this.samples.programs[this.programs[note.part]] !== "percussion") source.playbackRate.value = 2 ** ((note.pitch - tone.midi) / 12);
    if (tone.loop) [source.loop, source.loopStart, source.loopEnd] = [true, ...tone.loop];
    const gain = this.context.createGain();
    const loud = tone.gain * (note.velocity / 100) ** 1.5;
    const end = when + Math.max(0.05, seconds);
    gain.gain.setValueAtTime(loud, when);
    gain.gain.setTargetAtTime(0, end, set.release / 3);
    source.connect(gain).connect(this.parts[note.part] ?? this.output);
    source.start(when);
    source.stop(end + 2 * set.release);
    this.sounding.add(source);
    source.onended = () => this.sounding.delete(source);
  }

  /** A click of the metronome; the first beat of a bar is higher. */
  click(when, first, loud = 0.35) {
    const { context } = this;
    const oscillator = context.createOscillator();
    const gain = context.createGain();
    oscillator.frequency.value = first ? 1760 : 1174;
    gain.gain.setValueAtTime(loud, when);
    gain.gain.exponentialRampToValueAtTime(0.001, when + 0.06);
    oscillator.connect(gain).connect(this.context.destination);
    oscillator.start(when);
    oscillator.stop(when + 0.07);
    this.sounding.add(oscillator);
    oscillator.onended = () => this.sounding.delete(oscillator);
  }

  /** Silence everything that sounds or waits. */
  stop() {
    for (const source of this.sounding) {
      source.onended = null;
      source.stop();
    }
    this.sounding.clear();
  }
}

Sampler.AHEAD = AHEAD;

function limiter(context) {
  const compressor = context.createDynamicsCompressor();
  compressor.threshold.value = -10;
  compressor.ratio.value = 8;
  compressor.connect(context.destination);
  return compressor;
}

/** The bytes behind an address of this page, or within a data: address. */
async function bytesOf(url) {
  if (url.startsWith("data:")) {
    const text = atob(url.slice(url.indexOf(",") + 1));
    return Uint8Array.from(text, (letter) => letter.charCodeAt(0)).buffer;
  }
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.arrayBuffer();
}
