// Texts as people read them: links in what is said, times, sizes.

import { make } from "./dom.js";

/** An address of the web in a text. */
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`]+/giu;
/** What ends a sentence rather than an address. */
const END = /[.,;:!?)\]}]+$/u;

/** The parts of a text, with the addresses in it as `{ address }`. */
export function parts(text) {
  const found = [];
  let from = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = match[0].replace(END, "");
    if (!URL.canParse(address)) continue;
    if (match.index > from) found.push(text.slice(from, match.index));
    found.push({ address });
    from = match.index + address.length;
  }
  if (from < text.length) found.push(text.slice(from));
  return found;
}

/** The text for the page, its addresses as links. */
export function linked(text) {
  return parts(text).map(part =>
    typeof part === "string"
      ? part
      : make("a", { href: part.address, target: "_blank", rel: "noopener noreferrer nofollow" }, part.address),
  );
}

/** A moment, as short as it is clear today. */
export function moment(text, now = new Date()) {
  const at = new Date(text);
  const isToday = at.toDateString() === now.toDateString();
  const style = isToday ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" };
  return make("time", { dateTime: text, textContent: new Intl.DateTimeFormat(undefined, style).format(at) });
}

/** A number of bytes. */
export function size(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  let step = 0;
  let amount = bytes;
  while (amount >= 1000 && step < units.length - 1) {
    amount /= 1000;
    step += 1;
  }
  const unitDisplay = step === 0 ? "long" : "short";
  const style = { style: "unit", unit: units[step], unitDisplay, maximumFractionDigits: 1 };
  return new Intl.NumberFormat(undefined, style).format(amount);
}
