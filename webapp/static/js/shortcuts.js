/** Keyboard shortcuts: single keys and sequences such as "g p", listed under "?". They can be switched off. */

import { openDialog } from "./dialogs.js";

const SEQUENCE_MS = 1200;
const known = new Map();
let typed = [];
let last = 0;

const isOn = () => localStorage.getItem("shortcuts") !== "off";
const isTyping = (target) =>
  target.closest?.("input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]");

/** Register a shortcut; the newest of the same keys counts. */
export function shortcut(keys, label, handler) {
  known.set(keys, { label, handler });
}

function wired() {
  const found = new Map(known);
  for (const element of document.querySelectorAll("[data-keys]")) {
    const label = element.dataset.keysLabel || element.textContent.trim() || element.getAttribute("aria-label");
    found.set(element.dataset.keys, { label, handler: () => element.click() });
  }
  return found;
}

function showHelp() {
  const list = document.querySelector("[data-shortcut-list]");
  list.replaceChildren();
  const rows = [["Ctrl K", { label: "Find people, skills, pages" }], ["?", { label: "This help" }], ...wired()];
  for (const [keys, { label }] of rows) {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    const definition = document.createElement("dd");
    term.textContent = label;
    definition.className = "keys";
    for (const key of keys.split(" ")) {
      const cap = document.createElement("kbd");
      cap.textContent = key;
      definition.append(cap);
    }
    row.append(term, definition);
    list.append(row);
  }
  openDialog("shortcuts");
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !isOn() || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "?" && document.getElementById("shortcuts")) {
    event.preventDefault();
    showHelp();
    return;
  }
  const now = performance.now();
  typed = now - last > SEQUENCE_MS ? [] : typed;
  last = now;
  typed = [...typed, event.key].slice(-2);
  const all = wired();
  const match = all.get(typed.join(" ")) ?? all.get(event.key);
  // Enter and space on a control belong to the control.
  if (!match || (["Enter", " "].includes(event.key) && event.target.closest("a, button, summary, input, select"))) return;
  event.preventDefault();
  typed = [];
  match.handler(event);
}

export function start() {
  document.addEventListener("keydown", press);
  for (const button of document.querySelectorAll('[data-open="shortcuts"]')) {
    button.addEventListener("click", (event) => {
      event.stopPropagation();
      showHelp();
    });
  }
  const box = document.querySelector("[data-shortcuts-on]");
  if (!box) return;
  box.checked = isOn();
  box.addEventListener("change", () => localStorage.setItem("shortcuts", box.checked ? "on" : "off"));
}
