// A thread that is open before somebody's eyes is read.
import { postForm } from "./http.js";

let told = "";

async function tell() {
  const mark = document.querySelector("[data-talk-unread]");
  const last = document.querySelector(".talk-message:last-of-type")?.id ?? "";
  if (!mark || document.visibilityState !== "visible" || told === last) {
    return;
  }
  told = last;
  try {
    await postForm(mark.dataset.talkUnread, {});
  } catch {
    // It stays unread, which the next look mends.
    told = "";
  }
}

document.addEventListener("live:updated", tell);
document.addEventListener("visibilitychange", tell);
tell();
