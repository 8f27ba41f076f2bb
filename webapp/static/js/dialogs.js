/** Dialogs: opened by `data-open`, closed by `data-close`, and asked for by forms with `data-confirm`. */

/** Open a dialog by its id; focus returns to where it was when it closes. */
export function openDialog(id) {
  const dialog = document.getElementById(id);
  const before = document.activeElement;
  dialog.showModal();
  dialog.querySelector("[autofocus], .dialog-body input:not([type=hidden]), .dialog-body select, .dialog-body textarea")?.focus();
  dialog.addEventListener("close", () => before?.isConnected && before.focus(), { once: true });
  return dialog;
}

/** Ask, and return whether the person agreed. */
export function confirmAction(text, label = "Continue") {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("#confirm-text").textContent = text;
  const yes = dialog.querySelector("[data-confirm-yes]");
  yes.textContent = label;
  dialog.returnValue = "";
  openDialog("confirm");
  yes.focus();
  return new Promise((resolve) => {
    const agree = () => dialog.close("yes");
    yes.addEventListener("click", agree);
    dialog.addEventListener(
      "close",
      () => {
        yes.removeEventListener("click", agree);
        resolve(dialog.returnValue === "yes");
      },
      { once: true },
    );
  });
}

export function start() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) openDialog(opener.dataset.open);
    event.target.closest("[data-close]")?.closest("dialog").close();
    // A click on the backdrop is a click on the dialog itself, outside its box.
    if (event.target instanceof HTMLDialogElement) {
      const box = event.target.getBoundingClientRect();
      const inside =
        event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) event.target.close();
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest?.("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.confirm || "confirmed" in form.dataset) return;
    event.preventDefault();
    if (await confirmAction(form.dataset.confirm, form.dataset.confirmLabel)) {
      form.dataset.confirmed = "";
      form.requestSubmit(event.submitter);
    }
  });
}
