// The settings of a story: their valid values and defaults, the style slider, and the values of a request to write.

const SAMPLING = ["temperature", "top_p", "top_k", "min_p"];
const SAFE = { temperature: 0.4, top_p: 0.8, top_k: 0, min_p: 0 };
const WILD = { temperature: 1.4, top_p: 1, top_k: 0, min_p: 0.02 };
const LIVELY = { temperature: 0.9, top_p: 0.95, top_k: 0, min_p: 0 }; // the middle for a model with temperature 0
const LONGEST = 10000; // characters, the largest “How much to write” on this page

// For each setting, whether a value is valid. In `DEFAULTS`, null means the model's own setting, or none.
const within = (low, high) => (value) => typeof value === "number" && value >= low && value <= high;
const text = (longest) => (value) => typeof value === "string" && value.length <= longest;
const SOUND = {
  length: (value) => Number.isInteger(value) && within(1, LONGEST)(value),
  style: within(0, 100),
  temperature: within(0, 10),
  top_p: within(0, 1),
  top_k: (value) => Number.isInteger(value) && value >= 0,
  min_p: within(0, 1),
  stop: (value) => ["sentence", "length", "text"].includes(value),
  until: text(100),
  context: (value) => ["carried", "window"].includes(value),
  avoid: text(100),
  favour: text(100),
  seed: (value) => typeof value === "string" && /^\d{0,15}$/.test(value),
  alternatives: (value) => Number.isInteger(value) && within(2, 5)(value),
  share: within(0, 1),
  adapt: (value) => typeof value === "boolean",
};
// What to type in a field that takes wrong values, too. `problem` finds these, and `soundSettings` drops them.
const ALLOWED = {
  length: `How much to write: give a whole number from 1 to ${LONGEST.toLocaleString("en")}.`,
  seed: "Seed: give a whole number of at most 15 digits, or leave it blank.",
  alternatives: "Alternatives: give a whole number from 2 to 5.",
};
const DEFAULTS = {
  length: 300, style: 50, temperature: null, top_p: null, top_k: null, min_p: null, stop: "sentence", until: "",
  context: null, avoid: "", favour: "", seed: "", alternatives: 3, second: null, share: 0.5, fixed: null, adapt: false,
};

// Returns the defaults, replaced by the settings in `found` that are valid for these models. Others are ignored.
function soundSettings(found, models) {
  const settings = { model: models[0].name, ...DEFAULTS };
  const known = (name) => models.some((model) => model.name === name);
  if (known(found?.model)) settings.model = found.model;
  if (known(found?.second) && found.second !== settings.model) settings.second = found.second;
  for (const [name, sound] of Object.entries(SOUND)) if (found?.[name] != null && sound(found[name])) settings[name] = found[name];
  if (found?.style === null && SAMPLING.some((name) => settings[name] !== null)) settings.style = null;
  const { layer, neuron, value } = found?.fixed ?? {};
  const model = models.find((each) => each.name === settings.model);
  if (Number.isInteger(layer) && layer >= 0 && layer < model.layers && Number.isInteger(neuron) && neuron >= 0 && neuron < model.neurons && within(-1, 1)(value)) settings.fixed = { layer, neuron, value, meaning: String(found.fixed.meaning ?? "").slice(0, 60) };
  return settings;
}

// Returns the four sampling values that are used: each as it is set, or else the model's own.
const samplingOf = (settings, model) => Object.fromEntries(SAMPLING.map((name) => [name, settings[name] ?? model.sampling[name]]));

// Returns the sampling values for a place of the style slider, from 0 (safe) to 100 (wild). 50 is the model's own.
function styled(style, model) {
  if (style === 50) return { temperature: null, top_p: null, top_k: null, min_p: null };
  const middle = model.sampling.temperature ? model.sampling : LIVELY, end = style < 50 ? SAFE : WILD, part = Math.abs(style - 50) / 50;
  const between = (name) => Number((middle[name] + (end[name] - middle[name]) * part).toFixed(3));
  return { temperature: between("temperature"), top_p: between("top_p"), top_k: 0, min_p: between("min_p") };
}
const styleName = (style) => style === null ? "your own" : style === 50 ? "recommended" : style < 20 ? "very safe" : style < 50 ? "safe" : style <= 80 ? "lively" : "wild";

// Returns the values of a request to `/write`, without the text, the seed and the draws to skip.
function asked(settings) {
  const { model, length, stop, until, context, avoid, favour, second, share, fixed, adapt } = settings;
  const values = { model, length, stop, until, context, avoid, favour };
  for (const name of SAMPLING) values[name] = settings[name];
  if (stop === "sentence") Object.assign(values, { least: Math.ceil(length * 0.7), length: Math.min(2 * length, 2 * LONGEST) });
  if (second) Object.assign(values, { second, share });
  if (adapt && !second && !fixed) values.adapt = true;
  if (fixed && !second) Object.assign(values, { layer: fixed.layer, neuron: fixed.neuron, value: fixed.value });
  return values;
}

const newSeed = () => Math.floor(Math.random() * 2 ** 31);

// Whether only the likeliest letter can be drawn, so that every seed gives the same text. (With min-p 1, letters that are
// exactly as likely can be drawn, too; this is rare.)
function isGreedy(settings, model) {
  const { temperature, top_p, top_k, min_p } = samplingOf(settings, model);
  return temperature === 0 || top_p === 0 || top_k === 1 || min_p === 1;
}

// Returns the author of a text: the name of a model, or a list of two names.
const authorOf = ({ model, second }) => (second ? [model, second] : model);

// Returns a key of all values of a request except those that only decide where the text ends. A request with the same
// key can continue a text exactly.
const howOf = ({ length, least, stop, until, ...how }) => JSON.stringify(how);

// Returns a sentence that says what is wrong with the settings; "" if nothing is.
function problem(settings) {
  const wrong = Object.keys(ALLOWED).find((name) => !SOUND[name](settings[name]));
  if (wrong) return ALLOWED[wrong];
  if (settings.stop === "text" && !settings.until.trim()) return "Type the text to stop at, or choose another way to stop.";
  return "";
}
