// Elements without markup: text only ever enters the page as text, whatever a title or a file name contains.

/**
 * Make an element.
 *
 * @param {string} tag - name of the element
 * @param {Object} [attributes] - attributes; `class`, `text`, `dataset`, and listeners as `onclick` ... are understood;
 *   `true` sets an empty attribute, `false`, `null` and `undefined` leave it out
 * @param {...(Node|string|null)} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "text") element.textContent = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Make an SVG element with attributes. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// 24 x 24, drawn with a line of 1.8; a path that begins with "!" is filled.
const ICONS = {
  play: ["!M8 5.5v13l10.5-6.5z"],
  pause: ["!M7 5.5h3.6v13H7z", "!M13.4 5.5H17v13h-3.6z"],
  stop: ["!M7 7h10v10H7z"],
  start: ["!M18 6v12l-9-6z", "M6.5 6v12"],
  loop: ["M17 3.5 20 6.5l-3 3", "M20 6.5H8a4 4 0 0 0-4 4v1", "M7 20.5 4 17.5l3-3", "M4 17.5h12a4 4 0 0 0 4-4v-1"],
  metronome: ["M9.2 4h5.6l3.4 16H5.8z", "M7 15h10", "M12 15l5-9"],
  count: ["M4.5 9.5v5", "M9.5 9.5v5", "M14.5 9.5v5", "M19.5 5v14"],
  undo: ["M8 5 4 9l4 4", "M4 9h10a5.5 5.5 0 0 1 0 11H9"],
  redo: ["M16 5l4 4-4 4", "M20 9H10a5.5 5.5 0 0 0 0 11h5"],
  export: ["M12 15V4", "M8 8l4-4 4 4", "M5 14v5h14v-5"],
  import: ["M12 4v11", "M8 11l4 4 4-4", "M5 14v5h14v-5"],
  file: ["M7 3.5h7l4 4v13H7z", "M14 3.5v4h4"],
  folder: ["M3.5 6.5h6l2 2.5h9v10h-17z"],
  microphone: ["M12 3.5a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3z", "M6 11a6 6 0 0 0 12 0", "M12 17v3.5"],
  search: ["M10.5 4.5a6 6 0 1 1 0 12 6 6 0 0 1 0-12z", "M15 15l5 5"],
  menu: ["M4 7h16", "M4 12h16", "M4 17h16"],
  close: ["M6 6l12 12", "M18 6 6 18"],
  help: ["M9 9a3 3 0 1 1 4.2 2.7c-.8.4-1.2 1-1.2 2", "!M11.1 16.4h1.8v1.8h-1.8z"],
  moon: ["M19 14.5A8 8 0 0 1 9.5 5a7.5 7.5 0 1 0 9.5 9.5z"],
  sun: ["M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8z", "M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4"],
  edit: ["M5 19l1-4L16 5l3 3L9 18z"],
  trash: ["M5 7h14", "M9 7V4.5h6V7", "M7 7l1 13h8l1-13"],
  plus: ["M12 5v14", "M5 12h14"],
  history: ["M4.5 12a7.5 7.5 0 1 0 2.2-5.3", "M4.5 4v4.5H9", "M12 8v4.5l3 1.8"],
  print: ["M7 9V4h10v5", "M7 17H4.5V9h15v8H17", "M7 14h10v6H7z"],
  more: ["!M5 10.5h3v3H5z", "!M10.5 10.5h3v3h-3z", "!M16 10.5h3v3h-3z"],
  flag: ["M6 21V4", "M6 5h11l-2.5 4L17 13H6"],
  up: ["M6 15l6-6 6 6"],
  down: ["M6 9l6 6 6-6"],
  cut: ["M4 8v8", "M20 8v8", "M8 5v14", "M16 5v14", "M12 9v6"],
};

/** An icon by its name, hidden from screen readers: the button around it has the words. */
export function icon(name) {
  const paths = ICONS[name].map((path) =>
    path.startsWith("!")
      ? svg("path", { d: path.slice(1), fill: "currentColor", stroke: "none" })
      : svg("path", { d: path }),
  );
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" }, ...paths);
}

/** A button with an icon whose words are its label and its tooltip. */
export function iconButton(name, label, onclick, attributes = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...attributes }, icon(name));
}

/**
 * Fill an element anew, but keep what the user has there: the focus (by id or label), and which details are open.
 *
 * @param {HTMLElement} root
 * @param {(Node|string)[]} children
 */
export function refill(root, children) {
  const active = root.contains(document.activeElement) ? document.activeElement : null;
  const name = (details) => details.querySelector("summary").textContent + (details.closest("[aria-label]")?.getAttribute("aria-label") ?? "");
  const open = new Set([...root.querySelectorAll("details[open]")].map(name));
  root.replaceChildren(...children);
  for (const details of root.querySelectorAll("details")) details.open = open.has(name(details));
  if (!active) return;
  const label = active.getAttribute("aria-label");
  const again = (active.id && document.getElementById(active.id)) || (label && root.querySelector(`[aria-label="${CSS.escape(label)}"]`));
  again?.focus();
}

let dialogs = 0;

/**
 * Show a modal dialog with a heading and a button that closes it; focus goes back to where it was.
 *
 * @param {string} title
 * @param {(Node|string)[]} content
 * @param {string} [className]
 * @returns {HTMLDialogElement} - already open; its `close` event ends it
 */
export function dialog(title, content, className = "") {
  const before = document.activeElement;
  const id = `dialog-${++dialogs}`;
  const box = h(
    "dialog",
    { class: `dialog ${className}`, "aria-labelledby": id },
    h("header", {}, h("h2", { id, text: title }), iconButton("close", "Close", () => box.close())),
    ...content,
  );
  box.addEventListener("click", (event) => event.target === box && box.close());
  box.addEventListener("close", () => {
    box.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  });
  document.body.append(box);
  box.showModal();
  return box;
}

/** Ask before something that cannot be taken back. Resolves to whether it was confirmed. */
export function confirmed(title, sentence, action) {
  return new Promise((resolve) => {
    let answer = false;
    const box = dialog(title, [
      h("p", { text: sentence }),
      h(
        "div",
        { class: "row end" },
        h("button", { type: "button", class: "button", text: "Keep", onclick: () => box.close() }),
        h("button", {
          type: "button",
          class: "button danger",
          text: action,
          onclick: () => {
            answer = true;
            box.close();
          },
        }),
      ),
    ], "small");
    box.addEventListener("close", () => resolve(answer));
  });
}

/** Seconds as a musician reads them: 1:05, or 1:05.3 with tenths. */
export function clock(seconds, tenths = false) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = tenths ? Math.floor(seconds * 10) / 10 : Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  const rest = whole - 60 * minutes;
  return `${minutes}:${tenths ? rest.toFixed(1).padStart(4, "0") : String(Math.floor(rest)).padStart(2, "0")}`;
}
