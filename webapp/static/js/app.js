/** Starts what every page has. */

import * as dialogs from "./dialogs.js";
import * as filters from "./filters.js";
import * as jobs from "./jobs.js";
import * as palette from "./palette.js";
import * as shortcuts from "./shortcuts.js";
import * as tables from "./tables.js";
import * as toasts from "./toasts.js";

/** Wire what stands in an element; call it after HTML was put into the page. */
export function wire(root) {
  tables.wire(root);
  jobs.wire(root);
  root.querySelector("[data-focus]")?.focus();
}

for (const part of [dialogs, filters, palette, shortcuts, tables, toasts]) part.start();
wire(document);
