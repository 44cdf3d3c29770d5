// The score as ABC text: problems are underlined as it is typed, and the text becomes the score when it is applied.

import { api } from "./api.js";
import { h } from "./dom.js";
import { chosenPlace } from "./note_edits.js";
import { session } from "./session.js";

const CHECK_MS = 300; // pause in typing after which the text is read
const DRAFT = "abcscribe-draft"; // what was typed and not applied, for a reload

/** Fill the panel and keep it with the score. */
export function textPanel(root) {
  const text = h("textarea", { spellcheck: "false", autocapitalize: "off", autocomplete: "off", "aria-label": "ABC text" });
  const marks = h("pre", { "aria-hidden": "true" });
  const state = h("p", { class: "small muted", role: "status" });
  const problems = h("ul", { class: "problems", "aria-label": "Problems" });
  const apply = h("button", { type: "button", class: "button primary small", text: "Make it the score", title: "Ctrl Enter" });
  const leave = h("button", { type: "button", class: "button small", text: "Discard my changes" });
  root.classList.add("text-panel");
  root.append(h("div", { class: "editor" }, marks, text), h("div", { class: "below" }, h("div", { class: "row" }, apply, leave, state), problems));

  let shown = []; // problems of the text that is shown
  let here = null; // [start, end] of the note that is chosen
  let timer = null;
  let reading = null;
  const changed = () => session.score && text.value !== session.score.abc;

  const paint = () => {
    const pieces = [...shown.map(({ start, end }) => [start, Math.max(end, start + 1), ""]), ...(here && !changed() ? [[...here, "here"]] : [])].sort((a, b) => a[0] - b[0]);
    const nodes = [];
    let at = 0;
    for (const [start, end, name] of pieces) {
      if (start < at) continue;
      nodes.push(text.value.slice(at, start), h("mark", { class: name, text: text.value.slice(start, end) }));
      at = end;
    }
    marks.replaceChildren(...nodes, `${text.value.slice(at)}\n`);
    marks.scrollTop = text.scrollTop;
    apply.disabled = leave.disabled = !changed();
  };
  const list = () => problems.replaceChildren(...shown.slice(0, 50).map((problem) =>
    h("li", {}, h("button", {
      type: "button", text: `Line ${problem.line}: ${problem.message}`,
      onclick: () => {
        text.focus();
        text.setSelectionRange(problem.start, Math.max(problem.end, problem.start + 1));
        scrollTo(text, problem.line);
      },
    }))));
  const check = async () => {
    reading?.abort();
    reading = new AbortController();
    try {
      const found = await api.readAbc(text.value, reading.signal);
      shown = found.problems;
      const meanwhile = kept() && kept().version !== session.score.version ? ". The score has changed meanwhile; your text would replace it." : "";
      state.textContent = `${found.bars} bars, ${found.notes} notes${shown.length ? `, ${shown.length} problems` : ""}${meanwhile}`;
    } catch (error) {
      if (error.name === "AbortError") return;
      shown = [];
      state.textContent = error.message;
    }
    list();
    paint();
  };
  const submit = async () => {
    if (!changed()) return;
    const value = text.value;
    if (!(await session.change((id, base) => api.setAbc(id, base, value)))) return;
    keepDraft(null);
    take();
  };

  text.addEventListener("input", () => {
    here = null;
    shown = [];
    paint();
    keepDraft(changed() ? text.value : null);
    clearTimeout(timer);
    timer = setTimeout(check, CHECK_MS);
  });
  text.addEventListener("scroll", () => (marks.scrollTop = text.scrollTop));
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      submit();
    }
  });
  text.addEventListener("click", () => !changed() && chooseAt(text.selectionStart));
  apply.addEventListener("click", submit);
  leave.addEventListener("click", () => {
    keepDraft(null);
    take();
  });
  const take = () => {
    text.value = draft() ?? session.score.abc;
    shown = session.score.problems ?? [];
    state.textContent = "";
    if (changed()) check();
    list();
    paint();
  };
  session.watch(["score"], () => session.score && take());
  session.watch(["selection"], () => {
    const place = session.score ? chosenPlace() : null;
    const chars = place && (Array.isArray(place.chars[0]) ? place.chars[0] : place.chars);
    here = chars ?? null;
    paint();
    if (chars && !changed() && document.activeElement !== text) scrollTo(text, session.score.abc.slice(0, chars[0]).split("\n").length);
  });
}

function scrollTo(text, line) {
  const height = parseFloat(getComputedStyle(text).lineHeight);
  text.scrollTop = Math.max(0, (line - 4) * height);
}

/** Choose the note that is written at an offset of the text. */
function chooseAt(offset) {
  const note = session.score.notes.find((one) => one.chars.some(([start, end]) => start <= offset && offset < end));
  if (note) session.update({ selection: [note.id] });
}

/** Keep what was typed for a reload, with the version it belongs to; null forgets it. */
function keepDraft(text) {
  if (text === null) sessionStorage.removeItem(DRAFT);
  else sessionStorage.setItem(DRAFT, JSON.stringify({ id: session.recording.id, version: session.score.version, text }));
}

/** What was typed in this recording and not applied, or null. */
function draft() {
  return kept()?.text ?? null;
}

function kept() {
  const found = JSON.parse(sessionStorage.getItem(DRAFT) ?? "null");
  return found?.id === session.recording.id ? found : null;
}
