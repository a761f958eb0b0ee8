// The client against a running server: BOTSERVER_URL, BOTSERVER_PASSWORD of `admin`, BOTSERVER_PACKAGE a zip.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, test } from "node:test";
import { BotServerError, botserver, unwrap } from "../dist/index.js";

const { BOTSERVER_URL: url, BOTSERVER_PASSWORD: password, BOTSERVER_PACKAGE: zip } = process.env;
const name = "Tables of TypeScript";
let api;

before(async () => {
  const body = { username: "admin", password };
  const { access_token } = unwrap(await botserver({ url }).POST("/api/v1/auth/login", { body }));
  api = botserver({ url, token: () => access_token });
});

test("a bot is made, gets its package and talks", async () => {
  const bot = unwrap(await api.POST("/api/v1/bots", { body: { name } }));
  const path = { bot_id: bot.bot_id };
  const installation = unwrap(
    await api.PUT("/api/v1/bots/{bot_id}/package", {
      params: { path },
      headers: { "content-type": "application/zip" },
      body: await readFile(zip),
      bodySerializer: (bytes) => bytes,
    }),
  );
  assert.ok(installation.installed.added.length > 0);

  const { conversation_id } = unwrap(await api.POST("/api/v1/conversations", { body: { bot_id: bot.slug } }));
  const sent = unwrap(
    await api.POST("/api/v1/conversations/{conversation_id}/messages", {
      params: { path: { conversation_id } },
      body: { content: "Ada" },
    }),
  );
  assert.match(sent.response.map((message) => message.content).join("\n"), /Ada/);

  const query = { sort: "name", "filter[status]": ["active", "maintenance"], search: "typescript" };
  const page = unwrap(await api.GET("/api/v1/bots", { params: { query } }));
  assert.deepEqual(page.items.map((item) => item.slug), [bot.slug]);
});

test("an answer that is known is not sent again", async () => {
  const { response } = await api.GET("/api/v1/users/me");
  const again = await api.GET("/api/v1/users/me", {
    params: { header: { "If-None-Match": response.headers.get("etag") } },
  });
  assert.equal(again.response.status, 304);
});

test("a refusal is an error with code, reason and fields", async () => {
  const me = unwrap(await api.GET("/api/v1/users/me"));
  const ask = async (body) => unwrap(await api.POST("/api/v1/users", { body }));

  await assert.rejects(ask({ username: me.username, email: "other@example.com" }), (refused) => {
    assert.ok(refused instanceof BotServerError);
    assert.deepEqual([refused.status, refused.error.code, refused.error.details.reason], [409, "CONFLICT", "username_taken"]);
    return true;
  });
  await assert.rejects(ask({ username: "?", email: "?" }), (refused) => {
    assert.deepEqual(Object.keys(refused.error.details.fields), ["email", "username"]);
    return true;
  });
});
