// Everything by keyboard: one table that the keys obey and that the help shows.

import { dialog, h } from "./dom.js";

/**
 * The keys of the page.
 *
 * @param {Object} run - the functions behind them, by name
 * @returns {{group: string, entries: {keys: string[], shown: string, what: string, run: Function}[]}[]}
 */
export function keyTable(run) {
  const entry = (keys, shown, what, action) => ({ keys: [].concat(keys), shown, what, run: action });
  return [
    { group: "Play", entries: [
      entry("Space", "Space", "Play and pause", run.toggle),
      entry("Enter", "Enter", "Play from the chosen note", run.playFrom),
      entry("Home", "Home", "To the beginning", () => run.seek(0)),
      entry("l", "L", "Loop the chosen bars, or stop looping", run.loop),
      entry(["[", "]"], "[ ]", "Slower, faster", (key) => run.speed(key === "[" ? -5 : 5)),
      entry(["{", "}"], "{ }", "More of the recording, more of our notes", (key) => run.mix(key === "{" ? -10 : 10)),
      entry("k", "K", "Metronome", run.metronome),
      entry("i", "I", "Count-in", run.countIn),
      entry(["n", "Shift+N"], "N Shift+N", "Next, previous doubtful bar", (key) => run.doubtful(key === "n" ? 1 : -1)),
    ] },
    { group: "Choose", entries: [
      entry(["ArrowLeft", "ArrowRight"], "← →", "Note before, note after", (key) => run.neighbour(key === "ArrowLeft" ? -1 : 1, false)),
      entry(["Shift+ArrowLeft", "Shift+ArrowRight"], "Shift ← →", "Choose more notes", (key) => run.neighbour(key.endsWith("Left") ? -1 : 1, true)),
      entry("v", "V", "Next note of the chord", run.nextInChord),
      entry("Escape", "Esc", "Choose nothing, close", run.escape),
    ] },
    { group: "Pitch", entries: [
      entry(["ArrowUp", "ArrowDown"], "↑ ↓", "A step of the scale", (key) => run.step(key === "ArrowUp" ? 1 : -1)),
      entry(["Shift+ArrowUp", "Shift+ArrowDown"], "Shift ↑ ↓", "A semitone", (key) => run.semitone(key.endsWith("Up") ? 1 : -1)),
      entry(["Ctrl+ArrowUp", "Ctrl+ArrowDown"], "Ctrl ↑ ↓", "An octave", (key) => run.octave(key.endsWith("Up") ? 1 : -1)),
      entry([..."abcdefg"], "A … G", "This letter; on a rest: add a note", (key) => run.letter(key.toUpperCase())),
      entry([..."ABCDEFG"].map((name) => `Shift+${name}`), "Shift A … G", "Add it to the chord", (key) => run.chordLetter(key.at(-1))),
      entry(["+", "-", "0"], "+ - 0", "Sharp, flat, natural", (key) => run.accidental({ "+": 1, "-": -1, 0: 0 }[key])),
      entry("r", "R", "Respell: F sharp becomes G flat", run.respell),
    ] },
    { group: "Length and place", entries: [
      entry(["2", "3", "4", "5", "6", "7"], "2 … 7", "Thirty-second … whole note; 5 is a quarter", (key) => run.length({ 2: "1/8", 3: "1/4", 4: "1/2", 5: "1", 6: "2", 7: "4" }[key])),
      entry(".", ".", "Dotted", run.dot),
      entry("t", "T", "Tie to the next note", run.tie),
      entry(["Alt+ArrowLeft", "Alt+ArrowRight"], "Alt ← →", "Earlier, later", (key) => run.shift(key.endsWith("Left") ? -1 : 1)),
      entry("m", "M", "To the other voice of the staff", run.otherVoice),
      entry(["Delete", "Backspace"], "Delete", "Delete the note", run.remove),
    ] },
    { group: "Page", entries: [
      entry(["Ctrl+z"], "Ctrl Z", "Undo", run.undo),
      entry(["Ctrl+Shift+Z", "Ctrl+y"], "Ctrl Shift Z", "Redo", run.redo),
      entry("o", "O", "Corrections: open, close", run.inspector),
      entry("x", "X", "Export", run.exports),
      entry("/", "/", "Search the library", run.search),
      entry("?", "?", "This help", run.help),
    ] },
  ];
}

/** Name of a key event as the table has it: "Shift+ArrowUp", "Ctrl+z", "?". */
export function keyName(event) {
  const control = event.ctrlKey || event.metaKey;
  const named = event.key.length > 1 || event.key === " ";
  const letter = /^[A-Za-z]$/.test(event.key);
  const name = event.key === " " ? "Space" : event.key;
  const parts = [control && "Ctrl", event.altKey && "Alt", event.shiftKey && (named || letter) && "Shift", name];
  return parts.filter(Boolean).join("+");
}

const WRITING = "input:not([type=range], [type=checkbox], [type=radio]), textarea, select, [contenteditable]";
// Keys that a control with the focus needs for itself.
const OWN_KEYS = [
  ["button, a, summary, input[type=checkbox]", /^(Space|Enter)$/],
  ["[role=tab]", /^(Space|Enter|ArrowLeft|ArrowRight)$/],
  ["input[type=range], [role=slider]", /^(Arrow|Home|End|Page)/],
];

/** Obey the keys of a table, but leave alone those of a field, a dialog, or a button that has the focus. */
export function obeyKeys(table) {
  const actions = new Map(table.flatMap(({ entries }) => entries.flatMap(({ keys, run }) => keys.map((key) => [key, run]))));
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    const { target } = event;
    if (target.matches?.(WRITING)) {
      if (event.key === "Escape") target.blur();
      return;
    }
    const name = keyName(event);
    if (OWN_KEYS.some(([controls, keys]) => target.matches?.(controls) && keys.test(name))) return;
    const run = actions.get(name);
    if (!run) return;
    event.preventDefault();
    run(name);
  });
}

/** The overlay that shows the table. */
export function helpDialog(table) {
  dialog("Keys", [
    h("p", { class: "muted", text: "A click on a note plays from there. Drag over bars to loop them. With the corrections open a click chooses a note, dragging it up or down changes its pitch, and a double click on a rest adds one." }),
    h("div", { class: "keys" }, ...table.map(({ group, entries }) =>
      h("section", {}, h("h3", { text: group }), h("dl", {}, ...entries.flatMap(({ shown, what }) =>
        [h("dt", {}, ...shown.split(" ").flatMap((word) => (word === "…" ? " … " : h("kbd", { text: word })))), h("dd", { text: what })]))))),
  ], "wide");
}
