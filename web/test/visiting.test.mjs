// People without an account.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Visitor } from "./support/browser.mjs";
import { browser, server, together } from "./support/together.mjs";

const NAMES = 'HEAR name WITH "Your name?"\nTALK "Hello " + name\nHEAR more\nTALK "And " + more';

together(async ready => {
  const bot = await ready.bot("Hall", { script: NAMES });
  await ready.call("PUT", `/bots/${bot.bot_id}/access`, { visibility: "public", anonymous_allowed: true });
});

/** A page that a link to the bot leads to, and somebody on it who doesn't sign in. */
async function visit(options) {
  const visitor = await Visitor.open(browser, server, options);
  await visitor.page.goto(`${server.url}/?bot=hall`);
  await visitor.page.getByRole("button", { name: "Chat without signing in" }).click();
  await visitor.hears("Your name?");
  return visitor;
}

test("a visitor talks, also after loading the page again and after a server that was killed", async () => {
  const visitor = await visit({});
  await visitor.isAccessible("a visit");
  await visitor.say("Ann");
  await visitor.hears("Hello Ann");

  await visitor.page.reload();
  await visitor.hears("Hello Ann");
  await server.kill();
  await server.start();

  await visitor.say("more");
  await visitor.hears("And more");
  assert.equal(await visitor.page.getByRole("navigation", { name: "Conversations" }).isVisible(), false);
  await visitor.leave();
});

test("signing in takes the conversation along", async () => {
  await server.user("vera");
  const visitor = await visit({});
  const { page } = visitor;
  await visitor.say("Vera");
  await visitor.hears("Hello Vera");

  await page.getByRole("button", { name: "Sign in" }).click();
  await visitor.signIn("vera");

  await visitor.hears("Hello Vera");
  await visitor.say("more");
  await visitor.hears("And more");
  await page.getByRole("link", { name: /Hall.*And more/s }).waitFor();
  await visitor.leave();
});

test("who leaves is asked to sign in again, and a bot that is not open says so", async () => {
  const visitor = await visit({ viewport: { width: 360, height: 640 } });
  const { page } = visitor;

  await page.getByRole("button", { name: "Leave" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goto(`${server.url}/?bot=none`);
  await page.getByRole("button", { name: "Chat without signing in" }).click();

  await page.getByRole("alert").filter({ hasText: "open to visitors" }).waitFor();
  await visitor.leave();
});
