// A story: its text, the author of each character, the versions of what the model wrote, and the undo history. Nothing
// here uses the page. Places are counted in UTF-16 units, as in JavaScript's strings.

const VISITOR = " ";
const SHADES = 6; // tints of a mixture, from the first model to the second
const STEPS = 300; // that can be undone, at most
const KEPT = 400000; // characters that these steps hold, at most
const TYPING = 1500; // milliseconds; typing after a shorter pause joins the same step

const visitors = (length) => VISITOR.repeat(length);
const splice = (text, start, end, inserted) => text.slice(0, start) + inserted + text.slice(end);

// A part is the text of one press of Write, with all its versions: { start, end, versions, at }. `at` is the version in
// the story. A version is { text, marks, parts, seed, skip, drawn, how, kept }:
// - `parts` lie within it; their places count from its start
// - `seed` is null if the model did not write it
// - `skip` random draws came before it; `drawn` characters were drawn for it, null if it was edited
// - `how` is the key of its settings (see `howOf`)
// - `kept` units at its start stay when it is tried again
// Parts and versions are never changed, only replaced, so a step of the history can refer to them.
class Story {
  constructor(data = {}) {
    this.id = data.id ?? Math.random().toString(36).slice(2, 10);
    this.name = data.name ?? "";
    this.text = data.text ?? "";
    this.marks = data.marks ?? visitors(this.text.length); // one for each unit: VISITOR, or as `mark` returns
    this.authors = data.authors ?? []; // each the name of a model, or a list of two names
    this.settings = data.settings ?? {};
    this.lastSeed = data.lastSeed ?? null;
    this.revision = data.revision ?? 0;
    this.parts = this.base = [];
    this.past = [];
    this.future = [];
  }

  // ---- who wrote what ------------------------------------------------------------------------------------------------

  // Returns the mark, one UTF-16 unit, of an author (see `authors`) and a shade.
  mark(author, shade = 0) {
    const key = JSON.stringify(author);
    let index = this.authors.findIndex((other) => JSON.stringify(other) === key);
    if (index < 0) index = this.authors.push(author) - 1;
    return String.fromCharCode(33 + index * SHADES + shade);
  }

  // Returns the author and the shade of a mark; null for the visitor.
  author(mark) {
    const code = mark.charCodeAt(0) - 33;
    return code < 0 ? null : { author: this.authors[Math.floor(code / SHADES)], shade: code % SHADES };
  }

  // Returns the marks of a text by an author; `shades` has a digit for each character.
  marksOf(text, author, shades) {
    return [...text].map((character, i) => this.mark(author, Number(shades[i] ?? 0)).repeat(character.length)).join("");
  }

  // ---- changes -------------------------------------------------------------------------------------------------------

  // Replaces [start, end) by `inserted` as one step. With `typing`, a change that continues the last step joins it.
  replace(start, end, inserted, marks = visitors(inserted.length), { parts = null, typing = false } = {}) {
    const removed = this.text.slice(start, end);
    if (!removed && !inserted && !parts) return;
    const change = { at: start, removed, removedMarks: this.marks.slice(start, end), inserted, insertedMarks: marks };
    change.parts = parts ?? moved(this.parts, start, end, inserted.length);
    const last = this.past.at(-1), now = Date.now();
    this.apply(change);
    this.future = [];
    if (typing && last?.typed > now - TYPING && joined(last, change)) last.typed = now;
    else {
      this.past.push(change);
      if (typing) change.typed = now;
    }
    this.forget();
  }

  apply({ at, removed, inserted, insertedMarks, parts }) {
    this.text = splice(this.text, at, at + removed.length, inserted);
    this.marks = splice(this.marks, at, at + removed.length, insertedMarks);
    this.parts = parts;
  }

  // Undoes the last step; returns the change of the text, { at, removed, inserted }, or null if there was no step.
  undo() {
    const change = this.past.pop();
    if (!change) return null;
    delete change.typed;
    this.future.push(change);
    const { at, removed, removedMarks, inserted } = change;
    this.apply({ at, removed: inserted, inserted: removed, insertedMarks: removedMarks, parts: this.past.at(-1)?.parts ?? this.base });
    return { at, removed: inserted.length, inserted: removed };
  }

  redo() {
    const change = this.future.pop();
    if (!change) return null;
    this.past.push(change);
    this.apply(change);
    return { at: change.at, removed: change.removed.length, inserted: change.inserted };
  }

  // Drops the oldest steps if there are too many. The text and its versions stay.
  forget() {
    const size = (change) => change.removed.length + change.inserted.length;
    let total = this.past.reduce((sum, change) => sum + size(change), 0);
    while (this.past.length > STEPS || (total > KEPT && this.past.length > 1)) {
      const oldest = this.past.shift();
      this.base = oldest.parts;
      total -= size(oldest);
    }
  }

  // ---- parts and their versions --------------------------------------------------------------------------------------

  // Returns the latest part that contains or touches a place, else the latest of all, else null.
  partAt(place) {
    return this.parts.findLast(({ start, end }) => start <= place && place <= end) ?? this.parts.at(-1) ?? null;
  }

  // Returns the version of a part that is in the story, with the visitor's edits.
  current(part) {
    const { start, end, versions, at } = part;
    const text = this.text.slice(start, end), marks = this.marks.slice(start, end);
    const inner = this.parts.filter((other) => other !== part && other.start >= start && other.end <= end);
    const parts = inner.map((other) => ({ ...other, start: other.start - start, end: other.end - start }));
    const same = versions[at].text === text && versions[at].marks === marks;
    return same ? { ...versions[at], parts } : { ...versions[at], text, marks, parts, drawn: null };
  }

  // Begins a part for the model with `text`, as one step, to which `grow` adds. With `part`, the text becomes a new
  // version of that part. Else it replaces [start, end), and the text that was there becomes the first version.
  begin({ part = null, start, end = start, text = "", marks = visitors(text.length), version }) {
    let versions;
    if (part) {
      ({ start, end } = part);
      versions = part.versions.with(part.at, this.current(part));
    } else {
      const old = { start, end, versions: [{ seed: null, skip: 0, drawn: null, how: "" }], at: 0 };
      versions = end > start ? [this.current(old)] : [];
    }
    const fresh = { start, end: start + text.length, versions: [...versions, { ...version, text, marks, parts: [], drawn: 0 }], at: versions.length };
    const others = moved(this.parts.filter((other) => other !== part), start, end, text.length, true);
    const { future } = this;
    this.replace(start, end, text, marks, { parts: [...others, fresh] });
    this.past.at(-1).future = future; // for `withdraw`
  }

  // Adds the model's text to the latest part, within the same step.
  grow(text, marks) {
    const change = this.past.at(-1), part = this.parts.at(-1), { end } = part;
    this.text = splice(this.text, end, end, text);
    this.marks = splice(this.marks, end, end, marks);
    change.inserted += text;
    change.insertedMarks += marks;
    const version = part.versions[part.at], whole = this.text.slice(part.start, end + text.length);
    const grown = { ...version, text: whole, marks: this.marks.slice(part.start, end + text.length), drawn: version.drawn + [...text].length };
    const others = this.parts.slice(0, -1).map((other) =>
      other.start >= end ? { ...other, start: other.start + text.length, end: other.end + text.length }
      : other.end > end ? { ...other, end: other.end + text.length } : other);
    this.parts = change.parts = [...others, { ...part, end: end + text.length, versions: part.versions.with(part.at, grown) }];
  }

  // Inserts one of several continuations at a place, as a part with all of them as versions.
  offer(start, versions, at) {
    const { text, marks } = versions[at];
    const part = { start, end: start + text.length, versions: versions.map((version) => ({ ...version, parts: [] })), at };
    this.replace(start, start, text, marks, { parts: [...moved(this.parts, start, start, text.length, true), part] });
  }

  // Takes back the step of `begin`, and restores the steps that could be redone before it.
  withdraw() {
    const { future } = this.past.at(-1);
    this.undo();
    this.future = future;
  }

  // Replaces a part by its version `to`, as one step.
  turn(part, to) {
    const versions = part.versions.with(part.at, this.current(part)), next = versions[to], { start, end } = part;
    const length = next.text.length;
    const others = moved(this.parts.filter((other) => other !== part), start, end, length, true);
    const inner = (next.parts ?? []).map((other) => ({ ...other, start: other.start + start, end: other.end + start }));
    this.replace(start, end, next.text, next.marks, { parts: [...others, ...inner, { start, end: start + length, versions, at: to }] });
  }

  // ---- to keep and to restore ----------------------------------------------------------------------------------------

  // Returns a copy with no steps to undo, which takes less space.
  withoutHistory() {
    const copy = new Story(this);
    copy.parts = copy.base = this.parts;
    return copy;
  }

  toJSON() {
    const pool = [], places = new Map();
    const packed = (parts) => parts.map(({ start, end, at, versions }) => [start, end, at, versions.map(put)]);
    const put = (version) => {
      if (!places.has(version)) {
        places.set(version, pool.push(null) - 1);
        pool[places.get(version)] = { ...version, marks: encode(version.marks), parts: packed(version.parts ?? []) };
      }
      return places.get(version);
    };
    const step = (change) => [change.at, change.removed, encode(change.removedMarks), change.inserted, encode(change.insertedMarks), packed(change.parts)];
    const { id, name, text, authors, settings, lastSeed, revision } = this;
    const kept = { format: FORMAT, version: 1, id, name, text, marks: encode(this.marks), authors, settings, lastSeed, revision };
    return { ...kept, parts: packed(this.parts), base: packed(this.base), past: this.past.map(step), future: this.future.map(step), pool };
  }

  // Returns the story from the data of `toJSON`; throws an Error if the data are anything else.
  static from(data) {
    if (data?.format !== FORMAT || data.version !== 1 || typeof data.text !== "string") throw new Error("it is not a story of this app");
    const story = new Story({ ...data, marks: decode(data.marks) });
    if (story.marks.length !== story.text.length) throw new Error("its tints do not fit its text");
    const versions = data.pool.map((version) => ({ ...version, marks: decode(version.marks) }));
    const unpacked = (parts) => parts.map(([start, end, at, of]) => ({ start, end, at, versions: of.map((i) => versions[i]) }));
    for (const version of versions) version.parts = unpacked(version.parts);
    const step = ([at, removed, removedMarks, inserted, insertedMarks, parts]) =>
      ({ at, removed, removedMarks: decode(removedMarks), inserted, insertedMarks: decode(insertedMarks), parts: unpacked(parts) });
    story.parts = unpacked(data.parts);
    story.base = unpacked(data.base);
    story.past = data.past.map(step);
    story.future = data.future.map(step);
    return story;
  }
}

const FORMAT = "lstm-text-generation story";

// Returns the parts, with their new places, after [start, end) was replaced by `length` units. Parts within that range
// are dropped. With `whole` the change replaces a part, so a part that contains the range still contains it.
function moved(parts, start, end, length, whole = false) {
  const by = length - (end - start), kept = [];
  for (const part of parts) {
    if (part.start >= end && !(part.start === start && part.end === end)) kept.push(by ? { ...part, start: part.start + by, end: part.end + by } : part);
    else if (part.end <= start) kept.push(part);
    else if (part.start >= start && part.end <= end) continue;
    else {
      const from = part.start < start || whole ? Math.min(part.start, start) : start + length;
      kept.push({ ...part, start: part.start < start ? part.start : from, end: part.end >= end ? part.end + by : start });
    }
  }
  return kept;
}

// Joins a change to the step `last` if it continues the typing or erasing there, but not with a new word.
function joined(last, change) {
  if (!change.removed && !last.removed && change.at === last.at + last.inserted.length && !/\s\S/.test(last.inserted.slice(-1) + change.inserted)) {
    last.inserted += change.inserted;
    last.insertedMarks += change.insertedMarks;
  } else if (!change.inserted && !last.inserted && change.at + change.removed.length === last.at) {
    last.removed = change.removed + last.removed;
    last.removedMarks = change.removedMarks + last.removedMarks;
    last.at = change.at;
  } else return false;
  last.parts = change.parts;
  return true;
}

// Returns the runs of equal marks in [from, to), [start, end, mark] each.
function runs(marks, from = 0, to = marks.length) {
  const found = [];
  for (const { 0: run, index } of marks.slice(from, to).matchAll(/(.)\1*/gsu)) found.push([from + index, from + index + run.length, run[0]]);
  return found;
}

// Marks in run-length encoding: for each run its length, then the code of its mark.
const encode = (marks) => runs(marks).flatMap(([start, end, mark]) => [end - start, mark.charCodeAt(0)]);
const decode = (codes) => {
  let marks = "";
  for (let i = 0; i < codes.length; i += 2) marks += String.fromCharCode(codes[i + 1]).repeat(codes[i]);
  return marks;
};
