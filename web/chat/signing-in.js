// Signing in.

import { by, tell } from "./dom.js";

/** Lets somebody sign in; calls back when they have. */
export function signingIn(session, onSignedIn) {
  const form = by("sign-in-form");
  let isBusy = false;
  form.addEventListener("submit", async event => {
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    tell(by("sign-in-problem"));
    try {
      await session.signIn(by("name").value.trim(), by("password").value, by("stay").checked);
      form.reset();
      onSignedIn();
    } catch (cause) {
      tell(by("sign-in-problem"), cause.sentence ?? cause.message);
      by("password").select();
    } finally {
      isBusy = false;
    }
  });
}
