// All recordings, newest first: search, state and progress of each, delete, archive.

import { api } from "./api.js";
import { clock, confirmed, h, icon, iconButton } from "./dom.js";
import { chooseFiles, recordAndTake } from "./intake.js";
import { session } from "./session.js";

const PAGE = 50;
const SEARCH_MS = 200; // pause in typing after which is searched
const POLL_MS = 700; // how often jobs are asked for while some are unfinished

/** Fill the library and keep it true. */
export function library(root) {
  const search = h("input", { type: "search", placeholder: "Search recordings", "aria-label": "Search recordings", id: "search" });
  let typing = null;
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      session.query = search.value;
      session.refresh(PAGE).catch((error) => session.tell(error.message));
    }, SEARCH_MS);
  });
  const list = h("ul", { class: "list", "aria-label": "Recordings" });
  const more = h("button", { type: "button", class: "button small", text: "Show more", hidden: true, onclick: () => session.refresh(session.recordings.length + PAGE) });
  const upload = h("input", { type: "file", accept: ".zip", hidden: true, "aria-hidden": "true", tabindex: "-1", onchange: () => importArchive(upload) });
  root.append(
    h("div", { class: "head" },
      h("div", { class: "row" },
        h("button", { type: "button", class: "button primary grow", onclick: chooseFiles }, icon("plus"), "New"),
        iconButton("microphone", "Record with the microphone", recordAndTake)),
      search),
    list,
    h("div", { class: "foot row" }, more,
      h("a", { class: "button small", href: api.archiveUrl(), download: "abcscribe-archive.zip", text: "Save all" }),
      h("button", { type: "button", class: "button small", text: "Load archive", onclick: () => upload.click() }), upload));
  session.watch(["recordings", "recording", "total"], () => {
    fill(list);
    more.hidden = session.recordings.length >= session.total;
  });
  watchJobs(list);
}

function fill(list) {
  const focused = document.activeElement?.closest?.(".item")?.dataset.id;
  if (!session.recordings.length) {
    list.replaceChildren(h("li", { class: "empty", text: session.query ? "Nothing was found." : "Your recordings will be listed here." }));
    return;
  }
  list.replaceChildren(...session.recordings.map(item));
  if (focused) list.querySelector(`[data-id="${CSS.escape(focused)}"] button`)?.focus({ preventScroll: true });
}

function item(recording) {
  const current = recording.id === session.recording?.id;
  const active = recording.state === "waiting" || recording.state === "running";
  return h("li", { class: "item", dataset: { id: recording.id } },
    h("button", { type: "button", class: "open", "aria-current": current ? "true" : null, onclick: () => (location.hash = `#/r/${recording.id}`) },
      h("span", { class: "name", text: recording.title || recording.file_name }),
      h("span", { class: recording.state === "failed" ? "about failed" : "about", text: about(recording) }),
      active && h("span", { class: "bar-track", "aria-hidden": "true" }, h("i"))),
    active
      ? iconButton("close", `Cancel ${recording.title}`, () => cancel(recording), { class: "icon-button side" })
      : iconButton("trash", `Delete ${recording.title}`, () => remove(recording), { class: "icon-button side" }));
}

function about(recording) {
  if (recording.state === "waiting") return "Waiting";
  if (recording.state === "running") return "Listening";
  if (recording.state === "failed") return recording.error ?? "It failed.";
  if (recording.state === "new") return `${clock(recording.seconds)} · not transcribed yet`;
  return `${clock(recording.seconds)} · ${recording.summary ?? ""}`;
}

async function cancel(recording) {
  if (recording.job) await api.cancel(recording.job).catch((error) => session.tell(error.message));
  await session.refresh();
}

async function remove(recording) {
  const name = recording.title || recording.file_name;
  if (!(await confirmed("Delete this recording?", `${name}, its score and every version of it are deleted for good.`, "Delete"))) return;
  try {
    await api.remove(recording.id);
    if (session.recording?.id === recording.id) location.hash = "";
    await session.refresh();
    session.tell(`${name} was deleted.`);
  } catch (error) {
    session.tell(error.message);
  }
}

async function importArchive(input) {
  const [file] = input.files;
  input.value = "";
  if (!file) return;
  try {
    const { imported } = await api.importArchive(file);
    await session.refresh();
    session.tell(imported === 1 ? "One recording was loaded." : `${imported} recordings were loaded.`);
  } catch (error) {
    session.tell(error.message);
  }
}

/** While something waits or runs: progress under each name, and the list anew when one has ended. */
function watchJobs(list) {
  let timer = null;
  const active = () => session.recordings.some((one) => one.state === "waiting" || one.state === "running");
  const look = async () => {
    timer = null;
    try {
      const { jobs } = await api.jobs();
      const unfinished = jobs.filter((job) => job.state === "waiting" || job.state === "running");
      for (const job of unfinished) showProgress(list, job);
      const ids = new Set(unfinished.map((job) => job.recording));
      const stale = session.recordings.some((one) => (one.state === "waiting" || one.state === "running") !== ids.has(one.id)
        || unfinished.some((job) => job.recording === one.id && job.state !== one.state));
      if (stale) await session.refresh();
    } catch {
      // The next look will tell; the page says so where something is asked for.
    }
    if (active()) timer ??= setTimeout(look, POLL_MS);
  };
  session.watch(["recordings"], () => active() && (timer ??= setTimeout(look, POLL_MS)));
}

function showProgress(list, job) {
  const row = list.querySelector(`[data-id="${CSS.escape(job.recording)}"]`);
  if (!row) return;
  const words = job.state === "waiting" ? `Waiting, ${job.position} before it` : `${job.phase === "writing" ? "Writing" : "Listening"}${timeLeft(job.left)}`;
  row.querySelector(".about").textContent = words;
  const bar = row.querySelector(".bar-track i");
  if (bar) bar.style.width = `${share(job) * 100}%`;
}

/** How much of a job is done, 0 ... 1: hearing is most of it. */
export function share(job) {
  if (job.state === "waiting" || !job.total) return 0;
  const done = Math.min(1, job.seconds / job.total);
  return job.phase === "writing" ? 0.8 + 0.2 * done : 0.8 * done;
}

/** " · about 4 s left", or nothing while it is not known. */
export function timeLeft(left) {
  if (left === null || left === undefined) return "";
  return left < 60 ? ` · about ${Math.max(1, Math.round(left))} s left` : ` · about ${Math.round(left / 60)} min left`;
}
