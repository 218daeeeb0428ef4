// The panel “Next letter”: the probable letters at a place of the story, and the text that the letter there rests on.

const LOOK_BACK = 1000; // characters before a place that are sent to the model
const SETTLED = 120; // milliseconds after which the caret counts as at rest

function storyNext(page) {
  const { part, say, editor } = page;
  let next = null, request = null; // { at, letters } of the place shown; the AbortController of its request

  async function show(at) {
    const { story, lenses } = page, text = endOf(story.text, LOOK_BACK, at);
    next = { at, letters: null }; // the old bars stay in sight until the answer
    lenses.here = at;
    lenses.rests = null;
    lenses.paint();
    request?.abort();
    const one = request = new AbortController();
    const { model, second, share } = page.settings;
    try {
      await pause(SETTLED); // the caret may move on at once, as while an arrow key is held
      const letters = await ask("likeliest", { text, model, ...(second ? { second, share } : {}) }, one.signal);
      if (one.signal.aborted || next?.at !== at) return;
      next = { at, letters };
      draw();
      reveal();
    } catch (error) {
      if (one.signal.aborted) return;
      part("bars").replaceChildren();
      part("next-note").textContent = error instanceof Refused ? error.message : "The connection is lost. Click the letter again when it is back.";
    }
  }

  // Draws the bars with the present sampling settings.
  function draw() {
    if (!next?.letters) return;
    const { text } = page.story, { at, letters } = next, there = at < text.length ? String.fromCodePoint(text.codePointAt(at)) : "";
    const tail = onOneLine(endOf(text, 20, at));
    part("next-note").textContent = (at ? `After “${tail}”` : "At the very beginning") + (there ? `, where “${visible(there)}” stands. ` : ". ") + "Choose a letter, and the model goes on from it.";
    drawBars(part("bars"), letters, samplingOf(page.settings, page.model()), there, (letter) => page.writer.branch(at, letter));
    part("rests").hidden = !there || !at;
    part("shape").hidden = false;
  }

  // Scrolls the panel to the bars if they are out of sight. The page itself does not scroll.
  function reveal() {
    const panel = part("panel"), top = panel.getBoundingClientRect().top + part("panel-title").parentElement.offsetHeight;
    const box = part("next").getBoundingClientRect();
    if (box.top < top || box.bottom > panel.getBoundingClientRect().bottom) panel.scrollTop += box.top - top;
  }

  function hide() {
    next = null;
    request?.abort();
    page.lenses.here = null;
    part("bars").replaceChildren();
    part("rests").hidden = part("shape").hidden = true;
    part("next-note").textContent = "Click a letter of the story to see what else could stand there.";
  }

  editor.element.addEventListener("click", (event) => {
    const [start, end] = editor.selection(), at = editor.under(event.clientX, event.clientY);
    if (start === end && at !== null && !page.writing && page.story.text) show(at);
  });
  page.on("next-here", () => show(editor.caret));
  page.on("rests", () => attempt(say, async () => {
    if (await page.lenses.restsOn(next.at)) say("The tint shows what this letter rests on: the stronger, the more it matters.");
  }));

  return { show, draw, hide, shown: () => next !== null };
}
