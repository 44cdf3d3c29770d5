// Corrections of the whole: metre, key, tempo, first bar line, and what else a hint settles. Notes are not heard again.

import { api } from "./api.js";
import { h, refill } from "./dom.js";
import { field, hintsForm, keyNames, select } from "./hints_form.js";
import { chosenPlace } from "./note_edits.js";
import { prepare } from "./prepare.js";
import { session } from "./session.js";

/**
 * Fill the panel, and again with every version.
 *
 * @param {HTMLElement} root
 * @param {{seconds: () => number, barNow: () => number, reopen: () => void, history: () => void}} page
 */
export function wholePanel(root, page) {
  session.watch(["score"], () => {
    if (session.score) refill(root, content(page));
  });
}

/** Set some hints beside those that were given, and write the score again. */
function hint(changes, more = {}) {
  const hints = { ...session.score.hints, ...changes };
  return session.change((id, base) => api.hints(id, { base, hints, ...more }));
}

function content(page) {
  const { score, vocabulary } = session;
  const { found, hints } = score;
  const given = (name) => (hints[name] === undefined || hints[name] === null ? "" : " (as you said)");
  const metre = select([["", "Find it by ear"], ...vocabulary.metres], found.metre ?? "", (value) => hint({ metre: value || null }), { id: "whole-metre" });
  const key = select([["", "Find it by ear"], ...keyNames(vocabulary)], found.key ?? "", (value) => hint({ key: value || null }), { id: "whole-key" });
  const tempo = h("input", {
    id: "whole-tempo", type: "number", min: 10, max: 600, step: "any", inputmode: "decimal", value: found.tempo ? Math.round(found.tempo * 10) / 10 : "",
    onchange: () => hint({ tempo: tempo.value === "" ? null : Number(tempo.value) }),
  });
  return [
    h("section", {},
      h("div", { class: "two" }, field(`Metre${given("metre")}`, metre), field(`Key${given("key")}`, key)),
      h("div", { class: "row" },
        h("div", { class: "grow" }, field(`Quarters a minute${given("tempo")}`, tempo)),
        h("div", { class: "segments" },
          h("button", { type: "button", id: "whole-half", title: "Half the tempo: notes become half as long", onclick: () => factor(0.5), text: "÷2" }),
          h("button", { type: "button", id: "whole-double", title: "Twice the tempo: notes become twice as long", onclick: () => factor(2), text: "×2" })))),
    h("section", {},
      h("h3", { text: "Bar lines" }),
      h("p", { class: "small muted", text: "Are the bars shifted? Choose the first note of any bar, or move the cursor there." }),
      h("button", { type: "button", class: "button", id: "whole-downbeat", onclick: () => downbeat(page), text: "A bar begins here" })),
    h("section", {},
      h("h3", { text: "Transpose everything" }),
      h("div", { class: "row" }, ...[[-12, "−8ve"], [-1, "−½"], [1, "+½"], [12, "+8ve"]].map(([semitones, words]) =>
        h("button", { type: "button", class: "button small", id: `transpose${semitones}`, "aria-label": `Transpose by ${semitones} semitones`, onclick: () => session.edit([{ op: "transpose", semitones }]), text: words })))),
    fromBar(page, found),
    h("section", {},
      h("details", {},
        h("summary", { text: "All that I know about it" }),
        hintsForm(vocabulary, hints, (next) => session.change((id, base) => api.hints(id, { base, hints: next }))))),
    h("section", {},
      h("div", { class: "row" },
        h("button", { type: "button", class: "button small", onclick: page.history, text: "Earlier versions" }),
        h("button", {
          type: "button", class: "button small", text: "Listen to it again",
          onclick: async () => {
            try {
              if (await prepare(session.recording, hints)) page.reopen();
            } catch (error) {
              session.tell(error.message);
            }
          },
        }))),
  ];
}

/** Twice or half the tempo that is in force, whatever was said before. */
function factor(tempo_factor) {
  return session.change((id, base) => api.hints(id, { base, hints: session.score.hints, tempo_factor }));
}

function downbeat(page) {
  const place = chosenPlace();
  const seconds = place?.seconds ?? page.seconds();
  return hint({ downbeat: Math.round(seconds * 1000) / 1000 });
}

/** Key and tempo from a bar on. */
function fromBar(page, found) {
  const { score, vocabulary } = session;
  const numbers = score.bars.map((one) => one.number);
  const bar = h("input", { type: "number", min: numbers[0], max: numbers.at(-1), value: numbers[0] });
  const key = select([["", "as it is"], ...keyNames(vocabulary)], "", () => {});
  const tempo = h("input", { type: "number", min: 10, max: 600, step: "any", placeholder: found.tempo ? "as it is" : "" });
  const apply = () => {
    const edit = { op: "header", bar: Math.max(0, numbers.indexOf(Number(bar.value))) };
    if (key.value) edit.key = key.value;
    if (tempo.value) edit.tempo = Number(tempo.value);
    return edit.key || edit.tempo ? session.edit([edit]) : session.tell("Choose a key or a tempo.");
  };
  return h("section", {},
    h("details", { ontoggle: () => (bar.value = numbers[page.barNow()]) },
      h("summary", { text: "Another key or tempo from a bar on" }),
      h("div", { class: "grid" }, field("From bar", bar), field("Key", key), field("Quarters a minute", tempo)),
      h("button", { type: "button", class: "button small", onclick: apply, text: "Change" })));
}
