/** My day by keyboard: j and k go from work to work, u and i move it, a accepts it, d declines it. */

import { shortcut } from "./shortcuts.js";

const cards = () => [...document.querySelectorAll("[data-work]")];
const current = () => document.activeElement?.closest("[data-work]");

function go(step) {
  const all = cards();
  if (!all.length) return;
  const at = all.indexOf(current());
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function press(selector) {
  current()?.querySelector(selector)?.click();
}

if (cards().length) {
  shortcut("j", "Next piece of work", () => go(1));
  shortcut("k", "Previous piece of work", () => go(-1));
  shortcut("u", "Move it earlier", () => press("[data-earlier]:not([disabled])"));
  shortcut("i", "Move it later", () => press("[data-later]:not([disabled])"));
  shortcut("a", "Accept it", () => press(".day-answer .btn-primary"));
  shortcut("d", "Decline it", () => {
    const details = current()?.querySelector(".day-decline");
    if (!details) return;
    details.open = true;
    details.querySelector("textarea").focus();
  });
}
