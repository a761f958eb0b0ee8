// Who is signed in: the tokens, kept for this tab only, and renewed before they end.

import { Refusal, bytes, call } from "./call.js";

/** Where the tab keeps them while it is open. */
const KEPT = "botserver.session";
/** The part of an access token's life after which it is renewed. */
const RENEW_AT = 0.75;
/** How long what another tab has renewed may be on its way here. */
const HEARSAY = 50;

const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));

export class Session {
  #tokens = JSON.parse(sessionStorage.getItem(KEPT));
  #renewing = null;
  #timer;
  /** A duplicated tab has the same tokens, and a refresh token that is used twice ends the session for both. */
  #tabs = new BroadcastChannel("botserver.session");

  /** Called when there are other tokens, and when the session is over. */
  onRenewed = () => {};
  onEnded = () => {};

  constructor() {
    this.#tabs.addEventListener("message", ({ data }) => {
      if (this.#tokens?.refresh && data.spent === this.#tokens.refresh) this.#take(data.tokens);
    });
    // A timer that slept with the machine is late.
    document.addEventListener("visibilitychange", () => this.#plan());
    this.#plan();
  }

  /** Who is here, signed in or as a visitor; null if nobody is. */
  get user() {
    return this.#tokens?.user ?? null;
  }

  /** Is it somebody without an account? */
  get isVisitor() {
    return this.#tokens !== null && !this.#tokens.refresh;
  }

  /** Signs in; what a visitor said goes along. A `Refusal` says why not: also if a code is needed and none was given. */
  async signIn(name, password, stay, code) {
    const named = name.includes("@") ? { email: name } : { username: name };
    const body = { ...named, password, remember_me: stay, ...(code && { two_factor_code: code }) };
    const token = this.isVisitor ? this.#tokens.access : undefined;
    const answer = await call("/auth/login", { method: "POST", body, token });
    if (answer.requires_2fa) throw refusal("code_needed", "Enter the code that your authenticator shows.");
    if (answer.reason) {
      // Its tokens are good for nothing that this page can do.
      await call("/auth/logout", { method: "POST", token: answer.access_token }).catch(() => {});
      throw refusal(answer.reason, UNDONE[answer.reason] ?? "Something has to be done to this account first.");
    }
    this.#keep(tokensOf(answer, answer.user));
  }

  /** Comes as a visitor, to the bot of that name or to the default one, and begins to talk with it. */
  async visit(bot) {
    const visit = await call("/auth/anonymous", { method: "POST", body: bot ? { bot_id: bot } : {} });
    const begun = await call("/conversations", { method: "POST", token: visit.token, body: {} });
    const user = { user_id: visit.user_id, display_name: "Visitor", conversation: begun.conversation_id };
    // The one token is good for as long as it is used.
    this.#keep({ access: visit.token, user });
  }

  /** Signs out, here in any case. */
  async signOut() {
    const token = this.#tokens?.access;
    this.#drop();
    // Without the server the session ends by itself.
    if (token) await call("/auth/logout", { method: "POST", token }).catch(() => {});
  }

  /** A token that is good for a while. */
  async token() {
    if (this.#isDue()) await this.renew(this.#tokens.access);
    if (!this.#tokens) throw new Refusal(401, { code: "UNAUTHORIZED", message: "Sign in to do this." });
    return this.#tokens.access;
  }

  /** What the API answers to this person. */
  ask(path, options = {}) {
    return this.#as(token => call(path, { ...options, token }));
  }

  /** What everybody may see, as whoever is here sees it. */
  see(path) {
    return this.#tokens ? this.ask(path) : call(path);
  }

  /** The same of the bytes of a file. */
  seeBytes(path) {
    return this.#tokens ? this.bytes(path) : bytes(path);
  }

  /** The bytes of a file that this person may have. */
  bytes(path) {
    return this.#as(token => bytes(path, { token }));
  }

  /** Does it with a token, and with another one where that is not good any more. */
  async #as(work) {
    const token = await this.token();
    try {
      return await work(token);
    } catch (refusal) {
      if (refusal.status !== 401) throw refusal;
      await this.renew(token);
      return work(await this.token());
    }
  }

  /** Other tokens in place of that one, unless there are others already. */
  async renew(used) {
    if (this.#tokens?.access !== used) return;
    if (this.isVisitor) return this.#end();
    this.#renewing ??= this.#exchange(this.#tokens).finally(() => { this.#renewing = null; });
    await this.#renewing;
  }

  async #exchange(old) {
    await alone(async () => {
      await pause(HEARSAY);
      if (this.#tokens !== old) return;
      try {
        const answer = await call("/auth/refresh", { method: "POST", body: { refresh_token: old.refresh } });
        const tokens = tokensOf(answer, old.user);
        this.#tabs.postMessage({ spent: old.refresh, tokens });
        this.#take(tokens);
      } catch (refusal) {
        if (refusal.status === 401 && this.#tokens === old) this.#end();
        throw refusal;
      }
    });
  }

  #end() {
    this.#drop();
    this.onEnded();
  }

  #take(tokens) {
    this.#keep(tokens);
    this.onRenewed();
  }

  #keep(tokens) {
    this.#tokens = tokens;
    sessionStorage.setItem(KEPT, JSON.stringify(tokens));
    this.#plan();
  }

  #drop() {
    this.#tokens = null;
    sessionStorage.removeItem(KEPT);
    this.#plan();
  }

  #isDue() {
    return Boolean(this.#tokens?.refresh) && Date.now() >= this.#tokens.renewAt;
  }

  #plan() {
    clearTimeout(this.#timer);
    if (!this.#tokens?.refresh) return;
    const wait = Math.max(0, this.#tokens.renewAt - Date.now());
    this.#timer = setTimeout(() => {
      // Who is not reached now is asked again by whatever needs a token next.
      if (this.#tokens) this.renew(this.#tokens.access).catch(() => {});
    }, wait);
  }
}

/** What has to be done before somebody can chat, in words. */
const UNDONE = {
  password_expired: "The password has expired. Change it before you sign in here.",
  two_factor_setup_required: "This account needs a second factor. Set one up before you sign in here.",
};

function refusal(reason, message) {
  return new Refusal(401, { code: "UNAUTHORIZED", message, details: { reason } });
}

function tokensOf(answer, user) {
  return {
    access: answer.access_token,
    refresh: answer.refresh_token,
    renewAt: Date.now() + answer.expires_in * 1000 * RENEW_AT,
    user,
  };
}

/** Runs while no other tab does. Browsers have such locks only on pages that came over HTTPS or from this machine. */
function alone(work) {
  return navigator.locks ? navigator.locks.request("botserver.renew", work) : work();
}
