// Where messages are written: text, files, and the keys that send.

import { Files } from "./attachments.js";
import { announce } from "./announce.js";
import { by, tell } from "./dom.js";
import { isTooLong } from "./outbox.js";

export class Composer {
  #files;
  #conversation = null;
  /** What was begun in other conversations. */
  #drafts = new Map();

  /** Called with a text and the files that were uploaded for it. */
  onSay = () => {};

  constructor(session) {
    this.#files = new Files(session, by("files"), problem => this.#complain(problem));
    by("composer").addEventListener("submit", event => {
      event.preventDefault();
      this.#submit();
    });
    const text = by("message");
    text.addEventListener("keydown", event => {
      // While characters are composed, Enter chooses one.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    text.addEventListener("input", () => this.#fit());
    text.addEventListener("paste", event => this.#takeFiles(event, event.clipboardData));
    by("attach").addEventListener("click", () => by("file").click());
    by("file").addEventListener("change", () => {
      this.#files.add(by("file").files);
      by("file").value = "";
    });
    const thread = by("thread");
    thread.addEventListener("dragover", event => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      thread.classList.add("dropping");
    });
    thread.addEventListener("dragleave", () => thread.classList.remove("dropping"));
    thread.addEventListener("drop", event => {
      thread.classList.remove("dropping");
      this.#takeFiles(event, event.dataTransfer);
    });
  }

  /** Writes in that conversation from now on, once it is enabled. */
  open(conversation) {
    this.#conversation = conversation;
    this.#files.open(conversation);
    by("message").value = this.#drafts.get(conversation) ?? "";
    this.#fit();
  }

  enable() {
    by("composer").hidden = false;
  }

  /** Nothing can be written. */
  close() {
    if (this.#conversation) this.#drafts.set(this.#conversation, by("message").value);
    this.#conversation = null;
    this.#files.close();
    by("composer").hidden = true;
    tell(by("composer-problem"));
  }

  /** Forgets what was begun. */
  forget() {
    this.#drafts.clear();
  }

  focus() {
    by("message").focus();
  }

  #submit() {
    const text = by("message");
    const content = text.value.trim();
    const attachments = this.#files.uploaded;
    if (!content && attachments.length === 0 && !this.#files.isBusy) return this.focus();
    if (this.#files.isBusy) return this.#complain("Wait until the files are uploaded, or remove them.");
    if (isTooLong(content)) return this.#complain("The message is too long. Send it in parts, or as a file.");
    tell(by("composer-problem"));
    text.value = "";
    this.#fit();
    this.#files.sent();
    this.onSay(content, attachments);
    this.focus();
  }

  #takeFiles(event, transfer) {
    if (!transfer?.files.length || !this.#conversation) return;
    event.preventDefault();
    this.#files.add(transfer.files);
  }

  #complain(problem) {
    const place = by("composer-problem");
    if (place.textContent === problem) announce(problem);
    else tell(place, problem);
  }

  /** As high as what is in it, up to what the style allows. */
  #fit() {
    const text = by("message");
    text.rows = Math.min(8, text.value.split("\n").length);
  }
}
