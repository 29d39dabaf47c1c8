// Building DOM nodes. Text only ever becomes text nodes; nothing here parses HTML.

/** An element with properties ("on…" are listeners, "class" and "aria-…" attributes) and children. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && !name.startsWith("aria") && name !== "list" && name !== "form") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** A link, if its target is a web address or a path of this server; otherwise just its text. */
export function link(href, ...children) {
  const safe = /^(https?:\/\/|mailto:|\/(?!\/))/i.test(href);
  return safe ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...children) : h("span", {}, ...children);
}

export const byId = (id) => document.getElementById(id);

/** "Riley Chen" -> "RC" */
export const initials = (name) => name.split(/\s+/).map((part) => part[0] ?? "").join("").slice(0, 2).toUpperCase();

export const clock = (ts) =>
  new Date(Number(ts) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
