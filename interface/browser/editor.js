// The editor: an element for plain text. CSS highlights tint the text, so no second copy of it is needed.

const NODE = 2000; // characters of a text node, about: the browser repeats the layout only of changed nodes
const MARGIN = 200; // characters before and after the visible ones that are tinted too

class Editor {
  // Calls `edited(start, end, inserted, typing)` after the visitor has changed the text, `moved(place)` after the caret
  // has moved, and `undo()` or `redo()` when the browser's own command is used. `follow(place)` scrolls to a place.
  constructor(element, { edited, moved, undo, redo, follow }) {
    this.element = element;
    this.text = "";
    this.locked = false;
    this.caret = 0; // where the caret was last, also while the focus is elsewhere
    this.painted = new Set();
    Object.assign(this, { edited, moved, undo, redo, follow });
    this.tidy();
    element.addEventListener("beforeinput", (event) => this.before(event));
    element.addEventListener("input", () => this.after());
    document.addEventListener("selectionchange", () => this.look());
    element.addEventListener("blur", () => this.locked || this.look(true));
    element.addEventListener("focus", () => this.focused());
  }

  // ---- text ----------------------------------------------------------------------------------------------------------

  nodes() {
    return [...this.element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
  }

  // Shows another text, and replaces only the part that differs.
  show(text) {
    const shorter = Math.min(text.length, this.text.length);
    let same = 0, tail = 0;
    while (same < shorter && text[same] === this.text[same]) same++;
    while (tail < shorter - same && text.at(-1 - tail) === this.text.at(-1 - tail)) tail++;
    this.splice(same, this.text.length - tail, text.slice(same, text.length - tail));
  }

  // Replaces [start, end) by `inserted`, in the element and in `text`.
  splice(start, end, inserted) {
    if (start === end && !inserted) return;
    const caret = this.caret;
    if (end > start) this.range(start, end).deleteContents();
    this.text = splice(this.text, start, end, inserted);
    if (inserted) this.insert(start, inserted);
    this.tidy();
    if (caret > start) this.caret = Math.max(start + inserted.length, caret + inserted.length - (end - start));
  }

  insert(at, inserted) {
    let [node, offset] = this.point(at);
    if (node.nodeType !== Node.TEXT_NODE || (node.length > NODE && offset === node.length)) {
      const fresh = document.createTextNode("");
      if (node.nodeType === Node.TEXT_NODE) node.after(fresh);
      else this.element.insertBefore(fresh, this.element.childNodes[offset] ?? null);
      [node, offset] = [fresh, 0];
    }
    node.insertData(offset, inserted.slice(0, NODE));
    for (let from = NODE; from < inserted.length; from += NODE) {
      const fresh = document.createTextNode(inserted.slice(from, from + NODE));
      if (from === NODE && offset + NODE < node.length) node.splitText(offset + NODE);
      node.after(fresh);
      node = fresh;
    }
  }

  // Removes empty text nodes, and keeps one <br> at the end, which makes the line after a last line break visible.
  tidy() {
    const { element } = this;
    for (const node of [...element.childNodes]) if (node.nodeType === Node.TEXT_NODE && !node.length) node.remove();
    if (element.lastChild?.nodeName !== "BR") element.append(document.createElement("br"));
    element.classList.toggle("empty", !this.text);
  }

  // ---- what the visitor types ----------------------------------------------------------------------------------------

  before(event) {
    const { inputType, data, dataTransfer } = event;
    const own = {
      historyUndo: () => this.undo(),
      historyRedo: () => this.redo(),
      insertParagraph: () => this.type("\n"),
      insertLineBreak: () => this.type("\n"),
      insertFromPaste: () => this.type(plain(dataTransfer?.getData("text/plain") ?? data ?? "")),
      insertFromDrop: () => this.type(plain(dataTransfer?.getData("text/plain") ?? data ?? ""), event.getTargetRanges()[0]),
      insertText: data?.includes("\n") && (() => this.type(plain(data))),
    }[inputType];
    if (!this.locked && !own) return;
    event.preventDefault();
    if (!this.locked) own();
  }

  // Puts the browser's caret where the caret was last. A selection that ends there stays selected, for example when the
  // visitor returns to the window.
  focused() {
    const inside = this.element.contains(document.getSelection().anchorNode);
    if (!inside || this.selection()[1] !== this.caret) this.select(this.caret);
  }

  // Replaces the selection, or the range `target`, by text.
  type(inserted, target) {
    const [start, end] = target ? [this.place(target.startContainer, target.startOffset), this.place(target.endContainer, target.endOffset)] : this.selection();
    this.splice(start, end, inserted);
    this.select(start + inserted.length);
    this.edited(start, end, inserted, inserted.length < 2);
    this.follow(this.caret); // the browser scrolls only for what it inserts itself
  }

  // Finds what the browser has changed, by comparing the text before and after. The change ends at the caret.
  after() {
    if (this.locked) return this.restore();
    const { element } = this, before = this.text, children = [...element.childNodes];
    if (children.at(-1)?.nodeName === "BR") children.pop();
    const text = children.map((node) => (node.nodeType === Node.TEXT_NODE ? node.data : node.textContent || "\n")).join("");
    const caret = this.selection()[1];
    if (!children.every((node) => node.nodeType === Node.TEXT_NODE)) {
      element.replaceChildren();
      if (text) element.append(text);
      this.select(caret);
    }
    let tail = 0, same = 0;
    const mostTail = Math.min(text.length - caret, before.length);
    while (tail < mostTail && text.at(-1 - tail) === before.at(-1 - tail)) tail++;
    const most = Math.min(text.length, before.length) - tail;
    while (same < most && text[same] === before[same]) same++;
    this.text = text;
    this.caret = caret;
    this.tidy();
    const end = before.length - tail, inserted = text.slice(same, text.length - tail);
    if (end > same || inserted) this.edited(same, end, inserted, true);
  }

  // Shows the text as it was, since `before` cannot prevent the changes of an input method.
  restore() {
    const { text, caret } = this;
    this.element.replaceChildren();
    this.text = "";
    this.splice(0, 0, text);
    this.select(caret);
  }

  // ---- places --------------------------------------------------------------------------------------------------------

  // The node and offset of a place in the text.
  point(at) {
    let node;
    for (node of this.nodes()) {
      if (at <= node.length) return [node, at];
      at -= node.length;
    }
    return node ? [node, node.length] : [this.element, 0];
  }

  place(node, offset) {
    let before = 0;
    const upTo = node === this.element ? this.element.childNodes[offset] : node;
    for (const other of this.nodes()) {
      if (other === upTo) return before + (node === this.element ? 0 : offset);
      before += other.length;
    }
    return before;
  }

  range(start, end) {
    const range = document.createRange();
    range.setStart(...this.point(start));
    range.setEnd(...this.point(end));
    return range;
  }

  // Returns the selection as places in the text, [start, end].
  selection() {
    const selected = document.getSelection();
    if (!selected.rangeCount || !this.element.contains(selected.anchorNode)) return [this.caret, this.caret];
    const { startContainer, startOffset, endContainer, endOffset } = selected.getRangeAt(0);
    return [this.place(startContainer, startOffset), this.place(endContainer, endOffset)];
  }

  select(start, end = start) {
    this.caret = end;
    if (document.activeElement !== this.element) return;
    const selected = document.getSelection();
    selected.setBaseAndExtent(...this.point(start), ...this.point(end));
  }

  // Puts the focus and the caret at a place, and scrolls there.
  reveal(place) {
    this.element.focus();
    this.select(place);
    this.follow(place);
  }

  // Takes over the browser's caret. While the focus is elsewhere, that caret may be an old one, so it is ignored unless
  // `always`.
  look(always = false) {
    const selected = document.getSelection();
    if (!always && document.activeElement !== this.element) return;
    if (!selected.rangeCount || !this.element.contains(selected.anchorNode)) return;
    const caret = this.selection()[1];
    if (caret === this.caret) return;
    this.caret = caret;
    this.moved(caret);
  }

  // Returns the place of the character under a point of the window, else the nearest place; null outside the editor.
  under(x, y) {
    const found = document.caretPositionFromPoint?.(x, y) ?? document.caretRangeFromPoint?.(x, y);
    const node = found?.offsetNode ?? found?.startContainer;
    if (!node || !this.element.contains(node)) return null;
    const at = this.place(node, found.offset ?? found.startOffset);
    for (const place of [at, at - 1]) if (place >= 0 && inside(this.boxes(place), x, y)) return place;
    return at;
  }

  boxes(place) {
    return place < this.text.length ? [...this.range(place, place + 1).getClientRects()] : [];
  }

  // Returns the visible range of the text, [start, end], with `MARGIN` more characters at both ends.
  inSight() {
    const box = this.element.getBoundingClientRect();
    const top = Math.max(0, box.top), bottom = Math.min(innerHeight, box.bottom);
    const seek = (y, x) => {
      const at = this.under(x, y);
      if (at !== null) return at;
      let low = 0, high = this.text.length;
      while (low < high) {
        const middle = (low + high) >> 1, at = this.boxes(middle)[0];
        if (!at || at.bottom < y) low = middle + 1;
        else high = middle;
      }
      return low;
    };
    return [Math.max(0, seek(top + 1, box.left + 1) - MARGIN), Math.min(this.text.length, seek(bottom - 1, box.right - 1) + MARGIN)];
  }

  // ---- tints ---------------------------------------------------------------------------------------------------------

  // Replaces all tints by { name: [[start, end], ...] }; page.css has a rule ::highlight(name) for each.
  paint(tints) {
    if (!window.Highlight) return; // the text is readable without tints
    const lengths = this.nodes().map((node) => [node, node.length]);
    const point = (at) => {
      let node, length;
      for ([node, length] of lengths) {
        if (at <= length) return [node, at];
        at -= length;
      }
      return [node ?? this.element, length ?? 0];
    };
    for (const name of this.painted) if (!(name in tints)) tint(name, this, []);
    this.painted = new Set(Object.keys(tints));
    for (const [name, places] of Object.entries(tints)) {
      // Static ranges, because the browser would move every live one at each typed character.
      const ranges = places.map(([start, end]) => {
        const [startContainer, startOffset] = point(start), [endContainer, endOffset] = point(end);
        return new StaticRange({ startContainer, startOffset, endContainer, endOffset });
      });
      tint(name, this, ranges);
    }
  }
}

// The browser has one set of ranges for each name, which both editors share.
function tint(name, owner, ranges) {
  const owners = ((window.storyTints ??= {})[name] ??= new Map());
  if (ranges.length) owners.set(owner, ranges);
  else owners.delete(owner);
  const all = [...owners.values()].flat();
  if (all.length) CSS.highlights.set(name, new Highlight(...all));
  else CSS.highlights.delete(name);
}

// Returns text from outside the editor with \n as its only line end.
const plain = (text) => text.replace(/\r\n?|\u2028/g, "\n").replace(/\u2029/g, "\n\n");

const inside = (boxes, x, y) => boxes.some(({ left, right, top, bottom }) => left <= x && x <= right && top <= y && y <= bottom);
