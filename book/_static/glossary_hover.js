// Escape closes a definition that lies over the text, until its term is left.
{
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const term of document.querySelectorAll(".term:is(:hover, :focus-within)")) {
      term.classList.add("closed");
    }
  });
  for (const leaving of ["pointerout", "focusout"]) {
    document.addEventListener(leaving, (event) => {
      const term = event.target.closest?.(".term");
      if (term && !term.contains(event.relatedTarget)) term.classList.remove("closed");
    });
  }
}
