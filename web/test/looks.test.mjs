// How the page looks with a bot that wants to look otherwise.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Visitor } from "./support/browser.mjs";
import { browser, server, together } from "./support/together.mjs";

const STYLE = `
:root { --primary-color: #663399; --secondary-color: #fff9c2; --background: #eef7ee; --text-color: #123456;
  --font-family: Georgia, serif; --border-radius: 4px; }
.user-message { background: var(--primary-color); color: white; }
`;
/** Everything that a style could do to a page which it does not belong to. */
const HOSTILE = `
@import url("http://127.0.0.2:9/imported.css");
@font-face { font-family: Stolen; src: url("/api/v1/bots/trap/hooks/told?font"); }
:root { --background: #ffffff; --text-color: #fefefe; --primary-color: #fdfdfd; --font-family: Stolen, url(x); }
body { background: #fff url("http://127.0.0.2:9/seen.png"); color: #fff; font-family: "Stolen"; }
.user-message { background: url("/api/v1/bots/trap/hooks/told?user"); color: transparent; }
.bot-message { background: #777; color: #777; border-radius: 99999px; display: none; }
#password[value^="a"] { background: url("/api/v1/bots/trap/hooks/told?password"); }
.composer, #sign-in, #sign-out, .top { display: none !important; position: fixed; inset: 0; opacity: 0; }
* { visibility: hidden !important; }
`;
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");

together(async ready => {
  const named = async (name, visibility, config, files) => {
    const bot = await ready.bot(name, { script: 'DO\nHEAR x WITH "Yes?"\nTALK "So " + x\nLOOP' });
    await ready.call("PUT", `/bots/${bot.bot_id}/access`, visibility);
    for (const [path, content] of Object.entries(files)) await ready.file(bot, path, content);
    await ready.call("PATCH", `/bots/${bot.bot_id}/config`, config);
  };
  const open = { visibility: "public", anonymous_allowed: true };
  await named("Shop", open, { "theme-title": "The Shop", "theme-logo": "img/logo.png" },
    { "shop.gbtheme/default.css": STYLE, "shop.gbtheme/img/logo.png": PNG });
  await named("Trap", open, { "theme-title": "<b>Trap</b>", "theme-color1": "url(/x)", "theme-logo": "http://127.0.0.2:9/logo.png" },
    { "trap.gbtheme/default.css": HOSTILE });
  await named("House", { visibility: "organization" }, { "theme-title": "Our House", "theme-color1": "#0a7d32", "theme-logo": "l.png" },
    { "house.gbtheme/l.png": PNG });
});

const colour = (page, selector, property) =>
  page.locator(selector).first().evaluate((element, name) => getComputedStyle(element)[name], property);

const brand = (page, name) => page.locator("#brand-name", { hasText: name }).waitFor();

for (const [look, options] of [
  ["in light", { colorScheme: "light" }],
  ["in dark", { colorScheme: "dark" }],
  ["on a phone", { viewport: { width: 320, height: 560 }, hasTouch: true, isMobile: true, colorScheme: "light" }],
]) {
  test(`the page looks as its bot wants and everybody can use it ${look}`, async () => {
    const visitor = await Visitor.open(browser, server, { address: "/?bot=shop", ...options });
    const { page } = visitor;
    await brand(page, "The Shop");
    assert.equal(await page.title(), "The Shop");
    assert.ok(await page.locator("#logo").isVisible());
    await visitor.isAccessible("the way in");
    const accent = await colour(page, ".main-button", "backgroundColor");
    if (options.colorScheme === "light") {
      assert.equal(accent, "rgb(102, 51, 153)");
      assert.equal(await colour(page, "body", "backgroundColor"), "rgb(238, 247, 238)");
    } else {
      assert.notEqual(accent, "rgb(138, 180, 248)", "lighter, so that it can be read on what is dark");
    }
    await page.getByRole("button", { name: "Chat without signing in" }).click();
    await visitor.hears("Yes?");
    await visitor.say("me");
    await visitor.hears("Yes?");
    assert.equal(await colour(page, ".by-bot .text", "backgroundColor"), "rgb(255, 249, 194)");
    assert.equal(await colour(page, ".by-user .text", "backgroundColor"), "rgb(102, 51, 153)");
    assert.match(await colour(page, "body", "fontFamily"), /^Georgia/);
    assert.equal(await colour(page, ".by-bot .text", "borderBottomLeftRadius"), "4px");
    assert.match(await page.title(), / – The Shop$/);
    await visitor.isAccessible("a conversation");
    await visitor.leave();
  });
}

test("a style can't hide what belongs to the page, nor tell anybody anything", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const visitor = await Visitor.open(browser, server, { colorScheme });
    const { page } = visitor;
    const asked = [];
    page.on("request", request => asked.push(new URL(request.url()).pathname));
    await page.goto(`${server.url}/?bot=trap`);
    await brand(page, "<b>Trap</b>");
    await page.getByLabel("Password").fill("abc");
    await visitor.isAccessible("the way in to a hostile bot");
    await page.getByRole("button", { name: "Chat without signing in" }).click();
    await visitor.hears("Yes?");
    await visitor.say("me");
    await visitor.hears("Yes?");
    for (const name of ["Send", "Leave", "Attach files"]) {
      assert.ok(await page.getByRole("button", { name }).isVisible(), name);
    }
    await visitor.isAccessible("a conversation with a hostile bot");
    const strange = asked.filter(path => path.includes("/hooks/") || path === "/x" || path.endsWith("logo.png"));
    assert.deepEqual(strange, []);
    await visitor.leave();
  }
});

test("a bot of the organization looks so in its conversations, and the page as before elsewhere", async () => {
  await server.user("helen");
  const visitor = await Visitor.open(browser, server, { colorScheme: "light" });
  const { page } = visitor;
  await visitor.signIn("helen");
  await visitor.begin("House");
  await brand(page, "Our House");
  assert.ok(await page.locator("#logo").isVisible());
  assert.equal(await colour(page, "#send", "backgroundColor"), "rgb(10, 125, 50)");
  await visitor.isAccessible("a conversation with colours");

  await page.getByRole("link", { name: "Our House" }).click();

  await brand(page, "BotServer");
  assert.equal(await page.title(), "BotServer");
  assert.equal(await page.locator("#logo").isVisible(), false);
  assert.equal(await colour(page, "#send", "backgroundColor"), "rgb(11, 87, 208)");
  await visitor.leave();
});
