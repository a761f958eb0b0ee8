// Colours as numbers: how well one is read on another, and how to change one until it is.
//
// A colour is [red, green, blue], each from 0 to 255. Contrast is that of WCAG 2.2.

export const WHITE = [255, 255, 255];
export const BLACK = [0, 0, 0];

/** What texts need, and the edges of what can be used. */
export const TEXT = 4.5;
export const EDGE = 3;

function luminance(colour) {
  const [red, green, blue] = colour.map(value => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** From 1, for two that are the same, to 21. */
export function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** So much of the other in the one, from 0 to 1. */
export const mix = (one, other, part) => one.map((value, at) => Math.round(value + (other[at] - value) * part));

/** Black or white, whatever is read better on the ground. */
export const inkOn = ground => (contrast(ground, WHITE) > contrast(ground, BLACK) ? WHITE : BLACK);

/** The colour, mixed with as little of the other as it takes to be read on each of the grounds. */
export function readable(colour, grounds, ratio, towards) {
  for (let part = 0; part < 1; part += 0.05) {
    const mixed = mix(colour, towards, part);
    if (grounds.every(ground => contrast(mixed, ground) >= ratio)) return mixed;
  }
  return towards;
}

export const hex = colour => `#${colour.map(value => value.toString(16).padStart(2, "0")).join("")}`;

/** The colours of the page where the system is light, or dark. `base.css` has the same. */
export const BASE = {
  light: { page: [0xf4, 0xf5, 0xf7], raised: WHITE, ink: [0x1b, 0x1f, 0x24], accent: [0x0b, 0x57, 0xd0],
    problem: [0xb3, 0x26, 0x1e] },
  dark: { page: [0x14, 0x17, 0x1c], raised: [0x1e, 0x22, 0x2a], ink: [0xe8, 0xeb, 0xf0], accent: [0x8a, 0xb4, 0xf8],
    problem: [0xf2, 0xb8, 0xb5] },
};

/** All colours of the page, of those that a bot wants: each pair that stands together can be read, whatever it wants. */
export function palette(base, wanted) {
  const ground = wanted.page ?? base.page;
  const best = inkOn(ground);
  const opposite = best === WHITE ? BLACK : WHITE;
  // So far from the ink that there is room for fainter texts.
  const page = readable(ground, [best], 9, opposite);
  const raised = wanted.page ? mix(page, opposite, best === BLACK ? 0.5 : 0) : base.raised;
  const grounds = [page, raised];
  const ink = readable(wanted.ink ?? (wanted.page ? best : base.ink), grounds, TEXT, best);
  const accent = readable(wanted.accent ?? base.accent, grounds, TEXT, best);
  const bubble = (ground, text) => {
    const on = text && contrast(text, ground) >= TEXT ? text : inkOn(ground);
    return [ground, on];
  };
  const [bot, onBot] = wanted.bot ? bubble(wanted.bot, wanted.onBot) : [raised, ink];
  const [user, onUser] = bubble(wanted.user ?? accent, wanted.onUser);
  return {
    page, raised, ink, accent, bot, user,
    faint: readable(mix(ink, page, 0.35), grounds, TEXT, best),
    line: mix(page, best, 0.15),
    edge: readable(mix(page, best, 0.4), grounds, EDGE, best),
    problem: readable(base.problem, grounds, TEXT, best),
    "on-accent": inkOn(accent),
    "on-bot": onBot,
    "on-user": onUser,
  };
}
