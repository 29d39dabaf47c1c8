// Slack's mrkdwn and standard Markdown, as DOM nodes.

import { h, link } from "./dom.js";

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", eyes: "👀", hourglass: "⌛",
  hourglass_flowing_sand: "⏳", rocket: "🚀", tada: "🎉", mag: "🔍", memo: "📝", no_entry: "⛔",
  octagonal_sign: "🛑", question: "❓", bulb: "💡", lock: "🔒", hammer_and_wrench: "🛠️", wrench: "🔧",
  large_green_circle: "🟢", large_yellow_circle: "🟡", red_circle: "🔴", white_circle: "⚪", large_blue_circle: "🔵",
  arrow_right: "➡️", point_right: "👉", link: "🔗", stopwatch: "⏱️", clock1: "🕐", thumbsup: "👍", "+1": "👍",
  robot_face: "🤖", pencil2: "✏️", raising_hand: "🙋", speech_balloon: "💬", information_source: "ℹ️",
  ballot_box_with_check: "☑️", construction: "🚧", moneybag: "💰", double_vertical_bar: "⏸️", bar_chart: "📊",
};

const unescape = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
const emoji = (text) => text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => EMOJI[name] ?? whole);

/** plain_text: no markup but emoji names. */
export const plain = (text) => emoji(String(text));

/** A text object as nodes. */
export function textNodes(object, names) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text, names) : lines(plain(object.text));
}

function lines(text) {
  return text.split("\n").flatMap((line, index) => (index ? [h("br"), line] : [line]));
}

/** mrkdwn: code, bold, italic, strike, quotes, links, mentions. `names(id)` tells a person's or channel's name. */
export function mrkdwn(source, names) {
  const nodes = [];
  for (const [index, part] of String(source).split(/```/).entries()) {
    if (index % 2) nodes.push(h("pre", {}, unescape(part.replace(/^\n|\n$/g, ""))));
    else nodes.push(...paragraphs(part, names));
  }
  return nodes;
}

function paragraphs(text, names) {
  const nodes = [];
  let quote = null;
  const rows = text.replace(/^\n|\n$/g, "").split("\n");
  rows.forEach((row, index) => {
    const quoted = row.match(/^(?:&gt;|>)\s?(.*)$/);
    if (quoted) {
      if (quote) quote.append(h("br"));
      else nodes.push((quote = h("blockquote")));
      quote.append(...inline(quoted[1], names));
      return;
    }
    if (index && !quote) nodes.push(h("br"));
    quote = null;
    nodes.push(...inline(row, names));
  });
  return text === "" ? [] : nodes;
}

const INLINE = new RegExp(
  [
    "`([^`\\n]+)`",
    "<([^<>\\n]+)>",
    "(?<![\\w*])\\*(?=\\S)([^*\\n]*?\\S)\\*(?![\\w*])",
    "(?<![\\w_])_(?=\\S)([^_\\n]*?\\S)_(?![\\w_])",
    "(?<![\\w~])~(?=\\S)([^~\\n]*?\\S)~(?![\\w~])",
  ].join("|"),
);

function inline(text, names) {
  const nodes = [];
  let rest = text;
  for (let hit = rest.match(INLINE); hit; hit = rest.match(INLINE)) {
    if (hit.index) nodes.push(emoji(unescape(rest.slice(0, hit.index))));
    const [whole, code, angle, bold, italic, strike] = hit;
    if (code !== undefined) nodes.push(h("code", {}, unescape(code)));
    else if (angle !== undefined) nodes.push(reference(angle, names));
    else if (bold !== undefined) nodes.push(h("strong", {}, ...inline(bold, names)));
    else if (italic !== undefined) nodes.push(h("em", {}, ...inline(italic, names)));
    else nodes.push(h("s", {}, ...inline(strike, names)));
    rest = rest.slice(hit.index + whole.length);
  }
  if (rest) nodes.push(emoji(unescape(rest)));
  return nodes;
}

function reference(inside, names) {
  const [target, label] = inside.split("|", 2);
  if (/^[@#]/.test(target)) return h("span", { class: "mention" }, target[0] + (names(target.slice(1)) ?? label ?? target.slice(1)));
  if (target.startsWith("!")) return h("span", { class: "mention" }, `@${target.slice(1).split("^")[0]}`);
  if (!/^(https?:\/\/|mailto:)/i.test(target)) return unescape(`<${inside}>`);
  return link(unescape(target), unescape(label ?? target));
}

/** Standard Markdown as a markdown block takes it: headings, lists, tasks, tables, code, quotes, rules. */
export function markdown(source, names) {
  const rows = String(source).replace(/\r\n?/g, "\n").split("\n");
  const nodes = [];
  while (rows.length) {
    if (!rows[0].trim()) rows.shift();
    else nodes.push(markdownBlock(rows, names));
  }
  return nodes;
}

const LIST = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;

function markdownBlock(rows, names) {
  const row = rows[0];
  const heading = row.match(/^(#{1,6})\s+(.*)$/);
  if (heading) return rows.shift(), h(`h${Math.min(heading[1].length + 2, 6)}`, {}, ...span(heading[2], names));
  if (/^```/.test(row)) return fence(rows);
  if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(row)) return rows.shift(), h("hr");
  if (/^>/.test(row)) return h("blockquote", {}, ...markdown(take(rows, (r) => /^>/.test(r)).map((r) => r.replace(/^>\s?/, "")).join("\n"), names));
  if (LIST.test(row)) return list(rows, names, row.match(LIST)[1].length);
  if (/\|/.test(row) && /^\s*\|?[\s:|-]+\|[\s:|-]*$/.test(rows[1] ?? "")) return table(rows, names);
  const text = [rows.shift(), ...take(rows, (r) => r.trim() && !/^(#{1,6}\s|```|>)/.test(r) && !LIST.test(r))];
  return h("p", {}, ...text.flatMap((line, index) => (index ? [h("br"), ...span(line, names)] : span(line, names))));
}

function take(rows, wanted) {
  const taken = [];
  while (rows.length && wanted(rows[0])) taken.push(rows.shift());
  return taken;
}

function fence(rows) {
  rows.shift();
  const body = take(rows, (row) => !/^```/.test(row));
  rows.shift();
  return h("pre", {}, body.join("\n"));
}

function list(rows, names, indent) {
  const node = h(/^\s*\d/.test(rows[0]) ? "ol" : "ul");
  while (rows.length) {
    const item = rows[0].match(LIST);
    if (item && item[1].length > indent && node.lastChild) node.lastChild.append(list(rows, names, item[1].length));
    else if (item && item[1].length === indent) rows.shift(), node.append(listItem(item[3], names));
    else if (!item && /^\s{2,}\S/.test(rows[0]) && node.lastChild) node.lastChild.append(h("br"), ...span(rows.shift().trim(), names));
    else break;
  }
  return node;
}

function listItem(text, names) {
  const task = text.match(/^\[([ xX])\]\s+(.*)$/);
  if (!task) return h("li", {}, ...span(text, names));
  const done = task[1] !== " ";
  return h("li", { class: "task" }, h("span", { class: "tick", role: "img", "aria-label": done ? "done" : "open" }, done ? "☑" : "☐"), " ", ...span(task[2], names));
}

function table(rows, names) {
  const cells = (row) => row.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  const head = cells(rows.shift());
  rows.shift();
  const body = take(rows, (row) => /\|/.test(row)).map(cells);
  return h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((cell) => h("th", {}, ...span(cell, names))))),
    h("tbody", {}, body.map((row) => h("tr", {}, row.map((cell) => h("td", {}, ...span(cell, names))))))));
}

const SPAN = new RegExp(
  [
    "`([^`]+)`",
    "\\[([^\\]]+)\\]\\(([^)\\s]+)\\)",
    "<([@#!][^<>]+|https?:[^<>]+)>",
    "\\*\\*(?=\\S)(.+?)\\*\\*",
    "~~(?=\\S)(.+?)~~",
    "(?<![\\w*])\\*(?=\\S)([^*]+?)\\*(?!\\w)",
    "(?<!\\w)_(?=\\S)([^_]+?)_(?!\\w)",
    "(https?://[^\\s<>)]+)",
  ].join("|"),
);

function span(text, names) {
  const nodes = [];
  let rest = text;
  for (let hit = rest.match(SPAN); hit; hit = rest.match(SPAN)) {
    if (hit.index) nodes.push(literal(rest.slice(0, hit.index)));
    const [whole, code, label, href, angle, bold, strike, star, low, url] = hit;
    if (code !== undefined) nodes.push(h("code", {}, code));
    else if (label !== undefined) nodes.push(link(href, ...span(label, names)));
    else if (angle !== undefined) nodes.push(reference(angle, names));
    else if (bold !== undefined) nodes.push(h("strong", {}, ...span(bold, names)));
    else if (strike !== undefined) nodes.push(h("s", {}, ...span(strike, names)));
    else if (url !== undefined) nodes.push(link(url, url));
    else nodes.push(h("em", {}, ...span(star ?? low, names)));
    rest = rest.slice(hit.index + whole.length);
  }
  if (rest) nodes.push(literal(rest));
  return nodes;
}

const literal = (text) => emoji(unescape(text.replace(/\\([\\`*_{}[\]()#+\-.!|<>~])/g, "$1")));
