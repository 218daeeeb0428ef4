// What the sheet does in the browser: it tints what the model wrote, follows it, and knows two keys.
() => {
  const field = document.querySelector("#sheet textarea");
  const button = (name) => document.querySelector("#" + name);
  const writing = () => !button("stop").disabled;

  // Behind the text lies a copy of it in which nothing shows but the tint.
  const tint = document.createElement("div"), end = document.createTextNode("\n");
  tint.id = "tint";
  tint.ariaHidden = "true";
  tint.append(end);
  field.before(tint);
  let known = "", tints = ""; // of each character: " " typed, "m" the model's, or "0" to "5" from one book to the other
  let expected = false; // whether the next change is the model's, unless it is typed: its last words may come late
  let drawn = 0; // how many of its characters the copy holds
  let shades = { start: 0, digits: "" }; // of what two books are writing

  // Draws anew what has changed from a place on, and no more: a long text stays quick.
  const draw = (from) => {
    for (; drawn > from; end.previousSibling.remove()) drawn -= end.previousSibling.textContent.length;
    from = drawn;
    drawn = known.length;
    for (const { 0: run, index } of tints.slice(from).matchAll(/(.)\1*/gs)) {
      const text = known.slice(from + index, from + index + run.length), last = end.previousSibling;
      if (last?.dataset?.tint === run[0]) last.append(text);
      else if (run[0] === " ") end.before(text);
      else {
        const mark = Object.assign(document.createElement("mark"), { textContent: text });
        mark.dataset.tint = run[0];
        if (run[0] !== "m") mark.className = "shade" + run[0];
        end.before(mark);
      }
    }
    tint.scrollTop = field.scrollTop;
  };

  // Lays the shades over what the model wrote; returns where they begin to differ from what is drawn.
  const overlay = () => {
    const { start, digits } = shades, before = tints;
    const over = [...before.slice(start, start + digits.length)].map((old, i) => (old === " " ? old : digits[i])).join("");
    tints = before.slice(0, start) + over + before.slice(start + over.length);
    for (let i = start; i < start + over.length; i++) if (tints[i] !== before[i]) return i;
    return Infinity;
  };
  const shade = (value) => {
    const [start, digits] = value.split(" ");
    shades = { start: Number(start), digits: digits ?? "" };
    draw(overlay());
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
    const added = expected && same === known.length;
    tints = tints.slice(0, same) + (added ? "m" : " ").repeat(text.length - same - tail) + tints.slice(known.length - tail);
    if (typed) shades.digits = "";
    expected = writing();
    known = text;
    draw(Math.min(same, overlay()));
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
  window.sheet = { update, shade, copy, download, share };
  update();
}
