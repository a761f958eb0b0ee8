// The WebSocket of the conversation that is open: kept up, and going on where it was after it broke.

/** The first and the longest wait before another attempt, in milliseconds. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
/** How long a connection must have lasted to be a good one. */
const STEADY = 10_000;
/** How long the server may take to answer a ping. */
const PATIENCE = 8_000;
/** Close codes of the server. */
const UNAUTHORIZED = 4401;
const TOO_MANY = 4429;

/** How long to wait before that attempt, counted from 0: twice as long each time, and nobody with all the others. */
export function wait(attempt, random = Math.random()) {
  const most = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt);
  return most / 2 + (most / 2) * random;
}

export class Connection {
  #session;
  #conversation;
  #since;
  #socket = null;
  #isOpen = false;
  #isClosed = false;
  #attempt = 0;
  #openedAt = Infinity;
  #retry;
  #beat;
  #patience;

  /** Called with each frame, with each change between being open and not, and when it is open. */
  onFrame = () => {};
  onState = () => {};

  /** `since` gives the place up to which everything of the conversation is known. */
  constructor(session, conversation, since) {
    this.#session = session;
    this.#conversation = conversation;
    this.#since = since;
    window.addEventListener("online", this.#now);
    window.addEventListener("offline", this.#lost);
    document.addEventListener("visibilitychange", this.#check);
  }

  get isOpen() {
    return this.#isOpen;
  }

  /** Opens it, in place of one that is open. */
  async open() {
    this.#leave();
    const ours = (this.#socket = {});
    let token;
    try {
      token = await this.#session.token();
    } catch (cause) {
      if (this.#socket === ours && cause.mayPass) this.#again();
      return;
    }
    if (this.#socket !== ours) return;
    const url = new URL("/ws", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("conversation_id", this.#conversation);
    url.searchParams.set("since", this.#since());
    const socket = new WebSocket(url, ["botserver.v1", `bearer.${token}`]);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      if (this.#socket === socket) this.#heard(JSON.parse(data));
    });
    socket.addEventListener("close", ({ code }) => {
      if (this.#socket === socket) this.#closed(code, token);
    });
  }

  /** Sends a frame. False if it can't. */
  send(frame) {
    if (this.#isOpen) this.#socket.send(JSON.stringify(frame));
    return this.#isOpen;
  }

  /** Opens it anew after a while. */
  reopen() {
    this.#leave();
    this.#again();
  }

  /** Closes it until it is opened. */
  pause() {
    this.#leave();
    this.#become(false);
  }

  /** Ends it for good. */
  close() {
    this.#isClosed = true;
    this.#leave();
    window.removeEventListener("online", this.#now);
    window.removeEventListener("offline", this.#lost);
    document.removeEventListener("visibilitychange", this.#check);
  }

  #heard(frame) {
    clearTimeout(this.#patience);
    if (frame.type === "status" && ["authenticated", "anonymous"].includes(frame.state)) {
      this.#openedAt = Date.now();
      // Browsers don't show the server's own heartbeat, so the page has one of the same pace.
      this.#beat = setInterval(this.#ping, (frame.heartbeat_seconds ?? 30) * 1000);
      this.#become(true);
    }
    if (frame.type !== "pong") this.onFrame(frame);
  }

  #ping = () => {
    this.#socket.send(JSON.stringify({ type: "ping" }));
    clearTimeout(this.#patience);
    // Nothing comes any more, and the browser may not notice for minutes.
    this.#patience = setTimeout(this.#lost, PATIENCE);
  };

  #lost = () => this.reopen();

  #check = () => {
    if (document.visibilityState !== "visible") return;
    if (this.#isOpen) this.#ping();
    else this.#now();
  };

  #now = () => {
    if (this.#isOpen) return;
    this.#attempt = 0;
    this.open();
  };

  async #closed(code, token) {
    this.#leave();
    if (code === TOO_MANY) this.#attempt = 10;
    if (code !== UNAUTHORIZED) return this.#again();
    try {
      await this.#session.renew(token);
    } catch (cause) {
      // Where the session is over everything is; where nobody answered it may stand.
      if (!cause.mayPass) return;
    }
    if (this.#socket === null && !this.#isClosed) this.#again();
  }

  #again() {
    // One that is lost as soon as it is open is no reason to try faster.
    if (Date.now() - this.#openedAt > STEADY) this.#attempt = 0;
    this.#openedAt = Infinity;
    this.#become(false);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.open(), wait(this.#attempt++));
  }

  #leave() {
    clearTimeout(this.#retry);
    clearTimeout(this.#patience);
    clearInterval(this.#beat);
    const socket = this.#socket;
    this.#socket = null;
    this.#isOpen = false;
    socket?.close?.();
  }

  #become(isOpen) {
    this.#isOpen = isOpen;
    this.onState(isOpen);
  }
}
