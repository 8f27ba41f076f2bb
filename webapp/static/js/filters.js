/** Filters submit themselves when a choice changes; text waits for Enter. Empty fields stay out of the address. */

export function start() {
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-autosubmit]");
    if (form && event.target.type !== "search" && event.target.type !== "text") form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-autosubmit]")) return;
    for (const control of form.elements) if (control.name && !control.value) control.disabled = true;
  });
  // Coming back by the browser's history must find the fields usable again.
  addEventListener("pageshow", () => {
    for (const control of document.querySelectorAll("form[data-autosubmit] :disabled")) control.disabled = false;
  });
}
