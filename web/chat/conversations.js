// The person's earlier conversations, the latest first.

import { by, make, tell } from "./dom.js";
import { placeOf } from "./places.js";
import { moment } from "./text.js";

/** Those that are read at once. */
const PAGE = 20;
/** Pages that are read to find any at all: one may be short while there are more. */
const TRIES = 5;
/** How long a change waits for others, and how long nothing has to change before a look. */
const SOON = 3_000;
const LATER = 60_000;

export class Conversations {
  #session;
  #all = [];
  #next = null;
  #open = null;
  #timer;

  constructor(session) {
    this.#session = session;
    by("more-conversations").addEventListener("click", () => this.#more());
    document.addEventListener("visibilitychange", () => this.changed());
  }

  /** Reads them anew. */
  async show() {
    clearTimeout(this.#timer);
    if (!this.#isListed) return;
    try {
      const page = await this.#page(null);
      // Those that were read further down stay.
      const known = new Set(page.items.map(one => one.conversation_id));
      const rest = this.#all.length > PAGE ? this.#all.filter(one => !known.has(one.conversation_id)) : [];
      if (rest.length === 0) this.#next = page.next;
      this.#all = [...page.items, ...rest];
      this.#render();
    } catch (cause) {
      if (this.#all.length === 0) tell(by("conversations-told"), cause.sentence ?? cause.message);
    }
    this.#plan(LATER);
  }

  /** Something was said or read: what is shown is soon looked at again. */
  changed() {
    if (this.#isListed) this.#plan(SOON);
  }

  /** Marks the one that is open. */
  mark(conversation) {
    this.#open = conversation;
    this.#render();
  }

  /** Forgets all. */
  clear() {
    clearTimeout(this.#timer);
    this.#all = [];
    this.#next = null;
    this.#render();
  }

  /** A visitor has the one that is open, and no list. */
  get #isListed() {
    return this.#session.user && !this.#session.isVisitor;
  }

  #plan(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (document.visibilityState === "visible") this.show();
    }, milliseconds);
  }

  async #more() {
    try {
      const page = await this.#page(this.#next);
      const first = this.#all.length;
      this.#all.push(...page.items);
      this.#next = page.next;
      this.#render();
      by("conversation-list").children[first]?.firstElementChild.focus();
    } catch (cause) {
      tell(by("conversations-told"), cause.sentence ?? cause.message);
    }
  }

  async #page(cursor) {
    const query = new URLSearchParams({ limit: PAGE, "filter[user_id]": this.#session.user.user_id });
    const items = [];
    let next = cursor;
    for (let tries = 0; tries < TRIES && items.length === 0; tries += 1) {
      if (next) query.set("cursor", next);
      const page = await this.#session.ask(`/conversations?${query}`);
      items.push(...page.items);
      next = page.next_cursor ?? null;
      if (!next) break;
    }
    return { items, next };
  }

  #render() {
    const focused = document.activeElement?.closest?.("#conversation-list a")?.dataset.id;
    by("conversation-list").replaceChildren(...this.#all.map(one => this.#item(one)));
    if (focused) by("conversation-list").querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
    by("more-conversations").hidden = !this.#next;
    tell(by("conversations-told"), this.#all.length || !this.#isListed ? "" : "There are none yet.");
  }

  #item(one) {
    const isOpen = one.conversation_id === this.#open;
    const unread = isOpen ? 0 : one.unread_count;
    const unseen = make("span", { className: "unseen", textContent: " unread" });
    return make("li", {}, make("a",
      {
        href: placeOf(one.conversation_id),
        "aria-current": isOpen ? "page" : undefined,
        data: { place: "", id: one.conversation_id },
      },
      make("span", { className: "title", dir: "auto", textContent: one.title }),
      unread ? make("span", { className: "unread" }, String(unread), unseen) : null,
      make("span", { className: "last", dir: "auto", textContent: one.last_message ?? "" }),
      make("span", { className: "when" }, moment(one.last_activity)),
    ));
  }
}
