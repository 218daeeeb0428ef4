// What the sheet does in the browser: it tints what the model wrote, follows it, and knows two keys.
() => {
  const field = document.querySelector("#sheet textarea");
  const button = (name) => document.querySelector("#" + name);
  const writing = () => !button("stop").disabled;

  // Behind the text lies a copy of it in which nothing shows but the tint.
  const tint = document.createElement("div");
  tint.id = "tint";
  tint.ariaHidden = "true";
  field.before(tint);
  let known = "", marks = []; // [start, end] of what the model wrote
  let expected = false; // whether the next change is the model's, unless it is typed: its last words may come late

  const paint = () => {
    const parts = [];
    let end = 0;
    for (const [from, to] of marks) {
      parts.push(known.slice(end, from), Object.assign(document.createElement("mark"), { textContent: known.slice(from, to) }));
      end = to;
    }
    tint.replaceChildren(...parts, known.slice(end) + "\n");
    tint.scrollTop = field.scrollTop;
  };

  const update = (typed = false) => {
    const text = field.value;
    field.readOnly = writing();
    expected = writing() || (expected && !typed);
    if (text === known) return;
    // What has changed lies between what both have in common at the beginning and at the end.
    let same = 0, tail = 0;
    const shorter = Math.min(text.length, known.length);
    while (same < shorter && text[same] === known[same]) same++;
    while (tail < shorter - same && text.at(-1 - tail) === known.at(-1 - tail)) tail++;
    const cut = known.length - tail, shift = text.length - known.length;
    const added = expected && same === known.length;
    marks = marks.flatMap(([from, to]) => [[from, Math.min(to, same)], [Math.max(from, cut) + shift, to + shift]]);
    if (added) marks.push([same, text.length]);
    marks = marks.filter(([from, to]) => from < to).reduce((joined, [from, to]) => {
      if (joined.length && joined.at(-1)[1] === from) joined.at(-1)[1] = to;
      else joined.push([from, to]);
      return joined;
    }, []);
    expected = writing();
    known = text;
    paint();
    // Follow the text unless the reader has scrolled up.
    const bottom = field.scrollHeight - field.clientHeight;
    if (added && field.scrollTop > Math.min(field.followed ?? 0, bottom) - 8) field.scrollTop = field.followed = bottom;
  };

  field.addEventListener("input", () => update(true));
  field.addEventListener("scroll", () => (tint.scrollTop = field.scrollTop));
  new MutationObserver(() => update()).observe(button("stop"), { attributes: true, attributeFilter: ["disabled"] });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) button("write").click();
    else if (event.key === "Escape" && writing()) button("stop").click();
    else return;
    event.preventDefault();
  }, true);

  const download = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([field.value], { type: "text/plain" }));
    link.download = "text.txt";
    link.click();
    URL.revokeObjectURL(link.href);
  };
  const copy = () => {
    navigator.clipboard.writeText(field.value);
    return "The sheet is copied.";
  };
  // A link holds the sheet and its settings behind the #, which no browser sends to a server.
  const share = (names, values) => {
    const parts = new URLSearchParams();
    names.forEach((name, i) => values[i] !== null && values[i] !== "" && parts.set(name, values[i]));
    parts.set("text", field.value);
    navigator.clipboard.writeText(location.href.split("#")[0] + "#" + parts);
    return "A link to this sheet is copied.";
  };
  window.sheet = { update, copy, download, share };
  update();
}
