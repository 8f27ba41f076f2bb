/** The command palette: Ctrl-K, a few letters, arrows, Enter. */

import { getJson } from "./http.js";
import { openDialog } from "./dialogs.js";

const GROUPS = { page: "Pages", person: "People", skill: "Skills" };
const WAIT_MS = 120;

export function start() {
  const dialog = document.getElementById("palette");
  if (!dialog) return;
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("[role=listbox]");
  const status = dialog.querySelector("[data-palette-status]");
  let current = -1;
  let timer;
  let asked = 0;

  const options = () => [...list.querySelectorAll("[role=option]")];

  function choose(index) {
    const all = options();
    current = all.length ? (index + all.length) % all.length : -1;
    all.forEach((option, place) => option.setAttribute("aria-selected", String(place === current)));
    if (current < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", all[current].id);
      all[current].scrollIntoView({ block: "nearest" });
    }
  }

  function option(hit, index) {
    const row = document.createElement("div");
    row.className = "palette-option";
    row.id = `palette-option-${index}`;
    row.setAttribute("role", "option");
    row.dataset.url = hit.url;
    const text = document.createElement("span");
    text.textContent = hit.text;
    const detail = document.createElement("span");
    detail.className = "detail";
    detail.textContent = hit.detail;
    row.append(document.getElementById(`palette-icon-${hit.kind}`).content.cloneNode(true), text, detail);
    return row;
  }

  function draw(hits) {
    list.replaceChildren();
    for (const [kind, title] of Object.entries(GROUPS)) {
      const some = hits.filter((hit) => hit.kind === kind);
      if (!some.length) continue;
      const group = document.createElement("div");
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", title);
      const heading = document.createElement("div");
      heading.className = "palette-group";
      heading.setAttribute("aria-hidden", "true");
      heading.textContent = title;
      group.append(heading, ...some.map((hit) => option(hit, hits.indexOf(hit))));
      list.append(group);
    }
    input.setAttribute("aria-expanded", String(hits.length > 0));
    status.textContent = hits.length ? "" : "Nothing found. Try fewer letters.";
    choose(0);
  }

  async function find() {
    const turn = ++asked;
    try {
      const { hits } = await getJson(`${dialog.dataset.palette}?q=${encodeURIComponent(input.value)}`);
      if (turn === asked) draw(hits);
    } catch (error) {
      status.textContent = error.message;
    }
  }

  function show() {
    if (dialog.open) return;
    input.value = "";
    openDialog("palette");
    input.focus();
    find();
  }

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      show();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette-open]")) show();
  });
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, WAIT_MS);
  });
  input.addEventListener("keydown", (event) => {
    const moves = { ArrowDown: current + 1, ArrowUp: current - 1 };
    if (event.key in moves) {
      event.preventDefault();
      choose(moves[event.key]);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const chosen = options()[current];
      if (chosen) location.assign(chosen.dataset.url);
    }
  });
  list.addEventListener("click", (event) => {
    const chosen = event.target.closest("[role=option]");
    if (chosen) location.assign(chosen.dataset.url);
  });
}
