// What every file of tests begins with: a server of its own with the bots that it talks to, and a browser.

import { after, before } from "node:test";

import { browse } from "./browser.mjs";
import { Server } from "./server.mjs";

export let browser;
export let server;

/** Starts both before the tests of a file, which `prepare` gets the server ready for, and ends them after it. */
export function together(prepare) {
  before(async () => {
    server = await Server.start();
    browser = await browse();
    await server.bot("Table Booking", { template: "table-booking", description: "Books a table." });
    await prepare(server);
  });
  after(async () => {
    await browser?.close();
    await server?.end();
  });
}
