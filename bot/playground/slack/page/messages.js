// One message as a list item.

import { renderBlocks } from "./blocks.js";
import { sure } from "./dialogs.js";
import { clock, h, initials } from "./dom.js";
import { act, draftOf, names, setDraft, store, threadOf } from "./store.js";
import { mrkdwn } from "./text.js";

/** `toast(sentence)` tells what went wrong; `open(ts)` opens a thread (null inside a thread). */
export function messageItem(message, { toast, open }) {
  const mine = message.user === store.person;
  const item = h("li", { class: `message${message.visible_to ? " only-you" : ""}${mine ? " mine" : ""}`, "data-ts": message.ts });
  fill(item, message, { toast, open });
  return item;
}

/** Draw an edited message into its item, keeping the focus and keeping screen readers quiet. */
export function redraw(item, message, context) {
  const key = item.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  item.setAttribute("aria-live", "off");
  fill(item, message, context);
  if (key) item.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

function fill(item, message, { toast, open }) {
  const name = names(message.user) ?? message.user;
  item.replaceChildren(
    h("div", { class: `avatar ${message.by_bot ? "bot" : `who-${store.members.findIndex((m) => m.id === message.user)}`}`, "aria-hidden": "true" }, message.by_bot ? "" : initials(name)),
    h("div", { class: "message-body" },
      message.visible_to ? h("p", { class: "only-you-note" }, "Only visible to you") : null,
      h("p", { class: "message-head" }, h("span", { class: "author" }, name), message.by_bot ? h("span", { class: "tag" }, "App") : null,
        h("time", { dateTime: new Date(Number(message.ts) * 1000).toISOString() }, clock(message.ts))),
      h("div", { class: "content" }, message.blocks.length ? renderBlocks(message.blocks, placeOf(message, toast)) : h("div", { class: "text" }, ...mrkdwn(message.text, names)),
        message.edited ? h("span", { class: "edited" }, "(edited)") : null),
      message.reactions ? h("p", { class: "reactions" }, message.reactions.map((one) => h("span", { class: "reaction" }, ...mrkdwn(`:${one.name}:`, names), ` ${one.count}`))) : null,
      open ? replies(message, open) : null));
}

function replies(message, open) {
  const count = threadOf(message.ts).length - 1;
  if (message.visible_to) return null;
  return h("button", { type: "button", class: count ? "replies" : "replies none", "data-key": "replies", "aria-expanded": String(store.thread === message.ts), onclick: () => open(message.ts) },
    count ? `${count} ${count === 1 ? "reply" : "replies"}` : "Reply in thread");
}

function placeOf(message, toast) {
  return {
    container: message.ts, names,
    value(block, item) {
      const draft = draftOf(message.ts, block, item);
      if (draft !== undefined) return { value: draft };
      const initial = { selected_option: item.initial_option ?? null, selected_options: item.initial_options ?? [], value: item.initial_value ?? null };
      const kind = { multi_static_select: "selected_options", checkboxes: "selected_options", plain_text_input: "value" }[item.type] ?? "selected_option";
      return message.picked[store.person]?.[block.block_id]?.[item.action_id] ?? { [kind]: initial[kind] };
    },
    draft: (block, item, text) => setDraft(message.ts, block, item, text),
    act: (block, item, raw, node) => operate(message, block, item, raw, node, toast),
  };
}

async function operate(message, block, item, raw, node, toast) {
  if (item.confirm && !(await sure(item.confirm))) return;
  const { person } = store;
  node?.setAttribute("aria-busy", "true");
  const answer = await act({ kind: "act", person, container: message.ts, block_id: block.block_id, action_id: item.action_id, value: raw });
  node?.removeAttribute("aria-busy");
  if (!answer.ok) toast(answer.error ?? "That did not work.");
}
