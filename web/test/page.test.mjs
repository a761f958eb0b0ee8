// The page around the conversation: who is signed in, what can be chosen, how it looks, whether everybody can use it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { Visitor } from "./support/browser.mjs";
import { browser, server, together } from "./support/together.mjs";

together(ready => ready.bot("Collector", { script: 'DO\nHEAR f AS FILE WITH "Send a file."\nTALK f.filename\nLOOP' }));

const file = (name, size = 9) => ({ name, mimeType: "text/plain", buffer: Buffer.alloc(size, "x") });

for (const [look, options] of [
  ["in light", { colorScheme: "light" }],
  ["in dark", { colorScheme: "dark" }],
  ["on a phone", { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true, colorScheme: "dark" }],
  ["on the smallest screen", { viewport: { width: 320, height: 480 }, colorScheme: "light" }],
]) {
  test(`everybody can use every part ${look}`, async () => {
    const name = `look${look.length}`;
    await server.user(name);
    const visitor = await Visitor.open(browser, server, options);
    const { page } = visitor;
    await visitor.isAccessible("signing in");
    await page.getByLabel("Username or e-mail address").fill(name);
    await page.getByLabel("Password").fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "wrong" }).waitFor();
    await visitor.isAccessible("a refusal");
    await visitor.signIn(name);
    await visitor.isAccessible("the beginning");
    await page.getByRole("link", { name: "New conversation" }).click();
    await page.getByRole("button", { name: "Table Booking" }).waitFor();
    await visitor.isAccessible("choosing a bot");
    await visitor.begin("Table Booking");
    await visitor.say("Ada");
    await page.getByRole("button", { name: "Saturday" }).waitFor();
    await page.setInputFiles("#file", file(`${"a-very-long-name-".repeat(8)}.txt`));
    await page.locator(".upload-state", { hasText: "byte" }).waitFor();
    await visitor.isAccessible("a conversation with suggestions and a file");
    await page.getByRole("button", { name: "Saturday" }).click();
    await visitor.hears("For how many people?");
    await page.goto(server.url);
    await page.getByRole("link", { name: /Table Booking.*For how many people/s }).waitFor();
    await visitor.isAccessible("earlier conversations");
    await visitor.leave();
  });
}

test("colours follow the system until somebody chooses", async () => {
  const visitor = await Visitor.open(browser, server, { colorScheme: "dark" });
  const { page } = visitor;
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await paper();

  await page.getByLabel("Colours").selectOption("light");
  const light = await paper();
  await page.reload();

  assert.notEqual(dark, light);
  assert.equal(await paper(), light, "what was chosen is kept");
  await page.getByLabel("Colours").selectOption("system");
  assert.equal(await paper(), dark);
  await visitor.leave();
});

test("nothing moves for those who want nothing to move", async () => {
  const visitor = await Visitor.open(browser, server, { reducedMotion: "reduce" });

  const animation = await visitor.page.locator("#busy i").first().evaluate(dot => getComputedStyle(dot).animationName);

  assert.equal(animation, "none");
  await visitor.leave();
});

test("files are sent by choosing, pasting and dropping them", async () => {
  await server.user("ida");
  const visitor = await Visitor.open(browser, server);
  const { page } = visitor;
  await visitor.signIn("ida");
  await visitor.begin("Collector");
  await visitor.hears("Send a file.");
  const transfer = name => page.evaluateHandle(named => {
    const carried = new DataTransfer();
    carried.items.add(new File(["text"], named, { type: "text/plain" }));
    return carried;
  }, name);

  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Attach files" }).press("Enter");
  await (await chooser).setFiles(file("chosen.txt"));
  await page.getByText("9 bytes").waitFor();
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("#messages .by-bot .text", { hasText: "chosen.txt" }).waitFor();

  await page.locator("#message").evaluate((field, clipboardData) => {
    field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  }, await transfer("pasted.txt"));
  await page.getByText("4 bytes").waitFor();
  await page.getByRole("textbox", { name: "Message" }).press("Enter");
  await page.locator("#messages .by-bot .text", { hasText: "pasted.txt" }).waitFor();

  await page.dispatchEvent("#log", "drop", { dataTransfer: await transfer("dropped.txt") });
  await page.locator("#files .upload-state", { hasText: "4 bytes" }).waitFor();
  await visitor.say("with words");
  await page.locator("#messages .by-bot .text", { hasText: "dropped.txt" }).waitFor();

  const own = await page.locator("#messages .by-user .file-name").allTextContents();
  assert.deepEqual(own, ["chosen.txt", "pasted.txt", "dropped.txt"]);
  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save pasted.txt" }).click();
  const saved = await saving;
  assert.equal(saved.suggestedFilename(), "pasted.txt");
  assert.equal(await readFile(await saved.path(), "utf8"), "text");
  await visitor.leave();
});

test("files that are too many or too large are refused with a sentence", async () => {
  await server.user("jon");
  const visitor = await Visitor.open(browser, server);
  const { page } = visitor;
  await visitor.signIn("jon");
  await visitor.begin("Collector");

  await page.setInputFiles("#file", Array.from({ length: 11 }, (_, index) => file(`${index}.txt`)));
  await page.getByRole("alert").filter({ hasText: "A message has at most 10 files." }).waitFor();
  assert.equal(await page.locator("#files > li").count(), 10);
  for (let left = 10; left > 0; left -= 1) await page.locator("#files button").first().click();
  await page.setInputFiles("#file", file("huge.bin", 2 << 20));

  const refusal = /^huge.bin was not uploaded. The .* is larger than \d+ bytes.$/;
  await page.getByRole("alert").filter({ hasText: refusal }).waitFor();
  assert.equal(await page.locator("#files > li").count(), 0);
  await visitor.leave();
});

test("earlier conversations show what is new in them, and pages of them", async () => {
  const token = await server.user("kim");
  for (let number = 0; number < 25; number += 1) {
    await server.call("POST", "/conversations", { bot_id: "table-booking", title: `Table ${number}` }, token);
  }
  const visitor = await Visitor.open(browser, server);
  const { page } = visitor;
  await visitor.signIn("kim");
  const list = page.locator("#conversation-list > li");
  await list.nth(19).waitFor();
  assert.equal(await list.count(), 20);
  await page.getByRole("button", { name: "Show more" }).click();
  await list.nth(24).waitFor();

  const first = page.getByRole("link", { name: /^Table 24 / });
  assert.match(await first.textContent(), /1 unread/);
  await first.click();
  await visitor.hears("What is your name?");
  assert.equal(await page.getByRole("heading", { level: 1 }).textContent(), "Table 24");
  await page.goBack();
  await page.goForward();
  await visitor.hears("What is your name?");
  assert.doesNotMatch(await first.textContent(), /unread/);
  assert.equal(await first.getAttribute("aria-current"), "page");
  await visitor.leave();
});

test("nobody sees another person's conversations, not even an administrator in their list", async () => {
  const token = await server.user("lea");
  await server.call("POST", "/conversations", { bot_id: "table-booking", title: "Private" }, token);
  const admin = { username: "boss", email: "boss@example.com", password: "Correct-Horse-7-Battery", roles: ["admin"] };
  await server.call("POST", "/users", admin);
  const visitor = await Visitor.open(browser, server);
  await visitor.signIn("boss");

  await visitor.page.getByText("There are none yet.").waitFor();

  assert.equal(await visitor.page.getByText("Private").count(), 0);
  await visitor.leave();
});

test("a session that has ended leads to signing in, and back to where somebody was", async () => {
  const token = await server.user("ned");
  const visitor = await Visitor.open(browser, server);
  await visitor.signIn("ned");
  await visitor.begin("Table Booking");
  await visitor.hears("What is your name?");

  await server.call("DELETE", "/users/me/sessions", undefined, token);
  await visitor.page.getByText("Your session has ended. Sign in again.").waitFor();
  await visitor.signIn("ned");

  await visitor.hears("What is your name?");
  await visitor.page.getByRole("button", { name: "Sign out" }).click();
  await visitor.page.getByRole("heading", { name: "Sign in" }).waitFor();
  const kept = await visitor.page.evaluate(() => Object.values(sessionStorage));
  assert.deepEqual(kept, ["[]"], "nothing is left behind");
  assert.equal(await visitor.page.getByText("What is your name?").count(), 0);
  await visitor.leave();
});

test("a duplicated tab and its original renew their tokens without ending the session", async () => {
  await server.user("ola");
  const visitor = await Visitor.open(browser, server);
  await visitor.signIn("ola");
  await visitor.begin("Table Booking");
  await visitor.hears("What is your name?");
  const [other] = await Promise.all([
    visitor.context.waitForEvent("page"),
    visitor.page.evaluate(() => { window.open(location.href); }),
  ]);
  await other.locator("#messages").getByText("What is your name?").waitFor();
  let renewed = 0;
  visitor.context.on("response", answer => { renewed += answer.url().endsWith("/auth/refresh") ? 1 : 0; });

  const late = page => page.evaluate(() => {
    const { now } = Date;
    Date.now = () => now() + 3_000_000;
    document.dispatchEvent(new Event("visibilitychange"));
  });
  const renewal = visitor.context.waitForEvent("response", answer => answer.url().endsWith("/auth/refresh"));
  await Promise.all([late(visitor.page), late(other)]);
  await renewal;
  await visitor.say("Ola");
  await visitor.hears("For which day?");

  await other.locator("#messages").getByText("Nice to meet you, Ola.").waitFor();
  assert.equal(renewed, 1);
  await visitor.leave();
});

test("many bots are searched by name", async () => {
  const names = Array.from({ length: 40 }, (_, index) => `Helper ${index + 10}`);
  await Promise.all(names.map(name => server.bot(name, { script: 'TALK "x"' })));
  await server.user("mia");
  const visitor = await Visitor.open(browser, server);
  await visitor.signIn("mia");
  const bots = visitor.page.locator("#bot-list > li");
  await bots.nth(29).waitFor();
  await visitor.page.locator("#more-bots").click();
  await bots.nth(41).waitFor();

  await visitor.page.getByLabel("Search bots").fill("Helper 42");

  await visitor.page.locator("#bot-list > li:only-child").waitFor();
  assert.match(await bots.textContent(), /Helper 42/);
  await visitor.leave();
});
