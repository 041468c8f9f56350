// Escape closes a definition that lies over the text; leaving its term allows the next one again.
const page = document.documentElement.classList;
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") page.add("no-definitions");
});
for (const leaving of ["pointerout", "focusout"]) {
  document.addEventListener(leaving, (event) => {
    if (event.target.closest?.(".term")) page.remove("no-definitions");
  });
}
