// The page: two panes, three people, live.

import { syncModal } from "./dialogs.js";
import { byId, h, initials, link } from "./dom.js";
import { messageItem, redraw } from "./messages.js";
import { act, change, listen, me, rootsOf, store, subscribe, threadOf } from "./store.js";

const context = { toast, open: openThread };
const inThread = { toast, open: null };

function draw(update) {
  if (!store.members.length) return;
  if (update.about === "snapshot" || update.about === "page") drawFrame();
  drawPeople();
  drawConnection();
  const how = { edited: update.about === "message" ? update.key : null, anew: ["snapshot", "deleted"].includes(update.about) };
  drawList(byId("messages"), byId("channel-scroll"), rootsOf(store.channel), { ...how, context });
  for (const button of byId("messages").querySelectorAll(".replies"))
    button.setAttribute("aria-expanded", String(button.closest(".message").dataset.ts === store.thread));
  drawThread(how);
  byId("welcome").hidden = rootsOf(store.channel).length > 0;
  syncModal();
}

function drawFrame() {
  const { front, channels } = store;
  const banner = byId("banner");
  banner.hidden = !front.banner;
  banner.textContent = front.banner;
  const channel = channels.find((one) => one.id === store.channel);
  byId("channel-name").textContent = `# ${channel.name}`;
  byId("channel-purpose").textContent = channel.purpose;
  byId("thread-channel").textContent = `# ${channel.name}`;
  byId("channels").replaceChildren(...channels.map((one) => h("li", {},
    h("button", { type: "button", class: "nav-button", "aria-current": one.id === store.channel ? "page" : null, onclick: () => go(one.id) }, `# ${one.name}`))));
  byId("suggestions-box").hidden = !front.suggestions.length;
  byId("suggestions").replaceChildren(...front.suggestions.map((one) => h("li", {},
    h("button", { type: "button", class: "suggestion", onclick: () => suggest(one) }, h("strong", {}, one.title), h("span", {}, one.text)))));
  byId("links-box").hidden = !front.links.length;
  byId("links").replaceChildren(...front.links.map((one) => h("li", {}, link(one.href, one.title, " ↗"))));
  drawWelcome(channel);
  for (const id of ["composer", "thread-composer"]) {
    const text = byId(`${id}-text`);
    text.placeholder = id === "composer" ? `Message #${channel.name} as ${me().name}` : `Reply as ${me().name}`;
  }
}

function drawWelcome(channel) {
  byId("welcome").replaceChildren(
    h("h2", {}, `Nothing in #${channel.name} yet`),
    h("p", {}, `You act as ${me().name}, the ${me().role}. Mention @${store.bot.name} with a request, and it answers in a thread.`),
    store.front.suggestions.length ? h("p", {}, "Choose one of the things to try on the left: it fills the message box, and Enter sends it.") : null,
    h("p", {}, "Switch people at the top (Alt+1, Alt+2, Alt+3): each sees and may do different things."));
}

function drawPeople() {
  const buttons = store.members.map((member, index) =>
    h("button", {
      type: "button", class: "person", "aria-pressed": String(member.id === store.person), "data-key": member.id, title: `Alt+${index + 1}`,
      "aria-keyshortcuts": `Alt+${index + 1}`, onclick: () => become(member.id),
    },
    h("span", { class: `avatar who-${index}`, "aria-hidden": "true" }, initials(member.name)),
    h("span", { class: "person-text" }, h("span", { class: "person-name" }, member.name), h("span", { class: "person-role" }, member.role)),
    store.attention.has(member.id) ? h("span", { class: "dot" }, h("span", { class: "hidden" }, " has something new")) : null));
  const box = byId("people");
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  box.replaceChildren(...buttons);
  if (focused) box.querySelector(`[data-key="${focused}"]`).focus();
}

function drawConnection() {
  const said = { true: `${store.bot.name} is connected`, false: `${store.bot.name} is not connected`, null: "The playground does not answer" }[store.connected];
  const line = byId("connection");
  if (line.textContent === said) return;
  line.textContent = said;
  line.className = `connection ${store.connected ? "on" : "off"}`;
}

/** Keep a list's items in step with messages: only what is new, gone or `edited` is touched, unless `anew`. */
function drawList(list, scroller, messages, { edited, anew, context }) {
  const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
  const drawnFor = `${store.person} ${list.id === "replies" ? store.thread : store.channel}`;
  const same = list.dataset.drawnFor === drawnFor;
  if (!same || anew) list.replaceChildren();
  list.dataset.drawnFor = drawnFor;
  const wanted = new Set(messages.map((message) => message.ts));
  for (const item of [...list.children]) if (!wanted.has(item.dataset.ts)) item.remove();
  const there = new Map([...list.children].map((item) => [item.dataset.ts, item]));
  const touched = new Set([edited, store.messages.get(edited)?.thread_ts]);
  let newest = null;
  for (const message of messages) {
    const item = there.get(message.ts);
    if (!item) list.append((newest = messageItem(message, context)));
    else if (touched.has(message.ts)) redraw(item, message, context);
  }
  if (newest) follow(scroller, newest, { jump: !same || atEnd });
}

/** After something new: go to the end (or to the top of what is taller than the pane), or offer to. */
function follow(scroller, newest, { jump }) {
  const tall = newest.offsetHeight > scroller.clientHeight - 40;
  if (jump) scroller.scrollTop = tall ? newest.offsetTop - scroller.offsetTop : scroller.scrollHeight;
  scroller.nextElementSibling.hidden = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
}

function jumper(scroller) {
  const button = scroller.nextElementSibling;
  button.addEventListener("click", () => { scroller.scrollTop = scroller.scrollHeight; });
  scroller.addEventListener("scroll", () => {
    if (scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80) button.hidden = true;
  });
}

function drawThread(how) {
  const pane = byId("thread");
  pane.hidden = !store.thread;
  byId("panes").classList.toggle("with-thread", Boolean(store.thread));
  if (!store.thread) return;
  drawList(byId("replies"), byId("thread-scroll"), threadOf(store.thread), { ...how, context: inThread });
  const status = store.statuses[`${store.channel}:${store.thread}`];
  const line = byId("status");
  const said = status ? `${store.bot.name} ${status}` : "";
  if (line.textContent !== said) line.textContent = said;
}

function become(person) {
  store.attention.delete(person);
  change({ person });
}

function go(channel, thread = null) {
  change({ channel, thread });
  history.replaceState(null, "", thread ? `#${channel}/${thread}` : `#${channel}`);
}

function openThread(ts) {
  go(store.channel, ts);
  byId("thread-composer-text").focus({ preventScroll: true });
}

function closeThread() {
  const ts = store.thread;
  go(store.channel);
  byId("messages").querySelector(`[data-ts="${ts}"] .replies`)?.focus();
}

function suggest({ channel, text }) {
  go(channel);
  const box = byId("composer-text");
  box.value = text;
  resize(box);
  box.focus();
}

let toastTimer;
function toast(sentence) {
  const box = byId("toast");
  box.textContent = sentence;
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { box.hidden = true; }, 8000);
}

function resize(box) {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 240)}px`;
}

function composer(id, threadOfPlace) {
  const box = h("textarea", { id: `${id}-text`, rows: 1, "aria-label": id === "composer" ? "Message to the channel" : "Reply to the thread", oninput: () => resize(box), onkeydown: (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    byId(id).requestSubmit();
  } });
  const mention = h("button", { type: "button", class: "quiet mention-button", onclick: () => {
    box.setRangeText(`@${store.bot.name} `, box.selectionStart, box.selectionEnd, "end");
    box.focus();
  } }, "@Greenlight");
  byId(id).replaceChildren(box, h("div", { class: "composer-foot" }, mention, h("span", { class: "composer-hint" }, "Enter sends, Shift+Enter starts a new line"), h("button", { type: "submit", class: "button primary" }, "Send")));
  byId(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = box.value;
    if (!text.trim()) return;
    box.value = "";
    resize(box);
    const thread = threadOfPlace();
    const answer = await act({ kind: "write", channel: store.channel, text, thread_ts: thread });
    if (!answer.ok) {
      box.value = text;
      resize(box);
      toast(answer.error ?? "That could not be sent.");
    } else if (!thread && text.includes(`@${store.bot.name}`)) openThread(answer.ts);
  });
}

document.addEventListener("keydown", (event) => {
  if (event.altKey && !event.ctrlKey && /^Digit[1-9]$/.test(event.code)) {
    const member = store.members[Number(event.code.slice(5)) - 1];
    if (member) event.preventDefault(), become(member.id);
  }
  if (event.key === "Escape" && !event.defaultPrevented && store.thread && !document.querySelector("dialog[open]")) closeThread();
});

function followAddress() {
  const [, channel, thread] = location.hash.match(/^#(C\w+)(?:\/([\d.]+))?$/) ?? [];
  if (channel && store.channels.some((one) => one.id === channel)) change({ channel, thread: store.messages.has(thread) ? thread : null });
}

jumper(byId("channel-scroll"));
jumper(byId("thread-scroll"));
composer("composer", () => null);
composer("thread-composer", () => store.thread);
byId("thread-close").addEventListener("click", closeThread);
window.addEventListener("hashchange", followAddress);
if (location.search) history.replaceState(null, "", location.pathname + location.hash);
let first = true;
subscribe((update) => {
  if (update.about === "snapshot" && first) first = false, followAddress();
  draw(update);
});
listen();
