// Corrections note by note: what keys and buttons do to the notes that are chosen.

import { restId } from "./score_drawing.js";
import { counterpart, noteOrRest, session } from "./session.js";
import { barStarts, quarters } from "./timeline.js";

const MODE_FIFTHS = { major: 0, minor: 3, ionian: 0, dorian: 2, phrygian: 4, lydian: -1, mixolydian: 1, aeolian: 3, locrian: 5 };
const STEP_SEMITONES = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
const LENGTHS = ["1/8", "1/4", "1/2", "1", "2", "4"]; // from a thirty-second to a whole
const DEFAULT_LENGTH = "1";

/** The notes that are chosen. */
export function chosenNotes() {
  return session.selection.map((id) => session.score?.notes.find((note) => note.id === id)).filter(Boolean);
}

/** The first thing that is chosen, a note or a rest, or null. */
export function chosenPlace() {
  return session.score && session.selection.length ? noteOrRest(session.score, session.selection[0]) : null;
}

/** Change the notes that are chosen by one edit; what was chosen stays so, `shift` semitones away. */
function editNotes(edit, shift = 0) {
  const notes = chosenNotes();
  if (!notes.length) return session.tell("Choose a note first.");
  const ids = notes.map((note) => note.id);
  return session.edit([{ ...edit, notes: ids }], (before, after, selected) =>
    unique(selected.map((note) => counterpart(after, { ...note, midi: note.midi + shift }))));
}

const unique = (ids) => [...new Set(ids.filter(Boolean))];

export const step = (steps) => editNotes({ op: "pitch", steps }, 1.7 * steps);
export const semitone = (semitones) => editNotes({ op: "pitch", semitones }, semitones);
export const octave = (octaves) => editNotes({ op: "pitch", octaves }, 12 * octaves);
export const accidental = (alter) => editNotes({ op: "accidental", alter });
export const respell = () => editNotes({ op: "respell" });
export const remove = () => editNotes({ op: "delete" });

export function tie() {
  const notes = chosenNotes();
  return editNotes({ op: "tie", tie: !notes.every((note) => note.tie) });
}

/** Give the notes a length: a plain value as quarters, kept dotted if `dotted`. */
export function length(duration) {
  session.update({ noteLength: duration });
  if (chosenNotes().length) return editNotes({ op: "length", duration });
  return null;
}

/** The plain value of a length and whether it is dotted; the nearest value below for others. */
export function plainLength(duration) {
  const value = quarters(duration);
  const dotted = LENGTHS.find((plain) => Math.abs(quarters(plain) * 1.5 - value) < 1e-6);
  if (dotted) return { plain: dotted, dotted: true };
  return { plain: [...LENGTHS].reverse().find((plain) => quarters(plain) <= value + 1e-6) ?? LENGTHS[0], dotted: false };
}

export function dot() {
  const notes = chosenNotes();
  if (!notes.length) return session.tell("Choose a note first.");
  const { plain, dotted } = plainLength(notes[0].duration);
  return length(dotted ? plain : fraction(quarters(plain) * 1.5));
}

/** Twice or half as long. */
export function scaleLength(factor) {
  const notes = chosenNotes();
  if (!notes.length) return session.tell("Choose a note first.");
  return length(fraction(quarters(notes[0].duration) * factor));
}

/** Earlier or later by a sixteenth's worth of the note's own grid: half its length, at most an eighth. */
export function shift(direction) {
  const notes = chosenNotes();
  if (!notes.length) return session.tell("Choose a note first.");
  const by = Math.min(0.5, quarters(notes[0].duration));
  const starts = barStarts(session.score.bars);
  const edit = { op: "shift", notes: notes.map((note) => note.id), quarters: fraction(direction * by) };
  return session.edit([edit], (before, after, selected) => unique(selected.map((note) => {
    const at = starts[note.bar] + quarters(note.start) + direction * by;
    return after.notes.filter((one) => one.part === note.part && one.midi === note.midi).reduce((best, one) => {
      const away = Math.abs(barStarts(after.bars)[one.bar] + quarters(one.start) - at);
      return away < (best?.away ?? 0.01) ? { away, id: one.id } : best;
    }, null)?.id;
  })));
}

/** To another part or voice. */
export function move(part, voice, staff = null) {
  const notes = chosenNotes();
  if (!notes.length) return session.tell("Choose a note first.");
  const edit = { op: "move", notes: notes.map((note) => note.id), part, voice, ...(staff !== null && { staff }) };
  return session.edit([edit], (before, after, selected) => unique(selected.map((note) => counterpart(after, { ...note, part, voice }))));
}

/** The other voice of the note's staff; a new one if it has only one. */
export function otherVoice() {
  const [note] = chosenNotes();
  if (!note) return session.tell("Choose a note first.");
  const staff = session.score.parts[note.part].staves[note.staff];
  const all = session.score.parts[note.part].staves.flatMap((one) => one.voices);
  const other = staff.voices.find((voice) => voice !== note.voice);
  return other ? move(note.part, other) : move(note.part, Math.max(...all) + 1, note.staff);
}

/** A letter: the note becomes that step, as near as can be; on a rest a note is added. */
export function letter(name) {
  const place = chosenPlace();
  if (!place) return session.tell("Choose a note or a rest first.");
  const key = session.score.bars[place.bar].key;
  if (place.pitch) {
    const pitch = nearest(name, key, place.midi);
    return editNotes({ op: "pitch", pitch }, midiOf(pitch) - place.midi);
  }
  return addAt(place, nearest(name, key, pitchBefore(place)));
}

/** A letter above the note that is chosen, in its chord. */
export function chordLetter(name) {
  const [note] = chosenNotes();
  if (!note) return letter(name);
  const key = session.score.bars[note.bar].key;
  let pitch = nearest(name, key, note.midi + 6);
  if (midiOf(pitch) <= note.midi) pitch = nearest(name, key, midiOf(pitch) + 12);
  const { part, voice, bar, start, duration } = note;
  return session.edit([{ op: "add", part, voice, bar, start, duration, pitch }], (before, after) =>
    unique([counterpart(after, { ...note, midi: midiOf(pitch) })]));
}

/** Add a note on a rest, as long as the last length that was chosen, at most as long as the rest. */
export function addAt(rest, pitch) {
  const wanted = session.noteLength ?? DEFAULT_LENGTH;
  const duration = quarters(wanted) <= quarters(rest.duration) ? wanted : rest.duration;
  const { part, voice, bar, start } = rest;
  return session.edit([{ op: "add", part, voice, bar, start, duration, pitch }], (before, after) =>
    unique([counterpart(after, { ...rest, midi: midiOf(pitch) })]));
}

/** Notes and rests of the voice of what is chosen, in order; a chord is its lowest note. */
function voiceLine(place) {
  const { score } = session;
  const starts = barStarts(score.bars);
  const at = (one) => starts[one.bar] + quarters(one.start);
  const mine = (one) => one.part === place.part && one.voice === place.voice;
  const seen = new Map();
  for (const note of score.notes.filter(mine)) if (!seen.has(at(note))) seen.set(at(note), note.id);
  for (const rest of score.rests.filter(mine)) if (!seen.has(at(rest))) seen.set(at(rest), restId(rest));
  return [...seen].sort((a, b) => a[0] - b[0]);
}

/** The note or rest before (-1) or after (1) what is chosen; with nothing chosen, the first of the score. */
export function neighbour(direction) {
  const { score } = session;
  const place = chosenPlace();
  if (!place) return score.notes[0]?.id ?? null;
  const line = voiceLine(place);
  const now = barStarts(score.bars)[place.bar] + quarters(place.start);
  const i = line.findIndex(([at]) => Math.abs(at - now) < 1e-6);
  return line[i + direction]?.[1] ?? null;
}

/** The next note of the same chord, upwards and around. */
export function nextInChord() {
  const [note] = chosenNotes();
  if (!note) return null;
  const chord = session.score.notes.filter((one) => one.part === note.part && one.voice === note.voice && one.bar === note.bar && one.start === note.start);
  return chord[(chord.indexOf(note) + 1) % chord.length].id;
}

function pitchBefore(place) {
  const starts = barStarts(session.score.bars);
  const at = (one) => starts[one.bar] + quarters(one.start);
  const before = session.score.notes.filter((note) => note.part === place.part && at(note) < at(place));
  const near = before.length ? before.reduce((a, b) => (at(b) >= at(a) ? b : a)) : session.score.notes.find((note) => note.part === place.part);
  return near?.midi ?? 67;
}

/** The pitch with a letter that lies nearest to a MIDI pitch, altered as the key has it. */
export function nearest(name, key, midi) {
  const alter = keyAlter(key, name);
  const octaveOf = (pitch) => Math.round((pitch - STEP_SEMITONES[name] - alter) / 12) - 1;
  return `${name}${alter > 0 ? "#".repeat(alter) : "b".repeat(-alter)}${octaveOf(midi)}`;
}

/** What a key such as "Bb minor" does to a step: -1, 0 or 1. */
export function keyAlter(key, name) {
  const [, tonic, signs = "", mode = "major"] = /^([A-G])(#*|b*)\s*(\w*)/.exec(key ?? "C major") ?? [null, "C", "", "major"];
  const fifths = "FCGDAEB".indexOf(tonic) - 1 + 7 * (signs.startsWith("#") ? signs.length : -signs.length) - (MODE_FIFTHS[mode || "major"] ?? 0);
  return Math.floor((fifths + 6 - "FCGDAEB".indexOf(name)) / 7);
}

export function midiOf(pitch) {
  const [, name, signs, octaveText] = /^([A-G])(#*|b*)(-?\d+)$/.exec(pitch);
  return 12 * (Number(octaveText) + 1) + STEP_SEMITONES[name] + (signs.startsWith("#") ? signs.length : -signs.length);
}

/** A number of quarters as an exact fraction, for values that notes are written in. */
export function fraction(value) {
  for (const below of [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]) {
    const above = value * below;
    if (Math.abs(above - Math.round(above)) < 1e-6) return below === 1 ? String(Math.round(above)) : `${Math.round(above)}/${below}`;
  }
  return String(value);
}
