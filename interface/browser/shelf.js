// The visitor's stories, kept in this browser alone.

const PREFIX = "lstm-text-generation ";
const OPEN = PREFIX + "open"; // the story that was open last
const keyOf = (id) => PREFIX + "story " + id;

const shelf = {
  // [{ id, name, changed }], the latest first.
  list() {
    const found = [];
    for (let i = 0; i < lasting.length; i++) {
      const key = lasting.key(i);
      if (!key.startsWith(keyOf(""))) continue;
      try {
        const { id, name, text, changed } = JSON.parse(lasting.getItem(key));
        found.push({ id, name: titleOf({ name, text }), changed: changed ?? 0, length: text.length });
      } catch {} // another program's entry, or one that a crash has cut off
    }
    return found.sort((a, b) => b.changed - a.changed);
  },

  open(id) {
    try {
      return Story.from(JSON.parse(lasting.getItem(keyOf(id))));
    } catch {
      return null;
    }
  },

  last() {
    return this.open(ofTab.getItem(OPEN)) ?? this.open(lasting.getItem(OPEN)) ?? this.open(this.list()[0]?.id);
  },

  revision(id) {
    try {
      return JSON.parse(lasting.getItem(keyOf(id)))?.revision ?? 0;
    } catch {
      return 0;
    }
  },

  // Saves a story. Where another tab has saved a later one under the same id, this one becomes a story of its own, so
  // that neither is lost; returns "saved", "parted" or "full".
  save(story) {
    let outcome = "saved";
    if (this.revision(story.id) !== story.revision) {
      story.id = new Story().id;
      story.name = titleOf(story) + " (2)";
      story.revision = 0;
      outcome = "parted";
    }
    story.revision += 1;
    const keep = () => lasting.setItem(keyOf(story.id), JSON.stringify({ ...story.toJSON(), changed: Date.now() }));
    try {
      keep();
    } catch {
      // The store is full: let the history go before the text.
      story.base = story.parts;
      story.past = story.future = [];
      try {
        keep();
      } catch {
        story.revision -= 1;
        return "full";
      }
    }
    this.remember(story);
    return outcome;
  },

  // Which story this tab, and the next one, begins with.
  remember(story) {
    try {
      ofTab.setItem(OPEN, story.id);
      lasting.setItem(OPEN, story.id);
    } catch {} // full: the latest story is found all the same
  },

  remove(id) {
    lasting.removeItem(keyOf(id));
  },
};

// What a story is called: its name, or else its first line, of which a long one is cut behind a word.
function titleOf({ name, text }) {
  const first = text.split("\n").find((line) => line.trim())?.trim() ?? "";
  const start = first.length > 40 ? (first.slice(0, 40).match(/^.*\S(?=\s)/s)?.[0] ?? first.slice(0, whole(first, 39))) + "…" : first;
  return name || start || "New story";
}
