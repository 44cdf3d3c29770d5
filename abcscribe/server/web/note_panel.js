// The panel for the note that is chosen: every key has a button here.

import { h, icon, refill, svg } from "./dom.js";
import { field, select } from "./hints_form.js";
import * as edits from "./note_edits.js";
import { noteLabel, restLabel } from "./note_names.js";
import { session } from "./session.js";

const LENGTHS = [["4", "Whole note", "7"], ["2", "Half note", "6"], ["1", "Quarter note", "5"], ["1/2", "Eighth note", "4"], ["1/4", "Sixteenth note", "3"], ["1/8", "Thirty-second note", "2"]];
const LETTERS = [..."CDEFGAB"];

/** Fill the panel, and again whenever another note is chosen. */
export function notePanel(root) {
  session.watch(["selection", "score", "noteLength"], () => {
    if (root.hidden || !session.score) return;
    refill(root, content());
  });
}

function content() {
  const place = edits.chosenPlace();
  if (!place) return [h("p", { class: "muted", text: "Choose a note or a rest in the score: click it, or use the arrow keys. Then change it here, by keys, or drag a note up and down." })];
  const { score } = session;
  const note = place.pitch ? place : null;
  const several = session.selection.length > 1 ? `${session.selection.length} are chosen; the first: ` : "";
  const heading = h("section", {},
    h("p", { class: "display", text: several + (note ? noteLabel(score, note) : restLabel(score, place)) }),
    note?.doubtful && h("p", { class: "small muted", text: note.confidence === null ? "Nobody heard this note; it was added in writing." : `Heard with a confidence of ${Math.round(100 * note.confidence)} %.` }));
  return [heading, letters(note), ...(note ? [pitch(), lengths(note), place_(note)] : [lengths(null)])];
}

function button(label, key, run, content = label, attributes = {}) {
  return h("button", { type: "button", "aria-label": label, title: key ? `${label} (${key})` : label, onclick: run, ...attributes }, content);
}

function letters(note) {
  return h("section", {},
    h("h3", { text: note ? "Pitch" : "Add a note" }),
    h("div", { class: "segments" }, ...LETTERS.map((name) => button(note ? `Make it ${name}` : `Add ${name}`, name, () => edits.letter(name), name))));
}

function pitch() {
  return h("section", {},
    h("div", { class: "row" },
      h("div", { class: "segments" }, button("A step up", "↑", () => edits.step(1), icon("up")), button("A step down", "↓", () => edits.step(-1), icon("down"))),
      h("div", { class: "segments" }, button("A semitone up", "Shift ↑", () => edits.semitone(1), "+½"), button("A semitone down", "Shift ↓", () => edits.semitone(-1), "−½")),
      h("div", { class: "segments" }, button("An octave up", "Ctrl ↑", () => edits.octave(1), "+8"), button("An octave down", "Ctrl ↓", () => edits.octave(-1), "−8"))),
    h("div", { class: "row" },
      h("div", { class: "segments" },
        button("Flat", "-", () => edits.accidental(-1), "♭"), button("Natural", "0", () => edits.accidental(0), "♮"), button("Sharp", "+", () => edits.accidental(1), "♯")),
      h("button", { type: "button", class: "button small", title: "Respell (R)", onclick: edits.respell, text: "Respell" })));
}

function lengths(note) {
  const now = edits.plainLength(note?.duration ?? session.noteLength ?? "1");
  return h("section", {},
    h("h3", { text: note ? "Length" : "Length of what is added" }),
    h("div", { class: "segments" }, ...LENGTHS.map(([value, name, key]) =>
      button(name, key, () => edits.length(value), noteIcon(value), { "aria-pressed": String(now.plain === value) }))),
    note && h("div", { class: "row" },
      h("button", { type: "button", class: "button small", "aria-pressed": String(now.dotted), title: "Dotted (.)", onclick: edits.dot, text: "Dotted" }),
      h("button", { type: "button", class: "button small", "aria-pressed": String(Boolean(note.tie)), title: "Tie to the next note (T)", onclick: edits.tie, text: "Tie" }),
      h("button", { type: "button", class: "button small", title: "Earlier (Alt ←)", onclick: () => edits.shift(-1), text: "Earlier" }),
      h("button", { type: "button", class: "button small", title: "Later (Alt →)", onclick: () => edits.shift(1), text: "Later" })));
}

function place_(note) {
  const { parts } = session.score;
  const { voices } = parts[note.part].staves[note.staff];
  const names = parts.map((part, i) => [String(i), part.name || part.instrument || `Part ${i + 1}`]);
  return h("section", {},
    h("div", { class: "two" },
      field("Part", select(names, String(note.part), (part) => edits.move(Number(part), parts[Number(part)].staves[0].voices[0]))),
      field("Voice on its staff", select([...voices.map((voice, i) => [String(voice), `${i + 1}`]), ["new", "a new one"]], String(note.voice),
        (voice) => (voice === "new" ? edits.otherVoice() : edits.move(note.part, Number(voice)))))),
    h("button", { type: "button", class: "button danger", title: "Delete", onclick: edits.remove }, icon("trash"), "Delete the note"));
}

/** A note of a length as it is written. */
function noteIcon(value) {
  const solid = value !== "4" && value !== "2";
  const flags = { "1/2": 1, "1/4": 2, "1/8": 3 }[value] ?? 0;
  const head = svg("ellipse", { cx: 9, cy: 18.5, rx: 4.3, ry: 3.1, transform: "rotate(-20 9 18.5)", fill: solid ? "currentColor" : "none", "stroke-width": 1.7 });
  const stem = value === "4" ? [] : [svg("path", { d: "M13 17V3", "stroke-width": 1.5 })];
  const tails = Array.from({ length: flags }, (_, i) => svg("path", { d: `M13 ${3.5 + i * 4}c1 3 5 3 4.500 7`, "stroke-width": 1.6 }));
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, head, ...stem, ...tails);
}
