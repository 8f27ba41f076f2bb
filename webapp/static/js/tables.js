/** Tables: the choice of columns is remembered in the browser; a row opens where its first link leads. */

const key = (table) => `columns:${location.pathname.replace(/\d+/g, "n")}:${table.dataset.table}`;

function restore(section) {
  const boxes = [...section.querySelectorAll("[data-column]")];
  const data = section.querySelector(".table-data");
  if (!boxes.length || !data) return;
  const stored = JSON.parse(localStorage.getItem(key(section)) || "{}");
  const show = (box) => data.classList.toggle(`hide-${box.dataset.column}`, !box.checked);
  for (const box of boxes) {
    box.checked = stored[box.dataset.label] ?? box.checked;
    show(box);
    box.addEventListener("change", () => {
      show(box);
      const now = Object.fromEntries(boxes.map((other) => [other.dataset.label, other.checked]));
      localStorage.setItem(key(section), JSON.stringify(now));
    });
  }
}

export function wire(root) {
  for (const section of root.querySelectorAll("[data-table]")) restore(section);
}

export function start() {
  document.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-href]");
    if (!row || event.target.closest("a, button, input, select, label, summary") || getSelection().toString()) return;
    if (event.ctrlKey || event.metaKey) open(row.dataset.href, "_blank", "noopener");
    else location.assign(row.dataset.href);
  });
}
