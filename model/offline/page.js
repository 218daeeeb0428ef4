// The page: one story, which is kept in this browser, and the buttons. The model is in worker.js.

const TYPING = 1500; // milliseconds within which typing is one step for Undo
const STEPS = 300; // that can be undone, at most

const part = (id) => document.getElementById(id);
const model = JSON.parse(part("model").textContent);
const RECOMMENDED = { length: 1000, temperature: model.sampling.temperature, top_p: model.sampling.top_p, seed: "" };
const KEY = "lstm-text-generation page " + model.digest;
const area = part("text");

// `marks` are the ranges that the model wrote, [start, end] each; `last` is its last continuation, as `begin` makes it.
let story = { text: "", marks: [], last: null }, settings = { ...RECOMMENDED };
let past = [], future = [], typed = 0, writing = false, stopping = false, ready = false, saving;
let adopted = null; // the story as another tab saved it last; this tab has not changed it if `story` is still the same

const say = (words) => { part("status").textContent = words; };
const progress = (words) => { part("progress").textContent = words; };
const able = (id, can) => part(id).setAttribute("aria-disabled", String(!can));
const figure = (number) => number.toLocaleString("en");

// ---- keeping ---------------------------------------------------------------------------------------------------------

function save() {
  clearTimeout(saving);
  saving = null;
  try {
    localStorage.setItem(KEY, JSON.stringify({ story, settings }));
  } catch {
    progress("This browser keeps nothing of this page: copy the story before you close it.");
  }
}

function restore() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    if (kept) [story, settings] = [kept.story, { ...RECOMMENDED, ...kept.settings }];
  } catch {} // nothing is kept, or the browser refuses it
}

addEventListener("pagehide", () => saving && save());

// Shows what another tab has saved. If this tab has changed the story since, Undo brings that back.
addEventListener("storage", ({ key }) => {
  if (key !== KEY || writing) return;
  const here = story;
  restore();
  if (here.text !== story.text) {
    if (here !== adopted) step(here);
    say("This story was changed in another tab; this is how it is now.");
  }
  adopted = story;
  showSettings();
  show();
  clearTimeout(saving); // else this would overwrite what the other tab saves next
  saving = null;
});

// ---- the story -------------------------------------------------------------------------------------------------------

function show() {
  const pieces = [];
  let from = 0;
  for (const [start, end] of story.marks) {
    const mark = document.createElement("mark");
    mark.textContent = story.text.slice(start, end);
    pieces.push(story.text.slice(from, start), mark);
    from = end;
  }
  part("mirror").replaceChildren(...pieces, story.text.slice(from) + "\n"); // a line after a last line break is visible
  if (area.value !== story.text) area.value = story.text;
  area.readOnly = writing;
  able("write", ready && !writing);
  able("stop", writing);
  able("again", ready && !writing && story.last);
  able("undo", !writing && past.length);
  able("redo", !writing && future.length);
  saving ??= setTimeout(save, 500);
}

// Replaces [start, end) by `inserted`; the marks before and after it stay.
function replace(start, end, inserted) {
  const by = inserted.length - (end - start);
  const marks = story.marks.flatMap(([a, b]) => [[a, Math.min(b, start)], [Math.max(a, end) + by, b + by]]);
  story = { ...story, text: story.text.slice(0, start) + inserted + story.text.slice(end), marks: marks.filter(([a, b]) => a < b) };
}

// Replaces [start, end) for the visitor. If this changes the last continuation or the text after it, Try again is off:
// it would delete the change.
function edit(start, end, inserted) {
  const { last } = story, by = inserted.length - (end - start);
  replace(start, end, inserted);
  if (last) story = { ...story, last: end <= last.start ? { ...last, start: last.start + by, end: last.end + by } : null };
}

function step(from = story) {
  past = [...past, from].slice(-STEPS);
  future = [];
  typed = 0;
}

function turn(from, to, words) {
  if (writing || !from.length) return;
  to.push(story);
  story = from.pop();
  typed = 0;
  show();
  say(words);
}
const undo = () => turn(past, future, "Undone.");
const redo = () => turn(future, past, "Redone.");

// Finds what the visitor has changed, by comparing the text before and after. The change ends at the caret.
area.addEventListener("input", () => {
  const text = area.value, before = story.text, most = Math.min(text.length - area.selectionEnd, before.length);
  let tail = 0, same = 0;
  while (tail < most && text.at(-1 - tail) === before.at(-1 - tail)) tail++;
  while (same < Math.min(text.length, before.length) - tail && text[same] === before[same]) same++;
  if (Date.now() > typed + TYPING) step();
  typed = Date.now();
  edit(same, before.length - tail, text.slice(same, text.length - tail));
  show();
});

// ---- writing ---------------------------------------------------------------------------------------------------------

const newSeed = () => Math.floor(Math.random() * 2 ** 31);
const how = () => JSON.stringify([settings.temperature, settings.top_p]);

// Continues at the end. If the model wrote the end and nothing has changed since, the continuation is exact: it takes
// the same seed and skips the random draws of that text.
function write() {
  const { last, text } = story, { seed } = settings;
  const untouched = last && last.end === text.length && last.text === text.slice(last.start) && last.how === how();
  if (untouched && ["", String(last.seed)].includes(seed)) begin(text, { seed: last.seed, skip: last.skip + last.drawn, tries: 0 });
  else begin(text, { seed: seed ? Number(seed) : newSeed(), skip: 0, tries: 0 });
}

// Replaces the last continuation by another one; Undo brings the earlier one back.
function again() {
  const { start, tries } = story.last, { seed, temperature, top_p } = settings;
  if (!temperature || !top_p) return say("Another try would be the same: at temperature 0 or top-p 0 the model always writes the likeliest letter.");
  begin(story.text.slice(0, start), { seed: seed ? Number(seed) + tries + 1 : newSeed(), skip: 0, tries: tries + 1 });
}

function begin(text, { seed, skip, tries }) {
  if (!part("length").checkValidity()) return say("Please check: how much to write must be a whole number from 1 to 10,000.");
  if (!part("seed").checkValidity()) return say("Please check: the seed must be a whole number.");
  step();
  replace(text.length, story.text.length, "");
  story = { ...story, last: { start: text.length, end: text.length, text: "", drawn: 0, seed, skip, tries, how: how() } };
  writing = true;
  const { length, temperature, top_p } = settings;
  worker.postMessage({ write: { ...model.sampling, text, length, temperature, top_p, seed, skip } });
  say("Writing.");
  progress("");
  show();
}

function add({ written, unread, speed }) {
  const { last, text } = story, end = text.length + written.length;
  const marks = [...story.marks.filter(([, b]) => b < text.length), [story.marks.find(([, b]) => b === text.length)?.[0] ?? text.length, end]];
  const grown = { end, text: last.text + written, drawn: last.drawn + [...written].length };
  if (written) story = { text: text + written, marks, last: { ...last, ...grown } };
  progress(unread > 500 ? `Reading the story: ${figure(unread)} characters to go.`
    : `${figure(story.last.drawn)} characters · ${figure(speed)} a second · seed ${last.seed}`);
  const follows = !last.text || below() < 160; // else the reader has scrolled away
  show();
  const by = below(), paper = part("paper");
  if (!follows || by <= 0) return;
  if (paper.scrollHeight > paper.clientHeight + 1) paper.scrollTop += by;
  else scrollBy(0, by);
}

// Returns how many pixels the end of the model's text is below the visible part of the story.
function below() {
  const end = [...(part("mirror").lastElementChild?.getClientRects() ?? [])].at(-1);
  const edges = [part("paper").getBoundingClientRect().bottom, document.querySelector(".actions").getBoundingClientRect().top, innerHeight];
  return end ? end.bottom - Math.min(...edges) + 12 : 0;
}

function finish() {
  const { drawn, seed } = story.last;
  if (!drawn) story = past.pop(); // nothing came of it
  say(`${stopping ? "Stopped" : "Done"}: ${figure(drawn)} characters, seed ${seed}.`);
  progress("");
  writing = stopping = false;
  show();
}

function stop() {
  if (!writing) return;
  stopping = true; // text that still arrives is ignored
  worker.postMessage({ stop: true });
}

function fail(reason) {
  writing = ready = false;
  show();
  say(`The model cannot run here (${reason}): open this file in a current Chrome, Edge, Firefox or Safari.`);
}

const worker = new Worker(URL.createObjectURL(new Blob([part("worker").textContent], { type: "text/javascript" })));
worker.onerror = () => fail("its worker does not start");
worker.onmessage = ({ data }) => {
  if (data.failed) return fail(data.failed);
  if (data.ready) {
    ready = true;
    say("Ready.");
    return show();
  }
  if (!stopping) add(data);
  if (data.done) finish();
};
worker.postMessage({ model, weights: part("weights").textContent, product: part("product").textContent });
part("weights").remove(); // it is large

// ---- settings, buttons and keys --------------------------------------------------------------------------------------

function showSettings() {
  for (const [name, value] of Object.entries(settings)) part(name).value = value;
  for (const name of ["temperature", "top_p"]) part(`${name}-value`).textContent = settings[name];
  saving ??= setTimeout(save, 500);
}

for (const name of Object.keys(RECOMMENDED)) part(name).addEventListener("input", ({ target }) => {
  if (!target.checkValidity()) return;
  settings[name] = name === "seed" ? target.value : Number(target.value);
  showSettings();
});
part("reset").addEventListener("click", () => {
  settings = { ...RECOMMENDED };
  showSettings();
});
for (const [id, act] of Object.entries({ write, stop, again, undo, redo }))
  part(id).addEventListener("click", () => part(id).getAttribute("aria-disabled") === "true" || act());
addEventListener("keydown", (event) => {
  const command = event.ctrlKey || event.metaKey, key = event.key.toLowerCase(), typing = event.target === area;
  if (command && key === "enter") part("write").click();
  else if (key === "escape") stop();
  else if (command && typing && (key === "y" || (key === "z" && event.shiftKey))) redo();
  else if (command && typing && key === "z") undo();
  else return;
  event.preventDefault();
});

restore();
showSettings();
show();
