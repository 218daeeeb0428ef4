// The page “Your story”: one story, its editor and its buttons. The story is kept in the browser, not on the server.

const SAVED_AFTER = 400; // milliseconds after a change

function storyPage(element, { models, unavailable, training }) {
  const part = (name) => element.querySelector(`[data-id=${name}]`);
  // Shared by the files of this page (next.js, form.js and others): the story, its settings and common functions.
  const page = {
    element, part, models, on, say, note, progress, keep, save, forget, open, changed, place, follow,
    story: new Story(),
    settings: soundSettings({}, models),
    writing: null, // AbortController of the running request to write
    model: (name = page.settings.model) => models.find((model) => model.name === name) ?? models[0],
  };
  let unsaved = false, saving = null, byKey = false;

  const editor = page.editor = new Editor(part("editor"), {
    edited: (start, end, inserted, typing) => {
      page.story.replace(start, end, inserted, undefined, { typing });
      changed();
    },
    moved: (place) => {
      buttons();
      if (byKey && page.next.shown()) page.next.show(place);
    },
    undo: () => undo(),
    redo: () => redo(),
    follow: (place) => follow(place, true),
  });
  page.lenses = new Lenses(part("lens"), {
    story: () => page.story,
    settings: () => page.settings,
    models,
    editor,
    busy: () => Boolean(page.writing),
    changed: (values) => page.form.set(values),
  });
  page.next = storyNext(page);
  page.form = storyForm(page, unavailable, training);
  page.writer = storyWriting(page);
  page.alternatives = storyAlternatives(page);
  page.files = storyFiles(page);

  // ---- saying ----------------------------------------------------------------------------------------------------------

  function say(text) {
    part("status").textContent = text;
  }

  function progress(text) {
    part("progress").textContent = text;
  }

  function note(text) {
    part("note").textContent = text;
  }

  // ---- keeping ---------------------------------------------------------------------------------------------------------

  // Saves the story if it has changed; returns whether it is kept.
  function save() {
    clearTimeout(saving);
    saving = null;
    if (!unsaved) return true;
    const { story } = page;
    story.settings = page.settings;
    const outcome = shelf.save(story);
    unsaved = outcome === "full";
    if (outcome === "parted") {
      part("name").value = story.name;
      say("This story was changed in another tab, too. Both are kept: this one is now “" + story.name + "”.");
    } else if (unsaved) say("The browser’s store is full: save this story as a file (Share), and delete some under Stories.");
    return !unsaved;
  }

  // Saves the story soon.
  function keep(after = SAVED_AFTER) {
    unsaved = true;
    saving ??= setTimeout(save, after);
  }

  // After a story was deleted: discards its unsaved changes.
  function forget() {
    unsaved = false;
  }

  // After a change of the text: updates the buttons and the lens, and saves the story soon.
  function changed() {
    keep();
    buttons();
    note("");
    page.lenses.rests = null;
    page.next.hide();
    page.alternatives.close();
    page.lenses.refresh();
  }

  // Opens another story; returns false, and changes nothing, if the present one cannot be saved.
  function open(story, words = "") {
    if (!save()) return false;
    page.writer.stop();
    page.writing = null;
    page.alternatives.close();
    page.story = story;
    page.settings = story.settings = soundSettings(story.settings, models);
    editor.show(story.text);
    editor.caret = story.text.length;
    part("name").value = story.name;
    shelf.remember(story);
    page.form.show();
    page.form.changedModel();
    buttons();
    note("");
    progress("");
    say(words);
    return true;
  }

  // Opens this story anew if another tab has saved it and it has no unsaved changes here.
  function adopt() {
    const { story } = page;
    if (page.writing || unsaved || shelf.revision(story.id) === story.revision) return;
    const newer = shelf.open(story.id);
    if (!newer) return;
    const { caret } = editor;
    open(newer, "This story was changed in another tab; this is how it is now.");
    place(Math.min(caret, newer.text.length));
  }

  addEventListener("storage", (event) => event.key === keyOf(page.story.id) && adopt());
  addEventListener("pageshow", adopt);
  addEventListener("pagehide", save);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && save());

  // ---- what can be done now --------------------------------------------------------------------------------------------

  function able(name, can) {
    const button = part(name);
    if (can) button.removeAttribute("aria-disabled");
    else button.setAttribute("aria-disabled", "true");
  }

  function buttons() {
    const { story } = page, here = story.partAt(editor.caret), idle = !page.writing;
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

  // Scrolls to `place`, unless the reader has scrolled away from it; with `always` even then.
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
    follow(editor.caret, true);
    say(words);
  }

  function undo() {
    if (!page.writing) took(page.story.undo(), "Undone.");
  }

  function redo() {
    if (!page.writing) took(page.story.redo(), "Redone.");
  }

  function place(caret) {
    editor.select(caret);
    editor.caret = caret;
    buttons();
  }

  function turn(by) {
    const { story } = page, here = story.partAt(editor.caret);
    story.turn(here, here.at + by);
    editor.show(story.text);
    const now = story.parts.at(-1);
    place(now.end);
    changed();
    const { seed } = now.versions[now.at];
    say(`Version ${now.at + 1} of ${now.versions.length}${seed === null || seed === undefined ? "" : ", with seed " + seed}.`);
  }

  // ---- keys, buttons and the panel -------------------------------------------------------------------------------------

  on("write", page.writer.write);
  on("stop", page.writer.stop);
  on("again", page.writer.again);
  on("undo", undo);
  on("redo", redo);
  on("earlier", () => turn(-1));
  on("later", () => turn(1));
  on("suggest", page.alternatives.suggest);

  editor.element.addEventListener("pointerdown", () => { byKey = false; });
  editor.element.addEventListener("keydown", (event) => {
    byKey = true;
    editor.look(); // the browser's event for a moved caret comes only later
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key === "Enter") page.writing || page.writer.write();
    else if (command && event.key === " ") page.writing || page.alternatives.suggest();
    else if (event.altKey && event.key === "Enter") page.next.show(editor.caret);
    else if (command && event.key.toLowerCase() === "z" && !event.altKey) event.shiftKey ? redo() : undo();
    else if (command && event.key.toLowerCase() === "y") redo();
    else return;
    event.preventDefault();
  });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (page.writing) page.writer.stop();
    else if (part("panel").dataset.open) openPanel("");
    else return;
    event.preventDefault();
  });

  for (const radio of element.querySelectorAll("input[name=lens]")) radio.addEventListener("change", () => page.lenses.open(radio.value));

  function openPanel(which) {
    part("panel").dataset.open = which;
    part("panel-title").textContent = { lens: "Lenses", settings: "Settings" }[which] ?? "";
    part("open-lens").setAttribute("aria-expanded", String(which === "lens"));
    part("open-settings").setAttribute("aria-expanded", String(which === "settings"));
    // With the lenses open, a touch chooses a letter, and a keyboard on the screen would cover the text and the panel.
    editor.element.inputMode = which === "lens" ? "none" : "text";
    if (which) editor.element.scrollIntoView({ block: "start" });
  }
  const panelButton = (name) => on("open-" + name, () => openPanel(part("panel").dataset.open === name ? "" : name));
  panelButton("lens");
  panelButton("settings");
  on("close-panel", () => openPanel(""));
  matchMedia("(max-width: 900px)").addEventListener("change", () => openPanel("")); // a wide page has no such panels

  let painting = false;
  const repaint = () => {
    if (painting) return;
    painting = true;
    requestAnimationFrame(() => {
      painting = false;
      page.lenses.refresh(150);
    });
  };
  editor.element.addEventListener("scroll", repaint, { passive: true });
  addEventListener("scroll", repaint, { passive: true });
  addEventListener("resize", repaint, { passive: true });

  if (training) own.refresh();
  const brought = page.files.linked();
  open(brought ?? shelf.last() ?? new Story());
  if (brought) {
    keep();
    save();
  }
}
