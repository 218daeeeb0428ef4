// Opening and sharing the visitor's stories: the two dialogs, files and links.

const LONGEST_FILE = 100000; // characters of a text from a file or a link, at most
const shortened = (text) => (text.length > LONGEST_FILE ? text.slice(0, whole(text, LONGEST_FILE - 1)) : text);

function storyFiles(page) {
  const { element, part, say, editor } = page;

  for (const dialog of element.querySelectorAll("dialog")) {
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }

  part("name").addEventListener("input", ({ target }) => {
    page.story.name = target.value.trim();
    page.keep();
  });

  function listStories() {
    const rows = shelf.list().map(({ id, name, length }) => {
      const row = make("li"), choose = make("button", { type: "button", className: "story-choice" });
      choose.append(name, make("small", { textContent: ` ${length.toLocaleString("en")} characters` }));
      if (id === page.story.id) choose.setAttribute("aria-current", "true");
      choose.addEventListener("click", () => {
        part("stories-dialog").close();
        if (id === page.story.id) return;
        const found = shelf.open(id);
        if (found) page.open(found);
        else say("This story cannot be opened: it is damaged, or from a newer version of this app.");
      });
      const remove = make("button", { type: "button", className: "small", textContent: "Delete" });
      remove.setAttribute("aria-label", "Delete " + name);
      remove.addEventListener("click", () => {
        if (remove.dataset.sure) {
          shelf.remove(id);
          if (id === page.story.id) {
            page.forget();
            page.open(shelf.last() ?? new Story());
          } else page.save(); // there may be space for it now
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

  page.on("stories", () => {
    page.save();
    listStories();
    part("stories-dialog").showModal();
  });
  page.on("new-story", () => {
    part("stories-dialog").close();
    page.open(new Story({ settings: { ...page.settings, seed: "", fixed: null } }), "A new story.");
    editor.element.focus();
  });
  page.on("import", () => part("import-file").click());
  part("import-file").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (!file) return;
    let found, cut = "";
    try {
      const content = await file.text();
      if (/\.json$/i.test(file.name)) found = Story.from(JSON.parse(content));
      else {
        found = new Story({ text: shortened(plain(content)), settings: page.settings });
        if (plain(content).length > LONGEST_FILE) cut = ` It is longer than a story can be: these are its first ${LONGEST_FILE.toLocaleString("en")} characters.`;
      }
    } catch (error) {
      part("stories-dialog").close();
      const damaged = error instanceof SyntaxError || error instanceof TypeError, unread = error instanceof DOMException;
      return say(`${file.name} cannot be opened: ${damaged ? "it is damaged" : unread ? "the browser cannot read it" : error.message}.`);
    }
    found.id = new Story().id;
    found.revision = 0;
    if (!found.name) found.name = file.name.replace(/\.\w+$/, "").slice(0, 80);
    part("stories-dialog").close();
    if (!page.open(found, `“${titleOf(found)}” is open.${cut}`)) return;
    page.keep();
    page.save();
  });

  const saveStory = (content, type, ending) => {
    const name = titleOf(page.story).replace(/[\\/:*?"<>|\n]+/g, " ").trim().replace(/[.…]+$/, "") || "story";
    saveFile(content, type, name + ending);
  };
  const copy = async (text, words) => {
    try {
      await navigator.clipboard.writeText(text);
      part("export-status").textContent = words;
    } catch {
      part("export-status").textContent = "The browser does not allow copying here: select the text and copy it yourself.";
    }
  };
  page.on("export", () => {
    part("export-status").textContent = "";
    part("page-model").textContent = page.model().title;
    part("export-dialog").showModal();
  });
  page.on("copy", () => copy(page.story.text, "The text is copied."));
  page.on("save-text", () => saveStory(page.story.text, "text/plain", ".txt"));
  page.on("save-story", () => saveStory(JSON.stringify({ ...page.story.toJSON(), settings: page.settings }), "application/json", ".json"));
  page.on("save-page", () => {
    const tell = (words) => { part("export-status").textContent = words; };
    return attempt(tell, () => savePage(page.settings.model, tell));
  });
  page.on("copy-link", () => {
    // The story is in the part after the #, which a browser does not send to the server.
    const parts = new URLSearchParams();
    for (const [name, value] of Object.entries(page.settings)) if (value !== null && value !== DEFAULTS[name] && typeof value !== "object") parts.set(name, value);
    parts.set("text", page.story.text);
    copy(location.href.split("#")[0] + "#" + parts, "A link to this story is copied.");
  });

  // Returns the story in the address of this page as a new story, or null. Unknown or invalid values are ignored.
  function linked() {
    const found = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    if (found.text === undefined) return null;
    history.replaceState(null, "", location.href.split("#")[0]);
    const values = Object.fromEntries(Object.entries(found).map(([name, value]) => {
      const isNumber = typeof DEFAULTS[name] === "number" || SAMPLING.includes(name);
      return [name, isNumber ? Number(value.trim() || NaN) : typeof DEFAULTS[name] === "boolean" ? value === "true" : value];
    }));
    if (!("style" in values) && SAMPLING.some((name) => name in values)) values.style = null;
    return new Story({ text: shortened(plain(found.text)), settings: soundSettings(values, page.models) });
  }
  addEventListener("hashchange", () => {
    const found = linked();
    if (!found) return;
    const opened = page.open(found, "This is the story of the link. Your own stories are under Stories.");
    if (opened && found.text) page.keep();
  });

  return { linked };
}
