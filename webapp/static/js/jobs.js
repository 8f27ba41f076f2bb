/** Progress of jobs: polls until the job ends, then goes on to its result. */

import { getJson, HttpError } from "./http.js";

const FIRST_MS = 700;
const LONGEST_MS = 4000;

function show(section, job) {
  section.querySelector("[data-job-bar]").value = job.progress;
  const badge = section.querySelector("[data-job-state] .badge-tone");
  badge.className = `badge-tone tone-${job.tone}`;
  const icon = document.getElementById(`tone-icon-${job.tone}`).content.cloneNode(true);
  badge.replaceChildren(icon, document.createTextNode(job.word));
  const figures = [{ label: "Progress", value: job.percent }, ...job.figures];
  section.querySelector("[data-job-figures]").replaceChildren(
    ...figures.map(({ label, value }) => {
      const pair = document.createElement("div");
      const term = document.createElement("dt");
      const text = document.createElement("dd");
      term.textContent = label;
      text.textContent = value;
      pair.append(term, text);
      return pair;
    }),
  );
  if (job.cancel_requested) {
    const button = section.querySelector("[data-job-cancel] button");
    if (button) button.disabled = true;
  }
}

async function follow(section) {
  let wait = FIRST_MS;
  let heard = "";
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (document.hidden) continue;
    wait = Math.min(LONGEST_MS, wait * 1.15);
    let job;
    try {
      job = await getJson(section.dataset.job);
    } catch (error) {
      if (error instanceof HttpError && [401, 403, 404].includes(error.status)) return;
      continue;
    }
    show(section, job);
    // Screen readers hear each quarter, not each step.
    const said = job.ended ? job.word : `${Math.floor(job.progress * 4) * 25} %`;
    if (said !== heard) section.querySelector("[data-job-status]").textContent = said;
    heard = said;
    if (job.ended) {
      if (job.state === "done" && section.dataset.doneUrl) location.assign(section.dataset.doneUrl);
      else location.reload();
      return;
    }
  }
}

export function wire(root) {
  for (const section of root.querySelectorAll("[data-job]")) if (!section.dataset.jobEnded) follow(section);
}
