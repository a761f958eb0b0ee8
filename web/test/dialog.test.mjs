// Talking to a bot, whatever happens to the connection.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Visitor } from "./support/browser.mjs";
import { PASSWORD } from "./support/server.mjs";
import { browser, server, together } from "./support/together.mjs";

together(ready => ready.bot("Echo", { script: "DO\nHEAR x\nTALK x\nLOOP" }));

/** A message of that person in a conversation, from another device. */
const elsewhere = (token, conversation, content) =>
  server.call("POST", `/conversations/${conversation}/messages`, { content }, token);

test("a table is booked with the keyboard alone", async () => {
  await server.user("ada");
  const visitor = await Visitor.open(browser, server);
  const { page } = visitor;
  const keys = page.keyboard;
  const focused = () => page.evaluate(() => {
    const { activeElement: element } = document;
    return element.matches("a, button, input, textarea") ? (element.innerText || element.id).trim() : "";
  });
  const tabTo = async name => {
    for (let steps = 0; steps < 20; steps += 1) {
      if ((await focused()).includes(name)) return;
      await keys.press("Tab");
    }
    assert.fail(`the keyboard does not reach ${name}`);
  };

  await page.locator("#name:focus").waitFor();
  await keys.type("ada");
  await keys.press("Tab");
  await keys.type("wrong");
  await keys.press("Enter");
  await page.getByRole("alert").filter({ hasText: "The name or the password is wrong." }).waitFor();
  await page.locator("#password:focus").waitFor();
  await keys.type(PASSWORD);
  await keys.press("Enter");
  await page.getByRole("button", { name: "Table Booking" }).waitFor();
  await tabTo("Table Booking");
  await keys.press("Enter");
  await visitor.hears("What is your name?");
  await page.locator("#message:focus").waitFor();
  await keys.type("Ada");
  await keys.press("Shift+Enter");
  await keys.type("Lovelace");
  assert.equal((await visitor.said()).length, 1, "Shift and Enter send nothing");
  await keys.press("Enter");
  await visitor.hears("For which day?");
  // What is offered stands before the field.
  await keys.press("Shift+Tab");
  await keys.press("Shift+Tab");
  assert.equal(await focused(), "Saturday");
  await keys.press("Shift+Tab");
  await keys.press("Space");
  await visitor.hears("For how many people?");
  await page.locator("#message:focus").waitFor();
  await keys.type("many");
  await keys.press("Enter");
  await visitor.hears("Please enter a whole number.");
  await keys.type("4");
  await keys.press("Enter");
  await page.getByRole("button", { name: "inside" }).press("Enter");
  await visitor.hears("Is that right?");

  const said = await visitor.said();
  assert.ok(said.includes("Ada\nLovelace"));
  assert.equal(await page.locator("#announcer > :last-child").textContent(), "Table Booking: Is that right?");
  assert.ok(said.some(text => text.includes("- Day: Friday") && text.includes("a round one, inside")));
  await visitor.leave();
});

test("a server that is killed in the middle of a dialog loses nothing, and nothing is said twice", async () => {
  const token = await server.user("bea");
  const visitor = await Visitor.open(browser, server);
  await visitor.signIn("bea");
  await visitor.begin("Echo");
  await visitor.say("one");
  await visitor.hears("one");
  const conversation = visitor.conversation();

  await server.kill();
  await visitor.say("two");
  await visitor.say("three");
  await visitor.page.getByText("The connection is lost.").waitFor();
  assert.equal(await visitor.page.getByText("Waits for the connection").count(), 2);
  await server.start();
  await elsewhere(token, conversation, "from elsewhere");
  await visitor.hears("three");
  await visitor.page.locator("#pending:empty").waitFor({ state: "attached" });

  const said = await visitor.said();
  const { items } = await server.call("GET", `/conversations/${conversation}/history?limit=100`, undefined, token);
  assert.deepEqual(said, items.map(message => message.content), "the page shows what the server has");
  for (const text of ["one", "two", "three", "from elsewhere"]) {
    assert.equal(said.filter(content => content === text).length, 2, `${text}, and its echo`);
  }
  assert.ok(said.indexOf("two") < said.indexOf("three"));
  await visitor.page.locator("#banner:empty").waitFor({ state: "attached" });
  await visitor.leave();
});

test("what is written without a network is sent after the page was reloaded", async () => {
  await server.user("cem");
  const visitor = await Visitor.open(browser, server);
  await visitor.signIn("cem");
  await visitor.begin("Echo");
  await server.kill();
  await visitor.say("kept");
  await visitor.page.getByText("Waits for the connection").waitFor();

  await server.start();
  await visitor.page.reload();

  await visitor.hears("kept");
  assert.deepEqual(await visitor.said(), ["kept", "kept"]);
  await visitor.leave();
});

test("a confirmation that is lost makes no second message", async () => {
  await server.user("dan");
  const visitor = await Visitor.open(browser, server);
  await visitor.signIn("dan");
  let lost = 0;
  await visitor.page.routeWebSocket(/\/ws/, socket => {
    const upstream = socket.connectToServer();
    upstream.onMessage(frame => {
      const { type } = JSON.parse(frame);
      if (lost < 2 && ["message", "ack"].includes(type)) {
        lost += 1;
        return socket.close({ code: 1001 });
      }
      return socket.send(frame);
    });
  });
  await visitor.begin("Echo");

  await visitor.say("once");
  await visitor.hears("once");
  await visitor.page.locator("#pending:empty").waitFor({ state: "attached" });

  assert.equal(lost, 2);
  assert.deepEqual(await visitor.said(), ["once", "once"]);
  await visitor.leave();
});

test("more than the server replays is read from the history", async () => {
  const token = await server.user("eva");
  const visitor = await Visitor.open(browser, server);
  await visitor.signIn("eva");
  await visitor.begin("Echo");
  await visitor.say("before");
  await visitor.hears("before");

  await visitor.context.setOffline(true);
  await visitor.page.getByText("The connection is lost.").waitFor();
  for (let number = 1; number <= 15; number += 1) await elsewhere(token, visitor.conversation(), `m${number}`);
  await visitor.context.setOffline(false);
  await visitor.hears("m15");

  const said = await visitor.said();
  assert.deepEqual(said.slice(-4), ["m14", "m14", "m15", "m15"]);
  const ids = await visitor.page.locator("#messages > li").evaluateAll(all => all.map(one => one.dataset.id));
  assert.equal(new Set(ids).size, said.length);
  // What stands before is read when somebody comes to its place.
  await visitor.page.locator("#log").press("Home");
  await visitor.page.locator("#messages > li:first-child .text", { hasText: "before" }).waitFor();
  assert.equal((await visitor.said()).length, 32);
  await visitor.leave();
});

test("a long history is read upwards to its beginning", async () => {
  const token = await server.user("fay");
  const begun = await server.call("POST", "/conversations", { bot_id: "echo" }, token);
  for (let number = 1; number <= 40; number += 1) await elsewhere(token, begun.conversation_id, `m${number}`);
  const visitor = await Visitor.open(browser, server, { address: `/?conversation=${begun.conversation_id}` });
  await visitor.signIn("fay");
  await visitor.hears("m40");
  assert.equal((await visitor.said()).length, 30);

  const earlier = visitor.page.getByRole("button", { name: "Show earlier messages" });
  await earlier.press("Enter");
  await visitor.page.locator("#messages > li:nth-child(60)").waitFor();
  await visitor.page.locator("#log").hover();
  while (await earlier.isVisible()) await visitor.page.mouse.wheel(0, -2000);

  const expected = Array.from({ length: 40 }, (_, index) => [`m${index + 1}`, `m${index + 1}`]).flat();
  assert.deepEqual(await visitor.said(), expected);
  await visitor.leave();
});

test("what a bot writes is text, and only addresses become links", async () => {
  await server.user("gus");
  await server.bot("Hostile", {
    script: 'TALK "<img src=x onerror=alert(1)> see https://example.com/a?b=1. javascript:alert(1)"',
  });
  const visitor = await Visitor.open(browser, server);
  await visitor.signIn("gus");
  await visitor.begin("Hostile");
  await visitor.hears("<img src=x onerror=alert(1)>");

  const links = visitor.page.locator("#messages a");
  assert.equal(await links.count(), 1);
  assert.equal(await links.getAttribute("href"), "https://example.com/a?b=1");
  assert.match(await links.getAttribute("rel"), /noopener noreferrer/);
  assert.equal(await visitor.page.locator("#messages img").count(), 0);
  await visitor.leave();
});

test("a message that the server refuses can be discarded", async () => {
  const token = await server.user("hal");
  const visitor = await Visitor.open(browser, server);
  await visitor.signIn("hal");
  await visitor.begin("Echo");
  await server.call("POST", `/conversations/${visitor.conversation()}/end`, undefined, token);

  await visitor.say("too late");

  await visitor.page.getByText("The conversation has ended. Start another one.").waitFor();
  await visitor.page.getByText("This conversation has ended.").waitFor();
  assert.equal(await visitor.page.getByRole("textbox", { name: "Message" }).count(), 0);
  await visitor.page.getByRole("button", { name: "Discard" }).click();
  assert.equal(await visitor.page.locator("#pending > li").count(), 0);
  await visitor.leave();
});

test("that somebody of the staff types is shown until they have said something", async () => {
  await server.user("ivo");
  const visitor = await Visitor.open(browser, server);
  await visitor.signIn("ivo");
  await visitor.begin("Echo");
  await visitor.say("one");
  await visitor.hears("one");
  const conversation = visitor.conversation();
  const { ticket } = await server.call("POST", "/ws/ticket", {});
  const socket = await visitor.page.evaluateHandle(
    address => new Promise((opened, failed) => {
      const socket = new WebSocket(address);
      socket.addEventListener("open", () => opened(socket));
      socket.addEventListener("error", failed);
    }),
    `${server.url.replace("http", "ws")}/ws?ticket=${ticket}`,
  );
  const types = active => socket.evaluate(
    (socket, frame) => socket.send(JSON.stringify(frame)),
    { type: "typing", conversation_id: conversation, active },
  );

  await types(true);
  const typing = visitor.page.locator("#busy").filter({ hasText: "Somebody of the staff is typing" });
  await typing.waitFor();
  await types(false);
  await typing.waitFor({ state: "hidden" });
  await types(true);
  await typing.waitFor();
  await server.call("POST", `/conversations/${conversation}/messages`, { content: "Here I am." });
  await visitor.hears("Here I am.");
  await typing.waitFor({ state: "hidden" });
  await visitor.leave();
});
