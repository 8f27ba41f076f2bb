/** Starts what every page has. */

// First, as it remembers the page as the server sent it.
import * as live from "./live.js";
import * as dialogs from "./dialogs.js";
import * as filters from "./filters.js";
import * as palette from "./palette.js";
import * as shortcuts from "./shortcuts.js";
import * as tables from "./tables.js";
import * as toasts from "./toasts.js";

/** Wire what stands in an element; call it after HTML was put into the page. */
export function wire(root) {
  tables.wire(root);
}

for (const part of [dialogs, filters, palette, shortcuts, tables, toasts]) part.start();
wire(document);
// The list of pages is longer than most screens are high: where one is, is shown in it.
const here = document.querySelector(".sidebar [aria-current]");
const list = here?.closest(".sidebar-inner");
if (here && list && here.offsetTop + here.offsetHeight > list.clientHeight) list.scrollTop = here.offsetTop - list.clientHeight / 2;
document.querySelector("[data-focus]")?.focus();
live.start(wire);
