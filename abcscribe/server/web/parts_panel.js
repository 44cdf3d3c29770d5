// The parts: who plays, how loud, on how many staves; merge, split, order.

import { h, icon, iconButton, refill } from "./dom.js";
import { field, instrumentSelect, select } from "./hints_form.js";
import { session } from "./session.js";

/**
 * Fill the panel, and again with every version.
 *
 * @param {HTMLElement} root
 * @param {import("./transport.js").Transport} transport - knows what is muted
 */
export function partsPanel(root, transport) {
  session.watch(["score", "sounding"], () => {
    if (!session.score) return;
    refill(root, [
      h("p", { class: "small muted", text: "Mute, solo and loudness are for our notes; the slider below mixes them with the recording." }),
      ...session.score.parts.map((part, index) => partBox(part, index, transport)),
    ]);
  });
}

function partBox(part, index, transport) {
  const { vocabulary, score } = session;
  const name = part.name || part.instrument || `Part ${index + 1}`;
  const edit = (changes) => session.edit([{ op: "part", part: index, ...changes }]);
  const flip = (set, label, letter) => h("button", {
    type: "button", class: "toggle", id: `${letter}${index}`, "aria-label": `${label} ${name}`, title: `${label} ${name}`, "aria-pressed": String(set.has(index)), text: letter,
    onclick: () => {
      if (set.has(index)) set.delete(index);
      else set.add(index);
      transport.set({});
      session.update({ sounding: {} });
    },
  });
  const loud = h("input", {
    type: "range", min: 0, max: 1.5, step: 0.05, value: transport.levels[index] ?? 1, "aria-label": `Loudness of ${name}`,
    oninput: () => {
      transport.levels[index] = Number(loud.value);
      transport.set({});
    },
  });
  const nameField = h("input", { id: `name${index}`, value: part.name, "aria-label": `Name of part ${index + 1}`, onchange: () => edit({ name: nameField.value }) });
  const staves = part.staves.length;
  return h("section", { class: "part", "aria-label": name },
    h("div", { class: "row" }, h("div", { class: "grow" }, nameField), flip(transport.muted, "Mute", "M"), flip(transport.soloed, "Solo", "S")),
    loud,
    field("Instrument", instrumentSelect(vocabulary, part.program, (program) => edit({ program: Number(program) }))),
    h("details", {},
      h("summary", { text: "Staves, clefs, merge, split" }),
      h("div", { class: "two" }, ...part.staves.map((staff, i) =>
        field(staves > 1 ? `Clef of staff ${i + 1}` : "Clef", select(vocabulary.clefs, staff.clef, (clef) => edit({ clef, staff: i })))),
      field("Written on", select([["1", "one staff"], ["2", "two staves (hands)"]], String(Math.min(2, staves)), (count) => session.edit([{ op: "hands", part: index, staves: Number(count) }])))),
      h("div", { class: "row" }, ...[[-12, "−8ve"], [-1, "−½"], [1, "+½"], [12, "+8ve"]].map(([semitones, words]) =>
        h("button", { type: "button", class: "button small", "aria-label": `Transpose ${name} by ${semitones} semitones`, onclick: () => session.edit([{ op: "transpose", part: index, semitones }]), text: words }))),
      splitting(part, index),
      h("div", { class: "row" },
        score.parts.length > 1 && merging(index),
        index > 0 && iconButton("up", `Move ${name} up`, () => reorder(index, -1)),
        index < score.parts.length - 1 && iconButton("down", `Move ${name} down`, () => reorder(index, 1)),
        score.parts.length > 1 && h("button", { type: "button", class: "button small danger", "aria-label": `Remove ${name}`, onclick: () => session.edit([{ op: "remove", part: index }]) }, icon("trash"), "Remove"))));
}

function splitting(part, index) {
  const at = h("input", { value: "C4", "aria-label": "Split at pitch", size: 4 });
  const voices = part.staves.reduce((sum, staff) => sum + staff.voices.length, 0);
  return h("div", { class: "row" },
    h("button", { type: "button", class: "button small", text: "Split at", onclick: () => session.edit([{ op: "split", part: index, by: "pitch", at: at.value.trim() }]) }),
    h("div", { class: "grow" }, at),
    voices > 1 && h("button", { type: "button", class: "button small", text: "Split voices", onclick: () => session.edit([{ op: "split", part: index, by: "voice" }]) }));
}

function merging(index) {
  const others = session.score.parts.map((part, i) => [String(i), part.name || part.instrument || `Part ${i + 1}`]).filter(([i]) => Number(i) !== index);
  const control = select([["", "Merge with …"], ...others], "", (other) => other && session.edit([{ op: "merge", parts: [index, Number(other)] }]));
  control.setAttribute("aria-label", "Merge with another part");
  return h("div", { class: "grow" }, control);
}

function reorder(index, direction) {
  const order = session.score.parts.map((_, i) => i);
  [order[index], order[index + direction]] = [order[index + direction], order[index]];
  return session.edit([{ op: "order", parts: order }]);
}
