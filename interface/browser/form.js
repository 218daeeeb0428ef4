// The form of the settings: it shows and checks them, and updates the parts of the page that depend on a change.

function storyForm(page, unavailable, training) {
  const { element, part, say, editor } = page;

  function set(values) {
    Object.assign(page.settings, values);
    page.keep();
    show();
    page.next.draw();
  }

  // Shows the present settings.
  function show() {
    const { settings, models } = page, model = page.model(), sampling = samplingOf(settings, model);
    for (const field of element.querySelectorAll("[data-setting]")) {
      const name = field.dataset.setting, value = sampling[name] ?? settings[name] ?? (name === "context" ? model.sampling.context : "");
      if (field.type === "radio") field.checked = field.value === value;
      else if (field.type === "checkbox") field.checked = value;
      else if (field !== document.activeElement || field.type === "range" || field.tagName === "SELECT") field.value = value;
      if (ALLOWED[name] && !SOUND[name](settings[name])) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
    for (const slider of element.querySelectorAll("[data-shape]")) {
      slider.value = slider.labels[0].querySelector("output").textContent = sampling[slider.dataset.shape];
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
    const other = settings.second && page.model(settings.second);
    part("mix-first").textContent = model.title;
    part("mix-second").textContent = other?.title ?? "";
    const small = other && other.lowercase !== model.lowercase && (other.lowercase ? other : model);
    const notes = [];
    if (small) notes.push(`${small.title} writes small letters only, so capitals come from the other model alone.`);
    if (other?.language && model.language && other.language !== model.language) notes.push("They have read different languages: the text will mix both.");
    part("mix-note").textContent = notes.join(" ");
    part("details").textContent = model.details;
    page.lenses.showHeld?.();
  }

  // After a change of the model: hides what the old one predicted, and shows the beginnings of the new one.
  function changedModel() {
    page.next.hide();
    page.lenses.modelChanged();
    const { beginnings } = page.model();
    part("beginnings").replaceChildren(make("span", { className: "quiet", textContent: "Begin with:" }), ...beginnings.map((beginning) => {
      const button = make("button", { type: "button", className: "small", textContent: beginning });
      button.addEventListener("click", () => {
        editor.element.focus();
        page.story.replace(0, page.story.text.length, beginning);
        editor.show(page.story.text);
        page.place(beginning.length);
        page.changed();
      });
      return button;
    }));
  }

  const kept = lasting === window.keptInPage?.localStorage ? "This browser keeps nothing of this page: save your story as a file (Share) before you leave." : "";
  part("unavailable").textContent = [unavailable, kept].filter(Boolean).join(" ");
  part("unavailable").hidden = !unavailable && !kept;

  // Lists the models for everyone and after them the visitor's own, which can change at any time. The story then uses
  // `chosen`, if that is given and listed.
  const listed = page.models.length;
  function offer(chosen) {
    page.models.splice(listed, Infinity, ...(training ? own.models() : []));
    part("model").replaceChildren(...page.models.map(({ name, title, manner }) => new Option(manner ? `${title} · ${manner}` : title, name)));
    const { settings, models } = page, there = (name) => models.some((model) => model.name === name), gone = !there(settings.model);
    if (gone) say(`“${settings.model}” is gone, or is learning: the story goes on with ${models[0].title}.`);
    const model = there(chosen) ? chosen : gone ? models[0].name : settings.model;
    const second = settings.second !== model && there(settings.second) ? settings.second : null;
    if (model === settings.model && second === settings.second) return show();
    set({ model, second, ...(model === settings.model ? {} : { fixed: null, context: null }) });
    changedModel();
  }
  addEventListener("own-models", ({ detail }) => offer(detail?.chosen));
  addEventListener("storage", (event) => event.key === OWN && offer());
  offer();
  part("model").addEventListener("change", ({ target }) => {
    const { second, style } = page.settings, sampling = style === null ? {} : styled(style, page.model(target.value));
    set({ model: target.value, second: second === target.value ? null : second, fixed: null, context: null, ...sampling });
    changedModel();
  });
  part("style").addEventListener("input", ({ target }) => {
    const style = Number(target.value);
    set({ style, ...styled(style, page.model()) });
  });
  for (const field of element.querySelectorAll("[data-setting]")) {
    field.addEventListener(["radio", "checkbox"].includes(field.type) || field.tagName === "SELECT" ? "change" : "input", () => {
      const name = field.dataset.setting;
      let value = ["range", "number"].includes(field.type) ? (field.value === "" ? DEFAULTS[name] : Number(field.value)) : field.value;
      if (field.type === "checkbox") value = field.checked;
      if (name === "second") value = value || null;
      const values = { [name]: value };
      if (SAMPLING.includes(name)) values.style = null;
      if (name === "until" && value) values.stop = "text";
      if (name === "second" && value) Object.assign(values, { fixed: null, adapt: false });
      if (name === "adapt" && value) Object.assign(values, { fixed: null, second: null });
      set(values);
      if (field.hasAttribute("aria-invalid")) say(ALLOWED[name]);
      if (name === "second" || name === "share") page.next.hide();
      if (name === "adapt") page.lenses.refresh(0);
    });
    field.addEventListener("change", show);
  }
  // The panel “Next letter” has sliders for temperature and top-p too.
  for (const slider of element.querySelectorAll("[data-shape]")) {
    slider.addEventListener("input", () => set({ [slider.dataset.shape]: Number(slider.value), style: null }));
  }
  page.on("random-seed", () => set({ seed: String(Math.floor(Math.random() * 1e6)) }));
  page.on("last-seed", () => page.story.lastSeed === null ? say("Nothing has been written yet, so there is no last seed.") : set({ seed: String(page.story.lastSeed) }));
  page.on("reset", () => {
    const { model, second, share, fixed } = page.settings;
    set({ ...DEFAULTS, model, second, share, fixed });
  });

  return { set, show, changedModel };
}
