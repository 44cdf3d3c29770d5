// One system drawn by abcjs 6.7, with what must be mended in it, and where its notes, rests and bar lines are.

import { h, svg } from "./dom.js";

const FONT = "'Iowan Old Style', 'Palatino Linotype', Palatino, Georgia, serif";
const FORMAT = {
  voicefont: `${FONT} 13`, tempofont: `${FONT} 13`, measurefont: `${FONT} 11`, repeatfont: `${FONT} 13`,
  annotationfont: `${FONT} 13`, gchordfont: `${FONT} 13`, vocalfont: `${FONT} 13`, tripletfont: `italic ${FONT} 12`,
};

/**
 * Draw a system into its element, and note its picture, scale, rows and items.
 *
 * @param {Object} system - with `text`, `element`, `width` in pixels, `firstBar`, `bars`, `showsMetre`; gets `picture`,
 *   `scale` (pixels a unit), `rows` ({top, bottom, left, right, lines}) and `items` (notes and rests with their heads)
 * @param {number} zoom - of the notes
 */
export function drawSystem(system, zoom) {
  const holder = h("div");
  system.element.replaceChildren(holder);
  const tune = engraved(holder, system, zoom);
  if (!tune) return undrawable(system, holder);
  const picture = holder.querySelector("svg");
  const [width, height] = [Number(picture.getAttribute("width")), Number(picture.getAttribute("height"))];
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  picture.setAttribute("role", "group");
  picture.querySelector(":scope > title")?.remove();
  picture.setAttribute("width", "100%");
  picture.removeAttribute("height");
  holder.removeAttribute("style");
  system.scale = system.width / width;
  system.element.style.minHeight = `${height * system.scale}px`;
  system.picture = picture;
  system.items = itemsOf(tune, picture);
  system.rows = rowsOf(tune, picture);
  for (const item of system.items) item.row = system.rows[item.line] ?? system.rows[0];
}

function engraved(holder, system, zoom) {
  const options = {
    add_classes: true, selectTypes: false, staffwidth: system.width / zoom - 4, format: FORMAT,
    paddingtop: 6, paddingbottom: 0, paddingleft: 0, paddingright: 2,
    afterParsing: (parsed) => arrange(parsed, system.showsMetre),
  };
  try {
    return withoutStyleElements(() => globalThis.ABCJS.renderAbc(holder, system.text, options))[0];
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return null; // abcjs fails at some texts
    throw error;
  }
}

/** Say so in place of bars that abcjs cannot draw; the others are drawn all the same. */
function undrawable(system, holder) {
  const last = system.firstBar + system.bars;
  holder.replaceChildren(h("p", { class: "notice", text: `Bars ${system.firstBar + 1} to ${last} cannot be drawn here; they are in every exported file.` }));
  Object.assign(system, { picture: svg("svg"), rows: [], items: [], scale: 1 });
}

/** The metre that goes on is not drawn again; a rest that fills its bar is a whole rest in the middle. */
function arrange(tune, showsMetre) {
  for (const line of tune.lines) {
    for (const staff of line.staff ?? []) {
      if (!showsMetre) delete staff.meter;
      for (const voice of staff.voices) {
        wholeRests(voice);
        hideTupletRests(voice);
      }
    }
  }
}

/** abcjs 6.7 fails at a tuplet that begins with an invisible rest: it gets a rest, which the style sheet hides. */
function hideTupletRests(voice) {
  for (const element of voice) {
    if (element.startTriplet && element.rest?.type === "invisible") {
      element.rest.type = "rest";
      element.unseen = true;
    }
  }
}

function wholeRests(voice) {
  let bar = [];
  for (const element of [...voice, { el_type: "bar" }]) {
    if (element.el_type === "note") bar.push(element);
    if (element.el_type !== "bar") continue;
    if (bar.length === 1 && bar[0].rest?.type === "rest" && bar[0].duration >= 0.5) bar[0].rest.type = "whole";
    bar = [];
  }
}

/** abcjs puts a <style> element into its picture, which the page's security policy refuses; its rules are in the style sheet. */
function withoutStyleElements(draw) {
  const make = document.createElementNS;
  document.createElementNS = (space, name) => make.call(document, space, name === "style" ? "metadata" : name);
  try {
    return draw();
  } finally {
    delete document.createElementNS;
  }
}

function itemsOf(tune) {
  const items = [];
  (tune.lines ?? []).forEach((line, lineIndex) => {
    for (const staff of line.staff ?? []) {
      for (const voice of staff.voices) {
        for (const element of voice) {
          const group = element.abselem?.elemset?.[0];
          if (element.el_type !== "note" || !group) continue;
          if (element.unseen) group.classList.add("unseen");
          // The heads of grace notes come after those of the chord.
          const heads = [...group.querySelectorAll(".abcjs-notehead")].slice(0, element.pitches?.length).map((head) => ({ element: head }));
          items.push({
            startChar: element.startChar, endChar: element.endChar, element: group, line: lineIndex, notes: [], rest: null,
            x: element.abselem.x, width: Math.min(element.abselem.w, 12), heads: heads.length ? heads : [{ element: group }],
          });
        }
      }
    }
  });
  return items;
}

/** Each row: its height on the page, and the bar lines of its first voice. */
function rowsOf(tune, picture) {
  return (tune.lines ?? []).filter((line) => line.staff).map((line, index) => {
    const boxes = [...picture.querySelectorAll(`.abcjs-staff.abcjs-l${index}`)].map((staff) => staff.getBBox());
    const voice = line.staff[0].voices[0];
    const lines = voice.filter((element) => element.el_type === "bar" && element.abselem)
      .map((element) => ({ x: element.abselem.x + element.abselem.w, char: element.startChar }));
    const first = voice.find((element) => element.el_type === "note" && element.abselem);
    return {
      top: Math.min(...boxes.map((box) => box.y)) - 8,
      bottom: Math.max(...boxes.map((box) => box.y + box.height)) + 8,
      left: (first?.abselem.x ?? 0) - 10, right: Math.max(...boxes.map((box) => box.x + box.width)), lines, bars: [],
    };
  });
}
