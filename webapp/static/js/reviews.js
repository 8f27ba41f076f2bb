/** The review inbox by keyboard: 0–5 chooses a level, Enter sends; j and k are links of the page itself. */

import { shortcut } from "./shortcuts.js";

const form = document.querySelector("[data-review]");

if (form) {
  const levels = [...form.querySelectorAll('input[name="level"]')];
  for (const level of levels) {
    shortcut(level.value, `Choose level ${level.value}`, () => {
      level.checked = true;
      level.focus({ preventScroll: false });
    });
  }
  shortcut("Enter", "Send the review", () => form.requestSubmit());
}

document.querySelector('.review-line[aria-current="true"]')?.scrollIntoView({ block: "nearest" });
