// Draws the figures with sliders. Their data stand in the page; Vega is fetched, from beside this
// file, only by pages that have such a figure. Without it, the picture in the figure stays.
(function () {
  const vega = new URL("vega.js", document.currentScript.src);
  const NARROW = 640; // pixels in which panels no longer fit side by side

  function stack(spec) {
    if (spec.hconcat) {
      spec.vconcat = spec.hconcat;
      delete spec.hconcat;
    }
    (spec.vconcat || []).forEach(stack);
  }

  function tell(figure, region) {
    const lines = figure.querySelectorAll(".reading_marks tspan, .reading_marks text:not(:has(tspan))");
    region.textContent = [...lines].map((line) => line.textContent).join(", ");
  }

  async function draw(figure) {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    if (figure.clientWidth < NARROW) stack(spec);
    const place = document.createElement("div");
    const region = document.createElement("p");
    region.className = "interactive-reading";
    region.setAttribute("aria-live", "polite");
    const picture = figure.querySelector("img");
    figure.append(place, region);
    const { view } = await vegaEmbed(place, spec, { renderer: "svg", actions: false });
    picture.remove();
    tell(figure, region);
    figure.querySelectorAll("input, select").forEach((input) =>
      input.addEventListener("input", () => view.runAsync().then(() => tell(figure, region)))
    );
  }

  document.addEventListener("DOMContentLoaded", () => {
    const figures = document.querySelectorAll("figure.interactive-figure");
    if (!figures.length) return;
    const script = document.createElement("script");
    script.src = vega;
    script.onload = () => figures.forEach(draw);
    document.head.appendChild(script);
  });
})();
