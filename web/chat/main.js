// The page as a whole: what is shown where, and what happens when somebody comes and goes.

import { Bots } from "./bots.js";
import { Conversations } from "./conversations.js";
import { by, hasKeyboard, tell } from "./dom.js";
import { Outbox } from "./outbox.js";
import { here, onMove } from "./places.js";
import { Session } from "./session.js";
import { signingIn } from "./signing-in.js";
import { Thread } from "./thread.js";

/** How long a connection may be away before the page says so. */
const GRACE = 1_500;

const session = new Session();
const outbox = new Outbox();
const thread = new Thread(session, outbox);
const conversations = new Conversations(session);
const bots = new Bots(session);
let graceful;
let shown = null;

/** Shows what the address says, or the way to sign in. */
function show() {
  const place = session.user ? here() : { name: "sign-in" };
  const address = place.name + (place.conversation ?? "");
  if (address === shown) return;
  shown = address;
  document.title = "BotServer";
  document.body.dataset.place = place.name;
  by("sign-in").hidden = place.name !== "sign-in";
  by("thread").hidden = place.name !== "thread";
  by("bots").hidden = !["home", "new"].includes(place.name);
  by("conversations").hidden = place.name === "sign-in";
  by("sign-out").hidden = by("who").hidden = !session.user;
  tell(by("who"), session.user?.display_name);
  connected(true);
  if (place.name === "thread") {
    thread.open(place.conversation);
  } else {
    thread.close();
  }
  conversations.mark(place.conversation ?? null);
  if (place.name === "sign-in") by("name").focus();
  else if (place.name !== "thread") bots.show();
  if (place.name === "new") by("bots-title").focus({ focusVisible: hasKeyboard() });
}

/** Says that the server is away, unless it is back in a moment. */
function connected(isConnected) {
  if (isConnected) {
    clearTimeout(graceful);
    graceful = undefined;
    return tell(by("banner"));
  }
  graceful ??= setTimeout(() => {
    tell(by("banner"), "The connection is lost. What you write is sent when it is back.");
  }, GRACE);
}

function theme() {
  const select = by("theme");
  select.value = document.documentElement.dataset.theme;
  select.addEventListener("change", () => {
    document.documentElement.dataset.theme = select.value;
    localStorage.setItem("botserver.theme", select.value);
  });
}

function signedOut(sentence) {
  conversations.clear();
  tell(by("sign-in-problem"), sentence);
  show();
}

thread.onActivity = () => conversations.changed();
thread.onConnected = connected;
bots.onBegun = () => conversations.show();
session.onEnded = () => signedOut("Your session has ended. Sign in again.");
by("sign-out").addEventListener("click", async () => {
  await session.signOut();
  signedOut("");
  thread.forget();
});
signingIn(session, () => {
  outbox.belongTo(session.user.user_id);
  show();
  conversations.show();
  // What had the focus is gone.
  if (here().name !== "thread") by("main").focus({ preventScroll: true });
});
if (session.user) outbox.belongTo(session.user.user_id);
onMove(show);
theme();
show();
conversations.show();
