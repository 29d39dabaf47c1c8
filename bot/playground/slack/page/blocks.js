// Block Kit as DOM nodes. `place` is where blocks stand: a message or a modal.
//
// place: { container, names(id), value(block, element), act(block, element, value, node), error(block) }

import { h, link } from "./dom.js";
import { element } from "./elements.js";
import { markdown, plain, textNodes } from "./text.js";

export function renderBlocks(blocks, place) {
  return blocks.map((block) => {
    const render = RENDER[block.type];
    return render ? render(block, place) : h("p", { class: "unknown" }, `[${block.type}]`);
  });
}

const STATES = {
  pending: ["○", "waiting"],
  in_progress: ["◐", "in progress"],
  complete: ["✓", "done"],
  error: ["✕", "failed"],
};

const RENDER = {
  header: (block) => h("h3", { class: "b-header" }, plain(block.text.text)),
  divider: () => h("hr", { class: "b-divider" }),
  section: (block, place) =>
    h("div", { class: "b-section" },
      h("div", { class: "b-section-text" },
        block.text ? h("div", { class: "text" }, ...textNodes(block.text, place.names)) : null,
        block.fields ? h("div", { class: "b-fields" }, block.fields.map((field) => h("div", { class: "text" }, ...textNodes(field, place.names)))) : null),
      block.accessory ? h("div", { class: "b-accessory" }, element(block, block.accessory, place)) : null),
  context: (block, place) =>
    h("div", { class: "b-context" },
      block.elements.map((item) => (item.type === "image" ? h("span", {}, `[${item.alt_text}]`) : h("span", {}, ...textNodes(item, place.names))))),
  actions: (block, place) => h("div", { class: "b-actions" }, block.elements.map((item) => element(block, item, place))),
  image: (block) => h("p", { class: "unknown" }, `[image: ${block.alt_text}]`),
  markdown: (block, place) => h("div", { class: "b-markdown" }, ...markdown(block.text, place.names)),
  rich_text: (block, place) => h("div", { class: "text" }, ...block.elements.map((item) => rich(item, place))),
  plan: (block, place) =>
    h("section", { class: "b-plan" }, h("h3", {}, plain(block.title)), h("ul", {}, (block.tasks ?? []).map((task) => h("li", {}, taskCard(task, place))))),
  task_card: (block, place) => taskCard(block, place),
  input: (block, place) => input(block, place),
};

function taskCard(task, place) {
  const [mark, word] = STATES[task.status] ?? ["?", task.status];
  const more = ["details", "output"].filter((key) => task[key]);
  return h("div", { class: `b-task ${task.status}` },
    h("span", { class: "b-task-mark", role: "img", "aria-label": word }, mark),
    h("div", {},
      h("span", { class: "b-task-title" }, plain(task.title)),
      more.map((key) => h("div", { class: "b-task-more" }, ...task[key].elements.map((item) => rich(item, place)))),
      task.sources ? h("div", { class: "b-task-more" }, task.sources.map((source) => link(source.url, source.text ?? source.url))) : null));
}

function rich(item, place) {
  const parts = (item.elements ?? []).map((part) => (part.elements ? rich(part, place) : richPart(part, place)));
  switch (item.type) {
    case "rich_text_list":
      return h(item.style === "ordered" ? "ol" : "ul", {}, parts.map((part) => h("li", {}, part)));
    case "rich_text_preformatted":
      return h("pre", {}, ...parts);
    case "rich_text_quote":
      return h("blockquote", {}, ...parts);
    default:
      return h("span", { class: "rich" }, ...parts);
  }
}

function richPart(part, place) {
  const style = part.style ?? {};
  let node = { link: () => link(part.url, part.text ?? part.url), user: () => h("span", { class: "mention" }, `@${place.names(part.user_id) ?? part.user_id}`), channel: () => h("span", { class: "mention" }, `#${place.names(part.channel_id) ?? part.channel_id}`), emoji: () => plain(`:${part.name}:`) }[part.type]?.() ?? part.text ?? "";
  if (style.code) node = h("code", {}, node);
  if (style.bold) node = h("strong", {}, node);
  if (style.italic) node = h("em", {}, node);
  if (style.strike) node = h("s", {}, node);
  return node;
}

function input(block, place) {
  const id = `in-${place.container}-${block.block_id}`;
  const problem = place.error?.(block);
  const notes = [block.hint ? `${id}-hint` : null, problem ? `${id}-error` : null].filter(Boolean).join(" ");
  const grouped = ["radio_buttons", "checkboxes", "multi_static_select"].includes(block.element.type);
  const label = [plain(block.label.text), block.optional ? h("span", { class: "optional" }, " (optional)") : null];
  return h("div", { class: problem ? "b-input bad" : "b-input" },
    grouped ? h("span", { class: "label", id: `${id}-label` }, ...label) : h("label", { class: "label", htmlFor: id }, ...label),
    element(block, block.element, place, { id, labelledBy: grouped ? `${id}-label` : null, describedBy: notes || null, invalid: Boolean(problem), required: !block.optional }),
    block.hint ? h("p", { class: "hint", id: `${id}-hint` }, plain(block.hint.text)) : null,
    problem ? h("p", { class: "problem", id: `${id}-error` }, problem) : null);
}
