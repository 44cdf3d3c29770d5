// The server's JSON API (docs/api.md). Every error is one sentence that can be shown as it is.

/** What the server, or the way to it, had to say: `message` for the user, `status` 0 if there was no answer. */
export class ApiError extends Error {
  constructor(message, status, data = {}) {
    super(message);
    Object.assign(this, { status, data });
  }
}

async function call(method, path, { json, body, headers = {}, signal, keepalive } = {}) {
  const options = { method, signal, keepalive, headers: { ...headers } };
  if (method !== "GET") options.headers["X-Abcscribe"] = "1";
  if (json !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(json);
  } else if (body) {
    options.headers["Content-Type"] = "application/octet-stream";
    options.body = body;
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("abcscribe does not answer. Is it still running? Nothing that was saved is lost.", 0);
  }
  if (answer.status === 204) return null;
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new ApiError(data.error ?? `The server answered ${answer.status}.`, answer.status, data);
  return data;
}

const query = (values) => {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
};
const get = (path, options) => call("GET", path, options);
const post = (path, json = {}) => call("POST", path, { json });
const at = (id) => `/api/recordings/${encodeURIComponent(id)}`;

export const api = {
  status: () => get("/api/status"),
  vocabulary: () => get("/api/vocabulary"),
  settings: () => get("/api/settings"),
  saveSettings: (settings) => call("PUT", "/api/settings", { json: settings, keepalive: true }),

  recordings: (q, limit, offset = 0) => get(`/api/recordings${query({ q, limit, offset })}`),
  recording: (id) => get(at(id)),
  upload: (file, name, { start, end, hints, engine, transcribe } = {}) =>
    call("POST", `/api/recordings${query({ start, end, hints: hints && JSON.stringify(hints), engine, transcribe })}`, {
      body: file, headers: { "X-File-Name": encodeURIComponent(name) },
    }),
  rename: (id, changes) => call("PATCH", at(id), { json: changes }),
  remove: (id) => call("DELETE", at(id)),
  transcribe: (id, options) => post(`${at(id)}/transcribe`, options),
  audioUrl: (id) => `${at(id)}/audio`,
  peaks: (id, count, start, end) => get(`${at(id)}/peaks${query({ count, start, end })}`),

  jobs: () => get("/api/jobs"),
  cancel: (job) => call("DELETE", `/api/jobs/${encodeURIComponent(job)}`),
  jobEvents: (job) => new EventSource(`/api/jobs/${encodeURIComponent(job)}/events`),

  score: (id, version) => get(`${at(id)}/score${query({ version })}`),
  hints: (id, changes) => post(`${at(id)}/hints`, changes),
  edit: (id, base, edits) => post(`${at(id)}/edits`, { base, edits }),
  setAbc: (id, base, abc) => call("PUT", `${at(id)}/abc`, { json: { base, abc } }),
  readAbc: (abc, signal) => call("POST", "/api/abc", { json: { abc }, signal }),
  undo: (id) => post(`${at(id)}/undo`),
  redo: (id) => post(`${at(id)}/redo`),
  restore: (id, version) => post(`${at(id)}/restore`, { version }),
  versions: (id) => get(`${at(id)}/versions`),

  exportUrl: (id, format, options) => `${at(id)}/export/${encodeURIComponent(format)}${query(options)}`,
  archiveUrl: () => "/api/archive",
  importArchive: (file) => call("POST", "/api/archive", { body: file }),
};
