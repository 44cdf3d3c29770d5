// What a user knows of a recording, as a form: used before it is heard, and afterwards to put the whole right.

import { h } from "./dom.js";

const TONICS = ["C", "G", "D", "A", "E", "B", "F#", "C#", "F", "Bb", "Eb", "Ab", "Db", "Gb", "Cb"];
const BY_EAR = "Find it by ear";

/** A field with a name above it. */
export function field(name, control, help = "") {
  return h("label", { class: "field" }, h("span", { text: name }), control, help && h("small", { class: "muted", text: help }));
}

/** A list to choose from: entries are strings or [value, words]. */
export function select(entries, value, onchange, attributes = {}) {
  const control = h("select", { onchange: () => onchange(control.value), ...attributes },
    ...entries.map((entry) => {
      const [given, words] = Array.isArray(entry) ? entry : [entry, entry];
      return h("option", { value: given, text: words });
    }));
  control.value = value;
  if (control.selectedIndex < 0 && value !== "") {
    control.append(h("option", { value, text: value }));
    control.value = value;
  }
  return control;
}

/** Instruments, by family, as groups of a list. */
export function instrumentSelect(vocabulary, value, onchange, first = null) {
  const control = h("select", { onchange: () => onchange(control.value) });
  if (first) control.append(h("option", { value: "", text: first }));
  const families = new Map();
  for (const one of vocabulary.instruments) {
    if (!families.has(one.family)) families.set(one.family, h("optgroup", { label: one.family || "other" }));
    families.get(one.family).append(h("option", { value: one.program, text: one.name }));
  }
  control.append(...families.values());
  control.value = value ?? "";
  return control;
}

/** Keys that a musician writes, major first. */
export function keyNames(vocabulary) {
  if (vocabulary.keys?.length) return vocabulary.keys;
  return ["major", "minor"].flatMap((mode) => TONICS.map((tonic) => `${tonic} ${mode}`));
}

/**
 * A form for hints.
 *
 * @param {Object} vocabulary
 * @param {Object} hints - what is set at first
 * @param {(hints: Object) => void} onchange - told all hints that are set
 * @returns {HTMLElement}
 */
export function hintsForm(vocabulary, hints, onchange) {
  const current = { ...hints };
  const set = (name) => (value) => {
    if (value === "" || value === null) delete current[name];
    else current[name] = value;
    onchange({ ...current });
  };
  const programOf = (instrument) => {
    if (instrument === undefined || instrument === null) return "";
    const named = vocabulary.instruments.find((one) => one.name.toLowerCase() === String(instrument).toLowerCase());
    return named?.program ?? instrument;
  };
  const number = (name, attributes) => h("input", {
    type: "number", inputmode: "decimal", placeholder: "by ear", value: current[name] ?? "", ...attributes,
    onchange: (event) => set(name)(event.target.value === "" ? null : Number(event.target.value)),
  });
  const instrument = instrumentSelect(vocabulary, programOf(current.instrument),
    (value) => set("instrument")(value === "" ? null : Number(value)), BY_EAR);
  const extras = vocabulary.hints.filter((name) => !PLAIN.has(name)).map((name) => (EXTRAS[name] ?? anyHint(name))(current[name], set(name)));
  return h("div", { class: "grid" },
    field("Instrument", instrument),
    field("Metre", select([["", BY_EAR], ...vocabulary.metres], current.metre ?? "", set("metre"))),
    field("Key", select([["", BY_EAR], ...keyNames(vocabulary)], current.key ?? "", set("key"))),
    field("Quarters a minute", number("tempo", { min: 10, max: 600, step: "any" })),
    field("A bar begins at (seconds)", number("downbeat", { min: 0, step: "any" })),
    ...extras);
}

const PLAIN = new Set(["instrument", "metre", "key", "tempo", "downbeat"]);

/** A hint that this page has no words for: the text that the command line takes. */
const anyHint = (name) => (value, set) => field(name.replaceAll("_", " "), h("input", {
  placeholder: "by ear", value: value ?? "", onchange: (event) => set(event.target.value.trim()),
}));

/** A hint that is yes or no. */
const yesOrNo = (name, yes, no) => (value, set) => field(name, select([["", BY_EAR], ["true", yes], ["false", no]],
  value === undefined ? "" : String(value), (text) => set(text === "" ? null : text === "true")));

const EXTRAS = {
  chords: yesOrNo("Chord symbols", "Written", "None"),
  writer: (value, set) => field("Written down by", select([["", "the rules"], ["lm", "the language model"]], value ?? "", set)),
  instruments: (value, set) => field("All who play", h("input", {
    placeholder: "voice, guitar", value: [value ?? []].flat().join(", "), onchange: (event) => set(event.target.value.trim()),
  })),
  solo: yesOrNo("Only the soloist's melody", "Yes", "No"),
  swing: yesOrNo("Swing", "Swung", "Straight"),
  parts: (value, set) => field("Number of parts", h("input", {
    type: "number", min: 1, max: 6, step: 1, placeholder: "by ear", value: value ?? "",
    onchange: (event) => set(event.target.value === "" ? null : Number(event.target.value)),
  })),
};
