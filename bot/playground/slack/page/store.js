// What the page knows: a copy of the workspace kept current by the server's stream, and who acts.

const listeners = new Set();
const drafts = new Map();

export const store = {
  bot: null, members: [], channels: [], front: {}, messages: new Map(), views: {}, statuses: {}, connected: false,
  person: null, channel: null, thread: null, attention: new Set(),
};

/** `listener(update)` is called after every change of the store. */
export const subscribe = (listener) => listeners.add(listener);

export const me = () => store.members.find((member) => member.id === store.person);

export function names(id) {
  if (store.bot && id === store.bot.id) return store.bot.name;
  return store.members.find((member) => member.id === id)?.name ?? store.channels.find((channel) => channel.id === id)?.name;
}

/** Messages the acting person sees, oldest first. */
const visible = () => [...store.messages.values()].filter((message) => !message.visible_to || message.visible_to === store.person);
export const rootsOf = (channel) => visible().filter((m) => m.channel === channel && (!m.thread_ts || m.thread_ts === m.ts));
export const threadOf = (ts) => visible().filter((m) => m.ts === ts || m.thread_ts === ts);

/** Text being typed, kept over redraws; per person and place. */
const draftKey = (container, block, item) => [store.person, container, block.block_id, item.action_id].join(" ");
export const setDraft = (container, block, item, text) => drafts.set(draftKey(container, block, item), text);
export const draftOf = (container, block, item) => drafts.get(draftKey(container, block, item));

export function change(fields) {
  Object.assign(store, fields);
  tell({ about: "page" });
}

export function listen() {
  const stream = new EventSource("/page/events");
  stream.onmessage = (event) => apply(JSON.parse(event.data));
  stream.onerror = () => change({ connected: null });
}

/** Do something as the acting person; returns {ok, status, error?, errors?, ts?}. */
export async function act(deed) {
  try {
    const response = await fetch("/page/act", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ person: store.person, ...deed }),
    });
    return { ok: response.ok, status: response.status, ...(await response.json()) };
  } catch {
    return { ok: false, status: 0, error: "The playground is not running any more." };
  }
}

function tell(update) {
  for (const listener of listeners) listener(update);
}

function apply(update) {
  const handler = UPDATES[update.about];
  if (!handler) return;
  handler(update);
  tell(update);
}

const UPDATES = {
  snapshot(update) {
    const { bot, members, channels, front, views, statuses, connected } = update;
    Object.assign(store, { bot, members, channels, front, views, statuses, connected });
    store.messages = new Map(update.messages.map((message) => [message.ts, message]));
    store.person ??= members[0].id;
    store.channel ??= channels[0].id;
    if (store.thread && !store.messages.has(store.thread)) store.thread = null;
  },
  message(update) {
    const { message } = update;
    if (message.visible_to && message.visible_to !== store.person && !store.messages.has(message.ts)) store.attention.add(message.visible_to);
    store.messages.set(message.ts, message);
  },
  deleted(update) {
    store.messages.delete(update.key);
    if (store.thread === update.key) store.thread = null;
  },
  views(update) {
    store.views[update.key] = update.view;
    if (update.view && update.key !== store.person) store.attention.add(update.key);
  },
  status(update) {
    store.statuses[update.key] = update.status;
  },
  connection(update) {
    store.connected = update.connected;
  },
};
