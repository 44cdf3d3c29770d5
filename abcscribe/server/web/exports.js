// Out: every format, one PDF a part, arranged, transposed, tablature for a tuning and a capo, or all of it at once.

import { api } from "./api.js";
import { dialog, h, icon } from "./dom.js";
import { field, select } from "./hints_form.js";
import { midiOf } from "./note_edits.js";
import { session } from "./session.js";

const TITLES = {
  all: "Everything", pdf: "PDF", svg: "SVG", png: "PNG", musicxml: "MusicXML", mxl: "MXL", abc: "ABC", lilypond: "LilyPond", midi: "MIDI",
  "performance-midi": "MIDI as played", json: "JSON", html: "Web page", tab: "Tab", "tab-musicxml": "Tab, MusicXML", "tab-pdf": "Tab, PDF",
};
const PRINTED = ["pdf", "svg", "png"];
const WRITTEN = ["musicxml", "mxl", "abc", "lilypond", "midi", "performance-midi", "json"];
const PLAYED = ["html"];
const NAMES = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
// Written pitch of transposing instruments: semitones to add to what sounds.
const TRANSPOSITIONS = [["0", "as it sounds"], ["2", "for B♭ instruments (+2)"], ["9", "for E♭ instruments (+9)"], ["7", "for F instruments (+7)"], ["14", "for tenor saxophone (+14)"], ["21", "for baritone saxophone (+21)"], ["12", "an octave up"], ["-12", "an octave down"]];

const ARRANGEMENTS = [["", "as it is"], ["lead", "lead sheet: tune and chords"], ["melody", "the tune alone"], ["piano", "for piano"], ["piano easy", "for piano, easy"], ["guitar", "for guitar"], ["guitar easy", "for guitar, easy"]];

/** The menu of everything that can be taken away. */
export function exportMenu() {
  const { score, vocabulary, recording } = session;
  const options = { parts: null, transpose: null, tuning: null, audio: null, arrange: null, level: null, repeats: null };
  const named = score.parts.map((part, i) => [String(i), part.name || part.instrument || `Part ${i + 1}`]);
  const links = h("div");
  let tuning = "guitar";
  let capo = 0;
  const fill = () => {
    options.tuning = tuningWithCapo(vocabulary, tuning, capo);
    links.replaceChildren(
      group("To read and print", formats(vocabulary, PRINTED), options),
      score.parts.length > 1 ? partPdfs(named, options) : "",
      group("To go on writing", formats(vocabulary, WRITTEN), options),
      group("To play along", formats(vocabulary, PLAYED), options),
      group("Tablature", vocabulary.formats.filter((one) => one.fretted).map(entry), options),
      group("Others", vocabulary.formats.filter((one) => !one.fretted && ![...PRINTED, ...WRITTEN, ...PLAYED].includes(one.name)).map(entry), options),
      group("Everything at once", [["all", "every format, and a PDF for each part", ".zip"]], options, true));
  };
  const set = (name) => (value) => {
    options[name] = value === "" || value === "0" ? null : value;
    fill();
  };
  const arrange = (value) => {
    [options.arrange, options.level] = value ? [...value.split(" "), null] : [null, null];
    fill();
  };
  fill();
  dialog("Export", [
    h("p", { class: "muted", text: `Files are named after the title: ${score.title || recording.file_name}.` }),
    h("div", { class: "grid" },
      field("Parts", select([["", "all parts"], ...named], "", set("parts"))),
      field("Arranged", select(ARRANGEMENTS, "", arrange, { id: "arrange" })),
      field("Transposed", select(TRANSPOSITIONS, "0", set("transpose"))),
      field("Tuning for tablature", select(vocabulary.tunings.map((one) => [one.name, `${one.name}: ${one.strings}`]), tuning, (name) => (tuning = name, fill()))),
      field("Capo", select(Array.from({ length: 10 }, (_, i) => [String(i), i ? `fret ${i}` : "none"]), "0", (fret) => (capo = Number(fret), fill()))),
      h("label", { class: "check" }, h("input", { type: "checkbox", checked: true, onchange: (event) => set("audio")(event.target.checked ? "" : "none") }), "Web page with the recording"),
      h("label", { class: "check" }, h("input", { type: "checkbox", id: "repeats", onchange: (event) => set("repeats")(event.target.checked ? "1" : "") }), "Equal sections as repeats")),
    links,
    h("div", { class: "row end" }, h("button", { type: "button", class: "button", onclick: printScore }, icon("print"), "Print what is on screen")),
  ]);
}

/** Print the score as it is drawn, without the rest of the page. */
export function printScore() {
  for (const box of document.querySelectorAll("dialog[open]")) box.close();
  setTimeout(() => window.print());
}

const entry = (format) => [format.name, format.summary, format.suffix];

function formats(vocabulary, names) {
  return names.map((name) => vocabulary.formats.find((one) => one.name === name)).filter(Boolean).map(entry);
}

function group(title, entries, options, primary = false) {
  if (!entries.length) return "";
  return h("div", {}, h("h3", { text: title }), h("div", { class: "formats" }, ...entries.map(([name, summary, suffix]) => link(name, TITLES[name] ?? name, `${summary} (${suffix})`, options, primary))));
}

function partPdfs(named, options) {
  return h("div", {}, h("h3", { text: "One part" }),
    h("div", { class: "formats" }, ...named.map(([index, name]) => link("pdf", name, "PDF of this part", { ...options, parts: index }))));
}

function link(format, title, about, options, primary = false) {
  const given = { ...options, audio: options.audio === "none" ? 0 : null };
  return h("a", { class: primary ? "button primary" : "button", href: api.exportUrl(session.recording.id, format, given), download: true, dataset: { format } },
    h("b", { text: title }), h("small", { text: about }));
}

/** A capo shortens every string by its fret: the same as a tuning that is so much higher. */
export function tuningWithCapo(vocabulary, name, capo) {
  if (!capo) return name === "guitar" ? null : name;
  const { strings } = vocabulary.tunings.find((one) => one.name === name);
  return strings.split(/\s+/).map((pitch) => {
    const midi = midiOf(pitch) + capo;
    return `${NAMES[midi % 12]}${Math.floor(midi / 12) - 1}`;
  }).join(" ");
}

