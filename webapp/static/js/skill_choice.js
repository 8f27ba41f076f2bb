/** A select of skills that can be searched as skills are everywhere: by synonym and in spite of typing errors. */

import { getJson } from "./http.js";

const WAIT_MS = 150;

function enhance(select) {
  const label = document.querySelector(`label[for="${select.id}"]`);
  const all = [...select.options];
  const box = document.createElement("div");
  box.className = "skill-choice";
  const input = document.createElement("input");
  input.type = "search";
  input.className = "form-control";
  input.placeholder = "Type to find";
  input.autocomplete = "off";
  input.setAttribute("aria-label", `Find ${label ? label.textContent.trim().toLowerCase() : "a skill"}`);
  const status = document.createElement("span");
  status.className = "visually-hidden";
  status.setAttribute("role", "status");
  select.before(box);
  box.append(input, select, status);
  let timer;
  let asked = 0;

  const choose = (value) => {
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  };

  async function find() {
    const turn = ++asked;
    const words = input.value.trim();
    if (!words) {
      select.replaceChildren(...all);
      status.textContent = "";
      return;
    }
    let ids;
    try {
      ({ ids } = await getJson(`${select.dataset.skillChoice}?q=${encodeURIComponent(words)}`));
    } catch (error) {
      status.textContent = error.message;
      return;
    }
    if (turn !== asked) return;
    const found = ids.map((id) => all.find((option) => option.value === String(id))).filter(Boolean);
    // Options that are hidden still open on some phones; those that are not there do not.
    select.replaceChildren(all[0], ...found);
    choose(found[0]?.value ?? "");
    status.textContent = found.length ? `${found[0].text}, the best of ${found.length}` : "Nothing found. Try fewer letters.";
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, WAIT_MS);
  });
  // Enter sends the form with what is found, not with what was chosen before.
  input.addEventListener("keydown", async (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    clearTimeout(timer);
    await find();
    select.form?.requestSubmit();
  });
}

for (const select of document.querySelectorAll("select[data-skill-choice]")) enhance(select);
