/**
 * Changes a part of the page into a newer version of itself, and leaves alone what the server did not change.
 *
 * Each node remembers what the server said of it. A node whose newer version says the same is not looked at further, so
 * that focus, scrolling, open dialogs and whatever scripts did to it stay. A form in which somebody typed is never
 * touched; it is named to the caller instead.
 */

const said = new WeakMap();

/** Remember what the server said of a node and all below it. */
export function remember(node) {
  const clone = node.cloneNode(true);
  blank(clone);
  pair(node, clone);
}

function pair(node, clone) {
  said.set(node, clone);
  node.childNodes.forEach((child, place) => pair(child, clone.childNodes[place]));
}

/** Take out what differs in each answer and says nothing. */
function blank(root) {
  for (const token of root.querySelectorAll?.('input[name="csrf_token"]') ?? []) token.setAttribute("value", "");
}

/** Return whether somebody has filled in something that is not sent yet. */
export function isTouched(form) {
  return [...form.elements].some((control) => {
    if (["hidden", "submit", "button"].includes(control.type)) return false;
    if (control instanceof HTMLSelectElement) return [...control.options].some((each) => each.selected !== standsOut(each));
    if (["checkbox", "radio"].includes(control.type)) return control.checked !== control.defaultChecked;
    return "defaultValue" in control && control.value !== control.defaultValue;
  });
}

/** Return whether an option is the one that a browser chooses by itself. */
function standsOut(option) {
  const options = [...option.closest("select").options];
  if (options.some((each) => each.defaultSelected)) return option.defaultSelected;
  return option === options.find((each) => !each.disabled) && !option.closest("select").multiple;
}

/**
 * Change a node into its newer version.
 *
 * Returns the nodes that are new, and the forms that were left alone because somebody typed in them.
 */
export function morph(node, newer, { force = false } = {}) {
  const done = { added: [], kept: [], force };
  const next = newer.cloneNode(true);
  blank(next);
  change(node, next, done);
  return done;
}

function change(node, next, done) {
  const was = said.get(node);
  if (!done.force && was.isEqualNode(next)) return;
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (was.nodeValue !== next.nodeValue) node.nodeValue = next.nodeValue;
    said.set(node, next);
    return;
  }
  if (node instanceof HTMLFormElement && isTouched(node)) {
    if (!done.force) {
      if (!was.isEqualNode(next)) done.kept.push(node);
      return;
    }
    node.reset();
  }
  attributes(node, was, next);
  children(node, next, done);
  if (node instanceof HTMLTextAreaElement) node.value = next.value;
  said.set(node, next);
}

function attributes(node, was, next) {
  const token = node instanceof HTMLInputElement && node.name === "csrf_token";
  for (const { name, value } of next.attributes) {
    if (was.getAttribute(name) === value || (token && name === "value")) continue;
    node.setAttribute(name, value);
    if (name === "value" && node instanceof HTMLInputElement) node.value = value;
    if (name === "checked") node.checked = true;
    if (name === "selected") node.selected = true;
  }
  for (const { name } of was.attributes) {
    if (next.hasAttribute(name)) continue;
    node.removeAttribute(name);
    if (name === "checked") node.checked = false;
  }
}

/** Return by what a node is known among its neighbours: items of lists and tables by what they lead to. */
function key(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return "";
  const own = node.id || node.dataset?.liveKey || node.getAttribute("href") || node.getAttribute("action");
  if (own) return `${node.nodeName} ${own}`;
  if (!["LI", "TR", "ARTICLE"].includes(node.nodeName)) return "";
  const inside = node.querySelector("[id], a[href], form[action]");
  const name = inside && (inside.getAttribute("href") || inside.getAttribute("action") || inside.id);
  return name ? `${node.nodeName} ${name}` : "";
}

function children(node, next, done) {
  const mine = [...node.childNodes].filter((child) => said.has(child));
  const free = new Set(mine);
  const byKey = new Map(mine.map((child) => [key(said.get(child)), child]).filter(([name]) => name));
  let place = mine[0] ?? null;
  const step = () => {
    while (place && !free.has(place)) place = mine[mine.indexOf(place) + 1] ?? null;
  };
  for (const child of next.childNodes) {
    const match = find(child, key(child), byKey, free, mine);
    if (!match) {
      const fresh = document.importNode(child, true);
      pair(fresh, child);
      node.insertBefore(fresh, place);
      if (fresh.nodeType === Node.ELEMENT_NODE) done.added.push(fresh);
      continue;
    }
    free.delete(match);
    if (match !== place) node.insertBefore(match, place);
    step();
    change(match, child, done);
  }
  for (const child of free) {
    const forms = child.nodeType === Node.ELEMENT_NODE ? [child, ...child.querySelectorAll("form")] : [];
    const touched = forms.filter((form) => form instanceof HTMLFormElement && isTouched(form));
    if (touched.length && !done.force) done.kept.push(...touched);
    else child.remove();
  }
}

function find(child, name, byKey, free, mine) {
  if (name) {
    const match = byKey.get(name);
    return match && free.has(match) ? match : null;
  }
  return mine.find((other) => free.has(other) && other.nodeName === child.nodeName && !key(said.get(other))) ?? null;
}
