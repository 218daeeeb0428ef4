// The lenses: they request values for the text, piece by piece, and tint the visible text by them.

const PIECE = 2000; // characters in one request
// Characters before a piece that the model reads with it. With 1,000 the surprise differs by 0.0002 bits per character
// from a reading of the whole text; with 400 it would differ by 0.007.
const BEFORE = 1000;
const BITS = [1, 2, 4, 6, 9]; // of surprise, from which the next stronger tint is used
const ACTIVITY = [0.1, 0.3, 0.5, 0.7, 0.9]; // the same for the value of a neuron, positive or negative
const WEIGHTS = [0.05, 0.15, 0.3, 0.5, 0.75]; // the same for the weight of a character that a letter rests on
const REST = 700; // milliseconds without a change, after which a lens requests new values
const ANY = { meaning: "", on: 0.9, off: -0.9 }; // the defaults for a neuron that was chosen by its number
const AGAIN = 3000; // milliseconds until the next request while the connection is lost

const step = (bounds, value) => bounds.findLastIndex((bound) => Math.abs(value) >= bound) + 1;

class Lenses {
  // `story()` and `settings()` return the present ones; `busy()` returns whether the model is writing;
  // `changed(values)` changes settings.
  constructor(panel, { story, settings, models, editor, busy, changed }) {
    Object.assign(this, { panel, story, settings, models, editor, busy, changed });
    this.lens = "who";
    this.pieces = new Map(); // `keyOf` a piece -> its values, one for each unit
    this.latest = new Map(); // start of a piece -> { about, text, values }, shown until newer values arrive
    this.neuron = null; // { layer, neuron, meaning, on, off }
    this.found = new Map(); // server's name of a model -> its neurons with a meaning
    this.copied = { text: "", model: "", passages: [] };
    this.rests = null; // for a letter, the weight of each unit before it
    this.here = null; // place of the letter that was chosen
    this.pending = null;
  }

  open(lens) {
    this.lens = lens;
    this.rests = null;
    this.latest.clear();
    this.pending?.abort(); // its answer belongs to the lens that was open before
    this.pending = null;
    this.panel.replaceChildren();
    this["show_" + lens]();
    this.refresh(0);
  }

  // The server's name of the model. It is new after each training, so no values of an older network are found by it.
  get model() {
    return own.named({ model: this.settings().model }).model;
  }

  // ---- tints ---------------------------------------------------------------------------------------------------------

  paint() {
    const { editor } = this, story = this.story(), tints = {};
    const [from, to] = editor.inSight();
    const add = (name, start, end) => {
      const places = (tints[name] ??= []);
      if (places.at(-1)?.[1] === start) places.at(-1)[1] = end;
      else places.push([start, end]);
    };
    if (this.rests) this.rests.forEach((weight, i) => this.tint(add, "rests", WEIGHTS, weight, i));
    else if (this.lens === "who") {
      for (const [start, end, mark] of runs(story.marks, from, to)) {
        const by = story.author(mark);
        if (by) add(Array.isArray(by.author) ? "shade-" + by.shade : "model", start, end);
      }
    } else if (this.lens === "copies") {
      if (this.copied.text === story.text) for (const { start, end } of this.copied.passages) add("copied", start, end);
    } else this.eachPiece(from, to, (piece) => {
      const values = this.valuesOf(piece);
      const [name, bounds] = this.lens === "surprise" ? ["surprise", BITS] : ["neuron", ACTIVITY];
      values?.forEach((value, i) => this.tint(add, name, bounds, value, piece.start + i));
    });
    if (this.here !== null && this.here < story.text.length) add("here", this.here, this.here + unitsAt(story.text, this.here));
    editor.paint(tints);
  }

  tint(add, name, bounds, value, place) {
    const strength = step(bounds, value);
    if (strength) add(name + (value < 0 ? "-down-" : "-") + strength, place, place + 1);
  }

  // ---- pieces of the text --------------------------------------------------------------------------------------------

  eachPiece(from, to, look) {
    const { text } = this.story();
    for (let start = Math.floor(from / PIECE) * PIECE; start < Math.min(to, text.length); start += PIECE) {
      const begin = whole(text, start), piece = text.slice(begin, whole(text, start + PIECE));
      look({ start: begin, text: piece, before: endOf(text, BEFORE, begin) });
    }
  }

  question() {
    const { model } = this;
    if (this.lens === "surprise") return ["surprise", { model }];
    if (this.lens === "neurons" && this.neuron) return ["neuron", { model, layer: this.neuron.layer, neuron: this.neuron.neuron }];
    return [null, {}];
  }

  keyOf({ before, text }) {
    return JSON.stringify([this.question(), before, text]);
  }

  // Returns the values of a piece; until they have arrived, the old ones up to the first change of the text.
  valuesOf(piece) {
    const known = this.pieces.get(this.keyOf(piece));
    if (known) return known;
    const old = this.latest.get(piece.start);
    if (!old || old.about !== JSON.stringify(this.question())) return null;
    let same = 0;
    while (same < piece.text.length && piece.text[same] === old.text[same]) same++;
    return old.values.slice(0, same);
  }

  // Requests the missing values of the visible text, `after` milliseconds after the last call.
  refresh(after = REST) {
    this.paintSoon();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      this.figures();
      this.fetch();
    }, after);
  }

  // Paints once before the next frame, however often it is called.
  paintSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.paint();
    });
  }

  async fetch() {
    if (this.pending || this.busy()) return;
    const one = this.pending = new AbortController();
    try {
      if (this.lens === "copies") await this.fetchCopies(one.signal);
      else await this.fetchPieces(one.signal);
    } catch (error) {
      if (one.signal.aborted) return;
      if (error instanceof Lost) this.waiting = setTimeout(() => this.fetch(), AGAIN);
      else if (error instanceof Refused) this.note(error.message);
      else throw error;
    } finally {
      if (this.pending === one) this.pending = null;
    }
  }

  async fetchPieces(signal) {
    for (let next; (next = this.missing()) && !this.busy(); ) {
      const [name, values] = this.question(), about = JSON.stringify(this.question()), key = this.keyOf(next);
      const answer = await ask(name, { ...values, text: next.text, before: next.before }, signal);
      const found = inUnits(next.text, answer.bits ?? answer.activity);
      if (this.pieces.size > 200) this.pieces.delete(this.pieces.keys().next().value);
      this.pieces.set(key, found);
      this.latest.set(next.start, { about, text: next.text, values: found });
      this.paint();
      this.figures(answer.read_as);
    }
    if (this.lens === "surprise" && this.settings().adapt) await this.learned(signal);
  }

  // Shows the surprise at the end of the text, without and with a model that learns from it.
  async learned(signal) {
    const { text } = this.story(), { model } = this, end = endOf(text, PIECE);
    if (!end || this.compared === model + end) return;
    const { bits: before } = await ask("surprise", { text: end, model }, signal);
    const { bits: after } = await ask("surprise", { text: end, model, adapt: true }, signal);
    this.compared = model + end;
    const place = this.panel.querySelector("[data-learned]");
    if (place) place.textContent = `Learning from this text: ${mean(before)} bits per character before, ${mean(after)} while it learns.`;
  }

  missing() {
    let found = null;
    if (this.question()[0]) this.eachPiece(...this.editor.inSight(), (piece) => {
      if (!found && !this.pieces.has(this.keyOf(piece))) found = piece;
    });
    return found;
  }

  note(text) {
    const place = this.panel.querySelector("[data-note]");
    if (place) place.textContent = text;
  }

  // Opens the lens anew for another model.
  modelChanged() {
    this.neuron = null;
    this.open(this.lens);
  }

  // ---- who wrote it --------------------------------------------------------------------------------------------------

  show_who() {
    this.panel.append(make("ul", { className: "legend" }));
    this.authorsShown = "";
    this.figures();
  }

  figures(readAs = this.readAs) {
    this.readAs = readAs;
    const story = this.story();
    if (this.lens === "who") this.whoFigures(story);
    if (this.lens === "surprise") {
      const bits = this.inView();
      if (bits.length) this.note(`${mean(bits)} bits per character in what is shown (fewer is less surprising).${readAs ? ` Read as: ${readAs}.` : ""}`);
      else this.note(story.text ? "Reading …" : "There is no text to read yet.");
    }
  }

  // Returns the values of the visible characters.
  inView() {
    const found = [];
    this.eachPiece(...this.editor.inSight(), (piece) => {
      const values = this.valuesOf(piece) ?? [];
      for (const at of places(piece.text)) if (at < values.length) found.push(values[at]);
    });
    return found;
  }

  whoFigures(story) {
    const counts = new Map();
    for (const [start, end, mark] of runs(story.marks)) {
      const by = story.author(mark), key = by ? JSON.stringify(by.author) : "";
      counts.set(key, (counts.get(key) ?? 0) + end - start);
    }
    const total = story.text.length, told = JSON.stringify([...counts]);
    if (told === this.authorsShown) return;
    this.authorsShown = told;
    const title = (name) => this.models.find((model) => model.name === name)?.title ?? name;
    const rows = [...counts].map(([key, count]) => {
      const author = key && JSON.parse(key), row = make("li");
      const share = make("span", { className: "figure", textContent: Math.round((100 * count) / total) + " %" });
      if (Array.isArray(author)) {
        const scale = make("span", { className: "scale" });
        for (let shade = 0; shade < SHADES; shade++) scale.append(make("span", { className: "swatch shade-" + shade }));
        row.append("more likely to " + title(author[0]) + " ", scale, " " + title(author[1]) + " ", share);
      } else row.append(make("span", { className: "swatch " + (author ? "by-model" : "by-you") }), author ? title(author) + " " : "You ", share);
      return row;
    });
    if (!rows.length) rows.push(make("li", { textContent: "What the model writes will be tinted." }));
    this.panel.querySelector(".legend")?.replaceChildren(...rows);
  }

  // ---- surprise ------------------------------------------------------------------------------------------------------

  show_surprise() {
    const key = make("p", { className: "key" });
    key.append("expected ", ...BITS.map((_, i) => make("span", { className: "swatch surprise-" + (i + 1), title: `${BITS[i]} bits or more` })), " surprising");
    const compare = make("button", { type: "button", className: "small", textContent: "Compare the models" });
    onPress(compare, (words) => this.note(words), () => this.compare());
    const learned = make("p", { className: "quiet" });
    learned.dataset.learned = "";
    this.compared = "";
    this.panel.append(key, make("p", { className: "quiet" }), learned, compare, make("table", { className: "figures", hidden: true }));
    this.panel.querySelector("p.quiet").dataset.note = "";
  }

  // Shows the surprise of each model at the end of the text, the lowest first.
  async compare() {
    const table = this.panel.querySelector("table"), { text } = this.story(), found = [];
    for (const model of this.models) {
      const { bits } = await ask("surprise", { text: endOf(text, PIECE), model: model.name });
      found.push([model.title, mean(bits)]);
      found.sort((a, b) => a[1] - b[1]);
      const rows = found.map(([name, value]) => {
        const row = make("tr");
        row.append(make("th", { scope: "row", textContent: name }), make("td", { textContent: value }));
        return row;
      });
      table.replaceChildren(make("caption", { textContent: "Bits per character of the same text" }), ...rows);
      table.hidden = false;
    }
  }

  // ---- copies --------------------------------------------------------------------------------------------------------

  show_copies() {
    const note = make("p", { textContent: "Comparing …" });
    note.dataset.note = "";
    this.panel.append(note, make("ol", { className: "passages" }), make("p", { className: "quiet explained", hidden: true, textContent: "The marked text stands letter for letter in a text that the model has learned from. The books are not here: the model carries only fingerprints (hashes) of their passages." }));
    this.copied = { text: null };
  }

  async fetchCopies(signal) {
    const { text } = this.story(), { model } = this;
    if (this.copied.text === text && this.copied.model === model) return;
    if (!text) {
      this.copied = { text, model, passages: [] };
      this.note("There is no text to compare yet.");
      return;
    }
    const answer = await ask("copies", { text, model }, signal);
    const units = places(text);
    const passages = answer.passages.map(({ start, end, source }) => ({ start: units[start], end: units[end], source }));
    this.copied = { text, model, passages };
    this.note(copiesNote(answer, text));
    const explained = this.panel.querySelector(".explained");
    if (explained) explained.hidden = !passages.length;
    const longest = passages.toSorted((a, b) => b.end - b.start - (a.end - a.start)).slice(0, 5);
    this.panel.querySelector(".passages")?.replaceChildren(...longest.map(({ start, end, source }) => {
      const item = make("li"), button = make("button", { type: "button", className: "small passage" });
      button.textContent = `“${text.slice(start, Math.min(end, start + 60)).replaceAll("\n", " ")}${end > start + 60 ? "…" : ""}” · ${end - start} characters · ${source}`;
      button.addEventListener("click", () => this.editor.reveal(start));
      item.append(button);
      return item;
    }));
    this.paint();
    if (this.story().text !== text) this.refresh();
  }

  // ---- neurons -------------------------------------------------------------------------------------------------------

  async show_neurons() {
    const { panel, model } = this, info = this.models.find(({ name }) => name === this.settings().model);
    const note = make("p", { className: "quiet" }), bar = make("progress", { max: 1, value: 0 });
    bar.setAttribute("aria-label", "Looking for neurons with a meaning");
    note.dataset.note = "";
    const list = make("fieldset", { className: "neurons", hidden: true });
    const key = make("p", { className: "key" });
    key.append("−1 ", ...[5, 4, 3, 2, 1].map((i) => make("span", { className: "swatch neuron-down-" + i })), " 0 ", ...[1, 2, 3, 4, 5].map((i) => make("span", { className: "swatch neuron-" + i })), " +1");
    panel.append(make("p", { className: "quiet", textContent: "A neuron is a number from −1 to +1 that the network keeps as it reads. Some follow something that has a name, though nobody taught them to." }), note, bar, list, key, this.byNumber(info), this.steering());
    this.note("Looking for neurons with a meaning …");
    try {
      if (!this.found.has(model)) {
        for await (const { progress, neurons } of stream("neurons", { model })) {
          bar.value = progress;
          if (neurons) this.found.set(model, neurons);
        }
      }
    } catch (error) {
      if (bar.isConnected) this.note(error instanceof Refused ? error.message : "The connection is lost. Open this lens again when it is back.");
      return;
    }
    if (!bar.isConnected) return; // another lens is open by now
    bar.remove();
    const found = this.found.get(model);
    this.note(found.length ? "" : "No neuron of this model follows anything that has a name here.");
    list.hidden = !found.length;
    list.append(make("legend", { textContent: "Neurons with a meaning" }), ...found.map((one) => {
      const label = make("label"), radio = make("input", { type: "radio", name: "neuron" });
      label.append(radio, one.meaning + " ", make("small", { textContent: `layer ${one.layer + 1}, number ${one.neuron + 1} · ${signed(one.correlation)}` }));
      radio.addEventListener("change", () => this.choose(one));
      return label;
    }));
    const { fixed } = this.settings();
    const at = fixed ? found.findIndex((one) => one.layer === fixed.layer && one.neuron === fixed.neuron) : 0;
    const one = found[at] ?? (fixed && { ...ANY, ...fixed }); // a neuron that is held can be one without a meaning
    if (found[at]) list.querySelectorAll("input")[at].checked = true;
    if (one) this.choose(one);
  }

  byNumber(info) {
    const details = make("details"), row = make("div", { className: "row" });
    const field = (label, most) => {
      const box = make("label", { className: "field", textContent: label + " " }), input = make("input", { type: "number", min: 1, max: most, value: 1 });
      box.append(input);
      row.append(box);
      return input;
    };
    const layer = field("Layer", info.layers), neuron = field("Number", info.neurons);
    const show = make("button", { type: "button", className: "small", textContent: "Show" });
    show.addEventListener("click", () => {
      const at = (input) => Math.min(Math.max(1, Math.round(input.value) || 1), Number(input.max)) - 1;
      for (const radio of this.panel.querySelectorAll("input[name=neuron]")) radio.checked = false;
      this.choose({ ...ANY, layer: at(layer), neuron: at(neuron) });
    });
    row.append(show);
    details.append(make("summary", { textContent: "Any neuron by its number" }), row);
    return details;
  }

  steering() {
    const box = make("div", { className: "steering", hidden: true });
    const label = make("label"), check = make("input", { type: "checkbox" }), other = make("p", { className: "quiet" });
    label.append(check, "Hold it fixed while the model writes ", make("small", { textContent: "steering" }));
    const slider = make("input", { type: "range", min: -1, max: 1, step: 0.05 }), value = make("output");
    slider.setAttribute("aria-label", "Value at which the neuron is held");
    const row = make("div", { className: "row" });
    row.append(slider, value);
    const set = () => {
      value.textContent = signed(Number(slider.value));
      const { layer, neuron, meaning } = this.neuron;
      this.changed(check.checked ? { fixed: { layer, neuron, meaning, value: Number(slider.value) }, second: null, adapt: false } : { fixed: null });
    };
    check.addEventListener("change", set);
    slider.addEventListener("input", set);
    box.append(label, row, other);
    // Shows which neuron is held; returns whether it is the chosen one.
    this.showHeld = () => {
      const { fixed } = this.settings(), held = Boolean(fixed) && ["layer", "neuron"].every((name) => fixed[name] === this.neuron?.[name]);
      check.checked = held;
      other.textContent = fixed && !held ? `Layer ${fixed.layer + 1}, number ${fixed.neuron + 1} is held at ${signed(fixed.value)}. Holding another one releases it.` : "";
      return held;
    };
    this.steer = (one) => {
      slider.value = this.showHeld() ? this.settings().fixed.value : one.on;
      value.textContent = signed(Number(slider.value));
      box.hidden = false;
    };
    return box;
  }

  choose(one) {
    this.neuron = one;
    this.steer(one);
    this.latest.clear();
    this.refresh(0);
  }

  // ---- what a letter rests on ----------------------------------------------------------------------------------------

  // Tints the text before a place; returns false if the text or the place has changed before the answer arrives.
  async restsOn(place) {
    const { text } = this.story(), { model } = this;
    const before = endOf(text, BEFORE, place);
    const { weights } = await ask("rests_on", { text: before, letter: String.fromCodePoint(text.codePointAt(place)), model });
    if (this.story().text !== text || this.here !== place) return false;
    this.rests = new Array(place - before.length).fill(0).concat(inUnits(before, weights));
    this.paint();
    return true;
  }
}

const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);
// Returns the mean in two digits; "–" of no values.
const mean = (values) => (values.length ? (values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(2) : "–");
const unitsAt = (text, place) => (text.codePointAt(place) > 0xffff ? 2 : 1);

// Returns `place`, or the next place if `place` is between the two units of a character.
function whole(text, place) {
  const code = text.charCodeAt(place);
  return code >= 0xdc00 && code <= 0xdfff ? place + 1 : place;
}

// Returns the last units of a text, or of its part before `end`: at most `most`, and no half of a character.
const endOf = (text, most, end = text.length) => text.slice(whole(text, Math.max(0, end - most)), end);

// Returns one value for each UTF-16 unit, from one value for each character.
function inUnits(text, values) {
  const found = [];
  let i = 0;
  for (const character of text) {
    for (let unit = 0; unit < character.length; unit++) found.push(values[i]);
    i++;
  }
  return found;
}

// Returns the place of each character, and of the end, in UTF-16 units.
function places(text) {
  const found = [];
  let at = 0;
  for (const character of text) {
    found.push(at);
    at += character.length;
  }
  return [...found, at];
}

function copiesNote({ known, passages, new: fresh, sources, unknown, least }, text) {
  if (!known) return "This model does not know what it has read, so copies cannot be found.";
  if (text.length < least) return `The text has ${text.length} characters, but a copy has ${least} or more: write more to compare it.`;
  const more = unknown ? ` It is not known what ${unknown}, the model that it began from, had read.` : "";
  if (passages.length) return `${Math.floor(fresh * 1000) / 10} % is new. ${passages.length === 1 ? "One passage stands" : passages.length + " passages stand"} in what the model has read.${more}`;
  return `No copy was found: no passage of ${sources.map(({ name, surely_found }) => `${surely_found} characters or more in ${name}`).join(", and none of ")}.${more}`;
}
