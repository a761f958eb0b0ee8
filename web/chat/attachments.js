// Files that are to be sent with the next message: uploaded at once, sent by their ids.

import { announce } from "./announce.js";
import { Unreachable, upload } from "./call.js";
import { make, tell } from "./dom.js";
import { size } from "./text.js";

/** Files of one message. */
const MOST = 10;

export class Files {
  #session;
  #list;
  #complain;
  #conversation = null;
  #all = [];

  constructor(session, list, complain) {
    this.#session = session;
    this.#list = list;
    this.#complain = complain;
  }

  /** Files go into that conversation from now on. */
  open(conversation) {
    this.#conversation = conversation;
  }

  /** Takes all back. */
  close() {
    this.#all.forEach(entry => entry.abort.abort());
    this.sent();
    this.#conversation = null;
  }

  /** Is any on its way? */
  get isBusy() {
    return this.#all.some(entry => !entry.attachment);
  }

  /** Those that are there. */
  get uploaded() {
    return this.#all.map(entry => entry.attachment).filter(Boolean);
  }

  /** They were sent: others come. */
  sent() {
    this.#all = [];
    this.#show();
  }

  /** Uploads more files. */
  add(files) {
    this.#complain("");
    for (const file of files) {
      if (this.#all.length >= MOST) return this.#complain(`A message has at most ${MOST} files.`);
      this.#begin(file);
    }
  }

  async #begin(file) {
    const state = make("span", { className: "upload-state" });
    const entry = { file, state, abort: new AbortController() };
    entry.item = make("li", {},
      make("span", { className: "file-name", textContent: file.name }),
      state,
      make("button", {
        type: "button",
        textContent: "Remove",
        "aria-label": `Remove ${file.name}`,
        on: { click: () => this.#remove(entry) },
      }),
    );
    this.#all.push(entry);
    this.#show();
    tell(state, "waiting");
    try {
      const token = await this.#session.token();
      const onProgress = part => tell(state, part < 1 ? `${Math.floor(part * 100)} %` : "nearly there");
      const path = `/conversations/${this.#conversation}/attachments`;
      entry.attachment = await upload(path, file, { token, onProgress, signal: entry.abort.signal });
      tell(state, size(file.size));
      announce(`${file.name} is uploaded.`);
    } catch (cause) {
      if (cause.name === "AbortError") return;
      this.#drop(entry);
      // A server that has enough of a large file may close the connection before its answer is read.
      const why = cause instanceof Unreachable ? "The connection was lost, or it is too large." : cause.sentence;
      this.#complain(`${file.name} was not uploaded. ${why ?? cause.message}`);
    }
  }

  #remove(entry) {
    entry.abort.abort();
    this.#drop(entry);
    announce(`${entry.file.name} is removed.`);
    document.getElementById("attach").focus();
  }

  #drop(entry) {
    this.#all = this.#all.filter(other => other !== entry);
    this.#show();
  }

  #show() {
    this.#list.replaceChildren(...this.#all.map(entry => entry.item));
    this.#list.hidden = this.#all.length === 0;
  }
}
