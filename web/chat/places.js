// Where in the page somebody is, as its address tells: all conversations, a new one, or one of them.

/** The address of a conversation. */
export const placeOf = conversation => `/?conversation=${encodeURIComponent(conversation)}`;

/** What the address of the page says. */
export function here() {
  const query = new URLSearchParams(location.search);
  const conversation = query.get("conversation");
  if (conversation) return { name: "thread", conversation };
  return { name: query.has("new") ? "new" : "home" };
}

/** The bot that a link leads to. */
export const invitedTo = () => new URLSearchParams(location.search).get("bot");

/** Goes there without loading the page again. */
export function go(address, { instead = false } = {}) {
  history[instead ? "replaceState" : "pushState"](null, "", address);
  window.dispatchEvent(new PopStateEvent("popstate"));
}

/** Calls the listener whenever the place changes, and lets links that are marked as places go there. */
export function onMove(listener) {
  window.addEventListener("popstate", listener);
  document.addEventListener("click", event => {
    const link = event.target.closest("a[data-place]");
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain) return;
    event.preventDefault();
    go(link.getAttribute("href"));
  });
}
