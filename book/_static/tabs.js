// Tables in tabs (course.figures.in_tabs): what is chosen in one set is shown in every set that has
// it, on this page and on those that are opened later in this window.
(function () {
  const KEY = "ambiguity-tab";
  const heading = (input) => input.labels[0].textContent.trim();

  function showEverywhere(wanted) {
    for (const input of document.querySelectorAll(".tabs > label > input")) {
      if (heading(input) === wanted) input.checked = true;
    }
  }

  document.addEventListener("change", ({ target }) => {
    if (!target.matches(".tabs > label > input")) return;
    showEverywhere(heading(target));
    sessionStorage.setItem(KEY, heading(target));
  });
  document.addEventListener("DOMContentLoaded", () => showEverywhere(sessionStorage.getItem(KEY)));
})();
