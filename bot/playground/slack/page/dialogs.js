// Modals the bot opens, and "are you sure" dialogs of buttons.

import { renderBlocks } from "./blocks.js";
import { rawOf } from "./elements.js";
import { byId, h } from "./dom.js";
import { act, draftOf, names, setDraft, store } from "./store.js";
import { plain, textNodes } from "./text.js";

let shown = null; // { id, hash, person }
let problems = {};
let values = {}; // {block_id: {action_id: raw}} of the shown view

/** Show what the acting person's modal is now, or nothing. */
export function syncModal() {
  const view = store.views[store.person];
  const dialog = byId("modal");
  if (!view) {
    shown = null;
    if (dialog.open) dialog.close();
    return;
  }
  const now = { id: view.id, hash: view.hash, person: store.person };
  if (shown && shown.id === now.id && shown.hash === now.hash && shown.person === now.person && dialog.open) return;
  const sameView = shown?.id === now.id && shown?.person === now.person;
  shown = now;
  problems = {};
  values = Object.fromEntries(Object.entries(view.state.values).map(([block, actions]) =>
    [block, Object.fromEntries(Object.entries(actions).map(([action, value]) => [action, rawOf(value)]))]));
  draw(view, dialog);
  if (!dialog.open) dialog.showModal();
  if (!sameView) focusFirst(dialog);
}

function focusFirst(dialog) {
  (dialog.querySelector(".modal-body :is(input, textarea, select, summary, button):not(:disabled)") ?? dialog.querySelector(".modal-foot button"))?.focus();
}

function draw(view, dialog) {
  const place = {
    container: view.id, names,
    value: (block, item) => asValue(item, draftOf(view.id, block, item) ?? values[block.block_id]?.[item.action_id]),
    draft: (block, item, text) => { setDraft(view.id, block, item, text); keep(block, item, text); },
    act: (block, item, raw, node) => operate(view, block, item, raw, node),
    error: (block) => problems[block.block_id],
  };
  const foot = [
    h("button", { type: "button", class: "button", onclick: () => close(view) }, plain(view.close?.text ?? "Cancel")),
    view.submit ? h("button", { type: "submit", class: "button primary" }, plain(view.submit.text)) : null,
  ];
  const form = h("form", { class: "modal-form", noValidate: true, onsubmit: (event) => { event.preventDefault(); submit(view, dialog); } },
    h("header", { class: "modal-head" }, h("h2", { id: "modal-title" }, plain(view.title.text)),
      h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => close(view) }, "✕")),
    h("p", { class: "problem", role: "alert", id: "modal-problem" }),
    h("div", { class: "modal-body" }, renderBlocks(view.blocks, place)),
    h("footer", { class: "modal-foot" }, foot));
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  dialog.replaceChildren(form);
  dialog.oncancel = (event) => { event.preventDefault(); close(view); };
}

/** The form of a value that elements read, from what is sent. */
function asValue(item, raw) {
  const options = item.options ?? item.option_groups?.flatMap((group) => group.options) ?? [];
  if (item.type === "plain_text_input") return { value: raw ?? null };
  if (Array.isArray(raw)) return { selected_options: options.filter((one) => raw.includes(one.value)) };
  return { selected_option: options.find((one) => one.value === raw) ?? null };
}

function keep(block, item, raw) {
  if (["button", "overflow"].includes(item.type)) return;
  (values[block.block_id] ??= {})[item.action_id] = raw;
}

async function operate(view, block, item, raw, node) {
  if (shown?.id !== view.id) return; // a field losing its focus because the modal went away
  keep(block, item, raw);
  if (item.type === "plain_text_input") setDraft(view.id, block, item, raw);
  if (item.type === "multi_static_select") redraw(view, node);
  if (item.confirm && !(await sure(item.confirm))) return;
  const answer = await act({ kind: "act", container: view.id, block_id: block.block_id, action_id: item.action_id, value: raw });
  if (!answer.ok && answer.status !== 409) byId("modal-problem").textContent = answer.error;
}

function redraw(view, node) {
  const key = node?.dataset?.key;
  const dialog = byId("modal");
  draw(view, dialog);
  if (key) dialog.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

async function submit(view, dialog) {
  const buttons = dialog.querySelectorAll(".modal-foot button");
  for (const button of buttons) button.disabled = true;
  const inputs = view.blocks.filter((block) => block.type === "input");
  const sent = Object.fromEntries(inputs.map((block) => [block.block_id, { [block.element.action_id]: values[block.block_id]?.[block.element.action_id] ?? null }]));
  const answer = await act({ kind: "submit", view_id: view.id, values: sent });
  for (const button of buttons) button.disabled = false;
  if (answer.ok) return;
  problems = answer.errors ?? {};
  if (shown?.id === view.id) draw(store.views[store.person] ?? view, dialog);
  byId("modal-problem").textContent = answer.error ?? "";
  dialog.querySelector(".bad :is(input, textarea, select, summary)")?.focus();
}

async function close(view) {
  const answer = await act({ kind: "close", view_id: view.id });
  if (!answer.ok) syncModal();
}

/** Ask what a button's confirm dialog says; resolves to whether the person goes on. */
export function sure(confirm) {
  const dialog = byId("confirm");
  return new Promise((resolve) => {
    let yes = false;
    dialog.replaceChildren(h("form", { method: "dialog", class: "modal-form" },
      h("header", { class: "modal-head" }, h("h2", { id: "confirm-title" }, plain(confirm.title.text))),
      h("div", { class: "modal-body" }, h("div", { class: "text" }, ...textNodes(confirm.text, names))),
      h("footer", { class: "modal-foot" },
        h("button", { class: "button" }, plain(confirm.deny.text)),
        h("button", { class: `button ${confirm.style ?? "primary"}`, onclick: () => { yes = true; } }, plain(confirm.confirm.text)))));
    dialog.onclose = () => resolve(yes);
    dialog.showModal();
  });
}
