/** The timeline by keyboard and mouse, and the instant check of a move. */

import { getJson } from "./http.js";

const picture = document.querySelector("[data-timeline]");
const form = document.querySelector("[data-move-check]");

/** Go to the page on which an engagement is moved, with an agent and an interval proposed. */
function openMove(work, { person, start } = {}) {
  const base = picture.dataset.moveUrl;
  if (!base) return;
  const url = new URL(base.replace("/engagements/0/", `/engagements/${work.dataset.work}/`), location.href);
  if (person) url.searchParams.set("person", person);
  if (start !== undefined) url.searchParams.set("start", start);
  location.assign(url);
}

const rowOf = (work) => work.closest("[data-row]");
const middle = (work) => {
  const box = work.getBoundingClientRect();
  return box.left + box.width / 2;
};

/** Return the piece of work that an arrow key leads to. */
function neighbour(work, key) {
  const row = rowOf(work);
  const mine = [...row.querySelectorAll("[data-work]")];
  const place = mine.indexOf(work);
  if (key === "ArrowRight") return mine[place + 1];
  if (key === "ArrowLeft") return mine[place - 1];
  if (key === "Home") return mine[0];
  if (key === "End") return mine.at(-1);
  const rows = [...picture.querySelectorAll("[data-row]")].filter((each) => each.querySelector("[data-work]"));
  const other = rows[rows.indexOf(row) + (key === "ArrowDown" ? 1 : -1)];
  const candidates = other ? [...other.querySelectorAll("[data-work]")] : [];
  const here = middle(work);
  return candidates.sort((one, two) => Math.abs(middle(one) - here) - Math.abs(middle(two) - here))[0];
}

/** Only one piece of work is in the tab order; the arrow keys lead to the others. */
function enter(work) {
  for (const each of picture.querySelectorAll("[data-work][tabindex='0']")) each.setAttribute("tabindex", "-1");
  work.setAttribute("tabindex", "0");
}

function wireKeys() {
  const all = [...picture.querySelectorAll("[data-work]")];
  for (const each of all) each.setAttribute("tabindex", "-1");
  const first = (location.hash && picture.querySelector(`[id="${CSS.escape(location.hash.slice(1))}"]`)) || all[0];
  if (!first) return;
  enter(first);
  if (location.hash === `#${first.id}`) first.focus();
  document.addEventListener("live:updated", () => {
    for (const each of picture.querySelectorAll("[data-work]:not([tabindex])")) each.setAttribute("tabindex", "-1");
  });
  picture.addEventListener("keydown", (event) => {
    const work = event.target.closest("[data-work]");
    if (!work || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "m") {
      event.preventDefault();
      event.stopPropagation();
      openMove(work);
    }
    if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) return;
    event.preventDefault();
    const next = neighbour(work, event.key);
    if (!next) return;
    enter(next);
    next.focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
}

/** A piece of work that is dragged to another row or time opens its move with that place proposed. */
function wireMouse() {
  if (!picture.dataset.moveUrl) return;
  let drag = null;
  let justDragged = false;
  picture.addEventListener("dragstart", (event) => event.preventDefault());
  picture.addEventListener("pointerdown", (event) => {
    const work = event.target.closest("[data-work]");
    if (!work || event.button !== 0 || event.pointerType === "touch") return;
    drag = { work, x: event.clientX, y: event.clientY, moved: false };
  });
  window.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const dx = event.clientX - drag.x;
    const dy = event.clientY - drag.y;
    if (!drag.moved && Math.hypot(dx, dy) < 6) return;
    drag.moved = true;
    drag.work.classList.add("is-dragged");
    drag.work.setAttribute("transform", `translate(${dx} ${dy})`);
  });
  window.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { work, moved, x } = drag;
    drag = null;
    if (!moved) return;
    justDragged = true;
    setTimeout(() => (justDragged = false));
    const left = work.querySelector("rect").x.baseVal.value + event.clientX - x;
    const start = Math.max(0, Math.floor(left / Number(picture.dataset.intervalWidth)));
    work.removeAttribute("transform");
    work.classList.remove("is-dragged");
    const top = picture.getBoundingClientRect().top;
    const rows = [...picture.querySelectorAll("[data-row]")];
    const row = rows[Math.floor((event.clientY - top - 28) / 44)];
    if (row) openMove(work, { person: row.dataset.person, start });
  });
  // The click that ends a drag must not open the work.
  picture.addEventListener(
    "click",
    (event) => {
      if (justDragged) event.preventDefault();
    },
    true,
  );
}

/** Ask on every change what the move would break and cost, and say it. */
function wireCheck() {
  const answer = form.querySelector("[data-move-answer]");
  let asked = 0;
  const show = (tone, text) => {
    const note = document.createElement("div");
    note.className = `callout tone-${tone}`;
    const paragraph = document.createElement("p");
    paragraph.textContent = text;
    note.append(paragraph);
    answer.replaceChildren(note);
  };
  form.addEventListener("change", async (event) => {
    if (!["person_id", "start"].includes(event.target.name)) return;
    const turn = ++asked;
    // What was said of another place must not be read as said of this one.
    show("neutral", "Checking …");
    const url = new URL(form.dataset.moveCheck, location.href);
    url.searchParams.set("person", form.elements.person_id.value);
    url.searchParams.set("start", form.elements.start.value);
    try {
      const found = await getJson(url);
      if (turn !== asked) return;
      const lost = found.value_before - found.value_after;
      show(!found.allowed ? "bad" : lost > 0.05 ? "warn" : "good", found.text);
    } catch (error) {
      if (turn === asked) show("bad", error.message);
    }
  });
}

if (picture) {
  wireKeys();
  wireMouse();
}
if (form) wireCheck();
