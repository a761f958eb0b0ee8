// Signing in, or coming as a visitor.

import { by, tell } from "./dom.js";
import { invitedTo } from "./places.js";

/** Shows the field for the second factor, or takes it away. */
function askForCode(isAsked) {
  by("code").hidden = by("code-label").hidden = !isAsked;
  by("code").required = isAsked;
}

/** Lets somebody in; calls back when they are. */
export function signingIn(session, onEntered) {
  const form = by("sign-in-form");
  let isBusy = false;
  async function enter(work, onRefused) {
    if (isBusy) return;
    isBusy = true;
    tell(by("sign-in-problem"));
    try {
      await work();
      form.reset();
      askForCode(false);
      onEntered();
    } catch (cause) {
      tell(by("sign-in-problem"), cause.sentence ?? cause.message);
      onRefused(cause.reason);
    } finally {
      isBusy = false;
    }
  }
  form.addEventListener("submit", event => {
    event.preventDefault();
    enter(
      () => session.signIn(
        by("name").value.trim(), by("password").value, by("stay").checked, by("code").value.trim(),
      ),
      reason => {
        const isAboutCode = reason === "code_needed" || reason === "invalid_code";
        if (isAboutCode) askForCode(true);
        by(isAboutCode ? "code" : "password").select();
      },
    );
  });
  by("visit").addEventListener("click", () => enter(() => session.visit(invitedTo()), () => by("visit").focus()));
}
