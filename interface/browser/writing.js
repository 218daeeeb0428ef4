// Writing: “Write”, “Try again” and a branch each begin a part of the story, which grows as the model's answer arrives.

const SAVED_EVERY = 1000; // milliseconds, while the model writes
const RETRY_AFTER = [500, 1000, 2000, 3000]; // milliseconds between the attempts to reach the server again

function storyWriting(page) {
  const { part, say, progress, note, editor } = page;
  const seedOf = (settings) => settings.seed ? Number(settings.seed) : newSeed();

  // Continues at the cursor. If the model wrote the text up to there with the same settings, and no other seed is set,
  // the continuation is exact: it takes the same seed and skips the random draws of that text.
  function write() {
    const { story, settings } = page, wrong = problem(settings);
    if (wrong) return say(wrong);
    const start = editor.caret, how = howOf(asked(settings));
    const before = story.parts.findLast(({ end, at, versions }) => end === start && versions[at].how === how && versions[at].drawn);
    const version = before?.versions[before.at];
    const untouched = version && story.text.slice(before.start, before.end) === version.text;
    if (untouched && ["", String(version.seed)].includes(settings.seed)) {
      begin({ start, version: { seed: version.seed, skip: version.skip + version.drawn, how, kept: 0 } });
    } else begin({ start, version: { seed: seedOf(settings), skip: 0, how, kept: 0 } });
  }

  // Writes another version of the part at the cursor, and keeps the earlier versions.
  function again() {
    const { story, settings } = page, wrong = problem(settings), here = story.partAt(editor.caret);
    if (wrong) return say(wrong);
    if (isGreedy(settings, page.model())) return say("Another try would be the same: at this setting the model always writes the likeliest letter. Move the style towards wild.");
    const model = here.versions.findLast((version) => version.seed !== null) ?? { kept: 0 };
    const kept = here.versions[here.at].seed === null ? 0 : Math.min(model.kept ?? 0, here.end - here.start);
    const seed = settings.seed ? Number(settings.seed) + here.versions.length : newSeed();
    const [text, marks] = [story.text, story.marks].map((of) => of.slice(here.start, here.start + kept));
    const version = { seed, skip: 0, how: howOf(asked(settings)), kept };
    begin({ part: here, text, marks, version }, settings.seed ? ` Seed ${settings.seed} wrote the first; this one is of seed ${seed}.` : "");
  }

  // Replaces the letter at a place, and lets the model continue from it. The old text becomes the version before.
  function branch(at, letter) {
    const { story, settings } = page;
    if (page.writing) return say("The model is writing. Stop it first, then choose a letter.");
    if (problem(settings)) return say(problem(settings));
    const here = story.parts.findLast(({ start, end }) => start <= at && at < end);
    const version = { seed: seedOf(settings), skip: 0, how: howOf(asked(settings)) };
    if (here) {
      const text = story.text.slice(here.start, at) + letter, marks = story.marks.slice(here.start, at) + visitors(letter.length);
      begin({ part: here, text, marks, version: { ...version, kept: text.length } });
    } else {
      let end = at;
      while (end < story.text.length && story.marks[end] === VISITOR) end++;
      end = Math.max(end, ...story.parts.filter((other) => other.start === end).map((other) => other.end));
      begin({ start: at, end, text: letter, version: { ...version, kept: letter.length } });
    }
  }

  // Begins a part (see `Story.begin`), and lets the model write it. If it writes nothing, all is as before.
  async function begin(one, words = "") {
    const { caret } = editor;
    page.story.begin(one);
    editor.show(page.story.text);
    await goOn(caret, words);
  }

  // Lets the model write the part that was begun last. Repeats the request while the connection is lost.
  async function goOn(caret, words) {
    const { story, settings } = page, now = story.parts.at(-1), version = now.versions[now.at], values = asked(settings);
    if (values.adapt) values.typed = typedPlaces(story, now.end);
    const prompt = story.text.slice(0, now.end), last = typedWord(story, now.end), author = authorOf(settings);
    const one = page.writing = new AbortController();
    let arrived = "", failed = "", lost = 0, waited = false;
    page.place(now.end);
    page.changed();
    page.follow(now.end, true);
    say("Writing." + words);
    progress("");
    for (let done = false; !done && !one.signal.aborted; ) {
      try {
        const { seed, skip } = version, known = arrived;
        for await (const frame of stream("write", { ...values, text: prompt, written: known, seed, skip }, one.signal)) {
          if (one.signal.aborted) break;
          if (lost) say("The connection is back, and the writing goes on.");
          lost = 0;
          if (frame.waiting && !waited) say(`Others are writing; you are number ${frame.waiting} in the queue, and your text begins by itself.`);
          waited = Boolean(frame.waiting);
          const fresh = [...arrived.slice(known.length)].length; // characters of this answer that the story already has
          add(story, frame.text.slice(arrived.length), frame.shades.slice(fresh), author);
          arrived = frame.text;
          const count = [...arrived].length;
          progress(frame.unread > 500 ? `Reading the story: ${frame.unread.toLocaleString("en")} characters to go.`
            : `${count.toLocaleString("en")} characters${frame.speed ? ` · ${frame.speed.toLocaleString("en")} a second` : ""} · seed ${seed}`);
          note(frame.read_as ? `The model reads this with ${frame.read_as}.` : "");
        }
        done = true;
      } catch (error) {
        if (one.signal.aborted) break;
        if (error instanceof Refused) {
          failed = error.message;
          break;
        }
        if (!(error instanceof Lost)) throw error;
        if (!lost) say("The connection is lost. What is written is kept, and the writing goes on when the connection is back.");
        page.save();
        await Promise.race([pause(RETRY_AFTER[Math.min(lost++, RETRY_AFTER.length - 1)]), new Promise((resolve) => one.signal.addEventListener("abort", resolve))]);
      }
    }
    if (page.writing !== one) return; // another story is open by now
    page.writing = null;
    if (arrived) {
      story.lastSeed = version.seed;
      page.place(story.parts.at(-1).end);
    } else {
      story.withdraw();
      editor.show(story.text);
      page.place(caret);
    }
    const said = part("note").textContent;
    page.changed();
    note([said, arrived ? finished(last, arrived) : ""].filter(Boolean).join(" "));
    const written = story.parts.at(-1), of = arrived && written.versions.length > 1 ? `Version ${written.at + 1} of ${written.versions.length}. ` : "";
    say(failed || `${of}${one.signal.aborted ? "Stopped" : "Done"}: ${[...arrived].length.toLocaleString("en")} characters, seed ${version.seed}.${words}`);
    progress("");
  }

  function add(story, text, shades, author) {
    if (!text) return;
    const { end } = story.parts.at(-1);
    story.grow(text, story.marksOf(text, author, shades));
    editor.splice(end, end, text);
    editor.caret = end + text.length;
    page.follow(editor.caret);
    page.lenses.paintSoon();
    page.keep(SAVED_EVERY);
  }

  function stop() {
    page.writing?.abort();
  }

  return { write, again, branch, stop };
}

// Returns the passages before `end` that the visitor typed, as pairs [from, to] of places. The places count characters
// (code points), as Python does.
function typedPlaces(story, end) {
  const places = [];
  let count = 0;
  for (const [from, to, mark] of runs(story.marks, 0, end)) {
    const start = count;
    count += [...story.text.slice(from, to)].length;
    if (mark === VISITOR) places.push([start, count]);
  }
  return places;
}

// Returns the word, or part of a word, at the end of a text; "" if it does not end in a letter.
const wordBefore = (text) => text.match(/[\p{L}\p{M}’']+$/u)?.[0] ?? "";

// Returns the word, or part of a word, that the visitor typed before a place; "" if another text is before it.
const typedWord = (story, end) => (story.marks[end - 1] === VISITOR ? wordBefore(story.text.slice(0, end)) : "");

// Returns a sentence if the model has continued the word that the visitor typed before, `stem`; else "".
function finished(stem, written) {
  const more = stem && written.match(/^[\p{L}\p{M}’']+/u)?.[0];
  const word = stem + more;
  return more ? `It finished your word: “${stem}” became “${word.length > 30 ? word.slice(0, 30) + "…" : word}”.` : "";
}
