// The loss as a network learns: one line for the training text, and one for the held-out text.

const LOSSES = { training: "#8c8279", "held-out": "#c2622d" }; // visible on light and on dark backgrounds
const EDGE = { left: 40, right: 12, top: 26, bottom: 34 };

// Draws points [step, bits per character] into an SVG at its present size. The axis ends at `steps` if that is known,
// else at the last point.
function drawCurve(svg, { training, held_out }, steps) {
  const width = svg.clientWidth || 600, height = svg.clientHeight || 260, all = [...training, ...held_out];
  const draw = (name, attributes, text = "") => {
    const drawn = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) drawn.setAttribute(key, value);
    drawn.textContent = text;
    return drawn;
  };
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();
  if (!all.length) return;
  const bits = all.map(([, value]) => value), low = Math.floor(Math.min(...bits) * 5) / 5, high = Math.max(Math.ceil(Math.max(...bits) * 5) / 5, low + 0.4);
  const last = Math.max(steps ?? 0, ...all.map(([step]) => step), 1);
  const x = (step) => EDGE.left + (step / last) * (width - EDGE.left - EDGE.right);
  const y = (value) => EDGE.top + ((high - value) / (high - low)) * (height - EDGE.top - EDGE.bottom);
  const unit = [0.1, 0.2, 0.5, 1, 2].find((each) => (high - low) / each <= 6) ?? 5;
  for (let value = Math.ceil(low / unit - 1e-6) * unit; value <= high + 1e-6; value += unit) {
    svg.append(draw("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value), class: "grid" }));
    svg.append(draw("text", { x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(1)));
  }
  svg.append(draw("text", { x: EDGE.left, y: 14 }, "bits a character"), draw("text", { x: EDGE.left, y: height - 8 }, "0"));
  svg.append(draw("text", { x: width - EDGE.right, y: height - 8, "text-anchor": "end" }, `${last.toLocaleString("en")} steps`));
  for (const [name, points] of [["training", training], ["held-out", held_out]]) {
    const shared = { stroke: LOSSES[name], fill: "none", "stroke-width": name === "training" ? 1.5 : 2.5 };
    svg.append(draw("polyline", { ...shared, points: points.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" ") }));
    if (name === "held-out") for (const [step, value] of points) svg.append(draw("circle", { cx: x(step), cy: y(value), r: 3, fill: LOSSES[name] }));
  }
  const now = [["training", training], ["held-out", held_out]].filter(([, points]) => points.length).map(([name, points]) => `${name} text ${points.at(-1)[1].toFixed(2)}`);
  svg.setAttribute("aria-label", `Loss in bits a character: ${now.join(", ")}.`);
}
