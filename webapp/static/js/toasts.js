/** Short messages; those with an undo or an error stay until they are dismissed. */

const SECONDS = 9;

function dismissLater(note) {
  if ("toastStays" in note.dataset) return;
  let timer;
  const start = () => {
    timer = setTimeout(() => note.remove(), SECONDS * 1000);
  };
  const stop = () => clearTimeout(timer);
  note.addEventListener("pointerenter", stop);
  note.addEventListener("pointerleave", start);
  note.addEventListener("focusin", stop);
  note.addEventListener("focusout", start);
  start();
}

/** Show a message; `undoUrl` is an address that takes back what was done, by POST without fields. */
export function toast(message, { tone = "info", undoUrl = null } = {}) {
  const note = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
  note.classList.add(`tone-${tone}`);
  note.querySelector("p").textContent = message;
  note.querySelector(".toast-icon").append(document.getElementById(`tone-icon-${tone}`).content.cloneNode(true));
  if (undoUrl) {
    const form = note.querySelector("form");
    form.action = undoUrl;
    form.hidden = false;
  }
  if (undoUrl || tone === "bad") note.dataset.toastStays = "";
  document.getElementById("toasts").append(note);
  dismissLater(note);
  return note;
}

export function start() {
  for (const note of document.querySelectorAll(".toasts [data-toast]")) dismissLater(note);
  document.addEventListener("click", (event) => {
    event.target.closest("[data-toast-close]")?.closest("[data-toast]").remove();
  });
}
