// A score, system by system, and what lies where: notes, bars, and the place of a moment.

import { sourceOffset, systems } from "./abc_systems.js";
import { h, svg } from "./dom.js";
import { drawSystem } from "./engraving.js";
import { noteLabel, restLabel, staffPlace } from "./note_names.js";
import { barStarts, lastNotAbove, quarters } from "./timeline.js";

const HIT = 16; // units of abcjs around a note head within which a click means the note
const SAME_QUARTER = 1e-3; // quarters that make no difference: less than a millisecond at any tempo
const SLICE_MS = 40; // drawing goes on in slices, so that the page answers meanwhile
const NARROW = 560; // pixels: below it notes are drawn smaller
const SMALL = 0.78;
const SURE = 0.9; // confidence above which a doubtful bar would not be tinted at all

/** Draws a score into an element, and draws again only what has changed. */
export class ScoreDrawing {
  /** @param {HTMLElement} root - filled with one child a system, and the cursor */
  constructor(root) {
    this.root = root;
    this.systems = [];
    this.score = null;
    this.road = [];
    this.zoom = 1;
    this.drawn = Promise.resolve();
    this.generation = 0;
  }

  /**
   * Draw a score; systems whose text is as before stay.
   *
   * @param {Object} score - as the server describes it
   * @returns {Promise<void>} - when all systems are there; those that were there before are replaced at once
   */
  show(score) {
    this.score = score;
    this.starts = barStarts(score.bars);
    const width = Math.max(200, this.root.clientWidth);
    this.zoom = width < NARROW ? SMALL : 1;
    const wanted = systems(score.abc, score.bars.length, width / this.zoom);
    const kept = Map.groupBy(this.systems.filter((system) => system.rows), (system) => system.key);
    const next = wanted.map((system) => {
      const key = `${width}/${this.zoom}/${system.showsMetre}/${system.text}`;
      const before = kept.get(key)?.shift();
      return { items: [], ...(before && drawnOf(before)), ...system, key, width };
    });
    const stay = new Set(next.map((system) => system.element));
    this.#place(next, this.systems.filter((system) => !stay.has(system.element)));
    this.systems = next;
    this.drawn = this.#drawAll(++this.generation);
    return this.drawn;
  }

  /** Put the elements of systems in order; one that must be drawn anew takes the place and the height of an old one. */
  #place(next, gone) {
    for (const system of next) {
      if (system.element) continue;
      const old = gone.shift();
      system.element = h("div", { class: "system" });
      const height = old?.element.offsetHeight || this.systems.at(-1)?.element.offsetHeight || 120;
      system.element.style.minHeight = `${height}px`;
      if (old?.element.isConnected) old.element.replaceWith(system.element);
    }
    for (const old of gone) old.element.remove();
    next.forEach((system, i) => {
      const before = i ? next[i - 1].element : null;
      const right = before ? before.nextElementSibling : this.root.firstElementChild;
      if (right !== system.element) (before ? before.after(system.element) : this.root.prepend(system.element));
    });
  }

  async #drawAll(generation) {
    let until = performance.now() + SLICE_MS;
    for (const system of this.systems) {
      if (!system.rows) {
        drawSystem(system, this.zoom);
        this.#bind(system);
        if (performance.now() > until) {
          this.#pave();
          await new Promise((resolve) => setTimeout(resolve));
          if (generation !== this.generation) return;
          until = performance.now() + SLICE_MS;
        }
      } else this.#bind(system);
    }
    this.#pave();
    this.root.dispatchEvent(new CustomEvent("drawn"));
  }

  /** Tie what abcjs drew to the notes, rests and bars of the score. */
  #bind(system) {
    const { score } = this;
    const pairs = (this.pairsOf === score ? this.pairs : (this.pairs = charPairs(score)));
    this.pairsOf = score;
    for (const item of system.items) {
      const from = sourceOffset(system.map, item.startChar);
      const until = sourceOffset(system.map, item.endChar);
      const found = overlapping(pairs, from, until);
      item.notes = found.filter((entry) => entry.note).map((entry) => entry.note);
      item.rest = found.find((entry) => entry.rest)?.rest ?? null;
      item.leads = found.some((entry) => entry.leads);
      label(item, score);
    }
    bindBars(system, score);
    if (system.firstBar > 0) incomingTies(system);
  }

  /** Collect the places of all moments, in the order of time. */
  #pave() {
    const road = [];
    for (const system of this.systems) {
      if (!system.rows) continue;
      const places = new Map();
      for (const item of system.items) {
        const event = item.notes[0] ?? item.rest;
        if (!event || !item.leads) continue;
        const quarter = this.starts[event.bar] + quarters(event.start);
        const x = item.x + item.width / 2;
        const before = places.get(quarter);
        if (!before || x < before.x) places.set(quarter, { quarter, x, row: item.row, system });
      }
      for (const row of system.rows) {
        const bar = row.bars.at(-1);
        if (bar) places.set(`end ${bar.index}`, { quarter: this.starts[bar.index + 1] - 1e-7, x: bar.right, row, system });
      }
      road.push(...places.values());
    }
    road.sort((a, b) => a.quarter - b.quarter || a.x - b.x);
    // Tuplets that abcjs does not know (of 11 notes) stand askew to other voices: the cursor does not go back for them.
    road.forEach((point, i) => i && road[i - 1].row === point.row && (point.x = Math.max(point.x, road[i - 1].x)));
    this.road = road;
  }

  /** Where the cursor stands at a moment: {x, top, bottom, system} in pixels of the root, or null. */
  placeAt(quarter) {
    const { road } = this;
    if (!road.length) return null;
    // A moment that is rounded to just before a bar line belongs to the bar.
    const i = Math.max(0, lastNotAbove(road, quarter + SAME_QUARTER, (point) => point.quarter));
    const [a, b] = [road[i], road[i + 1]];
    let { x } = a;
    if (b && b.row === a.row && b.quarter > a.quarter) {
      x += ((b.x - a.x) * Math.max(0, quarter - a.quarter)) / (b.quarter - a.quarter);
    }
    return { ...this.#pixels(a.system, x, a.row), system: a.system };
  }

  #pixels(system, x, row) {
    const scale = system.scale;
    const { offsetLeft, offsetTop } = system.element;
    return { x: offsetLeft + x * scale, top: offsetTop + row.top * scale, bottom: offsetTop + row.bottom * scale };
  }

  /** The box of a bar in pixels of the root, or null while it is not drawn. */
  barBox(index) {
    for (const system of this.systems) {
      for (const row of system.rows ?? []) {
        const bar = row.bars.find((one) => one.index === index);
        if (bar) {
          const left = this.#pixels(system, bar.left, row);
          return { ...left, left: left.x, right: this.#pixels(system, bar.right, row).x, system };
        }
      }
    }
    return null;
  }

  /** What is under a pointer: {note, rest, bar, item, system, place}, each null where there is none. */
  hit(event) {
    const system = this.systems.find((one) => one.element.contains(event.target));
    if (!system?.rows?.length) return null;
    const box = system.element.querySelector("svg").getBoundingClientRect();
    const x = (event.clientX - box.left) / system.scale;
    const y = (event.clientY - box.top) / system.scale;
    const row = system.rows.find((one) => y < one.bottom + 20) ?? system.rows.at(-1);
    const bar = row?.bars.find((one) => x >= one.left && x <= one.right) ?? null;
    let best = { distance: HIT };
    for (const item of system.items) {
      if (Math.abs(item.x + item.width / 2 - x) > 24 || (!item.notes.length && !item.rest)) continue;
      for (const head of item.heads) {
        const { x: left, y: top, width, height } = head.box ?? (head.box = head.element.getBBox());
        const distance = Math.hypot(left + width / 2 - x, (top + height / 2 - y) * 0.9);
        if (distance < best.distance) best = { distance, note: head.note ?? null, rest: head.note ? null : item.rest, item };
      }
    }
    return { note: best.note ?? null, rest: best.rest ?? null, item: best.item ?? null, bar, system, y, x, row };
  }

  /** Elements that show a note: its head wherever it is written, or the whole where abcjs gives no head. */
  elementsOf(id) {
    return this.systems.flatMap((system) =>
      system.items.flatMap((item) =>
        item.heads.filter((head) => head.note?.id === id || head.restId === id).map((head) => head.element)));
  }

  /** The element that takes the focus for a note or a rest. */
  focusable(id) {
    for (const system of this.systems) {
      const item = system.items.find((one) => one.notes.some((note) => note.id === id) || (one.rest && restId(one.rest) === id));
      if (item) return item.element;
    }
    return null;
  }

  /** Give a class to the elements of some notes and bars, and take it from all others. */
  mark(name, ids) {
    const wanted = ids instanceof Set ? ids : new Set(ids);
    for (const system of this.systems) {
      for (const item of system.items) {
        for (const head of item.heads) head.element.classList.toggle(name, wanted.has(head.note?.id ?? head.restId));
      }
    }
  }

  /** Tint bars from one to another as the loop; none without arguments. */
  markBars(from = -1, to = -2) {
    for (const element of this.root.querySelectorAll(".bar-area")) {
      const index = Number(element.dataset.bar);
      element.classList.toggle("looped", index >= from && index <= to);
    }
  }
}

/** What abcjs drew for a system: it stays as long as the system's text does. */
function drawnOf({ element, picture, rows, items, scale }) {
  return { element, picture, rows, items, scale };
}

/** A name of a rest that holds for one version. */
export function restId(rest) {
  return `r${rest.part}.${rest.voice}.${rest.bar}.${rest.start}`;
}

/** All [start, end) of the score's text with the note or rest that is written there, by start. */
function charPairs(score) {
  const pairs = [];
  for (const note of score.notes) note.chars.forEach(([start, end], i) => pairs.push({ start, end, note, leads: i === 0 }));
  for (const rest of score.rests) {
    const chars = Array.isArray(rest.chars[0]) ? rest.chars : [rest.chars];
    chars.forEach(([start, end], i) => pairs.push({ start, end, rest, leads: i === 0 }));
  }
  return pairs.sort((a, b) => a.start - b.start || a.end - b.end);
}

function overlapping(pairs, from, until) {
  const found = [];
  // A chord's notes share their pair and nothing else overlaps, so looking on from the first is enough.
  for (let i = Math.max(0, lastNotAbove(pairs, from, (pair) => pair.end) + 1 - 1); i < pairs.length; i++) {
    if (pairs[i].start >= until) break;
    if (pairs[i].end > from) found.push(pairs[i]);
  }
  return found;
}

/** Lay an area under each bar: it is tinted, clicked and dragged over. */
function bindBars(system, score) {
  system.picture.querySelector(":scope > .bar-areas")?.remove();
  const areas = svg("g", { class: "bar-areas", "aria-hidden": "true" });
  let index = system.firstBar;
  for (const row of system.rows) {
    row.bars = [];
    let left = row.left;
    for (const line of row.lines) {
      if (line.x < left + 12) continue; // a repeat sign at the left
      row.bars.push({ index, left, right: line.x });
      left = line.x;
      index += 1;
    }
    if (index < system.firstBar + system.bars && row.right - left > 40) row.bars.push({ index: index++, left, right: row.right });
    for (const bar of row.bars) areas.append(barArea(bar, row, score.bars[bar.index]));
  }
  const number = score.bars[system.firstBar]?.number;
  const last = score.bars[system.firstBar + system.bars - 1]?.number;
  system.picture.setAttribute("aria-label", number === last ? `Bar ${number}` : `Bars ${number} to ${last}`);
  if (number !== undefined && system.firstBar > 0 && system.rows.length) {
    const text = svg("text", { x: system.rows[0].left - 28, y: system.rows[0].top - 5, class: "bar-number" });
    text.textContent = number;
    areas.append(text);
  }
  system.picture.prepend(areas);
}

function barArea(place, row, bar) {
  const area = svg("rect", {
    x: place.left, y: row.top, width: Math.max(0, place.right - place.left), height: row.bottom - row.top, rx: 3,
    class: bar?.doubtful ? "bar-area doubtful" : "bar-area",
  });
  area.dataset.bar = place.index;
  if (bar?.doubtful) {
    area.setAttribute("fill-opacity", (0.15 + 0.6 * Math.min(1, Math.max(0, SURE - (bar.confidence ?? 0)))).toFixed(2));
  }
  return area;
}

/** Names for screen readers, the ids of notes, and which heads are doubtful. */
function label(item, score) {
  const { element, heads, notes, rest } = item;
  for (const head of heads) head.note = head.restId = undefined;
  if (!notes.length && !rest) return;
  const inOrder = [...notes].sort((a, b) => staffPlace(a.pitch) - staffPlace(b.pitch) || a.midi - b.midi);
  heads.forEach((head, i) => {
    head.note = inOrder[i] ?? inOrder.at(-1);
    head.restId = rest ? restId(rest) : undefined;
    head.element.classList.toggle("doubtful-head", Boolean(head.note?.doubtful));
  });
  if (element.getAttribute("role") !== "button") {
    element.setAttribute("role", "button");
    element.setAttribute("tabindex", "-1");
  }
  element.setAttribute("aria-label", notes.length ? inOrder.map((note) => noteLabel(score, note)).join("; ") : restLabel(score, rest));
  element.dataset.id = inOrder[0]?.id ?? restId(rest);
}

/** The right half of a tie from the system before, which abcjs does not see. */
function incomingTies(system) {
  system.picture.querySelector(":scope > .incoming-ties")?.remove();
  const ties = svg("g", { class: "incoming-ties", "aria-hidden": "true" });
  for (const item of system.items) {
    for (const head of item.heads) {
      if (!head.note?.tied || head.note.bar !== system.firstBar || quarters(head.note.start) > 0 || !item.leads) continue;
      const box = head.element.getBBox();
      const up = item.heads.length > 1 ? head === item.heads.at(-1) : staffPlace(head.note.pitch) > 33;
      const [x, y, bend] = [box.x - 1, box.y + box.height / 2 + (up ? -5 : 5), up ? -7 : 7];
      ties.append(svg("path", { d: `M${x - 22} ${y + bend * 0.6}Q${x - 8} ${y + bend} ${x + 2} ${y}Q${x - 8} ${y + bend * 1.25} ${x - 22} ${y + bend * 0.8}z` }));
    }
  }
  if (ties.childElementCount) system.picture.append(ties);
}
