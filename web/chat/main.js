// The page as a whole: what is shown where, and what happens when somebody comes and goes.

import { Bots } from "./bots.js";
import { Conversations } from "./conversations.js";
import { by, hasKeyboard, tell } from "./dom.js";
import { Looks } from "./looks.js";
import { Outbox } from "./outbox.js";
import { here, invitedTo, onMove, placeOf } from "./places.js";
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
const looks = new Looks(session);
let graceful;
let shown = null;
/** Does a visitor want to sign in? */
let isSigningIn = false;

/** Where somebody is who may be there: a visitor in their one conversation, and nobody but at the way in. */
function place() {
  if (!session.user || isSigningIn) return { name: "sign-in" };
  const wanted = here();
  if (!session.isVisitor || wanted.conversation === session.user.conversation) return wanted;
  history.replaceState(null, "", placeOf(session.user.conversation));
  return here();
}

/** Shows what the address says, or the way to sign in. */
function show() {
  const now = place();
  const address = now.name + (now.conversation ?? "");
  if (address === shown) return;
  shown = address;
  // A conversation says whose it is when it is there.
  if (now.name !== "thread") looks.show(invitedTo() ?? "default");
  document.body.dataset.place = now.name;
  document.body.toggleAttribute("data-visitor", session.isVisitor);
  by("sign-in").hidden = now.name !== "sign-in";
  by("thread").hidden = now.name !== "thread";
  by("bots").hidden = !["home", "new"].includes(now.name);
  by("conversations").hidden = now.name === "sign-in" || session.isVisitor;
  by("sign-out").hidden = by("who").hidden = !session.user;
  by("sign-out").textContent = session.isVisitor ? "Leave" : "Sign out";
  by("sign-in-instead").hidden = !session.isVisitor || now.name === "sign-in";
  by("visit").hidden = session.isVisitor;
  by("back").hidden = session.isVisitor;
  tell(by("who"), session.user?.display_name);
  connected(true);
  if (now.name === "thread") {
    thread.open(now.conversation);
  } else {
    thread.close();
  }
  titled();
  conversations.mark(now.conversation ?? null);
  if (now.name === "sign-in") by("name").focus();
  else if (now.name !== "thread") bots.show();
  if (now.name === "new") by("bots-title").focus({ focusVisible: hasKeyboard() });
}

/** Calls the window what is shown in it. */
function titled() {
  document.title = thread.title ? `${thread.title} – ${looks.title}` : looks.title;
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
  isSigningIn = false;
  conversations.clear();
  tell(by("sign-in-problem"), sentence);
  show();
}

thread.onActivity = () => conversations.changed();
thread.onConnected = connected;
thread.onTitled = bot => {
  titled();
  looks.show(bot);
};
looks.onTitled = titled;
bots.onBegun = () => conversations.show();
session.onEnded = () => signedOut("Your session has ended. Sign in again.");
by("sign-in-instead").addEventListener("click", () => {
  isSigningIn = true;
  show();
});
by("sign-out").addEventListener("click", async () => {
  await session.signOut();
  signedOut("");
  thread.forget();
});
signingIn(session, () => {
  isSigningIn = false;
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
