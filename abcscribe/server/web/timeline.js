// Where the music is at a moment: quarters from the start of the score <-> seconds of the recording, and sorted lists.

/** Index of the last entry of a sorted array whose key is not above `value`; -1 if all are above. */
export function lastNotAbove(sorted, value, key = (entry) => entry) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(sorted[middle]) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** A fraction such as "3/2" as a number. */
export function quarters(fraction) {
  const [above, below = "1"] = String(fraction).split("/");
  return Number(above) / Number(below);
}

/** The road of a score through its recording: rising pairs of (quarters, seconds), straight between them. */
export class Timeline {
  /** @param {[number, number][]} times - (quarters from the start of the score, seconds), rising */
  constructor(times) {
    this.times = times.length > 1 ? times : [[0, 0], [1, 0.5]];
  }

  secondsAt(quarter) {
    return this.#follow(quarter, 0, 1);
  }

  quarterAt(second) {
    return this.#follow(second, 1, 0);
  }

  #follow(value, from, to) {
    const last = this.times.length - 2;
    const i = Math.max(0, Math.min(last, lastNotAbove(this.times, value, (pair) => pair[from])));
    const [a, b] = [this.times[i], this.times[i + 1]];
    const span = b[from] - a[from];
    return span > 0 ? a[to] + ((value - a[from]) / span) * (b[to] - a[to]) : a[to];
  }
}

/** Quarters from the start of the score to each bar line and to the end. */
export function barStarts(bars) {
  const starts = [0];
  for (const bar of bars) starts.push(starts.at(-1) + quarters(bar.length));
  return starts;
}

/** Quarters in a beat of a metre such as "6/8": three units where they go in threes, the whole bar of 3/8. */
export function beatLength(metre) {
  const [beats, unit] = (metre || "4/4").split("/").map(Number);
  const compound = (beats > 3 && beats % 3 === 0) || (beats === 3 && unit >= 8);
  return (compound ? 12 : 4) / unit;
}

/**
 * The beats of a score: what a metronome clicks.
 *
 * @returns {{seconds: number, first: boolean, bar: number}[]} - rising
 */
export function beats(score, timeline) {
  const starts = barStarts(score.bars);
  return score.bars.flatMap((bar, index) => {
    const length = quarters(bar.length);
    const full = bar.metre ? (4 * Number(bar.metre.split("/")[0])) / Number(bar.metre.split("/")[1]) : length;
    const beat = beatLength(bar.metre);
    const found = [];
    // A pickup is the end of a bar: its beats are counted from the right.
    const lead = index === 0 ? (((full - length) % beat) + beat) % beat : 0;
    for (let at = lead ? beat - lead : 0; at < length - 1e-6; at += beat) {
      const whole = at === 0 && (index > 0 || length >= full - 1e-6);
      found.push({ seconds: timeline.secondsAt(starts[index] + at), first: whole, bar: index });
    }
    return found;
  });
}

/**
 * Sounding notes of a score as it is written: tied notes joined.
 *
 * @returns {{onset: number, offset: number, pitch: number, part: number, velocity: number}[]} - by onset
 */
export function notatedNotes(score) {
  const open = new Map();
  const sounding = [];
  for (const note of score.notes) {
    const key = `${note.part}.${note.voice}.${note.midi}`;
    const before = note.tied ? open.get(key) : undefined;
    open.delete(key);
    const joined = before ?? { onset: note.seconds, offset: note.end, pitch: note.midi, part: note.part, velocity: 84 };
    joined.offset = Math.max(joined.offset, note.end);
    if (!before) sounding.push(joined);
    if (note.tie) open.set(key, joined);
  }
  return sounding.sort((a, b) => a.onset - b.onset);
}

/** The notes as they were played in the recording, in the same form; a note of no part goes to the first. */
export function playedNotes(score) {
  return score.performance.map(([onset, offset, pitch, velocity, , , part]) => ({
    onset, offset, pitch, velocity, part: part ?? 0,
  }));
}
