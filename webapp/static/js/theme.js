/* Runs before the first paint: sets the theme, so that no page flashes in the wrong one. */
(() => {
  const root = document.documentElement;
  const device = matchMedia("(prefers-color-scheme: dark)");
  const choice = () => localStorage.getItem("theme") || "auto";
  const apply = () => {
    root.dataset.bsTheme = choice() === "auto" ? (device.matches ? "dark" : "light") : choice();
  };
  root.classList.add("has-js");
  apply();
  device.addEventListener("change", apply);
  addEventListener("storage", apply);
  addEventListener("click", (event) => {
    if (event.target.closest("[data-theme-toggle]")) {
      localStorage.setItem("theme", root.dataset.bsTheme === "dark" ? "light" : "dark");
      apply();
    }
  });
  addEventListener("change", (event) => {
    if (event.target.matches("[data-theme-choice]")) {
      localStorage.setItem("theme", event.target.value);
      apply();
    }
  });
  addEventListener("DOMContentLoaded", () => {
    for (const radio of document.querySelectorAll("[data-theme-choice]")) radio.checked = radio.value === choice();
  });
})();
