// The first page: one story, its editor, its lenses and its settings. The story lives here, not on the server.

const SAVE = 400; // milliseconds after a change until it is saved
const SAVE_WRITING = 1000; // the same while the model writes
const WAITS = [500, 1000, 2000, 3000]; // milliseconds between the attempts to reach the server again
const SHORT = 60; // characters of an alternative
const LOOK_BACK = 1000; // characters before a letter that decide what is likely there

function storyPage(element, { models, unavailable }) {
  const part = (name) => element.querySelector(`[data-id=${name}]`);
  const modelOf = (name) => models.find((model) => model.name === name) ?? models[0];
  let story, settings, writing = null, unsaved = false, saving, next = null, byKey = false;

  const editor = new Editor(part("editor"), {
    edited: (start, end, inserted, typing) => {
      story.replace(start, end, inserted, undefined, { typing });
      changed();
    },
    moved: (place) => {
      buttons();
      if (next && byKey) showNext(place);
    },
    undo: () => undo(),
    redo: () => redo(),
  });
  editor.reveal = (place) => {
    editor.element.focus();
    editor.select(place);
    follow(place, true);
  };
  const lenses = new Lenses(part("lens"), {
    story: () => story,
    settings: () => settings,
    models,
    editor,
    busy: () => Boolean(writing),
    changed: (values) => set(values),
  });

  // ---- saying ----------------------------------------------------------------------------------------------------------

  const say = (text) => { part("status").textContent = text; };
  const progress = (text) => { part("progress").textContent = text; };
  const note = (text) => { part("note").textContent = text; };

  // ---- keeping ---------------------------------------------------------------------------------------------------------

  function save() {
    clearTimeout(saving);
    saving = null;
    if (!unsaved) return;
    unsaved = false;
    story.settings = settings;
    const outcome = shelf.save(story);
    if (outcome === "parted") {
      part("name").value = story.name;
      say("This story was changed in another tab, too. Both are kept: this one is now “" + story.name + "”.");
    } else if (outcome === "full") say("The browser’s store is full: save this story as a file (Share), and delete some under Stories.");
  }

  function keep() {
    unsaved = true;
    saving ??= setTimeout(save, writing ? SAVE_WRITING : SAVE);
  }

  // Something about the text is new: the buttons, the lens and the store follow.
  function changed() {
    keep();
    buttons();
    note("");
    lenses.here = null;
    lenses.rests = null;
    if (next) hideNext();
    lenses.refresh();
  }

  function open(other, words = "") {
    save();
    story = other;
    settings = soundSettings(story.settings, models);
    story.settings = settings;
    editor.show(story.text);
    editor.caret = story.text.length;
    part("name").value = story.name;
    shelf.remember(story);
    showSettings();
    changedModel();
    buttons();
    note("");
    progress("");
    say(words);
  }

  // Another tab has saved this story, and nothing of it has been changed here since: what the other tab has is newer.
  function adopt() {
    if (writing || unsaved || shelf.revision(story.id) === story.revision) return;
    const newer = shelf.open(story.id);
    if (!newer) return;
    const { caret } = editor;
    open(newer, "This story was changed in another tab; this is how it is now.");
    editor.caret = Math.min(caret, story.text.length);
  }

  addEventListener("storage", (event) => event.key === keyOf(story.id) && adopt());
  addEventListener("pageshow", () => story && adopt());
  addEventListener("pagehide", save);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && save());

  // ---- what can be done now --------------------------------------------------------------------------------------------

  function able(name, can) {
    const button = part(name);
    if (can) button.removeAttribute("aria-disabled");
    else button.setAttribute("aria-disabled", "true");
  }

  function buttons() {
    const here = story.partAt(editor.caret), idle = !writing;
    able("write", idle);
    able("stop", !idle);
    able("again", idle && here);
    able("undo", idle && story.past.length);
    able("redo", idle && story.future.length);
    able("earlier", idle && here && here.at > 0);
    able("later", idle && here && here.at < here.versions.length - 1);
    able("suggest", idle);
    part("write").textContent = editor.caret < story.text.length ? "Write here" : "Write";
    part("version").textContent = here ? `${here.at + 1} of ${here.versions.length}` : "–";
    part("beginnings").hidden = Boolean(story.text) || !idle;
    editor.locked = !idle;
    editor.element.setAttribute("aria-readonly", String(!idle));
  }

  function on(name, act) {
    part(name).addEventListener("click", () => {
      editor.look();
      if (part(name).getAttribute("aria-disabled") !== "true") act();
    });
  }

  // Brings the text where the model writes into sight, unless the reader has scrolled away from it.
  function follow(place, always = false) {
    const box = editor.boxes(Math.max(0, place - 1)).at(-1), around = editor.element.getBoundingClientRect();
    if (!box) return;
    const bar = part("write").closest(".actions").getBoundingClientRect();
    const bottom = Math.min(around.bottom, bar.top, innerHeight) - 12, below = box.bottom - bottom;
    if (below > 0 && (always || below < 160)) {
      if (editor.element.scrollHeight > editor.element.clientHeight + 1) editor.element.scrollTop += below;
      else scrollBy(0, below);
    } else if (always && box.top < Math.max(around.top, 0)) {
      if (editor.element.scrollHeight > editor.element.clientHeight + 1) editor.element.scrollTop -= Math.max(around.top, 0) - box.top + 40;
      else scrollBy(0, box.top - 80);
    }
  }

  // ---- undo and versions -----------------------------------------------------------------------------------------------

  function took(change, words) {
    if (!change) return;
    editor.splice(change.at, change.at + change.removed, change.inserted);
    place(change.at + change.inserted.length);
    changed();
    say(words);
  }

  function undo() {
    if (!writing) took(story.undo(), "Undone.");
  }

  function redo() {
    if (!writing) took(story.redo(), "Redone.");
  }

  function place(caret) {
    editor.select(caret);
    editor.caret = caret;
    buttons();
  }

  function turn(by) {
    const here = story.partAt(editor.caret);
    story.turn(here, here.at + by);
    editor.show(story.text);
    const now = story.parts.at(-1);
    place(now.end);
    changed();
    const { seed } = now.versions[now.at];
    say(`Version ${now.at + 1} of ${now.versions.length}${seed === null || seed === undefined ? "" : ", with seed " + seed}.`);
  }

  // ---- writing ---------------------------------------------------------------------------------------------------------

  const isGreedy = () => samplingOf(settings, modelOf(settings.model)).temperature === 0 && !settings.second;
  const newSeed = () => Math.floor(Math.random() * 2 ** 31);
  const howOf = ({ length, least, stop, until, ...how }) => JSON.stringify(how);

  // Goes on at the cursor; where the model left off there, exactly as if it had not stopped.
  function write() {
    const wrong = problem(settings);
    if (wrong) return say(wrong);
    const start = editor.caret, how = howOf(asked(settings));
    const before = story.parts.findLast(({ end, at, versions }) => end === start && versions[at].how === how && versions[at].drawn);
    const version = before?.versions[before.at];
    const untouched = version && story.text.slice(before.start, before.end) === version.text;
    if (untouched && ["", String(version.seed)].includes(settings.seed)) {
      story.begin({ start, version: { seed: version.seed, skip: version.skip + version.drawn, how, kept: 0 } });
    } else story.begin({ start, version: { seed: settings.seed ? Number(settings.seed) : newSeed(), skip: 0, how, kept: 0 } });
    goOn();
  }

  // Writes a further version of the part at the cursor; the others stay.
  function again() {
    const wrong = problem(settings), here = story.partAt(editor.caret);
    if (wrong) return say(wrong);
    if (isGreedy()) return say("Another try would be the same: at this setting the model always writes the likeliest letter. Move the style towards wild.");
    const model = here.versions.findLast((version) => version.seed !== null) ?? { kept: 0 };
    const kept = here.versions[here.at].seed === null ? 0 : Math.min(model.kept ?? 0, here.end - here.start);
    const seed = settings.seed ? Number(settings.seed) + here.versions.length : newSeed();
    const [text, marks] = [story.text, story.marks].map((of) => of.slice(here.start, here.start + kept));
    story.begin({ part: here, text, marks, version: { seed, skip: 0, how: howOf(asked(settings)), kept } });
    editor.show(story.text);
    goOn(settings.seed ? ` Seed ${settings.seed} wrote the first; this one is of seed ${seed}.` : "");
  }

  // Puts another letter in a place and lets the model go on from it; what stood there is the version before.
  function branch(at, letter) {
    if (writing || problem(settings)) return say(problem(settings));
    const here = story.parts.findLast(({ start, end }) => start <= at && at < end);
    const version = { seed: settings.seed ? Number(settings.seed) : newSeed(), skip: 0, how: howOf(asked(settings)) };
    if (here) {
      const text = story.text.slice(here.start, at) + letter, marks = story.marks.slice(here.start, at) + visitors(letter.length);
      story.begin({ part: here, text, marks, version: { ...version, kept: text.length } });
    } else {
      let end = at;
      while (end < story.text.length && story.marks[end] === VISITOR) end++;
      end = Math.max(end, ...story.parts.filter((other) => other.start === end).map((other) => other.end));
      story.begin({ start: at, end, text: letter, version: { ...version, kept: letter.length } });
    }
    editor.show(story.text);
    goOn();
  }

  // Lets the model write the part that was begun last, and does not give up where the connection is lost.
  async function goOn(words = "") {
    const now = story.parts.at(-1), version = now.versions[now.at], values = asked(settings);
    if (values.adapt) values.typed = typedPlaces(story, now.end);
    const prompt = story.text.slice(0, now.end), last = wordBefore(prompt);
    const author = settings.second ? [settings.model, settings.second] : settings.model;
    const one = writing = new AbortController();
    let arrived = "", failed = "", lost = 0, waited = false;
    place(now.end);
    changed();
    say("Writing." + words);
    progress("");
    for (let done = false; !done && !one.signal.aborted; ) {
      try {
        const { seed, skip } = version, known = arrived;
        for await (const frame of stream("write", { ...values, text: prompt, written: known, seed, skip }, one.signal)) {
          if (one.signal.aborted) break;
          if (lost) say("The connection is back, and the writing goes on.");
          lost = 0;
          if (frame.waiting && !waited) say(`Others are writing; you are number ${frame.waiting} in the queue, and it begins by itself.`);
          waited = Boolean(frame.waiting);
          add(frame.text.slice(arrived.length), frame.shades, [...arrived.slice(known.length)].length, author);
          arrived = frame.text;
          const count = [...arrived].length;
          progress(frame.unread > 500 ? `Reading the story: ${frame.unread.toLocaleString("en")} characters to go.`
            : `${count.toLocaleString("en")} characters · ${frame.speed.toLocaleString("en")} a second · seed ${seed}`);
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
        save();
        await Promise.race([pause(WAITS[Math.min(lost++, WAITS.length - 1)]), new Promise((resolve) => one.signal.addEventListener("abort", resolve))]);
      }
    }
    writing = null;
    if (!arrived && !version.kept && now.versions.length === 1) story.withdraw();
    else if (arrived) story.lastSeed = version.seed;
    place(story.parts.at(-1)?.end ?? editor.caret);
    const said = part("note").textContent;
    changed();
    note([said, arrived ? finished(last, arrived) : ""].filter(Boolean).join(" "));
    const written = story.parts.at(-1), of = written?.versions.length > 1 ? `Version ${written.at + 1} of ${written.versions.length}. ` : "";
    say(failed || `${of}${one.signal.aborted ? "Stopped" : "Done"}: ${[...arrived].length.toLocaleString("en")} characters, seed ${version.seed}.${words}`);
    progress("");
  }

  function add(text, shades, from, author) {
    if (!text) return;
    let marks = "", i = from;
    for (const character of text) marks += story.mark(author, Number(shades[i++] ?? 0)).repeat(character.length);
    const { end } = story.parts.at(-1);
    story.grow(text, marks);
    editor.splice(end, end, text);
    editor.caret = end + text.length;
    follow(editor.caret);
    lenses.paintSoon();
    keep();
  }

  function stop() {
    writing?.abort();
  }

  // ---- alternatives ----------------------------------------------------------------------------------------------------

  let offered = null;

  async function suggest() {
    const box = part("alternatives"), start = editor.caret, count = settings.alternatives, prompt = story.text.slice(0, start);
    const values = { ...asked(settings), length: SHORT, stop: "length", least: 0 }, how = howOf(values), one = new AbortController();
    if (isGreedy()) values.temperature = LIVELY.temperature;
    if (values.adapt) values.typed = typedPlaces(story, start);
    const seeds = Array.from({ length: count }, () => newSeed()), stem = wordBefore(prompt);
    const author = settings.second ? [settings.model, settings.second] : settings.model;
    closeAlternatives();
    offered = { start, one, versions: [] };
    const options = seeds.map((_, i) => {
      const option = make("div", { className: "option", id: `alternative-${i + 1}`, tabIndex: -1 });
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", String(i === 0));
      option.append(make("kbd", { textContent: i + 1 }), make("span", { className: "stem", textContent: stem }), make("span", { className: "words", textContent: "…" }));
      option.addEventListener("click", () => take(i));
      return option;
    });
    box.replaceChildren(...options);
    box.hidden = false;
    box.setAttribute("aria-activedescendant", "alternative-1");
    box.focus({ preventScroll: true });
    say("Alternatives: press 1 to " + count + ", or Escape.");
    try {
      await Promise.all(seeds.map(async (seed, i) => {
        let last;
        for await (last of stream("write", { ...values, text: prompt, seed, skip: 0 }, one.signal)) options[i].querySelector(".words").textContent = shown(last.text);
        const text = cut(last.text);
        const marks = [...text].map((character, at) => story.mark(author, Number(last.shades[at] ?? 0)).repeat(character.length)).join("");
        options[i].querySelector(".words").textContent = shown(text);
        if (offered?.one === one) offered.versions[i] = { text, marks, seed, skip: 0, drawn: [...text].length, how, kept: 0 };
      }));
    } catch (error) {
      if (one.signal.aborted) return;
      closeAlternatives(true);
      say(error instanceof Refused ? error.message : "The connection is lost. Ask again when it is back.");
    }
  }

  const shown = (text) => text.replaceAll("\n", " ↵ ");
  // A continuation without the word that its end has cut off.
  const cut = (text) => text.match(/^[^]*\S(?=\s+\S*$)/)?.[0] ?? text;

  function take(i) {
    const versions = offered?.versions.filter(Boolean) ?? [], chosen = offered?.versions[i];
    if (!chosen) return;
    const { start } = offered, before = wordBefore(story.text.slice(0, start));
    closeAlternatives(true);
    story.offer(start, versions, versions.indexOf(chosen));
    editor.show(story.text);
    place(start + chosen.text.length);
    changed();
    note(finished(before, chosen.text + " "));
    say(`Alternative ${i + 1} is in the story; the others are its versions.`);
  }

  function closeAlternatives(back = false) {
    offered?.one.abort();
    offered = null;
    part("alternatives").hidden = true;
    if (back) editor.element.focus();
    editor.select(editor.caret);
  }

  part("alternatives").addEventListener("keydown", (event) => {
    const options = [...event.currentTarget.querySelectorAll("[role=option]")], at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (/^[1-5]$/.test(event.key)) take(Number(event.key) - 1);
    else if (event.key === "Enter") take(at);
    else if (event.key === "Escape") closeAlternatives(true);
    else if (step) {
      const to = (at + step + options.length) % options.length;
      options.forEach((option, i) => option.setAttribute("aria-selected", String(i === to)));
      event.currentTarget.setAttribute("aria-activedescendant", options[to].id);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });

  // ---- the next letter -------------------------------------------------------------------------------------------------

  let nextAsked = null;

  async function showNext(at) {
    const text = story.text.slice(whole(story.text, Math.max(0, at - LOOK_BACK)), at);
    next = { at, letters: next?.letters ?? null };
    lenses.here = at;
    lenses.rests = null;
    lenses.paint();
    nextAsked?.abort();
    const one = nextAsked = new AbortController();
    const { model, second, share } = settings;
    try {
      await pause(120); // arrow keys may go on
      const letters = await ask("likeliest", { text, model, ...(second ? { second, share } : {}) }, one.signal);
      if (one.signal.aborted || next?.at !== at) return;
      next = { at, letters };
      drawNext();
    } catch (error) {
      if (!one.signal.aborted) part("next-note").textContent = error instanceof Refused ? error.message : "The connection is lost. Click the letter again when it is back.";
    }
  }

  function drawNext() {
    const { at, letters } = next, there = at < story.text.length ? String.fromCodePoint(story.text.codePointAt(at)) : "";
    const tail = story.text.slice(whole(story.text, Math.max(0, at - 20)), at).replaceAll("\n", " ↵ ");
    part("next-note").textContent = (at ? `After “${tail}”` : "At the very beginning") + (there ? `, where “${visible(there)}” stands. ` : ". ") + "Choose a letter, and the model goes on from it.";
    drawBars(part("bars"), letters, samplingOf(settings, modelOf(settings.model)), there, (letter) => branch(at, letter));
    part("rests").hidden = !there || !at;
  }

  function hideNext() {
    next = null;
    nextAsked?.abort();
    part("bars").replaceChildren();
    part("rests").hidden = true;
    part("next-note").textContent = "Click a letter of the story to see what else could stand there.";
  }

  editor.element.addEventListener("click", (event) => {
    const [start, end] = editor.selection(), at = editor.under(event.clientX, event.clientY);
    if (start === end && at !== null && !writing && story.text) showNext(at);
  });
  on("next-here", () => showNext(editor.caret));
  on("rests", async () => {
    try {
      await lenses.restsOn(next.at);
      say("Tinted is what this letter rests on: the darker, the more it matters.");
    } catch (error) {
      say(error instanceof Refused ? error.message : "The connection is lost. Try again when it is back.");
    }
  });

  // ---- settings --------------------------------------------------------------------------------------------------------

  function set(values) {
    Object.assign(settings, values);
    keep();
    showSettings();
    if (next?.letters) drawNext();
  }

  function showSettings() {
    const model = modelOf(settings.model), sampling = samplingOf(settings, model);
    for (const field of element.querySelectorAll("[data-setting]")) {
      const name = field.dataset.setting, value = sampling[name] ?? settings[name] ?? (name === "context" ? model.sampling.context : "");
      if (field.type === "radio") field.checked = field.value === value;
      else if (field.type === "checkbox") field.checked = value;
      else if (field !== document.activeElement || field.type === "range" || field.tagName === "SELECT") field.value = value;
    }
    for (const output of element.querySelectorAll("[data-value]")) output.textContent = sampling[output.dataset.value];
    part("model").value = settings.model;
    if (settings.style !== null) part("style").value = settings.style;
    part("style-name").textContent = styleName(settings.style);
    part("style").setAttribute("aria-valuetext", styleName(settings.style));
    const second = element.querySelector("[data-setting=second]");
    second.replaceChildren(new Option("none", ""), ...models.filter(({ name }) => name !== settings.model).map(({ name, title }) => new Option(title, name)));
    second.value = settings.second ?? "";
    part("share-setting").hidden = !settings.second;
    part("mix").hidden = models.length < 2;
    const other = settings.second && modelOf(settings.second);
    part("mix-first").textContent = model.title;
    part("mix-second").textContent = other?.title ?? "";
    const small = other && other.lowercase !== model.lowercase && (other.lowercase ? other : model);
    part("mix-note").textContent = small ? `${small.title} writes small letters only, so capitals come from the other model alone.` : "";
    part("details").textContent = model.details;
  }

  // The model is another: what belongs to the old one goes.
  function changedModel() {
    hideNext();
    lenses.here = null;
    lenses.modelChanged();
    const { beginnings } = modelOf(settings.model);
    part("beginnings").replaceChildren(make("span", { className: "quiet", textContent: "Begin with:" }), ...beginnings.map((beginning) => {
      const button = make("button", { type: "button", className: "small", textContent: beginning });
      button.addEventListener("click", () => {
        editor.element.focus();
        story.replace(0, story.text.length, beginning);
        editor.show(story.text);
        place(beginning.length);
        changed();
      });
      return button;
    }));
  }

  part("unavailable").textContent = unavailable;
  part("unavailable").hidden = !unavailable;
  part("model").append(...models.map(({ name, title, manner }) => new Option(manner ? `${title} · ${manner}` : title, name)));
  part("model").addEventListener("change", ({ target }) => {
    const second = settings.second === target.value ? null : settings.second;
    set({ model: target.value, second, fixed: null, context: null, ...(settings.style === null ? {} : styled(settings.style, modelOf(target.value))) });
    changedModel();
  });
  part("style").addEventListener("input", ({ target }) => {
    const style = Number(target.value);
    set({ style, ...styled(style, modelOf(settings.model)) });
  });
  for (const field of element.querySelectorAll("[data-setting]")) {
    field.addEventListener(["radio", "checkbox"].includes(field.type) || field.tagName === "SELECT" ? "change" : "input", () => {
      const name = field.dataset.setting;
      let value = ["range", "number"].includes(field.type) ? (field.value === "" ? DEFAULTS[name] : Number(field.value)) : field.value;
      if (field.type === "checkbox") value = field.checked;
      if (name === "second") value = value || null;
      if (value !== null && SOUND[name] && !SOUND[name](value)) {
        field.setAttribute("aria-invalid", "true");
        return say(`${field.labels?.[0]?.firstChild?.textContent.trim() ?? name}: ${field.type === "number" ? `give a whole number from ${field.min} to ${field.max}` : name === "seed" ? "give a whole number of at most 15 digits, or leave it blank" : "this value is not possible"}.`);
      }
      field.removeAttribute("aria-invalid");
      const values = { [name]: value };
      if (SAMPLING.includes(name)) values.style = null;
      if (name === "until" && value) values.stop = "text";
      if (name === "second" && value) Object.assign(values, { fixed: null, adapt: false });
      if (name === "adapt" && value) Object.assign(values, { fixed: null, second: null });
      set(values);
      if (name === "second" || name === "share") hideNext();
      if (name === "adapt") lenses.refresh(0);
    });
    field.addEventListener("change", () => !field.hasAttribute("aria-invalid") && showSettings());
  }
  on("random-seed", () => set({ seed: String(Math.floor(Math.random() * 1e6)) }));
  on("last-seed", () => story.lastSeed === null ? say("Nothing has been written yet, so there is no last seed.") : set({ seed: String(story.lastSeed) }));
  on("reset", () => {
    const { model, second, share, fixed } = settings;
    set({ ...DEFAULTS, model, second, share, fixed });
  });

  // ---- stories, files and links ----------------------------------------------------------------------------------------

  for (const dialog of element.querySelectorAll("dialog")) {
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }

  part("name").addEventListener("input", ({ target }) => {
    story.name = target.value.trim();
    keep();
  });

  function listStories() {
    const rows = shelf.list().map(({ id, name, length }) => {
      const row = make("li"), choose = make("button", { type: "button", className: "story-choice" });
      choose.append(name, make("small", { textContent: ` ${length.toLocaleString("en")} characters` }));
      if (id === story.id) choose.setAttribute("aria-current", "true");
      choose.addEventListener("click", () => {
        stop();
        open(shelf.open(id) ?? new Story());
        part("stories-dialog").close();
      });
      const remove = make("button", { type: "button", className: "small", textContent: "Delete" });
      remove.setAttribute("aria-label", "Delete " + name);
      remove.addEventListener("click", () => {
        if (remove.dataset.sure) {
          shelf.remove(id);
          unsaved = unsaved && id !== story.id;
          if (id === story.id) open(shelf.last() ?? new Story());
          listStories();
        } else {
          remove.dataset.sure = "yes";
          remove.textContent = "Delete for good?";
        }
      });
      row.append(choose, remove);
      return row;
    });
    part("story-list").replaceChildren(...rows);
  }

  on("stories", () => {
    save();
    listStories();
    part("stories-dialog").showModal();
  });
  on("new-story", () => {
    stop();
    open(new Story({ settings: { ...settings, seed: "", fixed: null } }), "A new story.");
    part("stories-dialog").close();
    editor.element.focus();
  });
  on("import", () => part("import-file").click());
  part("import-file").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (!file) return;
    stop();
    const content = await file.text();
    let found;
    try {
      found = /\.json$/i.test(file.name) ? Story.from(JSON.parse(content)) : new Story({ text: plain(content).slice(0, 100000), settings });
    } catch (error) {
      part("stories-dialog").close();
      return say(`${file.name} cannot be opened: ${error instanceof SyntaxError ? "it is damaged" : error.message}.`);
    }
    found.id = new Story().id;
    found.revision = 0;
    if (!found.name) found.name = file.name.replace(/\.\w+$/, "").slice(0, 80);
    open(found, `“${titleOf(found)}” is open.`);
    keep();
    save();
    part("stories-dialog").close();
  });

  const saveFile = (content, type, ending) => {
    const link = make("a", { href: URL.createObjectURL(new Blob([content], { type })) });
    link.download = (titleOf(story).replace(/[\\/:*?"<>|\n]+/g, " ").trim().replace(/\.+$/, "") || "story") + ending;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const copy = async (text, words) => {
    try {
      await navigator.clipboard.writeText(text);
      part("export-status").textContent = words;
    } catch {
      part("export-status").textContent = "The browser does not allow copying here: select the text and copy it yourself.";
    }
  };
  on("export", () => {
    part("export-status").textContent = "";
    part("export-dialog").showModal();
  });
  on("copy", () => copy(story.text, "The text is copied."));
  on("save-text", () => saveFile(story.text, "text/plain", ".txt"));
  on("save-story", () => saveFile(JSON.stringify({ ...story.toJSON(), settings }), "application/json", ".json"));
  on("copy-link", () => {
    // Behind the #, which no browser sends to a server.
    const parts = new URLSearchParams();
    for (const [name, value] of Object.entries(settings)) if (value !== null && value !== DEFAULTS[name] && typeof value !== "object") parts.set(name, value);
    parts.set("text", story.text);
    copy(location.href.split("#")[0] + "#" + parts, "A link to this story is copied.");
  });

  // The story of a link, as one of its own; null where there is none. What is unknown or unsound in it is passed over.
  function linked() {
    const found = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    if (found.text === undefined) return null;
    history.replaceState(null, "", location.href.split("#")[0]);
    const values = Object.fromEntries(Object.entries(found).map(([name, value]) => {
      const isNumber = typeof DEFAULTS[name] === "number" || SAMPLING.includes(name);
      return [name, isNumber ? Number(value) : typeof DEFAULTS[name] === "boolean" ? value === "true" : value];
    }));
    if (SAMPLING.some((name) => name in values)) values.style = null;
    return new Story({ text: plain(found.text).slice(0, 100000), settings: soundSettings(values, models) });
  }
  addEventListener("hashchange", () => {
    const found = linked();
    if (found) open(found, "This is the story of the link. Your own stories are under Stories.");
  });

  // ---- keys, buttons and the panel -------------------------------------------------------------------------------------

  on("write", write);
  on("stop", stop);
  on("again", again);
  on("undo", undo);
  on("redo", redo);
  on("earlier", () => turn(-1));
  on("later", () => turn(1));
  on("suggest", suggest);

  editor.element.addEventListener("pointerdown", () => { byKey = false; });
  editor.element.addEventListener("keydown", (event) => {
    byKey = true;
    editor.look(); // the browser tells of a new place of the caret only later
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key === "Enter") writing || write();
    else if (command && event.key === " ") writing || suggest();
    else if (event.altKey && event.key === "Enter") showNext(editor.caret);
    else if (command && event.key.toLowerCase() === "z" && !event.altKey) event.shiftKey ? redo() : undo();
    else if (command && event.key.toLowerCase() === "y") redo();
    else return;
    event.preventDefault();
  });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (writing) stop();
    else if (part("panel").dataset.open) openPanel("");
    else return;
    event.preventDefault();
  });

  for (const radio of element.querySelectorAll("input[name=lens]")) radio.addEventListener("change", () => lenses.open(radio.value));

  function openPanel(which) {
    part("panel").dataset.open = which;
    part("open-lens").setAttribute("aria-expanded", String(which === "lens"));
    part("open-settings").setAttribute("aria-expanded", String(which === "settings"));
    // With the panel open a touch looks at a letter; the keyboard would cover both.
    editor.element.inputMode = which === "lens" ? "none" : "text";
    if (which) editor.element.scrollIntoView({ block: "start" });
  }
  const panelButton = (name) => on("open-" + name, () => openPanel(part("panel").dataset.open === name ? "" : name));
  panelButton("lens");
  panelButton("settings");
  on("close-panel", () => openPanel(""));

  let painting = false;
  const repaint = () => {
    if (painting) return;
    painting = true;
    requestAnimationFrame(() => {
      painting = false;
      lenses.refresh(150);
    });
  };
  editor.element.addEventListener("scroll", repaint, { passive: true });
  addEventListener("scroll", repaint, { passive: true });
  addEventListener("resize", repaint, { passive: true });

  story = new Story();
  settings = soundSettings({}, models);
  const brought = linked();
  open(brought ?? shelf.last() ?? new Story());
  if (brought) {
    keep();
    save();
  }
}

// From which to which character, counted as Python does, the visitor typed what stands before a place.
function typedPlaces(story, end) {
  const characters = (place) => [...story.text.slice(0, place)].length;
  return runs(story.marks, 0, end).filter(([, , mark]) => mark === VISITOR).map(([from, to]) => [characters(from), characters(to)]);
}

// The letters of a word that a text ends in.
const wordBefore = (text) => text.match(/[\p{L}\p{M}’']+$/u)?.[0] ?? "";

// A sentence where the model has made another word of the one it began behind.
function finished(stem, written) {
  const more = stem && written.match(/^[\p{L}\p{M}’']+/u)?.[0];
  return more ? `It finished your word: “${stem}” became “${stem}${more}”.` : "";
}
