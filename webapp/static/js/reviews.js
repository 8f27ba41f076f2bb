/** The review inbox by keyboard: 0–5 chooses a level, Enter sends; j and k are links of the page itself. */

import { shortcut } from "./shortcuts.js";

// The form is looked for anew each time: another may stand there since the page changed by itself.
const form = () => document.querySelector("[data-review]");

if (form()) {
  for (const { value } of form().querySelectorAll('input[name="level"]')) {
    shortcut(value, `Choose level ${value}`, () => {
      const level = form()?.querySelector(`input[name="level"][value="${value}"]`);
      if (!level) return;
      level.checked = true;
      level.focus({ preventScroll: false });
    });
  }
  shortcut("Enter", "Send the review", () => form()?.requestSubmit());
}

document.querySelector('.review-line[aria-current="true"]')?.scrollIntoView({ block: "nearest" });
