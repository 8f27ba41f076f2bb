/** The heat map as one stop of the tab key: arrow keys move between cells, and the cell at hand is told in words below. */

const heat = document.querySelector("[data-heat]");
const STEPS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

if (heat) {
  const detail = heat.querySelector("[data-heat-detail]");
  let rows = [];
  let current;

  /** Take the cells as they stand; done again when the page changed by itself. */
  const arrange = () => {
    rows = [...heat.querySelectorAll("tbody tr:not(.heat-group)")].map((row) =>
      [...row.querySelectorAll(".heat-cell")].map((cell) => cell.querySelector("[data-cell]")),
    );
    const cells = rows.flat().filter(Boolean);
    if (!cells.includes(current)) current = cells[0];
    for (const cell of cells) {
      cell.tabIndex = cell === current ? 0 : -1;
      // The words stand below instead; a tooltip beside them would say them twice.
      cell.removeAttribute("title");
    }
  };
  arrange();
  document.addEventListener("live:updated", arrange);

  const place = (cell) => {
    const row = rows.findIndex((line) => line.includes(cell));
    return [row, rows[row].indexOf(cell)];
  };

  const take = (cell) => {
    current.tabIndex = -1;
    current = cell;
    current.tabIndex = 0;
  };

  heat.addEventListener("keydown", (event) => {
    const cell = event.target.closest("[data-cell]");
    const step = STEPS[event.key];
    if (!cell || !step) return;
    event.preventDefault();
    let [row, column] = place(cell);
    do {
      row += step[0];
      column += step[1];
    } while (rows[row] && column >= 0 && column < rows[row].length && !rows[row][column]);
    rows[row]?.[column]?.focus();
  });
  heat.addEventListener("focusin", (event) => {
    const cell = event.target.closest("[data-cell]");
    if (!cell) return;
    take(cell);
    detail.textContent = cell.getAttribute("aria-label");
  });
  heat.addEventListener("pointerover", (event) => {
    const cell = event.target.closest("[data-cell]");
    if (cell) detail.textContent = cell.getAttribute("aria-label");
  });
}
