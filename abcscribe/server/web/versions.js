// Earlier versions of a score: every change is one, and each can be brought back.

import { api } from "./api.js";
import { dialog, h } from "./dom.js";
import { session } from "./session.js";

/** Show the versions, newest first. */
export async function versionsDialog() {
  const { id } = session.recording;
  try {
    const { versions, current } = await api.versions(id);
    const newest = [...versions].sort((a, b) => b.version - a.version);
    const box = dialog("Earlier versions", [
      h("ul", { class: "versions" }, ...newest.map((one) => h("li", { class: one.version === current ? "current" : null },
        h("span", { class: "grow" }, h("b", { text: one.label || "Transcribed" }), h("br"), h("small", { class: "muted", text: new Date(one.created).toLocaleString() })),
        one.version === current
          ? h("span", { class: "muted", text: "what you see" })
          : h("button", {
            type: "button", class: "button small", text: "Bring back", "aria-label": `Bring back version ${one.version}`,
            onclick: async () => {
              if (await session.change((recording) => api.restore(recording, one.version))) box.close();
            },
          })))),
    ]);
  } catch (error) {
    session.tell(error.message);
  }
}
