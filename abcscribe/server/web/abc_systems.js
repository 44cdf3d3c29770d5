// ABC text as the server writes it -> one small ABC text for each system of the page.
//
// abcjs draws a whole tune at a time: .7 s for 600 notes. Drawn system by system an edit redraws one of them, in a
// hundredth of that, and the width decides how many bars a system has. The text is cut, never changed: a map leads from
// each offset in a system's text to the offset in the score's text. Metre and key of a system stand in its header and
// not on lines within a voice, where abcjs lets an `M:` line of the first voice change the metre of the others.

import { lastNotAbove } from "./timeline.js";

const FIELD = /^([A-Za-z]):\s*(.*)$/;
const BAR_LINE = /^(?:[:.]*\|[|:\]]*|::|\[\|)[\d,\-]*$/;
const SYLLABLE = /(?:\\-|[^\s_*-])+-?|[_*]/g; // of a w: line: what stands below one note
const ENDING = /^\[\d[\d,\-]*$/;
const SYMBOL_WIDTH = 19; // units of abcjs for a note, with what stands before it
const BAR_WIDTH = 22; // and for a bar line
const CLEF_WIDTH = 70; // clef and key signature
const NAME_WIDTH = 70; // names of parts in the first system
const LAST_FILLED = 0.6; // of the width, from which the last system is stretched to all of it

/**
 * Cut a score's text into systems that fit a width.
 *
 * @param {string} abc - as the server writes it
 * @param {number} barCount - how many bars the score has
 * @param {number} width - of a system, in units of abcjs
 * @returns {System[]} - one system with the whole tune if the text has another form
 *
 * A System is {text, map, firstBar, bars, showsMetre}: `map` is rising [offset in text, offset in abc, length].
 */
export function systems(abc, barCount, width) {
  const tune = parse(abc);
  if (!tune || tune.bars !== barCount) return [wholeTune(abc, barCount)];
  const cuts = tune.voices[0].lines.flatMap((_, index) => {
    const lines = tune.voices.map((voice) => voice.lines[index]);
    return pieces(lines, width - CLEF_WIDTH, index === 0 ? NAME_WIDTH : 0).map(([from, to]) => ({ lines, from, to }));
  });
  return cuts.map((cut, i) => system(abc, tune, cut, i === cuts.length - 1));
}

/** Offset in the score's text for an offset in a system's text. */
export function sourceOffset(map, offset) {
  const i = lastNotAbove(map, offset, (piece) => piece[0]);
  if (i < 0) return -1;
  const [start, source, length] = map[i];
  return source + Math.min(offset - start, length);
}

function parse(abc) {
  const tune = { unit: "1/8", score: "", voices: [], bars: 0 };
  const fields = {};
  let voice = null;
  let pending = {};
  let offset = 0;
  for (const line of abc.split("\n")) {
    const start = offset;
    offset += line.length + 1;
    const field = FIELD.exec(line);
    if (!line.trim() || (line.startsWith("%") && !line.startsWith("%%"))) continue;
    if (line.startsWith("%%")) {
      if (!voice && /^%%(score|staves)/.test(line)) tune.score = line;
    } else if (field && field[1] === "V") {
      voice = { header: line, lines: [] };
      tune.voices.push(voice);
      pending = tune.voices.length === 1 ? { ...fields } : { M: fields.M, K: fields.K };
    } else if (field && field[1] === "w") {
      if (!voice?.lines.length) return null;
      voice.lines.at(-1).under.push(line);
    } else if (field && !voice) {
      if (field[1] === "L") tune.unit = field[2];
      else if ("MKQ".includes(field[1])) fields[field[1]] = field[2];
    } else if (field) {
      if (!"MKQ".includes(field[1])) return null;
      pending[field[1]] = field[2];
    } else {
      if (!voice) return null;
      const before = voice.lines.at(-1);
      const bars = barsOf(line, start);
      voice.lines.push({
        bars, under: [], changes: pending, M: pending.M ?? before?.M, K: pending.K ?? before?.K,
        firstBar: before ? before.firstBar + before.bars.length : 0,
      });
      pending = {};
    }
  }
  if (!tune.voices.length) return null;
  const shape = (one) => one.lines.map((line) => line.bars.length).join();
  if (tune.voices.some((one) => shape(one) !== shape(tune.voices[0]))) return null;
  tune.bars = tune.voices[0].lines.reduce((sum, line) => sum + line.bars.length, 0);
  return tune;
}

/** The bars of a line of music: [start, end) with their bar lines, how many symbols and how many notes they hold. */
function barsOf(line, offset) {
  const bars = [];
  let start = null;
  let symbols = 0;
  let notes = 0;
  for (const match of line.matchAll(/(?:"[^"]*"|[^\s"])+/g)) {
    const token = match[0];
    const end = offset + match.index + token.length;
    start ??= offset + match.index;
    if (BAR_LINE.test(token) && symbols) {
      bars.push({ start, end, symbols, notes });
      start = null;
      symbols = notes = 0;
    } else if (!BAR_LINE.test(token) && !ENDING.test(token)) {
      symbols += symbolCount(token);
      notes += noteCount(token);
    }
  }
  if (symbols) bars.push({ start, end: offset + line.trimEnd().length, symbols, notes });
  return bars;
}

/** About how much room the notes of a beam need: chords count once, an accidental half. */
function symbolCount(token) {
  const bare = token.replace(/"[^"]*"|![^!]*!/g, "").replace(/\[([^\]]*)\]/g, (chord) => (/[_^=]/.test(chord) ? "^c" : "c"));
  return Math.max(1, (bare.match(/[A-Ga-gzxZ]/g) ?? []).length + (bare.match(/[_^=]+/g) ?? []).length / 2);
}

/** How many notes a token writes, chords once: a syllable may stand below each. */
function noteCount(token) {
  const bare = token.replace(/"[^"]*"|![^!]*!|\{[^}]*\}|\[[A-Za-z]:[^\]]*\]/g, "").replace(/\[([^\]]*)\]/g, "c");
  return (bare.match(/[A-Ga-g]/g) ?? []).length;
}

/** The syllables of a w: line that belong to some of its bars. */
function syllables(line, bars, from, to) {
  const words = line.replace(/^w:\s*/, "").match(SYLLABLE) ?? [];
  const before = bars.slice(0, from).reduce((sum, bar) => sum + bar.notes, 0);
  const count = bars.slice(from, to).reduce((sum, bar) => sum + bar.notes, 0);
  const sung = words.slice(before, to === bars.length ? undefined : before + count);
  return "w: " + sung.reduce((text, word) => text + (!text || text.endsWith("-") || word === "_" ? "" : " ") + word, "");
}

/** How a line of bars is divided among systems, alike in width: pairs [from, to) of its bars. `lead` stands before the first. */
function pieces(lines, room, lead) {
  const bars = lines[0].bars.map((_, i) => BAR_WIDTH + SYMBOL_WIDTH * Math.max(...lines.map((line) => line.bars[i].symbols)));
  bars[0] += lead;
  const total = bars.reduce((sum, bar) => sum + bar, 0);
  const share = total / Math.max(1, Math.ceil(total / Math.max(room, 1)));
  const found = [[0, 0]];
  let used = 0;
  bars.forEach((bar, i) => {
    const piece = found.at(-1);
    if (piece[1] > piece[0] && (used + bar > room || used + bar / 2 > share)) {
      found.push([i, i + 1]);
      used = bar;
    } else {
      piece[1] = i + 1;
      used += bar;
    }
  });
  return found;
}

function system(abc, tune, { lines, from, to }, last) {
  const changes = from === 0 ? lines[0].changes : {};
  const first = lines[0].firstBar === 0 && from === 0;
  const header = ["X:1", `L:${tune.unit}`, `%%stretchlast ${last ? LAST_FILLED : 1}`];
  if (tune.score) header.push(tune.score);
  if (lines[0].M) header.push(`M:${lines[0].M}`);
  if (changes.Q) header.push(`Q:${changes.Q}`);
  header.push(`K:${lines[0].K ?? "none"}`);
  let text = header.join("\n") + "\n";
  const map = [];
  tune.voices.forEach((voice, i) => {
    text += (first ? voice.header : voice.header.replace(/ (?:name|nm|subname|snm)="[^"]*"/g, "")) + "\n";
    const bars = lines[i].bars.slice(from, to);
    map.push([text.length, bars[0].start, bars.at(-1).end - bars[0].start]);
    text += abc.slice(bars[0].start, bars.at(-1).end) + "\n";
    for (const line of lines[i].under) text += syllables(line, lines[i].bars, from, to) + "\n";
  });
  return {
    text, map, firstBar: lines[0].firstBar + from, bars: to - from, showsMetre: Boolean(changes.M),
  };
}

/** The whole tune as one system; lines `M:` and `K:` within voices become inline fields. */
function wholeTune(abc, bars) {
  let text = "";
  let inVoice = false;
  let prefix = "";
  const map = [];
  let offset = 0;
  for (const line of abc.split("\n")) {
    const start = offset;
    offset += line.length + 1;
    inVoice ||= line.startsWith("V:") || /^K:/.test(line);
    if (/^[TC]:/.test(line)) continue;
    if (inVoice && /^[MK]:/.test(line) && map.length) {
      prefix += `[${line.trim()}]`;
      continue;
    }
    if (/^[A-Za-z]:|^%/.test(line)) {
      text += line + "\n";
      continue;
    }
    text += prefix;
    prefix = "";
    map.push([text.length, start, line.length]);
    text += line + "\n";
  }
  return { text, map, firstBar: 0, bars, showsMetre: true };
}
