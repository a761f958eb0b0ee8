// The conversation that is open, as it is seen: messages, what is on its way, suggestions, and the composer below.

import { announce } from "./announce.js";
import { Composer } from "./composer.js";
import { by, hasKeyboard, make, tell } from "./dom.js";
import { Talk } from "./talk.js";
import { linked, moment, size } from "./text.js";

/** Pixels from the end within which somebody is reading the end. */
const NEAR = 120;

export class Thread {
  #session;
  #outbox;
  #composer;
  #talk = null;
  #bot = "";
  #isAtEnd = true;
  /** It may be shown anew, and then nobody's focus is taken. */
  #hasBegun = false;

  /** Called when something was said or read in the conversation, and when it becomes or ceases to be connected. */
  onActivity = () => {};
  onConnected = () => {};
  /** What the conversation is called, once it is known; its bot is then told. */
  title = "";
  onTitled = () => {};

  constructor(session, outbox) {
    this.#session = session;
    this.#outbox = outbox;
    this.#composer = new Composer(session);
    this.#composer.onSay = (content, attachments) => this.#say(content, attachments);
    by("earlier").addEventListener("click", () => this.#earlier());
    by("log").addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // When a keyboard comes up, or lines are added below, the end stays in sight.
    new ResizeObserver(() => this.#keepEnd()).observe(by("log"));
    session.onRenewed = () => this.#talk?.renewed();
  }

  /** Shows a conversation. */
  open(conversation) {
    this.close();
    this.#talk = new Talk(this.#session, this.#outbox, conversation, this);
    this.#composer.open(conversation);
    this.#talk.begin();
  }

  /** Shows none. */
  close() {
    this.#talk?.close();
    this.#talk = null;
    this.#hasBegun = false;
    this.title = "";
    this.#composer.close();
    by("messages").replaceChildren();
    by("pending").replaceChildren();
    by("earlier").hidden = true;
    by("busy").hidden = true;
    this.#suggest([]);
    tell(by("thread-title"), "Conversation");
    tell(by("thread-told"));
  }

  /** Forgets what was begun and not sent: the next person is another one. */
  forget() {
    this.#composer.forget();
    this.#outbox.belongTo();
  }

  // What follows is told by the conversation.

  began(about, messages, hasMore) {
    this.#bot = about.bot_name;
    tell(by("thread-title"), about.title);
    this.title = about.title;
    this.onTitled(about.bot_id);
    by("messages").replaceChildren(...messages.map(message => this.#item(message)));
    by("earlier").hidden = !hasMore;
    this.#suggest(messages.at(-1)?.suggestions ?? []);
    this.#toEnd();
    if (about.status === "ended") this.ended();
    else this.#composer.enable();
    if (!this.#hasBegun) this.#begun();
    this.onActivity();
  }

  #begun() {
    this.#hasBegun = true;
    if (hasKeyboard()) this.#composer.focus();
    else by("thread-title").focus();
  }

  before(messages, hasMore) {
    const log = by("log");
    const fromEnd = log.scrollHeight - log.scrollTop;
    by("messages").prepend(...messages.map(message => this.#item(message)));
    if (document.activeElement === by("earlier") && !hasMore) log.focus();
    by("earlier").hidden = !hasMore;
    log.scrollTop = log.scrollHeight - fromEnd;
  }

  said(message) {
    by("messages").append(this.#item(message));
    this.#keepEnd();
    this.#suggest(message.suggestions ?? []);
    if (message.sender !== "user") announce(`${this.#author(message)}: ${spoken(message)}`);
    this.onActivity();
  }

  /** `answering` is who is about to say something, `bot` or `staff`, if anybody is. */
  waiting(entries, answering) {
    const isConnected = by("thread").dataset.connected === "true";
    by("pending").replaceChildren(...entries.map(entry => this.#waitingItem(entry, isConnected)));
    by("busy").hidden = answering === null;
    by("busy-who").textContent = answering === "staff" ? "Somebody of the staff is typing" : "The bot is answering";
    this.#keepEnd();
  }

  connected(isConnected) {
    by("thread").dataset.connected = isConnected;
    this.onConnected(isConnected);
  }

  read() {
    this.onActivity();
  }

  ended() {
    this.#suggest([]);
    this.#composer.close();
    tell(by("thread-told"), "This conversation has ended.");
  }

  failed(cause) {
    this.#composer.close();
    tell(by("thread-told"), cause.sentence);
    announce(cause.sentence);
  }

  #say(content, attachments) {
    this.#suggest([]);
    this.#talk.say(content, attachments);
    this.#toEnd();
  }

  #earlier() {
    const button = by("earlier");
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    this.#talk.earlier()
      .catch(cause => announce(cause.sentence))
      .finally(() => { button.ariaBusy = "false"; });
  }

  #suggest(suggestions) {
    const group = by("suggestions");
    group.hidden = suggestions.length === 0;
    group.replaceChildren(...suggestions.map(({ text, value }) => {
      const say = event => {
        this.#say(value, []);
        // The button is gone. On a screen without a keyboard none is to come up.
        if (event.detail === 0 || hasKeyboard()) this.#composer.focus();
        else by("log").focus();
      };
      return make("button", { type: "button", textContent: text, on: { click: say } });
    }));
  }

  #author({ sender }) {
    return { user: "You", bot: this.#bot, staff: "Staff" }[sender] ?? "Server";
  }

  #item(message) {
    const files = (message.attachments ?? []).map(file =>
      make("li", {}, this.#file(message, file), ` ${size(file.size)}`),
    );
    return make("li", { className: `message by-${message.sender}`, data: { id: message.message_id } },
      make("p", { className: "author", textContent: this.#author(message) }),
      message.content ? make("p", { className: "text", dir: "auto" }, ...linked(message.content)) : null,
      files.length ? make("ul", { className: "files" }, ...files) : null,
      make("p", { className: "when" }, moment(message.timestamp)),
    );
  }

  /** A file by its name; one that was sent can be saved. */
  #file(message, file) {
    if (!message.conversation_id) return make("span", { className: "file-name", textContent: file.name });
    const path = `/conversations/${message.conversation_id}/attachments/${file.attachment_id}`;
    const fetched = async () => {
      try {
        const url = URL.createObjectURL(await this.#session.bytes(path));
        make("a", { href: url, download: file.name }).click();
        // The browser has begun to save it by then.
        setTimeout(() => URL.revokeObjectURL(url), 60_000);
      } catch (cause) {
        announce(cause.sentence ?? cause.message);
      }
    };
    return make("button", {
      type: "button",
      className: "file-name",
      textContent: file.name,
      "aria-label": `Save ${file.name}`,
      on: { click: fetched },
    });
  }

  #waitingItem(entry, isConnected) {
    const own = { message_id: entry.name, sender: "user", timestamp: entry.said, ...entry };
    const item = this.#item(own);
    const state = entry.problem ?? (isConnected ? "On its way" : "Waits for the connection");
    item.lastElementChild.replaceChildren(make("span", { textContent: state }));
    if (entry.problem) {
      item.classList.add("refused");
      const again = () => this.#talk.retry(entry.name);
      const drop = () => { this.#talk.drop(entry.name); this.#composer.focus(); };
      item.append(
        make("button", { type: "button", textContent: "Try again", on: { click: again } }),
        make("button", { type: "button", textContent: "Discard", on: { click: drop } }),
      );
    }
    return item;
  }

  #scrolled() {
    const log = by("log");
    this.#isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
    if (log.scrollTop < NEAR && !this.#isAtEnd && !by("earlier").hidden) this.#earlier();
  }

  #keepEnd() {
    if (this.#isAtEnd) this.#toEnd();
  }

  #toEnd() {
    this.#isAtEnd = true;
    by("log").scrollTop = by("log").scrollHeight;
  }
}

/** A message as it is read out. */
function spoken({ content, attachments = [] }) {
  return content || attachments.map(file => file.name).join(", ");
}
