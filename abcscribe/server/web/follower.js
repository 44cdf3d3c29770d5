// The cursor: where the recording is, shown in the score, frame by frame.

import { h } from "./dom.js";
import { lastNotAbove } from "./timeline.js";

/** Moves a cursor through a drawing while a transport plays, lights the notes that sound, and scrolls. */
export class Follower {
  /**
   * @param {import("./score_drawing.js").ScoreDrawing} drawing
   * @param {import("./transport.js").Transport} transport
   * @param {HTMLElement} scroller - what is scrolled
   * @param {(seconds: number) => void} [onframe] - told the position in every frame
   */
  constructor(drawing, transport, scroller, onframe = () => {}) {
    Object.assign(this, { drawing, transport, scroller, onframe });
    this.cursor = h("div", { class: "cursor", "aria-hidden": "true", hidden: true });
    drawing.root.append(this.cursor);
    this.timeline = null;
    this.follows = true;
    this.lit = new Set();
    transport.addEventListener("change", () => this.#wake());
    drawing.root.addEventListener("drawn", () => this.#frame());
    for (const kind of ["wheel", "touchmove"]) {
      scroller.addEventListener(kind, () => (this.follows = !transport.playing), { passive: true });
    }
  }

  /** Take the road of a score, and its notes with their times. */
  take(timeline, notes) {
    this.timeline = timeline;
    this.notes = [...notes].sort((a, b) => a.seconds - b.seconds);
    this.longest = notes.reduce((longest, note) => Math.max(longest, note.end - note.seconds), 0);
    this.#wake();
  }

  #wake() {
    if (this.transport.playing && !this.wasPlaying) this.follows = true;
    this.wasPlaying = this.transport.playing;
    if (!this.request) this.request = requestAnimationFrame(() => this.#loop());
  }

  #loop() {
    this.request = null;
    this.#frame();
    if (this.transport.playing) this.#wake();
  }

  #frame() {
    const seconds = this.transport.position;
    this.onframe(seconds);
    if (!this.timeline) return;
    this.quarter = this.timeline.quarterAt(seconds);
    const place = this.drawing.placeAt(this.quarter);
    this.cursor.hidden = !place;
    if (!place) return;
    this.place = place;
    this.cursor.style.transform = `translate(${place.x}px, ${place.top}px)`;
    this.cursor.style.height = `${place.bottom - place.top}px`;
    this.#light(this.transport.playing ? seconds : null);
    if (this.transport.playing && this.follows) this.#scroll(place);
  }

  /** Light the notes that sound. */
  #light(seconds) {
    const now = new Set();
    if (seconds !== null) {
      for (let i = lastNotAbove(this.notes, seconds, (note) => note.seconds); i >= 0; i--) {
        const note = this.notes[i];
        if (note.seconds < seconds - this.longest) break;
        if (note.end > seconds) now.add(note.id);
      }
    }
    if (now.size === this.lit.size && [...now].every((id) => this.lit.has(id))) return;
    this.lit = now;
    this.drawing.mark("sounding", now);
  }

  /** Keep the cursor's system in view, with the next one below it. */
  #scroll(place) {
    if (place.system === this.scrolledTo) return;
    this.scrolledTo = place.system;
    this.reveal(place.system.element);
  }

  reveal(element) {
    const view = this.scroller.getBoundingClientRect();
    const box = element.getBoundingClientRect();
    if (box.top >= view.top + 8 && box.bottom <= view.bottom - Math.min(60, box.height / 2)) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.scroller.scrollBy({ top: box.top - view.top - Math.min(64, view.height / 8), behavior: calm ? "auto" : "smooth" });
  }
}
