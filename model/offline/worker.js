// The model, in a worker of its own, so that the page never freezes. It computes and rounds as model/decoder.py does:
// for the same text, settings and seed it writes the same characters.

const { fround } = Math;
const STEPS = 1024, SHIFT = 12288; // as in model/decoder.py
const WINDOW = 100; // characters that the model reads with a window context
const KEPT = 4; // states that are kept, so that a text is not read again
const FRAME = 50; // milliseconds between two messages

let model, decoder, stopped;

onmessage = async ({ data }) => {
  if (data.stop) stopped = true;
  try {
    if (data.weights) await load(data);
    if (data.write) await write(data.write);
  } catch (error) {
    postMessage({ failed: String(error) });
  }
};

// Places the unpacked weights at the beginning of the memory that the product in WebAssembly reads.
async function load(data) {
  model = data.model;
  const packed = new Blob([bytes(data.weights)]).stream().pipeThrough(new DecompressionStream("gzip"));
  const weights = new Uint8Array(await new Response(packed).arrayBuffer());
  const work = 64 * (model.layers + 6) * model.hidden + 16 * model.characters.length + 4096; // bytes, more than enough
  const memory = new WebAssembly.Memory({ initial: Math.ceil((weights.length + work) / 65536) });
  new Uint8Array(memory.buffer).set(weights);
  const { instance } = await WebAssembly.instantiate(bytes(data.product), { page: { memory } });
  decoder = new Decoder(memory.buffer, weights.length, instance.exports);
  postMessage({ ready: true });
}

function bytes(base64) {
  const text = atob(base64), array = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) array[i] = text.charCodeAt(i);
  return array;
}

// ---- the network -----------------------------------------------------------------------------------------------------

// One stream. An exact decoder keeps hidden states as whole numbers from -127 to 127, any other keeps twice their value.
class Decoder {
  constructor(buffer, free, product) {
    const { hidden: H, layers: L, exact, arrays } = model, V = model.characters.length;
    const wide = (columns) => Math.ceil(columns / 16) * 16; // the stored length of a row, filled up with zeros
    const given = (name) => name in arrays && new { int8: Int8Array, float32: Float32Array }[arrays[name][0]](buffer, ...arrays[name].slice(1));
    const make = (Type, length) => {
      const array = new Type(buffer, free, length);
      free += Math.ceil(array.byteLength / 16) * 16;
      return array;
    };
    this.hidden = make(exact ? Int16Array : Float32Array, L * H + 16);
    this.sum = make(Float32Array, wide(H));
    this.sums = make(Float32Array, Math.max(4 * H, V));
    this.gates = new Float32Array(4 * H);
    this.tanhs = given("tanh");
    this.multiply = exact ? product.int8 : product.float32;
    this.layers = Array.from({ length: L }, (_, i) => ({
      weights: given(`weights ${i}`), scales: given(`scales ${i}`), constants: given(i ? `bias ${i}` : "table"),
      read: this.hidden.subarray(Math.max(0, i - 1) * H), columns: wide(i ? 2 * H : H), cell: new Float32Array(H),
    }));
    this.output = { weights: given("output"), bias: given("output bias"), multiply: product.float32 };
  }

  // Returns tanh(x), in an exact decoder by a table of Python's values for multiples of 1 / STEPS, which ends at 1.
  tanh(x) {
    if (!model.exact) return Math.tanh(x);
    const value = this.tanhs[Math.min(Math.abs(x) * STEPS, this.tanhs.length - 1)];
    return x < 0 ? -value : value;
  }

  read(id) {
    const { hidden: H, exact } = model, { gates, hidden, sums } = this;
    this.layers.forEach(({ weights, scales, constants, read, columns, cell }, i) => {
      this.multiply(weights.byteOffset, read.byteOffset, sums.byteOffset, 4 * H, columns);
      const from = i ? 0 : id * 4 * H;
      for (let row = 0; row < 4 * H; row++) {
        const scaled = exact ? fround(sums[row] * scales[row]) : sums[row];
        gates[row] = this.tanh(fround(scaled + constants[from + row]) - (exact ? SHIFT : 0));
      }
      for (let n = 0; n < H; n++) { // gates: tanh(x / 2) for i, f, o, where sigmoid(x) = (1 + gate) / 2; tanh(x) for g
        const added = fround(fround(gates[n] + 1) * gates[3 * H + n]), kept = fround(fround(gates[H + n] + 1) * cell[n]);
        cell[n] = fround(added + kept) * 0.5;
        const level = this.tanh(exact ? fround(cell[n] + SHIFT) - SHIFT : cell[n]);
        const twice = fround(fround(level) * fround(gates[2 * H + n] + 1));
        hidden[i * H + n] = exact ? Math.floor(fround(fround(twice * 63.5) + 128.5)) - 128 : twice;
      }
    });
  }

  logits() {
    const { hidden: H, layers: L, reads } = model, V = model.characters.length, { sum, sums } = this;
    sum.fill(0);
    for (let i = L - reads; i < L; i++) for (let n = 0; n < H; n++) sum[n] += this.hidden[i * H + n];
    this.output.multiply(this.output.weights.byteOffset, sum.byteOffset, sums.byteOffset, V, sum.length);
    return this.output.bias.map((bias, v) => sums[v] + bias);
  }

  get state() {
    return [this.hidden, ...this.layers.map(({ cell }) => cell)].map((array) => array.slice());
  }

  set state(kept) {
    [this.hidden, ...this.layers.map(({ cell }) => cell)].forEach((array, i) => (kept ? array.set(kept[i]) : array.fill(0)));
  }
}

// ---- from logits to the next character, as model/sampling.py ---------------------------------------------------------

function draw(logits, { temperature, top_k, top_p, min_p }, random) {
  const ranked = [...logits.keys()].sort((a, b) => logits[b] - logits[a]);
  if (!temperature) return ranked[0];
  let p = ranked.map((id) => Math.exp((logits[id] - logits[ranked[0]]) / temperature));
  if (top_k) p = p.slice(0, top_k);
  if (top_p < 1) {
    const upTo = sums(p);
    p = p.filter((each, i) => i === 0 || upTo[i] - each < top_p * upTo.at(-1));
  }
  p = p.filter((each) => each >= min_p * p[0]);
  const upTo = sums(p);
  return ranked[upTo.findIndex((sum) => sum / upTo.at(-1) > random)];
}

function sums(numbers) {
  let sum = 0;
  return numbers.map((each) => (sum += each));
}

// Random numbers from 0 to below 1, as numpy.random.Generator(PCG64(seed)) gives them: O'Neill, "PCG: A Family of
// Simple Fast Space-Efficient Statistically Good Algorithms", 2014, seeded as numpy.random.SeedSequence does.
function randomNumbers(seed) {
  const words = [seed % 2 ** 32, Math.floor(seed / 2 ** 32), 0, 0].map((word) => word >>> 0);
  const folded = (x) => (x ^ (x >>> 16)) >>> 0;
  const hasher = (constant, factor) => (value) => {
    const mixed = value ^ constant;
    constant = Math.imul(constant, factor);
    return folded(Math.imul(mixed, constant));
  };
  let hash = hasher(0x43b0d7e5, 0x931e8875);
  const pool = words.map(hash);
  for (let from = 0; from < 4; from++) for (let to = 0; to < 4; to++)
    if (from !== to) pool[to] = folded(Math.imul(0xca01f9dd, pool[to]) - Math.imul(0x4973f715, hash(pool[from])));
  hash = hasher(0x8b51f9dd, 0x58f38ded);
  const [a, b, c, d, e, f, g, h] = [...pool, ...pool].map(hash).map(BigInt);
  const join = (...parts) => parts.reduce((whole, part) => (whole << 32n) | part);
  const cut = (number) => BigInt.asUintN(128, number);
  const increment = cut((join(f, e, h, g) << 1n) | 1n), step = (state) => cut(state * 0x2360ed051fc65da44385df649fccf645n + increment);
  let state = step(cut(increment + join(b, a, d, c)));
  return () => {
    state = step(state);
    const folded = BigInt.asUintN(64, (state >> 64n) ^ state), turn = state >> 122n;
    return Number(BigInt.asUintN(64, (folded >> turn) | (folded << (64n - turn))) >> 11n) * 2 ** -53;
  };
}

// ---- a text ----------------------------------------------------------------------------------------------------------

// Returns a text in the characters of the model, as `Vocabulary.repair` does. Two tables hold the replacements of other
// characters: one after a space, an opening bracket or a dash, one elsewhere.
function repaired(text) {
  text = text.replace(/\r\n?|\u2028/g, "\n").replace(/\u2029/g, "\n\n").normalize("NFC");
  let known = "";
  for (const character of text.replaceAll("--", model.dash)) {
    const table = /[\s([{—-]/.test(known.at(-1) ?? "\n") ? model.opening : model.closing;
    known += table[character] ?? (model.characters.includes(character) ? character : "");
  }
  return known;
}

let kept = []; // [text, the state after it], the latest last

// Continues a text: posts the new characters at most every FRAME milliseconds, and a last message with `done`.
async function write({ text, length, seed, skip, ...sampling }) {
  const ids = new Map(model.characters.map((character, id) => [character, id]));
  const random = randomNumbers(seed), carried = model.context === "carried";
  let known = repaired(model.start + text), unsent = "", written = 0, last = performance.now(), begun = 0;
  if (!carried) known = [...known].slice(-WINDOW).join("");
  stopped = false;
  for (let i = 0; i < skip; i++) random();

  const found = carried && kept.findLast(([text]) => known.startsWith(text));
  decoder.state = found?.[1];
  let unread = carried ? [...known.slice(found ? found[0].length : 0)] : [];
  const keep = () => (kept = [...kept.filter(([text]) => text !== known), [known, decoder.state]].slice(-KEPT));
  const frame = async () => {
    if (performance.now() < last + FRAME) return;
    const speed = written && Math.round((1000 * written) / (performance.now() - begun));
    postMessage({ written: unsent, unread: unread.length, speed });
    unsent = "";
    await new Promise((resolve) => setTimeout(resolve)); // lets a message to stop arrive
    last = performance.now();
  };

  for (let at = 0; at < unread.length && !stopped; ) {
    decoder.read(ids.get(unread[at++]));
    if (at < 64) continue;
    unread = unread.slice(at);
    at = 0;
    await frame();
  }
  if (carried && !stopped) keep();
  unread = [];
  begun = performance.now();
  while (written < length && !stopped) {
    if (!carried) {
      decoder.state = null;
      for (const character of [...known].slice(-WINDOW)) decoder.read(ids.get(character));
    }
    const next = draw(decoder.logits(), sampling, random()), character = model.characters[next];
    if (carried) decoder.read(next);
    known += character;
    unsent += character;
    written++;
    await frame();
  }
  if (carried && written) keep();
  postMessage({ written: unsent, unread: 0, speed: Math.round((1000 * written) / (performance.now() - begun)), done: true });
}
