// Choosing a bot, and beginning a conversation with it.

import { announce } from "./announce.js";
import { by, make, tell } from "./dom.js";
import { newName } from "./outbox.js";
import { go, placeOf } from "./places.js";

/** Those that are read at once; with more of them there is a search. */
const PAGE = 30;
const MANY = 8;
/** How long the search waits for the next letter. */
const TYPING = 300;
/** How long to wait before another try. */
const AGAIN = 5_000;

export class Bots {
  #session;
  #next = null;
  #asked = 0;
  #timer;
  #isBeginning = false;

  /** Called when a conversation has begun. */
  onBegun = () => {};

  constructor(session) {
    this.#session = session;
    by("bot-search").addEventListener("submit", event => {
      event.preventDefault();
      this.show();
    });
    by("bot-query").addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.show(), TYPING);
    });
    by("more-bots").addEventListener("click", () => this.#read(this.#next));
  }

  /** Reads those that the person may use and that answer. */
  async show() {
    await this.#read(null);
  }

  async #read(cursor) {
    const asked = (this.#asked += 1);
    const search = by("bot-query").value.trim();
    const query = new URLSearchParams({ limit: PAGE, sort: "name", order: "asc", "filter[status]": "active" });
    if (search) query.set("search", search);
    if (cursor) query.set("cursor", cursor);
    try {
      const { items, next_cursor: next } = await this.#session.ask(`/bots?${query}`);
      // What was asked for since is what is shown.
      if (asked !== this.#asked) return;
      const list = by("bot-list");
      const place = cursor ? list.childElementCount : 0;
      if (!cursor) list.replaceChildren();
      list.append(...items.map(bot => this.#item(bot)));
      if (cursor) list.children[place]?.firstElementChild.focus();
      this.#next = next ?? null;
      by("more-bots").hidden = !this.#next;
      if (items.length > MANY || this.#next) by("bot-search").hidden = false;
      const none = search ? "No bot of that name." : "There is no bot that you may use yet.";
      tell(by("bots-told"), list.childElementCount || this.#next ? "" : none);
    } catch (cause) {
      if (asked !== this.#asked) return;
      tell(by("bots-told"), cause.sentence ?? cause.message);
      if (cause.mayPass) this.#timer = setTimeout(() => by("bots").hidden || this.#read(cursor), AGAIN);
    }
  }

  #item(bot) {
    const name = bot.display_name ?? bot.name;
    // The same name for each try: a click whose answer is lost begins one conversation, not two.
    const key = newName();
    return make("li", {}, make("button",
      { type: "button", on: { click: () => this.#begin(bot, name, key) } },
      make("span", { className: "title", textContent: name }),
      bot.description ? make("span", { className: "about", textContent: bot.description }) : null,
    ));
  }

  async #begin(bot, name, key) {
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    tell(by("bots-told"), `The conversation with ${name} begins…`);
    try {
      const body = { bot_id: bot.bot_id };
      const begun = await this.#session.ask("/conversations", { method: "POST", body, key });
      tell(by("bots-told"));
      this.onBegun();
      go(placeOf(begun.conversation_id));
    } catch (cause) {
      tell(by("bots-told"), cause.sentence ?? cause.message);
      announce(cause.sentence ?? cause.message);
    } finally {
      this.#isBeginning = false;
    }
  }
}
