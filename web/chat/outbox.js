// What the person has said and the server has not confirmed. Each message has a name of its own, by which the server
// takes it once however often it is sent; so it is sent again until it is confirmed, also after the page was reloaded.

/** Where the tab keeps it while it is open. */
const KEPT = "botserver.outbox";
/** Stands in the place of what was answered to a question for a secret. */
const SECRET = "[PASSWORD SET]";

/** Bytes of a message that the server takes, and of the frame around it. */
const MESSAGE = 32 << 10;
const FRAME = 64_000;

/** A name that nobody else gives. */
export function newName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, "0")).join("");
}

/** Is a text more than one message can hold? */
export function isTooLong(text) {
  const bytes = value => new TextEncoder().encode(value).length;
  return bytes(text) > MESSAGE || bytes(JSON.stringify(text)) > FRAME;
}

export class Outbox {
  #storage;
  #all;
  #owner;

  constructor(storage = sessionStorage) {
    this.#storage = storage;
    this.#all = JSON.parse(storage.getItem(KEPT)) ?? [];
  }

  /** Forgets what somebody else has said; without a name, all of it. */
  belongTo(owner) {
    this.#owner = owner;
    this.#all = this.#all.filter(entry => owner !== undefined && entry.owner === owner);
    this.#keep();
  }

  /** What was said in a conversation and is not confirmed, in order. */
  of(conversation) {
    return this.#all.filter(entry => entry.conversation === conversation);
  }

  /** Adds a message to be sent. */
  add(conversation, content, attachments) {
    const said = new Date().toISOString();
    const entry = { name: newName(), owner: this.#owner, conversation, content, attachments, said };
    this.#all.push(entry);
    this.#keep();
    return entry;
  }

  /** The message to be sent next: one after another, so that they stay in order. */
  next(conversation) {
    return this.of(conversation).find(entry => !entry.isConfirmed && !entry.problem);
  }

  /** The message of that name, if it is here. */
  named(name) {
    return this.#all.find(entry => entry.name === name);
  }

  /** The server has it, under that id. */
  confirm(name, id) {
    for (const entry of this.#all) {
      // Another one was taken for it.
      if (entry.id === id && entry.name !== name) delete entry.id;
    }
    const entry = this.named(name);
    if (entry) Object.assign(entry, { id, isConfirmed: true });
    this.#keep();
  }

  /** The server will not have it, and says why. */
  refuse(name, problem) {
    const entry = this.named(name);
    if (entry) entry.problem = problem;
    this.#keep();
  }

  /** It is to be tried again. */
  retry(name) {
    const entry = this.named(name);
    if (entry) delete entry.problem;
    this.#keep();
  }

  /** It is not to be sent any more. */
  drop(name) {
    this.#all = this.#all.filter(entry => entry.name !== name);
    this.#keep();
  }

  /** A message of the person's came back. It may be one of these, before it is confirmed; then it is shown once. */
  recognize({ conversation_id, message_id, content, attachments = [] }) {
    const entries = this.of(conversation_id);
    if (entries.some(entry => entry.id === message_id)) return;
    const isSame = entry =>
      !entry.id && (entry.content === content || content === SECRET) && entry.attachments.length === attachments.length;
    const same = entries.find(isSame);
    if (same) same.id = message_id;
  }

  /** Forgets what is confirmed and shown; `isShown` tells by id. Gives what is still to be shown as on its way. */
  settle(conversation, isShown) {
    this.#all = this.#all.filter(
      entry => entry.conversation !== conversation || !(entry.isConfirmed && isShown(entry.id)),
    );
    this.#keep();
    return this.of(conversation).filter(entry => !(entry.id && isShown(entry.id)));
  }

  #keep() {
    this.#storage.setItem(KEPT, JSON.stringify(this.#all));
  }
}
