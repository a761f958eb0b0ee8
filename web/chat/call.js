// One request to the API, and what can come of it.

/** Where the API is. */
const API = "/api/v1";

/** The server said no, in a sentence for people and in words for programs. */
export class Refusal extends Error {
  constructor(status, { code, message, details = {} }) {
    super(message);
    Object.assign(this, { status, code, details, reason: details.reason });
  }

  /** The sentence, with what is wrong in each field. */
  get sentence() {
    const fields = Object.values(this.details.fields ?? {}).flat();
    return [this.message, ...fields].join(" ");
  }

  /** Would the same go through later? */
  get mayPass() {
    return this.status === 429 || this.status >= 500 || this.reason === "turn_in_progress";
  }

  /** The server's wish when to try again, in milliseconds. */
  get retryAfter() {
    return (this.details.retry_after ?? 1) * 1000;
  }
}

/** Nobody answered. */
export class Unreachable extends Error {
  constructor() {
    super("The server can't be reached.");
  }

  get sentence() {
    return this.message;
  }

  get mayPass() {
    return true;
  }
}

/** The data of an answer. A `Refusal` or `Unreachable` where there is none. */
export async function call(path, { method = "GET", body, token, key, signal } = {}) {
  const headers = {};
  if (token) headers.authorization = `Bearer ${token}`;
  if (key) headers["idempotency-key"] = key;
  if (body) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(API + path, { method, headers, signal, body: body && JSON.stringify(body) });
  } catch (cause) {
    if (cause.name === "AbortError") throw cause;
    throw new Unreachable();
  }
  return read(answer.status, await answer.text().catch(() => { throw new Unreachable(); }));
}

/** What an answer of that status and body says. */
export function read(status, text) {
  let envelope;
  try {
    envelope = text ? JSON.parse(text) : { success: status < 400 };
  } catch {
    envelope = { success: false };
  }
  if (envelope.success) return envelope.data;
  // A proxy may answer in the server's place.
  const error = envelope.error ?? { code: "UNKNOWN", message: `The server answered with status ${status}.` };
  throw new Refusal(status, error);
}

/** The bytes of a file. */
export async function bytes(path, { token } = {}) {
  let answer;
  try {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    answer = await fetch(API + path, { headers });
    if (answer.ok) return await answer.blob();
  } catch {
    throw new Unreachable();
  }
  return read(answer.status, await answer.text());
}

/** Uploads a file as the part `file` of a form; tells which part of it is on its way, from 0 to 1. */
export function upload(path, file, { token, onProgress, signal }) {
  return new Promise((done, failed) => {
    // The one thing that fetch can't: telling how far an upload is.
    const request = new XMLHttpRequest();
    request.open("POST", API + path);
    request.setRequestHeader("authorization", `Bearer ${token}`);
    request.upload.addEventListener("progress", event => onProgress(event.loaded / event.total));
    request.addEventListener("error", () => failed(new Unreachable()));
    request.addEventListener("abort", () => failed(new DOMException("It was taken back.", "AbortError")));
    request.addEventListener("load", () => {
      try {
        done(read(request.status, request.responseText));
      } catch (refusal) {
        failed(refusal);
      }
    });
    signal.addEventListener("abort", () => request.abort());
    const form = new FormData();
    form.append("file", file, file.name);
    request.send(form);
  });
}
