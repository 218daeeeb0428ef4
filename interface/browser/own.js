// The visitor's own trainings and their models, { key, title, name, model } each. Only this browser has the keys.

const OWN = "lstm-text-generation own";

const own = {
  list() {
    return window.unsavedOwn ?? this.stored();
  },

  stored() {
    try {
      const found = JSON.parse(lasting.getItem(OWN) ?? "[]");
      return Array.isArray(found) ? found.filter((each) => typeof each?.key === "string") : [];
    } catch {
      return [];
    }
  },

  models() {
    return this.list().flatMap(({ model }) => (model ? [model] : []));
  },

  // Keeps the state of a training as the server sent it; returns its model, or null.
  keep({ key, title, model }) {
    const list = this.list(), before = list.find((each) => each.key === key), others = list.filter((each) => each !== before);
    let name = before?.title === title ? before.name : `yours: ${title}`;
    for (let i = 2; others.some((each) => each.name === name); i++) name = `yours: ${title} (${i})`;
    const now = { key, title, name, model: model && { ...model, title: name.replace("yours: ", ""), name, secret: model.name } };
    if (JSON.stringify(now) !== JSON.stringify(before)) this.save(before ? list.map((each) => (each === before ? now : each)) : [...list, now]);
    return now.model;
  },

  remove(key) {
    this.save(this.list().filter((each) => each.key !== key));
  },

  // If the store is full, the window keeps the list until the page is closed. Each part of the page runs this file anew.
  save(list) {
    try {
      lasting.setItem(OWN, JSON.stringify(list));
      window.unsavedOwn = null;
    } catch {
      window.unsavedOwn = list;
    }
    dispatchEvent(new CustomEvent("own-models"));
  },

  // Updates each training from the server, and removes those that the server no longer has.
  async refresh() {
    for (const { key } of this.list()) {
      try {
        this.keep(await ask("training", { key }));
      } catch (error) {
        if (error instanceof Refused) this.remove(key);
        else if (!(error instanceof Lost)) throw error;
      }
    }
  },

  // Returns `values` with the server's names of models. The server's name of a visitor's own model contains the key, so
  // stories and links contain a short name instead.
  named(values) {
    const models = this.models(), sent = { ...values };
    for (const part of ["model", "second"]) sent[part] = models.find(({ name }) => name === values[part])?.secret ?? values[part];
    return sent;
  },
};
