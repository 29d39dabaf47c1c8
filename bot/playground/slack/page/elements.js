// Block Kit's interactive elements. A change is told to place.act; nothing is kept here but open menus.

import { h } from "./dom.js";
import { plain, textNodes } from "./text.js";

const openMenus = new Set();

/** The element as a node. `field` holds ids and flags if it is a form field. */
export function element(block, item, place, field = {}) {
  const render = RENDER[item.type];
  return render ? render(block, item, place, field) : h("span", { class: "unknown" }, `[${item.type}]`);
}

/** What the page sends for an element's value: text, an option's value, or a list of them. */
export function rawOf(value) {
  if (!value) return null;
  if ("value" in value) return value.value;
  if ("selected_options" in value) return value.selected_options.map((option) => option.value);
  return value.selected_option?.value ?? null;
}

const RENDER = { button, static_select: select, multi_static_select: multi, overflow, radio_buttons: choices, checkboxes: choices, plain_text_input: textInput, image };

const keyOf = (block, item) => `${block.block_id}/${item.action_id}`;
const optionsOf = (item) => item.options ?? item.option_groups.flatMap((group) => group.options);

function image(_block, item) {
  return h("span", { class: "unknown" }, `[${item.alt_text}]`);
}

function button(block, item, place) {
  const web = /^https?:\/\//i.test(item.url ?? "");
  return h("button", {
    type: "button", class: `button ${item.style ?? ""}`, "data-key": keyOf(block, item), "aria-label": item.accessibility_label,
    onclick: (event) => {
      if (web) window.open(item.url, "_blank", "noopener,noreferrer");
      place.act(block, item, item.value ?? null, event.currentTarget);
    },
  }, plain(item.text.text), web ? " ↗" : "");
}

function select(block, item, place, field) {
  const chosen = rawOf(place.value(block, item)) ?? "";
  const option = (one) => h("option", { value: one.value, selected: one.value === chosen },
    plain(one.text.text) + (one.description ? ` – ${plain(one.description.text)}` : ""));
  const groups = item.option_groups?.map((group) => h("optgroup", { label: plain(group.label.text) }, group.options.map(option)));
  return h("select", {
    ...fieldProps(field), class: "select", "data-key": keyOf(block, item),
    "aria-label": field.id ? null : plain(item.placeholder?.text ?? block.text?.text ?? "Choose"),
    onchange: (event) => place.act(block, item, event.target.value || null, event.target),
  }, h("option", { value: "", selected: !chosen }, plain(item.placeholder?.text ?? "Choose an option")), groups ?? item.options.map(option));
}

function multi(block, item, place, field) {
  const chosen = rawOf(place.value(block, item)) ?? [];
  const shown = optionsOf(item).filter((one) => chosen.includes(one.value)).map((one) => plain(one.text.text));
  const full = chosen.length >= (item.max_selected_items ?? Infinity);
  const boxes = optionsOf(item).map((one) => {
    const checked = chosen.includes(one.value);
    return optionLabel(one, place, h("input", {
      type: "checkbox", checked, disabled: full && !checked, "data-key": `${keyOf(block, item)}/${one.value}`,
      onchange: (event) => place.act(block, item, checkedOf(event.target, optionsOf(item)), event.target),
    }));
  });
  const title = shown.length ? shown.join(", ") : plain(item.placeholder?.text ?? "Choose options");
  return menu(`${place.container}/${keyOf(block, item)}`, "multi", field,
    h("summary", { class: "select", "data-key": keyOf(block, item) }, title),
    h("div", { class: "menu-list", role: "group", "aria-label": plain(item.placeholder?.text ?? "Options") }, boxes));
}

function overflow(block, item, place) {
  const entries = item.options.map((one) =>
    h("button", { type: "button", class: "menu-entry", onclick: (event) => {
      openMenus.delete(`${place.container}/${keyOf(block, item)}`);
      event.currentTarget.closest("details").open = false;
      place.act(block, item, one.value, event.currentTarget);
    } }, plain(one.text.text)));
  return menu(`${place.container}/${keyOf(block, item)}`, "overflow", {},
    h("summary", { class: "button", "data-key": keyOf(block, item), "aria-label": "More actions" }, "⋯"),
    h("div", { class: "menu-list" }, entries));
}

function menu(key, kind, field, ...children) {
  return h("details", {
    class: `menu ${kind}`, open: openMenus.has(key), "aria-labelledby": field.labelledBy, "aria-describedby": field.describedBy,
    ontoggle: (event) => (event.target.open ? openMenus.add(key) : openMenus.delete(key)),
    onkeydown: (event) => {
      if (event.key !== "Escape" || !event.currentTarget.open) return;
      event.preventDefault();
      event.stopPropagation();
      event.currentTarget.open = false;
      event.currentTarget.querySelector("summary").focus();
    },
  }, ...children);
}

function choices(block, item, place, field) {
  const many = item.type === "checkboxes";
  const chosen = [rawOf(place.value(block, item)) ?? []].flat();
  const name = `${place.container}-${block.block_id}-${item.action_id}`;
  return h("div", {
    class: "choices", role: many ? "group" : "radiogroup",
    "aria-labelledby": field.labelledBy, "aria-describedby": field.describedBy,
    "aria-label": field.labelledBy ? null : plain(block.text?.text ?? "Choose"),
  }, item.options.map((one, index) =>
    optionLabel(one, place, h("input", {
      type: many ? "checkbox" : "radio", name, id: index === 0 ? field.id : null, checked: chosen.includes(one.value),
      "data-key": `${keyOf(block, item)}/${one.value}`,
      onchange: (event) => place.act(block, item, many ? checkedOf(event.target, item.options) : one.value, event.target),
    }))));
}

/** The values checked now in the group an input stands in. */
function checkedOf(input, options) {
  const boxes = [...input.closest(".choices, .menu-list").querySelectorAll("input")];
  return options.filter((_, index) => boxes[index].checked).map((one) => one.value);
}

function optionLabel(one, place, input) {
  return h("label", { class: "choice" }, input, h("span", {},
    h("span", { class: "choice-text" }, ...textNodes(one.text, place.names)),
    one.description ? h("span", { class: "choice-note" }, ...textNodes(one.description, place.names)) : null));
}

function textInput(block, item, place, field) {
  return h(item.multiline ? "textarea" : "input", {
    ...fieldProps(field), class: "field", "data-key": keyOf(block, item), maxLength: item.max_length ?? 3000,
    rows: item.multiline ? 5 : null, type: item.multiline ? null : "text", autocomplete: "off",
    value: rawOf(place.value(block, item)) ?? "", placeholder: plain(item.placeholder?.text ?? ""),
    "aria-label": field.id ? null : plain(item.placeholder?.text ?? "Text"),
    oninput: (event) => place.draft?.(block, item, event.target.value),
    onchange: (event) => place.act(block, item, event.target.value, event.target),
  });
}

function fieldProps(field) {
  return { id: field.id, "aria-describedby": field.describedBy, "aria-invalid": field.invalid ? "true" : null, "aria-required": field.required ? "true" : null };
}
