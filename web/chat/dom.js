// Elements of the page. What people and bots write only ever becomes text.

/** The element of that id. */
export const by = id => document.getElementById(id);

/** Makes an element: `on` are its listeners, `data` its data attributes, names with a dash attributes, all else
 * properties; children are elements or texts. */
export function make(tag, { on = {}, data = {}, ...given } = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  Object.assign(element.dataset, data);
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children.filter(child => child !== undefined && child !== null));
  return element;
}

/** Shows a text in an element, or nothing in it. Setting the same again would have it read out again. */
export function tell(element, text = "") {
  if (element.textContent !== text) element.textContent = text;
}

/** Can what points here hover? Then a keyboard is at hand, and focus brings up none on the screen. */
export const hasKeyboard = () => matchMedia("(hover: hover)").matches;
