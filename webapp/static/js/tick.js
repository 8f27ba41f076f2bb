/** A button that ticks all boxes of a name, or none if all are ticked; without scripts it stays hidden. */

for (const button of document.querySelectorAll("[data-tick]")) {
  const boxes = () => [...document.querySelectorAll(`input[type="checkbox"][name="${button.dataset.tick}"]`)];
  button.hidden = false;
  button.addEventListener("click", () => {
    const all = boxes();
    const tick = all.some((box) => !box.checked);
    for (const box of all) box.checked = tick;
  });
}
