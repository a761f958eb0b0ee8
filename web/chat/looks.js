// How the page looks with a bot: its title, its logo, and colours that are as the bot wants them and can be read.

import { BASE, hex, palette } from "./colours.js";
import { by, tell } from "./dom.js";
import { colourOf, fontOf, radiusOf, readStyle } from "./style-of-bot.js";

/** What the page is called without a bot. */
const NAME = "BotServer";
/** Bytes of a logo at the most, and how high it is shown. */
const LARGEST = 1024 * 1024;
const HEIGHT = 32;

/** Names of the page's own variables that are set. */
const COLOURS = ["page", "raised", "ink", "faint", "line", "edge", "accent", "on-accent", "problem", "bot", "on-bot",
  "user", "on-user"];

export class Looks {
  #session;
  #shown = null;
  /** What is on its way, or shown. */
  #wanted = null;
  #asked = 0;

  /** Called when the page is called otherwise. */
  onTitled = () => {};
  title = NAME;

  constructor(session) {
    this.#session = session;
  }

  /** Looks like the bot of that name. What can't be had is left as the page has it. If it can't be had just now, the page
   * stays as it is, and whoever calls again has it tried again. */
  async show(bot) {
    const whose = `${bot} ${this.#session.user?.user_id ?? ""}`;
    if (this.#wanted === whose) return;
    this.#wanted = whose;
    const asked = (this.#asked += 1);
    // Another one was on its way.
    if (this.#shown === whose) return;
    let looks;
    try {
      looks = await this.#fetch(bot);
    } catch {
      if (asked === this.#asked) this.#wanted = this.#shown;
      return;
    }
    const { theme, style, darkStyle, logo } = looks;
    // Another one is wanted by now.
    if (asked !== this.#asked) return logo?.close();
    this.#colour(theme, style, darkStyle);
    this.#name(theme.title, logo);
    this.#shown = whose;
  }

  /** All of a bot's looks. Throws what may pass. */
  async #fetch(bot) {
    const theme = await this.#session.see(`/bots/${encodeURIComponent(bot)}/theme`).catch(unlessItPasses({}));
    const [style, darkStyle, logo] = await Promise.all([
      this.#style(theme, theme.style), this.#style(theme, theme.dark_style), this.#logo(theme),
    ]);
    return { theme, style, darkStyle, logo };
  }

  /** A file of the theme. */
  #file(theme, name) {
    const path = name.split("/").map(encodeURIComponent).join("/");
    return this.#session.seeBytes(`/bots/${theme.bot_id}/theme/${path}`);
  }

  async #style(theme, name) {
    if (!name) return {};
    const read = async () => readStyle(await (await this.#file(theme, name)).text());
    return read().catch(unlessItPasses({}));
  }

  /** The logo as pixels: it needs no address that the page would have to be allowed, and can't do anything. */
  async #logo(theme) {
    if (!theme.logo) return null;
    const read = async () => {
      const file = await this.#file(theme, theme.logo);
      if (file.size > LARGEST) return null;
      return createImageBitmap(file, { resizeHeight: HEIGHT * 2, resizeQuality: "high" });
    };
    return read().catch(unlessItPasses(null));
  }

  #name(title, logo) {
    const canvas = by("logo");
    canvas.hidden = !logo;
    if (logo) {
      canvas.width = logo.width;
      canvas.height = logo.height;
      canvas.getContext("2d").drawImage(logo, 0, 0);
      logo.close();
    }
    this.title = title ?? NAME;
    tell(by("brand-name"), this.title);
    this.onTitled();
  }

  #colour(theme, style, darkStyle) {
    const own = { accent: colourOf(theme.color1), bot: colourOf(theme.color2) };
    const light = palette(BASE.light, wanted(style, own));
    // A ground that was chosen for the light isn't one for the dark.
    const dark = palette(BASE.dark, wanted({ ...style, page: undefined, ink: undefined, ...darkStyle }, own));
    const root = document.documentElement.style;
    const isOwn = Boolean(theme.color1 || theme.color2 || theme.style || theme.dark_style);
    for (const name of COLOURS) {
      if (isOwn) root.setProperty(`--${name}`, `light-dark(${hex(light[name])}, ${hex(dark[name])})`);
      else root.removeProperty(`--${name}`);
    }
    const set = (name, value) => (value === undefined ? root.removeProperty(name) : root.setProperty(name, value));
    set("--font", fontOf(style.font));
    const radius = radiusOf(style.radius);
    set("--corner", radius === undefined ? undefined : `${radius}px`);
  }
}

/** Takes something else for what can't be had, unless that may pass. */
function unlessItPasses(instead) {
  return problem => {
    if (problem.mayPass) throw problem;
    return instead;
  };
}

/** What is wanted of each colour; what the settings say counts more than what the style does. */
function wanted(style, own) {
  const colours = ["accent", "page", "ink", "bot", "onBot", "user", "onUser"];
  const read = Object.fromEntries(colours.map(name => [name, colourOf(style[name])]));
  return { ...read, ...Object.fromEntries(Object.entries(own).filter(([, colour]) => colour)) };
}
