// A browser that sees to it that the page keeps its promises: nothing is asked of anybody else, nothing violates the
// policy, nothing fails unseen.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

import { PASSWORD } from "./server.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** What the browser itself writes when the server is away; and of a refusal, which the page shows. */
const OF_THE_NETWORK = /net::ERR_|WebSocket connection to|Failed to load resource/;

/** Starts a browser. */
export function browse() {
  // The sandbox can't be had as root, which CI is.
  const args = ["--disable-gpu", ...(process.getuid() === 0 ? ["--no-sandbox"] : [])];
  return chromium.launch({ executablePath: process.env.BOTSERVER_CHROMIUM, args });
}

/** Somebody before the page. */
export class Visitor {
  #violations = [];

  /** Opens the page in a window of their own. */
  static async open(browser, server, { address = "/", ...options } = {}) {
    const visitor = new Visitor();
    visitor.server = server;
    visitor.context = await browser.newContext({ viewport: { width: 1100, height: 760 }, ...options });
    visitor.context.setDefaultTimeout(30_000);
    visitor.context.on("page", page => visitor.#watch(page));
    await visitor.context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", event => {
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    visitor.page = await visitor.context.newPage();
    await visitor.page.goto(server.url + address);
    return visitor;
  }

  #watch(page) {
    const origin = new URL(this.server.url).host;
    const asked = url => {
      const { host, protocol } = new URL(url);
      if (host !== origin && protocol !== "data:") this.#violations.push(`asked for ${url}`);
    };
    page.on("request", request => asked(request.url()));
    page.on("websocket", socket => asked(socket.url()));
    page.on("pageerror", error => this.#violations.push(`failed: ${error.stack}`));
    page.on("console", message => {
      const isBad = ["error", "warning"].includes(message.type()) && !OF_THE_NETWORK.test(message.text());
      if (isBad) this.#violations.push(`said: ${message.text()}`);
    });
  }

  /** Closes the window. Fails if a promise was not kept. */
  async leave() {
    await this.context.close();
    assert.deepEqual(this.#violations, []);
  }

  async signIn(name, password = PASSWORD) {
    await this.page.getByLabel("Username or e-mail address").fill(name);
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("button", { name: "Sign in" }).click();
    await this.page.getByRole("button", { name: "Sign out" }).waitFor();
  }

  /** Begins a conversation with the bot of that name. */
  async begin(bot) {
    await this.page.getByRole("button", { name: bot }).click();
    await this.page.locator("#composer").waitFor();
  }

  async say(text) {
    await this.page.getByRole("textbox", { name: "Message" }).fill(text);
    await this.page.keyboard.press("Enter");
  }

  /** Waits until the last message is that. */
  async hears(text) {
    await this.page.locator("#messages > li:last-child .text", { hasText: text }).waitFor();
  }

  /** Everything that is shown as said, in order. */
  said() {
    return this.page.locator("#messages > li .text").allTextContents();
  }

  /** The id of the conversation that is open. */
  conversation() {
    return new URL(this.page.url()).searchParams.get("conversation");
  }

  /** Fails where somebody could not use what is shown: WCAG 2.2, levels A and AA, and what axe finds good practice. */
  async isAccessible(what) {
    await this.page.evaluate(AXE);
    const found = await this.page.evaluate(() => globalThis.axe.run(document, { preload: false }));
    const problems = found.violations.map(({ id, help, nodes }) => `${id}: ${help} ${nodes.map(node => node.html)}`);
    assert.deepEqual(problems, [], what);
    const overflow = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${what} is ${overflow} pixels too wide`);
  }
}
