// A server of its own for each file of tests, in a fresh folder, which can be killed and started again.

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const PROGRAM = process.env.BOTSERVER_PROGRAM;

/** Nothing of the surrounding configures it. */
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("BOTSERVER_")),
);

/** Tests ask more than people do. */
const SETTINGS = `
[log]
level = "warn"

[rate_limit]
anonymous = 0
authenticated = 0
admin = 0
operations = false

[http]
socket_frames_per_minute = 0

[bots]
replay_frames = 20
attachment_bytes = 1048576

[identity]
logins_per_minute = 0

[identity.hashing]
memory_kib = 8
passes = 1
`;

/** The password of every user that tests make. */
export const PASSWORD = "Correct-Horse-7-Battery";

/** A port that nobody listens on. */
function freePort() {
  return new Promise((found, failed) => {
    const listener = createServer().once("error", failed);
    listener.listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => found(port));
    });
  });
}

export class Server {
  #folder;
  #port;
  #process;
  #password;
  #token;

  /** Starts one for the first time. */
  static async start() {
    const server = new Server();
    server.#folder = await mkdtemp(join(tmpdir(), "botserver-browser-"));
    await writeFile(join(server.#folder, "botserver.toml"), SETTINGS);
    server.#port = await freePort();
    await server.start();
    try {
      server.#token = await server.signIn("admin", server.#password);
    } catch (cause) {
      await server.end();
      throw cause;
    }
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts it on the folder and at the address that it had before. */
  async start() {
    const words = ["serve", "--data", join(this.#folder, "data"), "--listen", `127.0.0.1:${this.#port}`];
    const stdio = ["ignore", "pipe", "inherit"];
    this.#process = spawn(PROGRAM, words, { cwd: this.#folder, env: ENVIRONMENT, stdio });
    for await (const line of createInterface({ input: this.#process.stdout })) {
      this.#password ??= line.match(/^ +password +(\S+)/)?.[1];
      if (line.includes("Ctrl-C")) return;
    }
    throw new Error("the server does not start");
  }

  /** Ends it as a power cut would. */
  async kill() {
    const ended = new Promise(done => this.#process.once("exit", done));
    this.#process.kill("SIGKILL");
    await ended;
  }

  /** Ends it and removes what it kept. */
  async end() {
    await this.kill();
    await rm(this.#folder, { recursive: true });
  }

  /** What the API answers; the administrator asks unless a token says who. */
  async call(method, path, body, token = this.#token) {
    const headers = { "content-type": "application/json" };
    if (token) headers.authorization = `Bearer ${token}`;
    const answer = await fetch(`${this.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text).data : null;
  }

  async signIn(username, password = PASSWORD) {
    const tokens = await this.call("POST", "/auth/login", { username, password }, null);
    return tokens.access_token;
  }

  /** Makes a member of that name and gives a token of theirs. */
  async user(username) {
    const user = { username, email: `${username}@example.com`, password: PASSWORD, roles: ["member"] };
    await this.call("POST", "/users", user);
    return this.signIn(username);
  }

  /** Saves a file of a bot's package. */
  async file(bot, path, content) {
    const answer = await fetch(`${this.url}/api/v1/bots/${bot.bot_id}/package/files/${path}`, {
      method: "PUT",
      headers: { "content-type": "application/octet-stream", authorization: `Bearer ${this.#token}` },
      body: content,
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  }

  /** Makes a bot with that start script, or of the template of that name. */
  async bot(name, { script, template, description }) {
    const bot = await this.call("POST", "/bots", { name, template, description });
    if (script) await this.call("PUT", `/bots/${bot.bot_id}/scripts/start`, { source: script });
    return bot;
  }
}
