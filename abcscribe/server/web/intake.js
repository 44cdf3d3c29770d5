// Ways in: dropping anywhere, choosing files or a folder, the microphone; and the first screen, which names them.

import { api } from "./api.js";
import { h, icon, svg } from "./dom.js";
import { prepare } from "./prepare.js";
import { record } from "./recorder.js";
import { session } from "./session.js";

const SOUND = /\.(wav|wave|flac|mp3|m4a|aac|ogg|oga|opus|webm|mp4|m4v|mov|mkv|avi|wma|aif|aiff|aifc|caf|amr|3gp|ac3|mka|au|mid|midi)$/i;

const LARGE = 50 << 20; // bytes from which taking in takes noticeable time

/** The first screen. */
export function welcome() {
  const files = chooser({ multiple: true });
  const folder = chooser({ webkitdirectory: true });
  const first = h("input", {
    type: "checkbox", checked: Boolean(session.settings.prepare),
    onchange: (event) => session.configure({ prepare: event.target.checked }),
  });
  return h("section", { class: "welcome", "aria-labelledby": "welcome-title" },
    h("h2", { id: "welcome-title", text: "From a recording to a score you can read" }),
    h("p", { class: "lead", text: "Drop a recording anywhere on this page. The score appears as it is written, follows the recording as it plays, and can be put right note by note." }),
    h("div", { class: "dropzone" },
      staffOrnament(),
      h("p", { class: "display", text: "Drop a recording here" }),
      h("div", { class: "row" },
        h("button", { type: "button", class: "button primary", onclick: () => files.click() }, icon("file"), "Choose a file"),
        h("button", { type: "button", class: "button", onclick: () => recordAndTake() }, icon("microphone"), "Record"),
        h("button", { type: "button", class: "button", onclick: () => folder.click() }, icon("folder"), "Choose a folder")),
      h("label", { class: "check" }, first, "Choose a part and say what I know before it starts"),
      files, folder),
    h("p", { class: "privacy", text: "Any sound or video file will do. Everything happens on this computer: nothing is sent anywhere." }));
}

function chooser(attributes) {
  const input = h("input", {
    type: "file", accept: attributes.webkitdirectory ? null : "audio/*,video/*,.mid,.midi", ...attributes, hidden: true, tabindex: "-1", "aria-hidden": "true",
    onchange: () => {
      take([...input.files]);
      input.value = "";
    },
  });
  return input;
}

/** Open the system's dialog for files. */
export function chooseFiles() {
  chooser({ multiple: true }).click();
}

/** Record with the microphone, then go on as with a file. */
export async function recordAndTake() {
  const file = await record();
  if (file) await take([file]);
}

/** Take files: each becomes a recording; the first is opened. */
export async function take(files) {
  const sounds = files.filter((file) => SOUND.test(file.name) || /^(audio|video)\//.test(file.type));
  const others = files.filter((file) => !sounds.includes(file));
  if (!sounds.length) return session.tell(others.length ? `${others[0].name} is no sound or video file.` : "There is no sound or video file in it.");
  if (others.length && files.length > 1) session.tell(`${others.length} files without sound were left aside.`);
  if (session.settings.prepare && sounds.length === 1) return takePrepared(sounds[0]);
  let opened = false;
  for (const file of sounds) {
    try {
      if (file.size > LARGE) session.tell(`Taking in ${file.name} …`);
      const recording = await api.upload(file, file.name);
      await session.refresh();
      if (!opened) location.hash = `#/r/${recording.id}`;
      opened = true;
    } catch (error) {
      session.tell(`${file.name}: ${error.message}`);
    }
  }
}

async function takePrepared(file) {
  try {
    const recording = await api.upload(file, file.name, { transcribe: 0 });
    await session.refresh();
    await prepare(recording);
    location.hash = `#/r/${recording.id}`;
  } catch (error) {
    session.tell(error.message);
  }
}

/** Let files be dropped anywhere on the page, folders too. */
export function takeDrops(veil) {
  let depth = 0;
  const withFiles = (event) => event.dataTransfer?.types.includes("Files");
  const show = (shown) => {
    veil.hidden = !shown;
    if (!shown) depth = 0;
  };
  addEventListener("dragenter", (event) => withFiles(event) && (depth += 1, show(true)));
  addEventListener("dragleave", (event) => withFiles(event) && (depth -= 1) <= 0 && show(false));
  addEventListener("dragover", (event) => withFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    show(false);
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const files = entries.some((entry) => entry.isDirectory)
      ? (await Promise.all(entries.map(filesOf))).flat()
      : [...event.dataTransfer.files];
    take(files);
  });
}

/** All files of a dropped folder, in the order of their names. */
async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const entries = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    entries.push(...some);
  }
  entries.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  return (await Promise.all(entries.map(filesOf))).flat();
}

/** A sound wave that becomes notes on a staff. */
function staffOrnament() {
  const lines = [0, 1, 2, 3, 4].map((i) => svg("path", { d: `M210 ${24 + i * 10}H414`, stroke: "currentColor", "stroke-width": 1, opacity: 0.45 }));
  const wave = Array.from({ length: 34 }, (_, i) => {
    const tall = 5 + 26 * Math.abs(Math.sin(i * 0.55) * Math.cos(i * 0.21)) * (1 - i / 60);
    return svg("path", { d: `M${6 + i * 6} ${44 - tall}V${44 + tall}`, stroke: "currentColor", "stroke-width": 2.4, "stroke-linecap": "round", opacity: 0.9 - i / 60 });
  });
  const notes = [[244, 54], [280, 44], [316, 49], [352, 34], [388, 39]].map(([x, y]) =>
    svg("g", {},
      svg("ellipse", { cx: x, cy: y, rx: 6.4, ry: 4.6, transform: `rotate(-22 ${x} ${y})`, fill: "currentColor" }),
      svg("path", { d: `M${x + 5.8} ${y - 2}V${y - 32}`, stroke: "currentColor", "stroke-width": 1.6 })));
  return svg("svg", { viewBox: "0 0 420 88", class: "staff", "aria-hidden": "true", fill: "none" }, ...lines, ...wave, ...notes);
}
