// The page that an exported file is: a score that plays and follows its recording, without a server and without a network.

import { clock, h, icon, iconButton } from "./dom.js";
import { Follower } from "./follower.js";
import { ScoreDrawing } from "./score_drawing.js";
import { barStarts, beats, notatedNotes, playedNotes, quarters, Timeline } from "./timeline.js";
import { Transport } from "./transport.js";

class StandalonePage {
  constructor(root, { score, samples, audio }) {
    Object.assign(this, { score, root });
    this.transport = new Transport(samples);
    this.paper = h("div", { class: "score", role: "group", "aria-label": "Score" });
    root.append(h("div", { class: "score-page" },
      h("header", { class: "score-head" },
        h("h1", { class: "title", text: score.title || "Score" }),
        score.composer && h("p", { class: "about", text: score.composer }),
        h("p", { class: "about", text: score.summary })),
      !score.usable && h("p", { class: "notice doubt", text: score.notice ?? "Much of this score is doubtful." }),
      h("div", { class: "paper" }, this.paper)), this.#player(Boolean(audio)));
    this.drawing = new ScoreDrawing(this.paper);
    this.follower = new Follower(this.drawing, this.transport, document.scrollingElement, (seconds) => this.#frame(seconds));
    this.timeline = new Timeline(score.times);
    this.seconds = score.seconds ?? this.timeline.times.at(-1)[1];
    this.transport.take(audio ? h("audio", { src: audio, preload: "auto" }) : null, this.seconds);
    this.#sound(false);
    this.#draw();
    this.#listen();
  }

  #player(recorded) {
    const range = (attributes, oninput) => h("input", { type: "range", oninput: (event) => oninput(Number(event.target.value)), ...attributes });
    this.play = iconButton("play", "Play", () => this.transport.toggle(), { class: "icon-button play" });
    this.times = h("span", { class: "times" });
    this.place = range({ class: "place", min: 0, max: 1000, value: 0, "aria-label": "Place in the recording" }, (at) => this.transport.seek((at / 1000) * this.seconds));
    this.loop = iconButton("loop", "Loop the bar at the cursor; drag over bars to loop more", () => this.#loop(), { "aria-pressed": "false" });
    this.click = iconButton("metronome", "Metronome", () => this.transport.set({ metronome: !this.transport.metronome }), { "aria-pressed": "false" });
    const speed = h("output", { text: "100 %" });
    return h("footer", { class: "player", "aria-label": "Playback" },
      this.play, this.times, this.place, this.loop, this.click,
      h("label", {}, "Speed", range({ min: 40, max: 120, step: 5, value: 100 }, (per) => {
        this.transport.set({ speed: per / 100 });
        speed.textContent = `${per} %`;
      }), speed),
      recorded && h("label", {}, "Recording", range({ min: 0, max: 100, value: 0 }, (mix) => this.transport.set({ mix: mix / 100 })), "Notes"),
      h("select", { "aria-label": "Which notes sound", onchange: (event) => this.#sound(event.target.value === "played") },
        h("option", { value: "written", text: "Notes, written" }), h("option", { value: "played", text: "Notes, played" })));
  }

  #sound(asPlayed) {
    const notes = asPlayed ? playedNotes(this.score) : notatedNotes(this.score);
    this.transport.follow(notes, beats(this.score, this.timeline), this.score.parts.map((part) => part.program));
  }

  #draw() {
    return this.drawing.show(this.score).then(() => this.follower.take(this.timeline, this.score.notes));
  }

  #frame(seconds) {
    this.times.textContent = `${clock(seconds, true)} / ${clock(this.seconds)}`;
    if (document.activeElement !== this.place) this.place.value = (1000 * seconds) / this.seconds;
  }

  #loop(from = null, to = from) {
    const starts = barStarts(this.score.bars);
    if (from === null && this.transport.loop) this.transport.set({ loop: null });
    else {
      const bar = from ?? Math.max(0, starts.findLastIndex((start) => start <= this.timeline.quarterAt(this.transport.position) + 1e-6));
      const last = Math.min(to ?? bar, this.score.bars.length - 1);
      this.transport.set({ loop: { from: this.timeline.secondsAt(starts[bar]), to: this.timeline.secondsAt(starts[last + 1]), bars: [bar, last] } });
    }
    const { loop } = this.transport;
    this.drawing.markBars(...(loop ? loop.bars : []));
  }

  #press(event) {
    const hit = this.drawing.hit(event);
    if (!hit) return;
    const found = hit.note ?? hit.rest;
    let dragged = false;
    const move = (later) => {
      const bar = this.drawing.hit(later)?.bar;
      if (!hit.bar || !bar || (bar.index === hit.bar.index && !dragged)) return;
      dragged = true;
      this.#loop(Math.min(bar.index, hit.bar.index), Math.max(bar.index, hit.bar.index));
    };
    const up = () => {
      removeEventListener("pointermove", move);
      if (dragged) return;
      const starts = barStarts(this.score.bars);
      const quarter = found ? starts[found.bar] + quarters(found.start) : hit.bar && starts[hit.bar.index];
      if (quarter === null) return;
      this.transport.seek(found?.seconds ?? this.timeline.secondsAt(quarter));
      if (found) this.transport.play();
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up, { once: true });
  }

  #listen() {
    this.paper.addEventListener("pointerdown", (event) => event.button === 0 && this.#press(event));
    this.transport.addEventListener("change", () => {
      const { playing, loop, metronome } = this.transport;
      this.play.replaceChildren(icon(playing ? "pause" : "play"));
      this.play.setAttribute("aria-label", playing ? "Pause" : "Play");
      this.loop.setAttribute("aria-pressed", String(Boolean(loop)));
      this.click.setAttribute("aria-pressed", String(metronome));
    });
    addEventListener("keydown", (event) => {
      if (event.key !== " " || event.target.matches("button, select, input")) return;
      event.preventDefault();
      this.transport.toggle();
    });
    let width = innerWidth;
    addEventListener("resize", () => {
      if (Math.abs(innerWidth - width) < 8) return;
      width = innerWidth;
      this.#draw();
    });
  }
}

new StandalonePage(document.getElementById("abcscribe"), JSON.parse(document.getElementById("abcscribe-data").textContent));
