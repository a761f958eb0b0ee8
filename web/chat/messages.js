// The messages of a conversation that are known: each once, in the order in which they were said.

export class Messages {
  #byId = new Map();
  #inOrder = [];

  /** Are they shown? */
  has(id) {
    return this.#byId.has(id);
  }

  /** Adds one. False if it is known. */
  add(message) {
    if (this.has(message.message_id)) return false;
    this.#byId.set(message.message_id, message);
    let place = this.#inOrder.length;
    while (place > 0 && this.#inOrder[place - 1].seq > message.seq) place -= 1;
    this.#inOrder.splice(place, 0, message);
    return true;
  }

  /** Forgets all of them. */
  clear() {
    this.#byId.clear();
    this.#inOrder = [];
  }

  /** The first one, if there are any. */
  get first() {
    return this.#inOrder[0];
  }

  /** The last one, if there are any. */
  get last() {
    return this.#inOrder.at(-1);
  }
}
