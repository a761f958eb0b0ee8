// One conversation that is open: its history, what is said in it from now on, and what is still on its way. Knows
// nothing of the page; a watcher is told of everything.

import { Connection, wait } from "./connection.js";
import { Messages } from "./messages.js";

/** Messages of the history that are read at once. */
const PAGE = 30;
/** How long what is read waits until the server is told, together with what else is read. */
const READING = 3_000;
/** How long somebody types who doesn't say it again. */
const TYPING = 10_000;

export class Talk {
  #session;
  #outbox;
  #watcher;
  #messages = new Messages();
  #connection;
  #sending = null;
  #attempt = 0;
  #timers = new Set();
  /** Who types besides the person, `bot` or `staff`, each with what ends it. */
  #typists = new Map();
  #reading = null;
  #read = null;
  #isOver = false;

  constructor(session, outbox, id, watcher) {
    this.id = id;
    this.#session = session;
    this.#outbox = outbox;
    this.#watcher = watcher;
    this.#connection = new Connection(session, id, () => this.#messages.last?.seq ?? 0);
    this.#connection.onFrame = frame => this.#heard(frame);
    this.#connection.onState = isOpen => this.#changed(isOpen);
    document.addEventListener("visibilitychange", this.#noteReading);
  }

  /** Reads the last of what was said and follows what is said from then on. */
  async begin() {
    try {
      const [about, history] = await Promise.all([
        this.#session.ask(`/conversations/${this.id}`),
        this.#session.ask(`/conversations/${this.id}/history?limit=${PAGE}`),
      ]);
      if (this.#isOver) return;
      this.#messages.clear();
      history.items.forEach(message => this.#messages.add(message));
      // Whoever reads the history has read it.
      this.#read = this.#messages.last?.message_id ?? null;
      this.#watcher.began(about, history.items, history.has_more);
      this.#showWaiting();
      await this.#connection.open();
    } catch (cause) {
      if (this.#isOver) return;
      if (!cause.mayPass) return this.#watcher.failed(cause);
      this.#watcher.connected(false);
      this.#later(() => this.begin(), wait(this.#attempt++));
    }
  }

  /** Reads what was said before. */
  async earlier() {
    const before = this.#messages.first?.message_id;
    const path = `/conversations/${this.id}/history?limit=${PAGE}&before=${before}`;
    const { items, has_more: hasMore } = await this.#session.ask(path);
    if (this.#isOver || this.#messages.first?.message_id !== before) return;
    this.#watcher.before(items.filter(message => this.#messages.add(message)), hasMore);
  }

  /** Says something, now or as soon as it can be sent. */
  say(content, attachments) {
    this.#outbox.add(this.id, content, attachments);
    this.#showWaiting();
    this.#send();
  }

  /** Tries a message again that was refused. */
  retry(name) {
    this.#outbox.retry(name);
    this.#showWaiting();
    this.#send();
  }

  /** Gives a message up that was refused. */
  drop(name) {
    this.#outbox.drop(name);
    this.#showWaiting();
  }

  /** With other tokens: what was opened with those before is worth nothing any more. */
  renewed() {
    if (this.#connection.isOpen) this.#connection.open();
  }

  /** Is no longer watched. */
  close() {
    this.#isOver = true;
    this.#tellReading();
    this.#connection.close();
    this.#timers.forEach(clearTimeout);
    this.#typists.forEach(clearTimeout);
    document.removeEventListener("visibilitychange", this.#noteReading);
  }

  #later(work, milliseconds) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, milliseconds);
    this.#timers.add(timer);
  }

  #changed(isOpen) {
    this.#sending = null;
    this.#watcher.connected(isOpen);
    this.#showWaiting();
    if (isOpen) {
      this.#send();
      this.#noteReading();
    }
  }

  #heard(frame) {
    if (frame.type === "message") this.#said(frame);
    else if (frame.type === "typing") this.#types(frame);
    else if (frame.type === "ack") this.#taken(frame);
    else if (frame.type === "error") this.#refused(frame);
  }

  #said(message) {
    const last = this.#messages.last?.seq ?? 0;
    // Something is missing in between: it comes when the connection is opened with where we are.
    if (message.seq > last + 1) return this.#connection.reopen();
    if (!this.#messages.add(message)) return;
    if (message.sender === "user") this.#outbox.recognize(message);
    this.#watcher.said(message);
    this.#types({ sender: message.sender, active: false });
    this.#noteReading();
  }

  #types({ sender, active }) {
    clearTimeout(this.#typists.get(sender));
    this.#typists.delete(sender);
    if (active && sender !== "user") {
      this.#typists.set(sender, setTimeout(() => this.#types({ sender, active: false }), TYPING));
    }
    this.#showWaiting();
  }

  #taken({ id: name, message_id: id }) {
    if (!name || name !== this.#sending) return;
    this.#outbox.confirm(name, id);
    this.#sending = null;
    this.#showWaiting();
    this.#send();
  }

  #refused({ id: name, code, message, details = {} }) {
    if (!name) return this.#troubled(code, message, details);
    if (name !== this.#sending) return;
    this.#sending = null;
    const mayPass = ["RATE_LIMITED", "SERVICE_UNAVAILABLE"].includes(code) || details.reason === "turn_in_progress";
    if (mayPass) {
      this.#later(() => this.#send(), (details.retry_after ?? 1) * 1000);
    } else {
      const fields = Object.values(details.fields ?? {}).flat();
      this.#outbox.refuse(name, [message, ...fields].join(" "));
      if (details.reason === "conversation_ended") this.#watcher.ended();
      this.#send();
    }
    this.#showWaiting();
  }

  /** Something that belongs to no message of ours: the conversation can't be followed, or the server has trouble. */
  #troubled(code, message, details) {
    if (details.reason === "resync_required") {
      this.#connection.pause();
      this.begin();
    } else if (code === "NOT_FOUND") {
      this.#watcher.failed({ status: 404, sentence: message });
    } else if (code !== "UNAUTHORIZED") {
      this.#connection.reopen();
    }
  }

  #send() {
    const next = this.#outbox.next(this.id);
    if (this.#sending !== null || !next) return;
    const isSent = this.#connection.send({
      type: "message",
      id: next.name,
      client_message_id: next.name,
      conversation_id: this.id,
      content: next.content,
      attachments: next.attachments.map(file => file.attachment_id),
    });
    if (!isSent) return;
    this.#sending = next.name;
    this.#showWaiting();
  }

  #showWaiting() {
    const waiting = this.#outbox.settle(this.id, id => this.#messages.has(id));
    const answering = this.#sending !== null || this.#typists.has("bot") ? "bot" : null;
    this.#watcher.waiting(waiting, this.#typists.has("staff") ? "staff" : answering);
  }

  /** Tells the server how far the person has read, when they see it and a while after the last message. */
  #noteReading = () => {
    const last = this.#messages.last;
    // What the person says themselves they have read.
    if (!last || last.sender === "user" || last.message_id === this.#read) return;
    if (document.visibilityState !== "visible" || this.#reading) return;
    this.#reading = setTimeout(() => this.#tellReading(), READING);
  };

  #tellReading() {
    if (!this.#reading) return;
    clearTimeout(this.#reading);
    this.#reading = null;
    const id = this.#messages.last.message_id;
    const frame = { type: "read", id: "read", conversation_id: this.id, message_id: id };
    if (!this.#connection.send(frame)) return;
    this.#read = id;
    this.#watcher.read();
  }
}
