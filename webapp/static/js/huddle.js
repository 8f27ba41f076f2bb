// The huddle: five minutes that everybody sees running, and keys that step from part to part.
import { shortcut } from "./shortcuts.js";

const SECONDS = 5 * 60;
let ends = 0;
let ticking = 0;

function show() {
  const left = document.querySelector("[data-huddle-left]");
  if (!left || !ends) {
    return;
  }
  const seconds = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
  left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  left.classList.toggle("is-over", seconds === 0);
  if (seconds === 0) {
    clearInterval(ticking);
  }
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-huddle-start]")) {
    ends = Date.now() + SECONDS * 1000;
    clearInterval(ticking);
    ticking = setInterval(show, 250);
    show();
  }
});
document.addEventListener("live:updated", show);

function step(by) {
  const steps = [...document.querySelectorAll("[data-step]")];
  const at = steps.indexOf(document.activeElement?.closest("[data-step]"));
  const next = steps[Math.min(steps.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "start" });
}

shortcut("j", "Next part of the huddle", () => step(1));
shortcut("k", "Part of the huddle before", () => step(-1));
