// What the style of a bot says of colours, letters and corners.
//
// Nothing of it becomes a style of the page: whoever writes a package could hide the page's controls with it, put others
// over them, or have addresses called that tell what is shown. It is read, a few values of it are taken, and the page
// looks after them itself.

/** Longer ones are not read. */
const LONGEST = 256 * 1024;
/** How deep variables may refer to others. */
const DEEPEST = 8;
/** Pixels of a corner at the most. */
const ROUNDEST = 24;

/** What selectors mean: the page as a whole, what the bot says, and what the person does. */
const PARTS = new Map([
  [":root", "page"], ["html", "page"], ["body", "page"], [".chat-container", "page"],
  [".bot-message", "bot"], [".user-message", "user"],
]);

/** Variables with a meaning, as themes in the field have them. */
const VARIABLES = {
  accent: ["--primary-color", "--primary"],
  bot: ["--secondary-color", "--secondary"],
  page: ["--background", "--background-color"],
  ink: ["--text-color", "--text"],
  font: ["--font-family"],
  radius: ["--border-radius", "--radius"],
};

/** The text of a style as `{ accent, page, ink, bot, onBot, user, onUser, font, radius }`, each as it is written. */
export function readStyle(text) {
  const wanted = {};
  if (text.length > LONGEST) return wanted;
  const sheet = new CSSStyleSheet();
  // It loads nothing: addresses are only followed in styles that a page has. Imports would be dropped with a complaint.
  sheet.replaceSync(text.replace(/@import[^;]*;/gi, ""));
  const variables = new Map();
  const rules = [...sheet.cssRules].filter(rule => rule instanceof CSSStyleRule);
  const parts = rules.map(rule => [rule.style, rule.selectorText.split(",").map(one => PARTS.get(one.trim().toLowerCase()))]);
  for (const [style, meant] of parts) {
    if (!meant.includes("page")) continue;
    for (const name of style) if (name.startsWith("--")) variables.set(name, style.getPropertyValue(name).trim());
  }
  for (const [meaning, names] of Object.entries(VARIABLES)) {
    const name = names.find(known => variables.has(known));
    if (name) wanted[meaning] = resolve(variables.get(name), variables);
  }
  for (const [style, meant] of parts) {
    const value = (...names) => {
      const given = names.map(name => style.getPropertyValue(name)).find(Boolean);
      return given && resolve(given, variables);
    };
    const take = (meaning, given) => { if (given) wanted[meaning] = given; };
    const [ground, ink] = [value("background-color", "background"), value("color")];
    if (meant.includes("page")) {
      take("page", ground);
      take("ink", ink);
      take("font", value("font-family"));
    }
    if (meant.includes("bot")) {
      take("bot", ground);
      take("onBot", ink);
      take("radius", value("border-top-left-radius", "border-radius"));
    }
    if (meant.includes("user")) {
      take("user", ground);
      take("onUser", ink);
    }
  }
  return wanted;
}

/** A value with the variables that it names. None if it can't be known. */
function resolve(value, variables, depth = 0) {
  if (depth > DEEPEST || value.length > 1000) return undefined;
  const named = value.match(/^\s*var\(\s*(--[\w-]+)\s*(?:,([^()]*))?\)\s*$/);
  if (!named) return value;
  const next = variables.get(named[1]) ?? named[2];
  return next && resolve(next, variables, depth + 1);
}

/** Is it a word that any property takes and that says no value of its own? */
const isElsewhere = text => /^\s*(?:inherit|initial|unset|revert|revert-layer)\s*$/i.test(text);

/** Families of letters by their names; letters are never loaded. */
export function fontOf(text) {
  const isPlain = text && !isElsewhere(text) && text.length <= 200 && /^[\p{L}\p{N} ,"'_-]+$/u.test(text) && CSS.supports("font-family", text);
  return isPlain ? text : undefined;
}

/** A corner in pixels. */
export function radiusOf(text) {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(px|rem|em)?$/.exec(text?.trim() ?? "") ?? [];
  if (number === undefined || (!unit && Number(number) !== 0)) return undefined;
  return Math.min(ROUNDEST, Number(number) * (unit === "px" || !unit ? 1 : 16));
}

/** A colour as a browser reads it, if nothing shines through; none otherwise. */
export function colourOf(text) {
  if (!text || isElsewhere(text) || /var\(|currentcolor|url\(/i.test(text) || !CSS.supports("color", text)) return undefined;
  const paper = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  paper.fillStyle = text;
  paper.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = paper.getImageData(0, 0, 1, 1).data;
  return alpha === 255 ? [red, green, blue] : undefined;
}
