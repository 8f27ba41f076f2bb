/** The board: a dialog whose form was refused stands open again, with what was typed. */

import { openDialog } from "./dialogs.js";

for (const control of document.querySelectorAll("dialog [aria-invalid]")) {
  const dialog = control.closest("dialog");
  if (!dialog.open) openDialog(dialog.id);
}
