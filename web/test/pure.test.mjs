// The rules that need no page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BASE, BLACK, EDGE, TEXT, WHITE, contrast, palette, readable } from "../chat/colours.js";
import { Refusal, Unreachable } from "../chat/call.js";
import { wait } from "../chat/connection.js";
import { Looks } from "../chat/looks.js";
import { Messages } from "../chat/messages.js";
import { Outbox, isTooLong } from "../chat/outbox.js";
import { colourOf, fontOf } from "../chat/style-of-bot.js";
import { parts } from "../chat/text.js";

function storage() {
  const kept = new Map();
  return { getItem: key => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
}

test("attempts come slower and slower, and never all at once", () => {
  assert.deepEqual([0, 1, 2, 20].map(attempt => wait(attempt, 1)), [500, 1000, 2000, 30_000]);
  assert.deepEqual([0, 1, 2, 20].map(attempt => wait(attempt, 0)), [250, 500, 1000, 15_000]);
});

test("messages are known once and stand in their order", () => {
  const messages = new Messages();
  const message = seq => ({ message_id: `m${seq}`, seq });

  assert.deepEqual([3, 1, 2, 3].map(seq => messages.add(message(seq))), [true, true, true, false]);

  assert.deepEqual([messages.first.seq, messages.last.seq], [1, 3]);
});

test("what is said stays until it is confirmed and shown", () => {
  const place = storage();
  const outbox = new Outbox(place);
  const { name } = outbox.add("c", "hello", []);

  assert.equal(new Outbox(place).next("c").name, name, "also after the page was reloaded");
  outbox.confirm(name, "m1");
  assert.equal(outbox.next("c"), undefined);
  assert.equal(outbox.settle("c", () => false).length, 1, "it is confirmed, and not shown yet");
  assert.equal(outbox.settle("c", id => id === "m1").length, 0);
  assert.equal(new Outbox(place).of("c").length, 0);
});

test("a message that comes back before its confirmation is shown once", () => {
  const outbox = new Outbox(storage());
  outbox.add("c", "same", []);
  const second = outbox.add("c", "same", []);
  const isShown = id => id === "m2";

  outbox.recognize({ conversation_id: "c", message_id: "m2", content: "same" });
  assert.equal(outbox.settle("c", isShown).length, 1);
  // It was the second one after all.
  outbox.confirm(second.name, "m2");

  assert.deepEqual(outbox.settle("c", isShown).map(entry => entry.content), ["same"]);
  assert.notEqual(outbox.next("c").name, second.name);
});

test("what somebody has not sent is nobody else's to send", () => {
  const place = storage();
  const outbox = new Outbox(place);
  outbox.belongTo("ann");
  outbox.add("c", "hers", []);

  const after = new Outbox(place);
  after.belongTo("ann");
  assert.equal(after.of("c").length, 1);
  after.belongTo("bob");

  assert.equal(after.of("c").length, 0);
  assert.equal(new Outbox(place).of("c").length, 0);
});

test("a message that is refused holds up no other", () => {
  const outbox = new Outbox(storage());
  const [first, second] = [outbox.add("c", "bad", []), outbox.add("c", "good", [])];

  outbox.refuse(first.name, "It is bad.");
  assert.equal(outbox.next("c").name, second.name);
  outbox.retry(first.name);

  assert.equal(outbox.next("c").name, first.name);
});

test("a message is too long by its bytes, also as they stand in a frame", () => {
  assert.equal(isTooLong("x".repeat(32 << 10)), false);
  assert.equal(isTooLong("x".repeat((32 << 10) + 1)), true);
  assert.equal(isTooLong("ä".repeat(20_000)), true);
  assert.equal(isTooLong("\u0001".repeat(20_000)), true);
});

test("addresses are links without what ends the sentence", () => {
  const address = "https://example.com/a?b=1";
  assert.deepEqual(parts(`See ${address}.`), ["See ", { address }, "."]);
  assert.deepEqual(parts(`(${address})`), ["(", { address }, ")"]);
  assert.deepEqual(parts("javascript:alert(1) data:text/html,x ftp://x.example"), [
    "javascript:alert(1) data:text/html,x ftp://x.example",
  ]);
  assert.deepEqual(parts("https:// http://[bad"), ["https:// http://[bad"]);
  assert.deepEqual(parts(""), []);
});

test("contrast is that of WCAG", () => {
  assert.equal(contrast(BLACK, WHITE), 21);
  assert.equal(contrast(WHITE, WHITE), 1);
  assert.equal(contrast([0x76, 0x76, 0x76], WHITE).toFixed(2), "4.54");
  assert.deepEqual(readable([0, 0, 255], [WHITE], TEXT, BLACK), [0, 0, 255], "what can be read stays");
});

test("whatever colours a bot wants, everything can be read", () => {
  const steps = [0, 96, 119, 160, 255];
  const some = steps.flatMap((red, at) => steps.map(green => [red, green, steps.at(at - green % 3)]));
  for (const base of Object.values(BASE)) {
    for (const [at, colour] of some.entries()) {
      const other = some.at(at * 7 % some.length);
      for (const wanted of [
        {}, { accent: colour }, { page: colour }, { page: colour, ink: colour, accent: colour },
        { page: colour, ink: other, accent: other, bot: other, onBot: colour, user: colour, onUser: other },
      ]) {
        const made = palette(base, wanted);
        for (const [text, ground] of [
          ["ink", "page"], ["ink", "raised"], ["faint", "page"], ["faint", "raised"], ["accent", "page"],
          ["accent", "raised"], ["problem", "page"], ["problem", "raised"], ["on-accent", "accent"],
          ["on-bot", "bot"], ["on-user", "user"],
        ]) {
          const found = contrast(made[text], made[ground]);
          assert.ok(found >= TEXT, `${text} on ${ground} ${found} of ${JSON.stringify(wanted)}`);
        }
        assert.ok(contrast(made.edge, made.page) >= EDGE && contrast(made.edge, made.raised) >= EDGE);
      }
    }
  }
});

test("a word that stands for a value from elsewhere is no colour and no letters", t => {
  // As in browsers: any property takes these words, and a canvas that is told one stays black.
  const paper = { fillStyle: "", fillRect() {}, getImageData: () => ({ data: [0, 0, 0, 255] }) };
  globalThis.CSS = { supports: () => true };
  globalThis.OffscreenCanvas = class { getContext() { return paper; } };
  t.after(() => { delete globalThis.CSS; delete globalThis.OffscreenCanvas; });

  for (const word of ["inherit", "Initial", " unset ", "revert", "revert-layer"]) {
    assert.deepEqual([colourOf(word), fontOf(word)], [undefined, undefined], word);
  }

  assert.deepEqual([colourOf("black"), fontOf("Initial Sans")], [[0, 0, 0], "Initial Sans"]);
});

test("looks that can't be had just now are tried again, and meanwhile the page stays as it is", async t => {
  const style = { setProperty() {}, removeProperty() {} };
  globalThis.document = { documentElement: { style }, getElementById: () => ({}) };
  t.after(() => { delete globalThis.document; });
  const busy = new Refusal(503, { code: "SERVICE_UNAVAILABLE", message: "Not now." });
  const none = new Refusal(404, { code: "NOT_FOUND", message: "There is none." });
  const title = name => ({ bot_id: "b", title: name });
  // What comes of each request, one after another.
  const answers = [title("Shop"), new Unreachable(), busy, title("House"), none];
  let asked = 0;
  const see = async () => {
    const answer = answers[asked++];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const looks = new Looks({ user: null, see });
  const titles = [];
  const show = async bot => {
    await looks.show(bot);
    titles.push(looks.title);
  };

  for (const bot of ["shop", "shop", "house", "house", "shop", "house", "house", "none", "none"]) await show(bot);

  assert.deepEqual(titles, ["Shop", "Shop", "Shop", "Shop", "Shop", "House", "House", "BotServer", "BotServer"]);
  assert.equal(asked, answers.length, "what is shown, or is not there, is not asked for again");
});

test("looks whose style can't be had just now are tried again", async t => {
  const style = { setProperty() {}, removeProperty() {} };
  globalThis.document = { documentElement: { style }, getElementById: () => ({}) };
  t.after(() => { delete globalThis.document; });
  let asked = 0;
  const seeBytes = async () => {
    asked += 1;
    throw new Unreachable();
  };
  const looks = new Looks({ user: null, see: async () => ({ bot_id: "b", title: "Shop", style: "a.css" }), seeBytes });

  await looks.show("shop");
  await looks.show("shop");

  assert.deepEqual([looks.title, asked], ["BotServer", 2]);
});
