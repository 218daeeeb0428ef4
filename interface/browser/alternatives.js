// Alternatives: a few short continuations at the cursor. One key puts one of them into the story.

const SHORT = 60; // characters of an alternative

function storyAlternatives(page) {
  const { part, say, editor } = page, box = part("alternatives");
  let offered = null; // { start, one, versions, wanted }: `one` aborts the requests; `wanted` is chosen when complete

  async function suggest() {
    const wrong = problem({ ...page.settings, stop: "length" });
    if (wrong) return say(wrong);
    const { story, settings } = page, start = editor.caret, count = settings.alternatives, prompt = story.text.slice(0, start);
    const values = { ...asked(settings), length: SHORT, stop: "length", least: 0 }, how = howOf(values), one = new AbortController();
    if (isGreedy(settings, page.model())) Object.assign(values, LIVELY); // else all would be the same
    if (values.adapt) values.typed = typedPlaces(story, start);
    const seeds = Array.from({ length: count }, newSeed), stem = wordBefore(prompt), author = authorOf(settings);
    close();
    offered = { start, one, versions: [] };
    const options = seeds.map((_, i) => option(i, stem)), shown = (text) => stem ? onOneLine(text) : onOneLine(text).trimStart();
    box.replaceChildren(...options);
    box.setAttribute("aria-busy", "true");
    box.hidden = false;
    box.setAttribute("aria-activedescendant", options[0].id);
    box.focus({ preventScroll: true });
    say(`Choose an alternative, or press 1 to ${count}; Escape closes the list.`);
    try {
      await Promise.all(seeds.map(async (seed, i) => {
        const words = options[i].querySelector(".words");
        let last;
        for await (last of stream("write", { ...values, text: prompt, seed, skip: 0 }, one.signal)) words.textContent = shown(last.text);
        const text = withoutLastWord(last.text);
        words.textContent = shown(text);
        const version = { text, marks: story.marksOf(text, author, last.shades), seed, skip: 0, drawn: [...text].length, how, kept: 0 };
        if (offered?.one !== one) return;
        offered.versions[i] = version;
        if (offered.wanted === i) choose(i);
      }));
      box.removeAttribute("aria-busy");
    } catch (error) {
      if (one.signal.aborted) return;
      close(true);
      say(error instanceof Refused ? error.message : "The connection is lost. Ask again when it is back.");
    }
  }

  function option(i, stem) {
    const option = make("div", { className: "option", id: `alternative-${i + 1}`, tabIndex: -1 });
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", String(i === 0));
    option.append(make("kbd", { textContent: i + 1 }), make("span", { className: "stem", textContent: stem }), make("span", { className: "words", textContent: "…" }));
    option.addEventListener("click", () => choose(i));
    return option;
  }

  function mark(at) {
    [...box.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === at)));
    box.setAttribute("aria-activedescendant", box.children[at].id);
  }

  function choose(i) {
    if (!offered || i >= box.children.length) return;
    const { story } = page, versions = offered.versions.filter(Boolean), chosen = offered.versions[i];
    if (!chosen) { // it is still being written, and is chosen when complete
      offered.wanted = i;
      mark(i);
      return say(`Alternative ${i + 1} is put into the story as soon as it is written.`);
    }
    const { start } = offered, before = typedWord(story, start);
    close(true);
    story.offer(start, versions, versions.indexOf(chosen));
    editor.show(story.text);
    page.place(start + chosen.text.length);
    page.changed();
    page.note(finished(before, chosen.text + " "));
    say(`Alternative ${i + 1} is in the story; the others are its versions.`);
  }

  function close(back = false) {
    if (!offered) return;
    offered.one.abort();
    offered = null;
    box.hidden = true;
    if (back) editor.element.focus();
    editor.select(editor.caret);
  }

  box.addEventListener("keydown", (event) => {
    const options = [...box.querySelectorAll("[role=option]")], at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (/^[1-5]$/.test(event.key)) choose(Number(event.key) - 1);
    else if (event.key === "Enter") choose(at);
    else if (event.key === "Escape") close(true);
    else if (step) mark((at + step + options.length) % options.length);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  return { suggest, close };
}

const onOneLine = (text) => text.replaceAll("\n", " ↵ ");
// Returns a continuation without its last word, which may be cut off.
const withoutLastWord = (text) => text.match(/^[^]*\S(?=\s+\S*$)/)?.[0] ?? text;
