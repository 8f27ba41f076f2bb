/**
 * Keeps an open page true.
 *
 * A stream of server-sent events, or questions from time to time where there is no room for one, says which topics of
 * the page changed, and no more; the page is then fetched again and changed where it differs. Hidden pages do neither.
 */

import { getJson } from "./http.js";
import { isTouched, morph, remember } from "./morph.js";

const SPREAD_MS = 300;
const HELLO_MS = 10_000;
const POLL_MS = 4_000;
const POLL_JOB_MS = 1_500;
const LONGEST_MS = 30_000;
const STREAM_AGAIN_MS = 60_000;

const meta = document.querySelector('meta[name="live"]');
const main = document.getElementById("main");

let page = meta && read(meta);
let cursor = page?.cursor;
let source = null;
let polling = null;
let fetching = null;
let fetchedAt = 0;
let refusals = 0;
let began = page?.cursor;
let wireAdded = () => {};

function read(element) {
  const { topics, cursor: at, url, pause } = element.dataset;
  return { token: element.content, topics, cursor: at, url, pause: Number(pause) * 1000 };
}

const bell = () => document.querySelector('[data-live-region="bell"]');
const address = (path, since = cursor) => `/live/${path}?${new URLSearchParams({ t: page.token, since })}`;
const jitter = (ms) => ms * (0.7 + Math.random() * 0.6);
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* What changed becomes visible. */

async function fetchDocument(url) {
  const response = await fetch(url, { credentials: "same-origin", headers: { Accept: "text/html", "X-Mainstay-Live": "1" } });
  const text = await response.text();
  return { response, found: new DOMParser().parseFromString(text, "text/html") };
}

function show(element, newer, options) {
  if (!element || !newer) return [];
  const { added, kept } = morph(element, newer, options);
  for (const each of added) wireAdded(each);
  return kept;
}

async function renew({ force = false } = {}) {
  const { response, found } = await fetchDocument(page.url || location.href);
  if (response.redirected && new URL(response.url).pathname !== location.pathname) {
    // A run has become a plan, or the session has ended: what is typed here is not taken away from under the hands.
    if (![...document.forms].some(isTouched)) location.assign(response.url);
    return response;
  }
  const newer = found.querySelector('meta[name="live"]');
  if (!response.ok || !newer) return response;
  const before = page.topics;
  page = read(newer);
  show(bell(), found.querySelector('[data-live-region="bell"]'));
  if (page.url) {
    const kept = show(main, found.getElementById("main"), { force });
    document.title = found.title;
    document.dispatchEvent(new CustomEvent("live:updated"));
    if (kept.length) await sayKept();
    else {
      began = page.cursor;
      note()?.remove();
    }
  }
  if (before !== page.topics) connect();
  return response;
}

/** Fetch the page again soon, together with what else changes in the meantime. */
function changed(topics) {
  const ofPage = page.url && topics.some((topic) => !topic.startsWith("notices:"));
  const notices = topics.some((topic) => topic.startsWith("notices:"));
  if (!ofPage && !notices) return;
  fetchSoon(ofPage || (page.url && location.pathname.startsWith("/notices")));
}

function fetchSoon(whole, least = 0) {
  if (fetching) {
    fetching.whole ||= whole;
    return;
  }
  fetching = { whole };
  const wait = Math.max(Math.random() * SPREAD_MS, least, whole ? fetchedAt + page.pause - performance.now() : 0);
  setTimeout(async () => {
    const all = fetching.whole;
    fetching = null;
    try {
      if (all) fetchedAt = performance.now();
      const response = all ? await renew() : await renewBell();
      if (response.status !== 503) {
        refusals = 0;
        return;
      }
      // A server with more to do tells open pages to wait; what changed is still to be shown.
      const seconds = Number(response.headers.get("Retry-After")) || 2;
      fetchSoon(all, jitter(Math.min(LONGEST_MS, 1000 * seconds * 2 ** refusals)));
      refusals += 1;
    } catch {
      // Without a connection the next question, or the stream's return, tells the same again.
    }
  }, wait);
}

async function renewBell() {
  const { response, found } = await fetchDocument("/live/bell");
  if (response.ok) show(bell(), found.querySelector('[data-live-region="bell"]'));
  return response;
}

const note = () => document.querySelector("[data-live-note]");

/** Say that a form was left alone, by whom it changed, and offer to show it. */
async function sayKept() {
  const { name, at } = await getJson(address("last", began)).catch(() => ({}));
  const box = note() ?? document.getElementById("live-note-template").content.firstElementChild.cloneNode(true);
  box.querySelector("[data-live-words]").textContent =
    `Changed${name ? ` by ${name}` : ""}${at ? `, ${at}` : ""}. What you typed is still here.`;
  box.querySelector("[data-live-show]").onclick = () => renew({ force: true });
  if (!box.isConnected) main.prepend(box);
}

/* How the page learns of changes. */

function connect() {
  disconnect();
  if (document.hidden || !page) return;
  source = new EventSource(address("stream"));
  const opened = source;
  // A proxy that holds everything back looks like a stream on which nothing happens.
  const silence = setTimeout(() => opened === source && poll(), HELLO_MS);
  opened.addEventListener("hello", () => {
    clearTimeout(silence);
    document.documentElement.dataset.live = "stream";
  });
  opened.addEventListener("change", (event) => {
    cursor = event.lastEventId;
    changed(JSON.parse(event.data));
  });
  opened.addEventListener("full", () => poll());
  opened.addEventListener("error", () => {
    if (opened !== source || opened.readyState !== EventSource.CLOSED) return;
    clearTimeout(silence);
    poll();
  });
}

function disconnect() {
  source?.close();
  source = null;
  if (polling) polling.over = true;
  polling = null;
}

/** Ask from time to time, more rarely while nothing happens, and look for room on a stream once a minute. */
async function poll() {
  disconnect();
  const turn = (polling = { over: false });
  document.documentElement.dataset.live = "poll";
  const shortest = () => (/\bjobs?\b/.test(page.topics) ? POLL_JOB_MS : POLL_MS);
  const until = performance.now() + jitter(STREAM_AGAIN_MS);
  let wait = shortest() / 4;
  while (!turn.over) {
    await later(jitter(wait));
    if (turn.over) return;
    if (performance.now() > until) return connect();
    try {
      const answer = await getJson(address("changes"));
      if (turn.over) return;
      cursor = answer.cursor;
      if (answer.topics.length) changed(answer.topics);
      wait = answer.topics.length ? shortest() : Math.min(LONGEST_MS / 2, Math.max(shortest(), wait * 1.3));
    } catch (error) {
      if (error.status === 410) return turn.over ? undefined : again();
      if ([401, 403].includes(error.status)) return stop();
      wait = Math.min(LONGEST_MS, Math.max(shortest(), wait * 2));
    }
  }
}

/** The rights of this person changed, or the page is very old: it needs a new token, or is theirs no more. */
async function again() {
  const old = page.token;
  await renew().catch(() => {});
  if (page.token === old) return stop();
  cursor = page.cursor;
  connect();
}

function stop() {
  disconnect();
  document.documentElement.dataset.live = "off";
}

if (meta && main) {
  // Before any other script changes the page: this is what the server said.
  remember(main);
  if (bell()) remember(bell());
}

/** Begin; `wire` makes new parts of the page work. */
export function start(wire) {
  if (!meta || !main) return;
  wireAdded = wire;
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", (event) => event.persisted && connect());
  connect();
}
