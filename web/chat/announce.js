// What is read out to people who don't see the page change.

import { by, make } from "./dom.js";

/** Sentences that are kept; screen readers read each once, when it comes. */
const KEPT = 5;

/** Has a sentence read out when nothing else is. */
export function announce(text) {
  const announcer = by("announcer");
  announcer.append(make("p", { textContent: text }));
  while (announcer.childElementCount > KEPT) announcer.firstElementChild.remove();
}
