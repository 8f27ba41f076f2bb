/** Requests to Mainstay itself, with the CSRF token and with errors as the server words them. */

export class HttpError extends Error {
  constructor(status, title, detail) {
    super(detail || title || `The server answered ${status}.`);
    this.status = status;
    this.title = title;
    this.detail = detail;
  }
}

async function send(url, options = {}) {
  let response;
  try {
    response = await fetch(url, {
      credentials: "same-origin",
      ...options,
      headers: { Accept: "application/json", ...options.headers },
    });
  } catch {
    throw new HttpError(0, "No connection", "The server cannot be reached. What you see may be out of date.");
  }
  const text = await response.text();
  const isJson = (response.headers.get("Content-Type") || "").includes("json");
  const body = isJson && text ? JSON.parse(text) : {};
  if (!response.ok) throw new HttpError(response.status, body.title, body.detail);
  return isJson ? body : text;
}

const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/** Get JSON. */
export const getJson = (url, options = {}) => send(url, options);

/** Post an object as JSON and return the answer. */
export const postJson = (url, object) =>
  send(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
    body: JSON.stringify(object),
  });

/** Post fields as a form does and return the answer; redirects are followed. */
export const postForm = (url, fields = {}) =>
  send(url, { method: "POST", headers: { "X-CSRFToken": token() }, body: new URLSearchParams(fields) });
