// The page: its frame, what is open, and how the rooms are wired together.

import { api } from "./api.js";
import { h, iconButton } from "./dom.js";
import { exportMenu } from "./exports.js";
import { takeDrops, welcome } from "./intake.js";
import { jobView } from "./job_view.js";
import { helpDialog, keyTable, obeyKeys } from "./keys.js";
import { library } from "./library.js";
import * as edits from "./note_edits.js";
import { notePanel } from "./note_panel.js";
import { partsPanel } from "./parts_panel.js";
import { ScoreView } from "./score_view.js";
import { session } from "./session.js";
import { textPanel } from "./text_panel.js";
import { Transport } from "./transport.js";
import { TransportBar } from "./transport_bar.js";
import { versionsDialog } from "./versions.js";
import { wholePanel } from "./whole_panel.js";

const TOAST_MS = 7000;
const THEMES = ["", "light", "dark"]; // "": as the system has it
const TABS = [["whole", "Whole"], ["note", "Notes"], ["parts", "Parts"], ["text", "Text"]];
const byId = (id) => document.getElementById(id);

class Page {
  async start() {
    this.main = byId("main");
    this.#messages();
    try {
      const [vocabulary, settings] = await Promise.all([api.vocabulary(), api.settings()]);
      session.update({ vocabulary, settings });
    } catch (error) {
      this.main.replaceChildren(h("section", { class: "job" }, h("p", { class: "error", role: "alert", text: error.message })));
      return;
    }
    this.transport = new Transport(session.vocabulary.samples);
    this.bar = new TransportBar(byId("transport"), this.transport, () => this.view);
    this.bar.restore(session.settings);
    this.#theme();
    this.#inspector();
    library(byId("library"));
    this.keys = keyTable(this.#actions());
    obeyKeys(this.keys);
    this.#top();
    takeDrops(byId("drop-veil"));
    session.watch(["score"], () => this.#showScore());
    session.watch(["selection"], () => this.view?.markSelection());
    addEventListener("hashchange", () => this.#route());
    await session.refresh().catch((error) => session.tell(error.message));
    await this.#openNamed();
    this.#route();
  }

  /** The recording that the command line named. */
  async #openNamed() {
    if (location.hash) return;
    const { file } = await api.status().catch(() => ({ file: null }));
    if (file) history.replaceState(null, "", `#/r/${file}`);
  }

  async #route() {
    const id = /^#\/r\/([\w-]+)/.exec(location.hash)?.[1];
    this.#leave();
    if (!id) {
      session.close();
      this.main.replaceChildren(welcome());
      document.title = "abcscribe";
      return;
    }
    try {
      const recording = await session.open(id);
      document.title = `${recording.title || recording.file_name} · abcscribe`;
      if (!session.score) this.#wait(recording);
      if (!document.activeElement?.matches("input, textarea")) this.main.focus({ preventScroll: true });
    } catch (error) {
      session.close();
      this.main.replaceChildren(h("section", { class: "job" }, h("p", { class: "error", role: "alert", text: error.message })));
    }
  }

  #leave() {
    this.transport.pause();
    this.job?.close();
    this.job = this.view = this.opened = null;
    byId("transport").hidden = true;
    byId("transport").querySelector("audio")?.remove();
    byId("library").classList.remove("open");
  }

  /** A recording without a score: its progress, or what can be done with it. */
  #wait(recording) {
    this.#tools();
    this.job?.close();
    this.job = jobView(this.main, recording, async () => {
      await session.refresh().catch(() => {});
      this.#route();
    });
  }

  #showScore() {
    const { score, recording } = session;
    this.#tools();
    if (!score) return;
    const fresh = this.opened !== recording.id;
    document.title = `${score.title || recording.file_name} · abcscribe`;
    if (fresh) {
      this.opened = recording.id;
      this.view = new ScoreView(this.main, this.transport, { editing: () => !byId("inspector").hidden });
      this.view.follower.onframe = (seconds) => this.bar.frame(seconds);
      byId("transport").hidden = false;
      const audio = h("audio", { src: api.audioUrl(recording.id), preload: "auto" });
      byId("transport").append(audio);
      this.transport.take(audio, score.seconds ?? recording.seconds);
      this.bar.take(recording);
    }
    this.view.show(score, fresh);
  }

  #top() {
    const tool = (name, label, run) => iconButton(name, label, run);
    this.undo = tool("undo", "Undo", () => session.undo());
    this.redo = tool("redo", "Redo", () => session.redo());
    this.correct = h("button", { type: "button", class: "button", "aria-expanded": "false", "aria-controls": "inspector", text: "Correct", title: "Corrections (O)", onclick: () => this.#toggleInspector() });
    this.out = h("button", { type: "button", class: "button primary", text: "Export", title: "Export (X)", onclick: exportMenu });
    this.theme = iconButton("moon", "Colours: light, dark, or as the system has it", () => this.#nextTheme(), { class: "icon-button theme" });
    byId("top").append(
      tool("menu", "Library", () => this.#toggleLibrary()),
      h("h1", { class: "wordmark" }, h("a", { href: "#" }, h("span", { class: "abc", text: "abc" }), "scribe")),
      h("span", { class: "grow" }),
      this.undo, this.redo, h("span", { class: "divider" }), this.correct, this.out, h("span", { class: "divider" }),
      this.theme, tool("help", "Keys and help (?)", () => helpDialog(this.keys)));
    this.#tools();
  }

  #tools() {
    if (!this.undo) return;
    const { score } = session;
    for (const element of [this.undo, this.redo, this.correct, this.out]) element.hidden = !score;
    byId("top").classList.toggle("has-score", Boolean(score));
    if (!score) byId("inspector").hidden = true;
    this.correct.setAttribute("aria-expanded", String(!byId("inspector").hidden));
    this.undo.disabled = !score?.undo;
    this.redo.disabled = !score?.redo;
    this.undo.title = score?.undo ? `Undo: ${score.undo} (Ctrl Z)` : "Undo (Ctrl Z)";
    this.redo.title = score?.redo ? `Redo: ${score.redo} (Ctrl Shift Z)` : "Redo (Ctrl Shift Z)";
    if (score && session.settings.inspector && innerWidth > 900 && byId("inspector").hidden) this.#toggleInspector(true);
  }

  #toggleLibrary() {
    const element = byId("library");
    element.classList.toggle(innerWidth > 900 ? "closed" : "open");
    if (element.classList.contains("open")) element.querySelector("input").focus();
  }

  #inspector() {
    const panels = new Map(TABS.map(([name]) => [name, h("div", { class: "panel", role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, tabindex: "-1" })]));
    const tabs = TABS.map(([name, words]) => h("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, text: words, onclick: () => this.showTab(name) }));
    const list = h("div", { class: "tabs", role: "tablist", "aria-label": "Corrections" }, ...tabs);
    list.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      const next = tabs[(tabs.indexOf(document.activeElement) + by + tabs.length) % tabs.length];
      next.focus();
      next.click();
    });
    byId("inspector").append(list, ...panels.values());
    this.showTab = (name) => {
      for (const [other, panel] of panels) {
        panel.hidden = other !== name;
        const tab = byId(`tab-${other}`);
        tab.setAttribute("aria-selected", String(other === name));
        tab.setAttribute("tabindex", other === name ? "0" : "-1");
      }
      session.configure({ tab: name });
      session.update({ selection: session.selection });
    };
    wholePanel(panels.get("whole"), {
      seconds: () => this.transport.position, barNow: () => this.view.barNow(), reopen: () => this.#reopen(), history: versionsDialog,
    });
    notePanel(panels.get("note"));
    partsPanel(panels.get("parts"), this.transport);
    textPanel(panels.get("text"));
    this.showTab(session.settings.tab ?? "whole");
  }

  /** Heard again: show its progress, though there is a score. */
  async #reopen() {
    const recording = await api.recording(session.recording.id);
    this.#leave();
    session.update({ recording, score: null, selection: [] });
    this.#wait(recording);
  }

  #toggleInspector(open = byId("inspector").hidden) {
    if (!session.score) return;
    byId("inspector").hidden = !open;
    this.correct.setAttribute("aria-expanded", String(open));
    if (session.settings.inspector !== open) session.configure({ inspector: open });
    const place = this.view?.follower.place;
    if (open && place) requestAnimationFrame(() => this.view?.follower.reveal(place.system.element));
  }

  #theme() {
    const theme = session.settings.theme ?? "";
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    this.bar.repaint();
  }

  #nextTheme() {
    const theme = THEMES[(THEMES.indexOf(session.settings.theme ?? "") + 1) % THEMES.length];
    session.configure({ theme });
    this.#theme();
    session.tell({ "": "Colours as the system has them", light: "Light colours", dark: "Dark colours" }[theme]);
  }

  #messages() {
    session.addEventListener("message", ({ detail: { message, action } }) => {
      const toast = h("div", { class: "toast" }, h("span", { text: message }),
        action && h("button", { type: "button", text: action[0], onclick: () => (toast.remove(), action[1]()) }));
      byId("toasts").append(toast);
      while (byId("toasts").childElementCount > 3) byId("toasts").firstElementChild.remove();
      setTimeout(() => toast.remove(), TOAST_MS);
    });
    session.addEventListener("say", ({ detail }) => (byId("announcer").textContent = detail));
    addEventListener("unhandledrejection", (event) => event.reason?.status !== undefined && session.tell(event.reason.message));
  }

  /** What the keys do. */
  #actions() {
    const withScore = (run) => (...given) => session.score && run(...given);
    const actions = {
      toggle: withScore(() => this.transport.toggle()),
      playFrom: withScore(() => this.#playFrom()),
      seek: withScore((seconds) => this.transport.seek(seconds)),
      loop: withScore(() => this.bar.toggleLoop()),
      speed: withScore((by) => this.bar.setSpeed(Math.round(this.transport.speed * 100) + by)),
      mix: withScore((by) => {
        byId("mix").value = Number(byId("mix").value) + by;
        byId("mix").dispatchEvent(new Event("input"));
      }),
      metronome: withScore(() => this.bar.flip("metronome")),
      countIn: withScore(() => this.bar.flip("countIn")),
      doubtful: withScore((direction) => this.view.nextDoubtful(direction)),
      neighbour: withScore((direction, extend) => this.#neighbour(direction, extend)),
      nextInChord: withScore(() => {
        const id = edits.nextInChord();
        if (id) this.view.choose([id], { sound: true });
      }),
      escape: () => this.#escape(),
      undo: withScore(() => session.undo()),
      redo: withScore(() => session.redo()),
      inspector: withScore(() => this.#toggleInspector()),
      exports: withScore(exportMenu),
      search: () => {
        if (innerWidth <= 900) byId("library").classList.add("open");
        byId("library").classList.remove("closed");
        byId("search").focus();
      },
      help: () => helpDialog(this.keys),
    };
    for (const name of ["step", "semitone", "octave", "letter", "chordLetter", "accidental", "respell", "length", "dot", "tie", "shift", "otherVoice", "remove"]) {
      actions[name] = withScore(async (...given) => {
        await edits[name](...given);
        this.#sound(name);
      });
    }
    return actions;
  }

  /** Let a changed pitch be heard. */
  #sound(name) {
    if (!["step", "semitone", "octave", "letter", "chordLetter", "accidental"].includes(name)) return;
    const notes = edits.chosenNotes();
    if (notes.length) this.transport.preview(notes.map((note) => note.midi), notes[0].part);
  }

  #playFrom() {
    const place = edits.chosenPlace();
    if (place?.seconds !== undefined) this.transport.seek(place.seconds);
    this.transport.play();
  }

  #neighbour(direction, extend) {
    const { selection } = session;
    if (extend && direction < 0 && selection.length > 1) return this.view.choose(selection.slice(0, -1));
    if (extend) {
      const all = selection;
      session.selection = [all.at(-1)].filter(Boolean);
      const id = edits.neighbour(direction);
      session.selection = all;
      return id && this.view.choose([...new Set([...all, id])]);
    }
    const id = edits.neighbour(direction);
    if (!id) return null;
    this.view.choose([id], { focus: true, sound: true });
    if (!this.transport.playing) {
      const place = edits.chosenPlace();
      if (place.seconds !== undefined) this.transport.seek(place.seconds);
    }
    return null;
  }

  #escape() {
    if (session.selection.length) return session.update({ selection: [] });
    if (this.transport.loop) return this.view?.loop();
    if (!byId("inspector").hidden) return this.#toggleInspector(false);
    return byId("library").classList.remove("open");
  }
}

new Page().start();
