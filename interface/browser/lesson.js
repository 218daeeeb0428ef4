// The page “How it works”: a first lesson on an example, the gates letter by letter, and two networks side by side.

const EXAMPLE = "The door at the end of the garden had never been opened before, and";
const SIDE = 400; // characters that each of two networks writes
const PERIOD = 120; // letters of a repeated passage, at most
const BEAT = 700; // milliseconds between two letters while it plays

function lessonPage(element, { models }) {
  const part = (name) => element.querySelector(`[data-id=${name}]`);
  const classic = models.find((model) => model.classic), modern = models.find((model) => !model.classic) ?? models[0];
  const tellIn = (status) => (text) => { status.textContent = text; };

  // ---- the first lesson ------------------------------------------------------------------------------------------------

  const status = part("lesson-status"), temperature = part("lesson-temperature");
  const example = new Editor(part("example"), { edited() {}, moved() {}, undo() {}, redo() {} });
  let at = EXAMPLE.length, letters = [], tints = {};
  let given = EXAMPLE.length; // characters at the beginning that the model did not write
  let writing = null; // AbortController of the running request to write
  const sampling = () => ({ temperature: Number(temperature.value), top_k: 0, top_p: 1, min_p: 0 });

  function paint() {
    const model = example.text.length > given && !Object.keys(tints).length ? { model: [[given, example.text.length]] } : {};
    const here = at < example.text.length ? { here: [[at, at + unitsAt(example.text, at)]] } : {};
    example.paint({ ...model, ...tints, ...here });
  }

  function bars() {
    const place = at, there = at < example.text.length ? String.fromCodePoint(example.text.codePointAt(at)) : "";
    drawBars(part("lesson-bars"), letters.slice(0, 6), sampling(), there, (letter) => {
      example.splice(place, example.text.length, letter);
      given = Math.min(given, place);
      tints = {};
      look(example.text.length);
    });
  }

  // Shows the likeliest letters at a place. If the model is writing, it stops.
  const look = (place) => attempt(tellIn(status), async () => {
    writing?.abort();
    at = place;
    paint();
    const found = await ask("likeliest", { text: example.text.slice(0, place), model: modern.name });
    if (at !== place) return; // another letter is chosen by now
    letters = found;
    bars();
    status.textContent = at < example.text.length ? `The letter ${at + 1} of ${example.text.length}.` : "The next letter.";
  });

  part("example").addEventListener("click", (event) => {
    const place = example.under(event.clientX, event.clientY);
    if (place !== null) look(place);
  });
  part("example").addEventListener("keydown", (event) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: example.text.length }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    look(Math.min(Math.max(0, to), example.text.length));
  });
  temperature.addEventListener("input", () => {
    part("lesson-value").textContent = temperature.value;
    if (letters.length) bars();
  });

  onPress(part("lesson-write"), tellIn(status), async () => {
    tints = {};
    status.textContent = "Writing.";
    const values = { text: example.text, model: modern.name, length: 200, least: 80, stop: "sentence", temperature: Number(temperature.value) };
    const one = writing = new AbortController();
    let arrived = "";
    try {
      for await (const { text } of stream("write", values, one.signal)) {
        if (one.signal.aborted) return;
        example.splice(example.text.length, example.text.length, text.slice(arrived.length));
        arrived = text;
        at = example.text.length;
        paint();
      }
    } catch (error) {
      if (!one.signal.aborted) throw error;
      return;
    }
    status.textContent = "Now click a letter.";
    await look(at);
  });
  part("lesson-reset").addEventListener("click", () => {
    tints = {};
    given = EXAMPLE.length;
    example.show(EXAMPLE);
    look(EXAMPLE.length);
  });

  onPress(part("lesson-neurons"), tellIn(status), async () => {
    let found = null;
    for await (const { progress, neurons } of stream("neurons", { model: modern.name })) {
      status.textContent = `Looking for neurons with a meaning: ${Math.round(progress * 100)} %.`;
      found = neurons;
    }
    status.textContent = found.length ? "Choose one: orange is near +1, blue near −1." : "None was found in this model.";
    const list = part("lesson-list");
    list.hidden = !found.length;
    list.replaceChildren(list.querySelector("legend"), ...found.slice(0, 6).map((one) => {
      const label = make("label"), radio = make("input", { type: "radio", name: "lesson-neuron" });
      label.append(radio, one.meaning);
      radio.addEventListener("change", () => attempt(tellIn(status), async () => {
        const { text } = example, { activity } = await ask("neuron", { text: text.slice(-2000), model: modern.name, layer: one.layer, neuron: one.neuron });
        tints = {};
        inUnits(text.slice(-2000), activity).forEach((value, i) => {
          const strength = step(ACTIVITY, value), place = Math.max(0, text.length - 2000) + i;
          if (strength) (tints[`neuron-${value < 0 ? "down-" : ""}${strength}`] ??= []).push([place, place + 1]);
        });
        paint();
      }));
      return label;
    }));
    list.querySelector("input")?.click();
  });

  // ---- one letter at a time --------------------------------------------------------------------------------------------

  let stepped = null, now = 0, playing = null;

  function layers() {
    const model = models.find(({ name }) => name === part("step-model").value);
    part("step-layer").replaceChildren(...Array.from({ length: model.layers }, (_, i) => new Option(i + 1, i)));
  }
  part("step-model").append(...models.map(({ name, title }) => new Option(title, name)));
  part("step-model").value = modern.name;
  part("step-model").addEventListener("change", layers);
  layers();

  function showStep(to) {
    const { neurons, steps } = stepped;
    now = Math.min(Math.max(0, to), steps.length - 1);
    const { letter, likeliest, ...state } = steps[now];
    const letters = steps.map((each, i) => make("span", { className: i === now ? "now" : i > now ? "later" : "", textContent: i ? (each.letter === "\n" ? "↵" : each.letter) : "▸" }));
    part("step-read").replaceChildren(make("span", { className: "visually-hidden", textContent: `The letter that is read: ${visible(letter)}. ` }), ...letters);
    part("gates").replaceChildren(...neurons.map((neuron, i) => {
      const row = make("tr");
      row.append(make("th", { scope: "row", textContent: neuron + 1 }), ...["i", "f", "g", "o", "cell", "hidden"].map((name) => {
        const value = state[name][i], strength = Math.min(1, Math.abs(value)), cell = make("td", { textContent: value.toFixed(2).replace(/^-0\.00$/, "0.00").replace("-", "−") });
        cell.style.background = `rgb(var(--${value < 0 ? "down" : "up"}) / ${(strength * 0.6).toFixed(2)})`;
        return cell;
      }));
      return row;
    }));
    part("step-bars").replaceChildren(...likeliest.map(([next, share]) => {
      const row = make("li", { className: "letter" });
      row.style.setProperty("--share", percent(share).replace(" ", ""));
      row.append(make("span", { textContent: visible(next) }), make("span", { textContent: percent(share) }));
      return row;
    }));
    for (const [name, can] of [["step-back", now > 0], ["step-next", now < steps.length - 1]]) part(name).setAttribute("aria-disabled", String(!can));
    if (now === steps.length - 1) play(false);
  }

  function play(on) {
    clearInterval(playing);
    playing = on ? setInterval(() => showStep(now + 1), BEAT) : null;
    part("step-play").textContent = on ? "Pause" : "Play";
    part("step-play").setAttribute("aria-pressed", String(on));
  }

  onPress(part("step-go"), tellIn(part("step-status")), async () => {
    play(false);
    stepped = await ask("step_through", { text: part("step-text").value, model: part("step-model").value, layer: Number(part("step-layer").value) });
    part("stepping").hidden = false;
    part("step-status").textContent = "";
    showStep(0);
  });
  part("step-back").addEventListener("click", () => showStep(now - 1));
  part("step-next").addEventListener("click", () => showStep(now + 1));
  part("step-play").addEventListener("click", () => {
    if (!playing && now === stepped.steps.length - 1) showStep(0);
    play(!playing);
  });

  // ---- side by side ----------------------------------------------------------------------------------------------------

  part("sides").hidden = !classic || classic === modern;
  part("small-title").textContent = classic?.title ?? "";
  part("modern-title").textContent = modern.title;

  onPress(part("side-go"), tellIn(part("side-status")), async () => {
    const text = part("side-text").value, common = { text, length: SIDE, stop: "length" };
    const write = async (name, values) => {
      for await (const answer of stream("write", { ...common, ...values })) part(name).textContent = text + answer.text;
      const circle = circleOf(part(name).textContent);
      part(name + "-note").textContent = circle ? `It goes round in circles of ${circle} letters.` : "It does not go round in circles.";
    };
    part("side-status").textContent = "Both write.";
    await Promise.all([write("small", { model: classic.name, temperature: 0, context: "window" }), write("modern", { model: modern.name })]);
    part("side-status").textContent = "Both have written.";
  });

  example.show(EXAMPLE);
  look(EXAMPLE.length);
}

// Returns the length of the passage that the end of a text repeats again and again; 0 if it repeats none.
function circleOf(text) {
  for (let length = 1; length <= PERIOD; length++) {
    const end = text.slice(-3 * Math.max(length, 10)); // a short passage must fill at least 30 letters
    if (text.length > 2 * end.length && [...end].every((letter, i) => i < length || letter === end[i - length])) return length;
  }
  return 0;
}
