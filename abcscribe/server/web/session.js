// What the page knows: vocabulary, settings, the list of recordings, and the one that is open with its score.
// Everything lasting is on the server; a reload begins here again.

import { api } from "./api.js";

const SAVE_MS = 600; // settings are saved this long after the last change

/** One shared state that tells its listeners what has changed, by the event "change" with `detail` a set of names. */
class Session extends EventTarget {
  constructor() {
    super();
    Object.assign(this, {
      vocabulary: null, settings: {}, recordings: [], total: 0, query: "", recording: null, score: null, job: null,
      selection: [], busy: 0,
    });
    this.line = Promise.resolve();
  }

  /** Change some of the state and tell of it. */
  update(changes) {
    Object.assign(this, changes);
    this.dispatchEvent(new CustomEvent("change", { detail: new Set(Object.keys(changes)) }));
  }

  /** Call a function whenever one of some names changes, and once now. */
  watch(names, react) {
    this.addEventListener("change", (event) => {
      if (names.some((name) => event.detail.has(name))) react();
    });
    react();
  }

  /** Settings of the page: kept by the server, for all windows. */
  configure(changes) {
    this.update({ settings: { ...this.settings, ...changes } });
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.saveSettings(), SAVE_MS);
  }

  /** Save settings that wait to be saved; also when the page is left. */
  saveSettings() {
    if (!this.saving) return;
    clearTimeout(this.saving);
    this.saving = null;
    api.saveSettings(this.settings).catch((error) => this.tell(error.message));
  }

  /** A short message at the foot of the page; `action` is an optional [words, function]. */
  tell(message, action = null) {
    this.dispatchEvent(new CustomEvent("message", { detail: { message, action } }));
  }

  /** Words for screen readers alone. */
  say(words) {
    this.dispatchEvent(new CustomEvent("say", { detail: words }));
  }

  /** Read the list of recordings again, keeping as many as were shown. */
  async refresh(limit = Math.max(50, this.recordings.length)) {
    const found = await api.recordings(this.query, limit);
    this.update({ recordings: found.recordings, total: found.total });
  }

  /** Open a recording: its score if it has one, otherwise its state. */
  async open(id) {
    const recording = await api.recording(id);
    const score = recording.version === null ? null : await api.score(id);
    this.update({ recording, score, selection: [], job: recording.job });
    return recording;
  }

  close() {
    this.update({ recording: null, score: null, selection: [], job: null });
  }

  /**
   * Change the score: one change after another, each from the version that the one before made.
   *
   * @param {(id: string, version: number) => Promise<Object>} send - answers the new score
   * @param {(before: Object, after: Object) => string[]} [select] - ids to select in the new score
   * @returns {Promise<boolean>} - whether it was done; a refusal has been told
   */
  change(send, select = keptSelection) {
    const { id } = this.recording;
    this.line = this.line.then(() => this.#change(id, send, select));
    return this.line;
  }

  async #change(id, send, select) {
    if (this.recording?.id !== id || !this.score) return false;
    this.update({ busy: this.busy + 1 });
    const before = this.score;
    try {
      const score = await send(id, before.version);
      if (this.recording?.id !== id) return true;
      const recording = { ...this.recording, title: score.title, composer: score.composer, version: score.version };
      this.selectedNotes = this.selection.map((one) => noteOrRest(before, one)).filter(Boolean);
      this.update({ score, recording, selection: select(before, score, this.selectedNotes) });
      for (const sentence of score.dropped ?? []) this.tell(sentence);
      this.refresh().catch(() => {});
      return true;
    } catch (error) {
      if (error.status === 409) {
        this.update({ score: await api.score(id), selection: [] });
        this.tell("The score was changed in another window; here is what it is now.");
      } else this.tell(error.message);
      return false;
    } finally {
      this.update({ busy: this.busy - 1 });
    }
  }

  /** Note by note: all edits or none; `select` as in `change`. */
  edit(edits, select) {
    return this.change((id, version) => api.edit(id, version, edits), select);
  }

  undo() {
    return this.score?.undo ? this.change((id) => api.undo(id)) : this.tell("There is nothing to undo.");
  }

  redo() {
    return this.score?.redo ? this.change((id) => api.redo(id)) : this.tell("There is nothing to redo.");
  }
}

/** The note or rest of a score with an id of the page. */
export function noteOrRest(score, id) {
  return score.notes.find((note) => note.id === id)
    ?? score.rests.find((rest) => `r${rest.part}.${rest.voice}.${rest.bar}.${rest.start}` === id) ?? null;
}

/** What stands in another version where something stood: the note nearest in pitch, else a rest. */
export function counterpart(score, place) {
  const same = (one) => one.part === place.part && one.bar === place.bar && one.start === place.start;
  const notes = score.notes.filter((note) => same(note) && note.voice === place.voice);
  const others = notes.length ? notes : score.notes.filter(same);
  if (others.length) {
    const midi = place.midi ?? 60;
    return others.reduce((a, b) => (Math.abs(b.midi - midi) < Math.abs(a.midi - midi) ? b : a)).id;
  }
  const rest = score.rests.find((one) => same(one) && one.voice === place.voice) ?? score.rests.find(same);
  return rest ? `r${rest.part}.${rest.voice}.${rest.bar}.${rest.start}` : null;
}

function keptSelection(before, after, selected) {
  return [...new Set(selected.map((place) => counterpart(after, place)).filter(Boolean))];
}

export const session = new Session();
addEventListener("pagehide", () => session.saveSettings());
