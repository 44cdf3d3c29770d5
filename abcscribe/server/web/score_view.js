// The open score: its heading, what is doubtful, the drawing, and what pointer and keys do in it.

import { api } from "./api.js";
import { h } from "./dom.js";
import { Follower } from "./follower.js";
import { midiOf, nearest, addAt } from "./note_edits.js";
import { noteLabel, restLabel } from "./note_names.js";
import { restId, ScoreDrawing } from "./score_drawing.js";
import { noteOrRest, session } from "./session.js";
import { barStarts, beats, notatedNotes, playedNotes, quarters, Timeline } from "./timeline.js";

const RESIZE_MS = 150; // pause in resizing after which is drawn
const DRAG_PX = 5; // a pointer that moves less is a click
const TOP_PLACES = { treble: 38, bass: 26, alto: 32, tenor: 30, "treble-8": 31, "treble+8": 45, "bass-8": 19, soprano: 36, mezzo: 34, baritone: 28 };

export class ScoreView {
  /**
   * @param {HTMLElement} root - what scrolls
   * @param {import("./transport.js").Transport} transport
   * @param {{editing: () => boolean}} mode - whether a click chooses rather than plays
   */
  constructor(root, transport, mode) {
    Object.assign(this, { root, transport, mode });
    this.head = h("div", { class: "score-head" });
    this.notices = h("div");
    this.score = h("div", { class: "score", id: "score", role: "group", "aria-label": "Score" });
    root.replaceChildren(h("div", { class: "score-page" }, this.head, this.notices, h("div", { class: "paper" }, this.score)));
    this.drawing = new ScoreDrawing(this.score);
    this.follower = new Follower(this.drawing, transport, root);
    this.#listen();
  }

  /** Show a score; `fresh` when another recording was opened. */
  show(score, fresh) {
    this.#heading(score);
    this.#notices(score);
    this.timeline = new Timeline(score.times);
    this.starts = barStarts(score.bars);
    const drawn = this.#draw(score);
    this.follower.take(this.timeline, score.notes);
    this.sound();
    if (fresh) this.root.scrollTop = 0;
    return drawn;
  }

  /** Draw, and let what had the focus have it again. */
  #draw(score) {
    this.lostFocus ||= this.score.contains(document.activeElement);
    const mark = () => {
      this.markSelection();
      this.markLoop();
    };
    const drawn = this.drawing.show(score).then(mark);
    mark();
    return drawn;
  }

  /** Give the transport the notes to play, as notated or as played. */
  sound() {
    const { score } = session;
    const notes = session.settings.asPlayed ? playedNotes(score) : notatedNotes(score);
    this.transport.follow(notes, beats(score, this.timeline), score.parts.map((part) => part.program));
  }

  #heading(score) {
    const sure = score.confidence === null ? "" : ` · confidence ${Math.round(100 * score.confidence)} %`;
    const parts = [];
    const doubtful = score.bars.filter((bar) => bar.doubtful).length;
    if (doubtful) {
      parts.push(h("button", {
        type: "button", class: "button small", id: "next-doubtful", title: "The next doubtful bar (N)", onclick: () => this.nextDoubtful(1),
        text: `${doubtful} of ${score.bars.length} bars doubtful: show the next`,
      }));
    }
    this.head.replaceChildren(
      h("h2", {}, h("button", { type: "button", class: "title", title: "Change title and composer", onclick: () => this.#rename(), text: score.title || "Untitled" })),
      score.composer && h("p", { class: "muted", text: score.composer }),
      h("p", { class: "about" }, h("span", { text: score.summary + sure }), ...parts));
  }

  #notices(score) {
    const sentences = [...(score.usable ? [] : [score.notice ?? "Much of this score is doubtful."]), ...session.recording.warnings];
    this.notices.replaceChildren(...sentences.map((text, i) => h("p", { class: i === 0 && !score.usable ? "notice doubt" : "notice", text })));
  }

  #rename() {
    const { title, composer } = session.score;
    const fields = [["Title", title], ["Composer", composer]].map(([name, value]) => h("input", { "aria-label": name, placeholder: name, value }));
    const done = async (save) => {
      if (save) {
        const [newTitle, newComposer] = fields.map((field) => field.value.trim());
        try {
          const recording = await api.rename(session.recording.id, { title: newTitle, composer: newComposer });
          session.update({ recording, score: await api.score(recording.id) });
          session.refresh().catch(() => {});
        } catch (error) {
          session.tell(error.message);
        }
      }
      this.#heading(session.score);
      this.head.querySelector(".title")?.focus();
    };
    const form = h("form", { class: "edit-title", onsubmit: (event) => (event.preventDefault(), done(true)) }, ...fields,
      h("div", { class: "row" }, h("button", { class: "button primary small", text: "Save" }),
        h("button", { type: "button", class: "button small", text: "Leave as it is", onclick: () => done(false) })));
    form.addEventListener("keydown", (event) => event.key === "Escape" && done(false));
    this.head.replaceChildren(form);
    fields[0].select();
  }

  /** Go to the next (1) or previous (-1) doubtful bar from what is chosen or from the cursor. */
  nextDoubtful(direction) {
    const { score } = session;
    const doubtful = score.bars.map((bar, i) => i).filter((i) => score.bars[i].doubtful);
    if (!doubtful.length) return session.tell("No bar is doubtful.");
    const here = this.doubtful ?? this.barNow() - direction;
    const after = direction > 0 ? doubtful.find((i) => i > here) : doubtful.findLast((i) => i < here);
    const bar = after ?? (direction > 0 ? doubtful[0] : doubtful.at(-1));
    this.doubtful = bar;
    const first = score.notes.find((note) => note.bar === bar);
    if (first) this.choose([first.id], { focus: true });
    this.goToBar(bar);
    for (const area of this.score.querySelectorAll(".bar-area")) area.classList.toggle("here", Number(area.dataset.bar) === bar);
    session.say(`Bar ${score.bars[bar].number} is doubtful, ${doubtful.indexOf(bar) + 1} of ${doubtful.length}.`);
  }

  /** Index of the bar at what is chosen, otherwise at the cursor. */
  barNow() {
    const place = session.selection.length && noteOrRest(session.score, session.selection[0]);
    if (place) return place.bar;
    const quarter = this.timeline.quarterAt(this.transport.position);
    return Math.max(0, Math.min(session.score.bars.length - 1, this.starts.findLastIndex((start) => start <= quarter + 1e-6)));
  }

  goToBar(bar) {
    this.transport.seek(session.score.bars[bar].seconds ?? this.timeline.secondsAt(this.starts[bar]));
    const box = this.drawing.barBox(bar);
    if (box) this.follower.reveal(box.system.element);
  }

  /** Choose notes or rests by their ids. */
  choose(ids, { focus = false, sound = false } = {}) {
    session.update({ selection: ids });
    const chosen = ids.map((id) => noteOrRest(session.score, id)).filter(Boolean);
    if (focus && ids.length) this.focusOn(ids[0]);
    else if (chosen.length) session.say(chosen.map((one) => (one.pitch ? noteLabel(session.score, one) : restLabel(session.score, one))).join("; "));
    const notes = chosen.filter((one) => one.midi !== undefined);
    if (sound && notes.length) this.transport.preview(notes.map((note) => note.midi), notes[0].part);
  }

  focusOn(id) {
    const element = this.drawing.focusable(id);
    if (!element) return;
    element.focus({ preventScroll: true });
    this.follower.reveal(element.closest(".system"));
  }

  /** Show what is chosen, and let one element of the score take part in the tab order. */
  markSelection() {
    const ids = session.selection;
    this.drawing.mark("selected", ids);
    const hadFocus = this.score.contains(document.activeElement) || (this.lostFocus && document.activeElement === document.body);
    for (const element of this.score.querySelectorAll('[tabindex="0"]')) element.setAttribute("tabindex", "-1");
    const id = ids[0] ?? session.score?.notes[0]?.id;
    const element = id ? this.drawing.focusable(id) : null;
    element?.setAttribute("tabindex", "0");
    if (hadFocus && element && document.activeElement !== element && ids.length) element.focus({ preventScroll: true });
    if (document.activeElement !== document.body) this.lostFocus = false; // otherwise the element is not drawn yet
  }

  #listen() {
    this.score.addEventListener("pointerdown", (event) => this.#press(event));
    this.score.addEventListener("dblclick", (event) => this.#add(event));
    this.score.addEventListener("focusin", (event) => {
      const id = event.target.dataset?.id;
      if (id && !session.selection.includes(id)) this.choose([id]);
    });
    let width = this.root.clientWidth;
    new ResizeObserver(() => {
      if (Math.abs(this.root.clientWidth - width) < 8 || !session.score) return;
      width = this.root.clientWidth;
      clearTimeout(this.resizing);
      this.resizing = setTimeout(() => session.score && this.#draw(session.score), RESIZE_MS);
    }).observe(this.root);
  }

  #press(event) {
    if (event.button !== 0) return;
    const hit = this.drawing.hit(event);
    if (!hit) return;
    const [x, y] = [event.clientX, event.clientY];
    const found = hit.note ?? hit.rest;
    const id = hit.note?.id ?? (hit.rest && restId(hit.rest));
    const extend = event.shiftKey || event.ctrlKey || event.metaKey;
    if (found) event.preventDefault();
    let moved = false;
    let steps = 0;
    const move = (later) => {
      moved ||= Math.hypot(later.clientX - x, later.clientY - y) > DRAG_PX;
      if (!moved) return;
      if (hit.note && this.mode.editing()) steps = this.#dragNote(hit, later.clientY - y);
      else if (hit.bar) this.#dragLoop(hit.bar.index, later);
    };
    // A finger that moves up or down scrolls: the browser takes the pointer away, and nothing is meant by it here.
    const up = ({ type }) => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      removeEventListener("pointercancel", up);
      this.#dropNote(hit, type === "pointerup" ? steps : 0);
      if (moved || type !== "pointerup") return;
      if (found) this.#click(id, found, extend);
      else if (hit.bar) this.#clickBar(hit);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
    addEventListener("pointercancel", up);
  }

  #click(id, found, extend) {
    if (extend) {
      const others = session.selection.filter((one) => one !== id);
      return this.choose(others.length < session.selection.length ? others : [...others, id], {});
    }
    const seconds = found.seconds ?? this.timeline.secondsAt(this.starts[found.bar] + quarters(found.start));
    const editing = this.mode.editing();
    this.choose([id], { focus: true, sound: editing });
    this.transport.seek(seconds);
    if (!editing) this.transport.play();
    return null;
  }

  #clickBar(hit) {
    const { bar, x, row } = hit;
    const points = this.drawing.road.filter((point) => point.row === row && point.x >= bar.left && point.x <= bar.right);
    const point = points.reduce((best, one) => (Math.abs(one.x - x) < Math.abs(best.x - x) ? one : best), points[0]);
    this.transport.seek(point ? this.timeline.secondsAt(point.quarter) : session.score.bars[bar.index].seconds);
  }

  #dragLoop(from, event) {
    const element = document.elementFromPoint(event.clientX, event.clientY);
    const target = element && this.score.contains(element) ? this.drawing.hit({ target: element, clientX: event.clientX, clientY: event.clientY }) : null;
    if (target?.bar) this.loop(Math.min(from, target.bar.index), Math.max(from, target.bar.index));
  }

  /** Play bars again and again; without arguments no longer. */
  loop(from = null, to = from) {
    if (from === null) this.transport.set({ loop: null });
    else {
      const at = (bar) => this.timeline.secondsAt(this.starts[bar]);
      const loop = { from: at(from), to: at(to + 1), bars: [from, to] };
      this.transport.set({ loop });
      if (this.transport.position < loop.from || this.transport.position > loop.to) this.transport.seek(loop.from);
    }
    this.markLoop();
  }

  markLoop() {
    const { loop } = this.transport;
    if (loop) this.drawing.markBars(...loop.bars);
    else this.drawing.markBars();
  }

  /** Move the head with the pointer, a step of the staff at a time. */
  #dragNote(hit, dy) {
    const head = hit.item.heads.find((one) => one.note?.id === hit.note.id);
    const space = this.#staffStep(hit);
    const steps = Math.round(-dy / (space * hit.system.scale));
    head.element.setAttribute("transform", `translate(0 ${-steps * space})`);
    this.score.classList.add("dragging");
    this.choose([hit.note.id]);
    return steps;
  }

  async #dropNote(hit, steps) {
    this.score.classList.remove("dragging");
    if (!hit.note) return;
    const head = hit.item.heads.find((one) => one.note?.id === hit.note.id);
    if (!steps) return head?.element.removeAttribute("transform");
    const { note } = hit;
    const done = await session.edit([{ op: "pitch", notes: [note.id], steps }]);
    if (!done) head?.element.removeAttribute("transform");
  }

  /** Height of a step of the staff in units of the picture: half a space. */
  #staffStep(hit) {
    const box = hit.system.picture.querySelector(".abcjs-staff").getBBox();
    return box.height / 8;
  }

  /** A double click on a rest adds a note where the pointer is. */
  #add(event) {
    const hit = this.drawing.hit(event);
    if (!hit?.rest || !this.mode.editing()) return;
    const { score } = session;
    const before = score.parts.slice(0, hit.rest.part).reduce((sum, part) => sum + part.staves.length, 0);
    const staff = hit.system.picture.querySelectorAll(".abcjs-staff")[before + hit.rest.staff]?.getBBox();
    if (!staff) return;
    const { clef } = score.parts[hit.rest.part].staves[hit.rest.staff];
    const place = Math.round((TOP_PLACES[clef] ?? 38) - (hit.y - staff.y) / (staff.height / 8));
    const name = "CDEFGAB"[((place % 7) + 7) % 7];
    const midi = midiOf(`${name}${Math.floor(place / 7)}`);
    addAt(hit.rest, nearest(name, score.bars[hit.rest.bar].key, midi));
  }
}
