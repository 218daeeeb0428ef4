// The visitor's stories, kept in this browser alone.

const PREFIX = "lstm-text-generation ";
const OPEN = PREFIX + "open"; // the story that was open last
const keyOf = (id) => PREFIX + "story " + id;

const shelf = {
  // Returns [{ id, name, changed, length }], the story that was changed last first.
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

  // Saves a story; returns "saved", "parted" or "full". "parted": another tab has saved this story since, so this
  // one gets a new id and name, and neither is lost. "full": the browser's store has no space for it.
  save(story) {
    const kept = this.revision(story.id);
    let outcome = "saved";
    if (kept && kept !== story.revision) {
      story.id = new Story().id;
      story.name = titleOf(story) + " (2)";
      story.revision = 0;
      outcome = "parted";
    }
    story.revision += 1;
    const keep = (as) => lasting.setItem(keyOf(story.id), JSON.stringify({ ...as.toJSON(), changed: Date.now() }));
    try {
      keep(story);
    } catch {
      try {
        keep(story.withoutHistory()); // the store is full
      } catch {
        story.revision -= 1;
        return "full";
      }
    }
    this.remember(story);
    return outcome;
  },

  // Makes a story the one that this tab and the next new tab open first.
  remember(story) {
    try {
      ofTab.setItem(OPEN, story.id);
      lasting.setItem(OPEN, story.id);
    } catch {} // the store is full: `last` then opens the story that was changed last
  },

  remove(id) {
    lasting.removeItem(keyOf(id));
  },
};

// Returns the title of a story: its name, or else its first line, which is cut after a word if it is long.
function titleOf({ name, text }) {
  const first = text.split("\n").find((line) => line.trim())?.trim() ?? "";
  const start = first.length > 40 ? (first.slice(0, 40).match(/^.*\S(?=\s)/s)?.[0] ?? first.slice(0, whole(first, 39))) + "…" : first;
  return name || start || "New story";
}
