// The page on which a visitor trains a model: a text, its report, the training, and the model.

const SOON = 700; // milliseconds between two requests for the state, while a text is read, waits or is learned
const SELDOM = 60000; // the same while nothing changes; each request counts as a visit, which delays the deletion
const CHOICES = [0.5, 1, 2, 3, 5, 10, 15, 20, 30, 60]; // minutes

function trainingPage(element, { megabytes, minutes, hours, sample, account }) {
  const part = (name) => element.querySelector(`[data-id=${name}]`);
  let job = null, place = null, looking = 0, timer;

  const say = (text) => { if (part("train-status").textContent !== text) part("train-status").textContent = text; };
  const sentence = (text) => text && text[0].toUpperCase() + text.slice(1).replace(/\.?$/, ".");
  const count = (number, unit) => `${number.toLocaleString("en")} ${unit}${number === 1 ? "" : "s"}`;
  const time = (seconds) => (seconds < 90 ? count(Math.max(1, Math.round(seconds)), "second") : count(Math.round(seconds / 60), "minute"));

  // ---- asking ----------------------------------------------------------------------------------------------------------

  const on = (name, act) => onPress(part(name), say, act);

  // Calls the endpoint `name` for the training that is shown, and shows its new state; if that fails, the old one.
  async function tell(name, values = {}) {
    const turn = ++looking;
    let told = job;
    clearTimeout(timer);
    try {
      told = await ask(name, { key: job.key, ...values });
    } finally {
      if (turn === looking) show(told); // which also sets the timer again
    }
  }

  async function look() {
    const { key } = job, turn = looking;
    try {
      const told = await ask("training", { key });
      if (turn === looking) show(told);
    } catch (error) {
      if (turn !== looking) return;
      if (error instanceof Lost) {
        say("The connection is lost. The training goes on, and this page looks for it again.");
        timer = setTimeout(look, 2000);
      } else if (error instanceof Refused) {
        own.remove(key);
        open(null);
        say(error.message);
      } else throw error;
    }
  }

  // ---- showing ---------------------------------------------------------------------------------------------------------

  // Shows the training with this key; with null, the choice of a text.
  function open(key) {
    looking++;
    clearTimeout(timer);
    job = key && { key };
    place = null;
    say("");
    for (const name of ["report", "watch", "use", "end"]) part("train-" + name).hidden = true;
    part("train-choose").hidden = Boolean(key);
    part("train-details").open = false;
    list();
    if (key) look();
  }

  function list() {
    const trainings = own.list(), select = part("train-which");
    part("train-own").hidden = !trainings.length;
    part("train-another").hidden = !job;
    select.replaceChildren(...(job ? [] : [new Option("choose one", "")]), ...trainings.map(({ key, title }) => new Option(title, key)));
    select.value = job?.key ?? "";
  }

  function show(told) {
    const before = job?.state;
    job = told;
    own.keep(told);
    list();
    const { state, error, model, can_go_on } = told, running = state === "training", waiting = state === "waiting";
    const before_training = ["reading", "read", "refused"].includes(state), learned = told.training_curve.length > 0;
    part("train-choose").hidden = true;
    part("train-report").hidden = false;
    part("train-watch").hidden = before_training;
    part("train-use").hidden = !model;
    part("train-end").hidden = false;
    part("train-anew").hidden = before_training || running || waiting;
    showReport(told, before_training);
    if (!before_training) {
      showProgress(told);
      part("train-stop").hidden = !(running || waiting);
      part("train-on").hidden = running || waiting || state === "done";
      part("train-on").textContent = can_go_on || learned ? "Go on" : "Try again";
    }
    const kept = model ? ` ${can_go_on ? "The best so far is kept, and you can go on." : ""}` : can_go_on ? " You can go on." : "";
    const [back, lost] = own.stored().some(({ key }) => key === told.key) ? [" You may close this page and come back.", ""]
      : ["", " The browser’s store is full, so this training is lost when the page is closed: download its model before that."];
    const words = {
      reading: "The text is being read.",
      refused: sentence(error),
      read: error ? sentence(error) : "The text is read. Look at what is in it, and train.",
      waiting: `${count(told.before, "other training")} ${told.before === 1 ? "is" : "are"} before yours, which begins by itself${told.waits ? ` in about ${time(told.waits)}` : ""}.${back}`,
      training: learned ? "It is learning." + back : "The training begins.",
      stopped: `Stopped${error ? ": " + error : ""}.${kept}`,
      broken: `The training has ended: ${error}.${kept}`,
      done: "It has learned the text. Write with it.",
    };
    if (before !== state || waiting || running) say(words[state] + lost);
    clearTimeout(timer);
    timer = setTimeout(look, running || waiting || state === "reading" ? SOON : SELDOM);
  }

  function showReport(told, changeable) {
    const { words, report, plan, state } = told;
    part("train-summary").textContent = words.split("\n")[0] || told.title;
    part("train-words").textContent = words;
    part("train-details").hidden = !words;
    const seconds = told.minutes ? 60 * told.minutes : report.seconds;
    const rows = report.plan ? { begins: report.plan.begins, network: report.plan.network, time: `about ${time(seconds)} of training here${told.minutes && !plan.minutes ? ", the most that is allowed" : ", or less"}` } : {};
    part("train-plan").replaceChildren(...Object.entries(rows).flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: value })]));
    part("train-advice").replaceChildren(...(changeable ? report.advice ?? [] : []).map((advice) => make("p", { className: "advice", textContent: advice })));
    part("train-settings").hidden = !changeable;
    part("train-begin").value = plan.begin;
    part("train-minutes").value = String(plan.minutes);
    part("train-capitals").checked = plan.capitals;
    if (state === "read") part("train-go").removeAttribute("aria-disabled");
    else part("train-go").setAttribute("aria-disabled", "true");
  }

  function showProgress({ state, minutes, progress, training_curve, held_out_curve, samples }) {
    const { step = 0, steps, seconds_left, characters_per_second } = progress, running = state === "training";
    const bar = part("train-progress");
    if (state === "done") bar.value = 1;
    else if (steps) bar.value = step / steps;
    else if (running && step) bar.value = 1 - seconds_left / (60 * minutes); // while `steps` is unknown
    else if (running) bar.removeAttribute("value");
    else bar.value = 0;
    const left = running && step ? `${time(seconds_left)} left at most, ` : "";
    part("train-left").textContent = step ? `${left}${count(step, "step")}${steps ? ` of ${steps.toLocaleString("en")}` : ""}, ${characters_per_second.toLocaleString("en")} characters a second` : "";
    drawCurve(part("train-curve"), { training: training_curve, held_out: held_out_curve }, steps);
    const slider = part("train-place"), chosen = place === null ? samples.length : Math.min(place, samples.length);
    slider.max = Math.max(1, samples.length);
    slider.value = chosen;
    slider.hidden = samples.length < 2;
    const [at, text] = samples[chosen - 1] ?? [0, ""];
    part("train-sample-text").textContent = text.trim();
    part("train-sample-at").textContent = samples.length ? `What it writes at step ${at.toLocaleString("en")}, sample ${chosen} of ${samples.length}` : "Its first sample comes soon.";
  }

  // ---- choosing a text -------------------------------------------------------------------------------------------------

  const source = () => element.querySelector("[name=train-source]:checked").value;

  function showSource() {
    for (const each of element.querySelectorAll("[data-source]")) each.hidden = each.dataset.source !== source();
    const stories = shelf.list().filter(({ length }) => length);
    const list = part("train-story"), before = list.value;
    list.replaceChildren(...stories.map(({ id, name, length }) => new Option(`${name} (${length.toLocaleString("en")} characters)`, id)));
    if (stories.some(({ id }) => id === before)) list.value = before;
  }
  for (const radio of element.querySelectorAll("[name=train-source]")) radio.addEventListener("change", showSource);
  new IntersectionObserver(showSource).observe(element); // whenever the page is shown: there may be new stories

  // Returns the content of a file in base64; null if the browser cannot read it, as when it was moved.
  const base64 = async (file) => {
    const reader = new FileReader();
    await new Promise((resolve) => Object.assign(reader, { onloadend: resolve }).readAsDataURL(file));
    return reader.result && (reader.result.split(",")[1] ?? ""); // without a comma, the file is empty
  };

  // Returns the values for the endpoint `/open_text`, or a sentence that says what is missing.
  async function chosen() {
    const kind = source();
    if (kind === "sample") return { sample_text: true };
    if (kind === "book") return part("train-book").value.trim() ? { book: part("train-book").value } : "Type the number or the address of a book.";
    if (kind === "story") {
      const story = shelf.open(part("train-story").value);
      return story ? { text: story.text, name: titleOf(story) } : "Write a story first.";
    }
    if (kind === "paste") return part("train-text").value.trim() ? { text: part("train-text").value, name: part("train-name").value.trim() } : "Paste a text first.";
    const files = [...part("train-files").files], size = files.reduce((sum, file) => sum + file.size, 0);
    if (!files.length) return "Choose one or more text files first.";
    if (size > 1e6 * megabytes) return `${files.length === 1 ? files[0].name : "the text"} has ${size >= 1e7 ? Math.round(size / 1e6).toLocaleString("en") : Number((size / 1e6).toPrecision(3))} MB, but at most ${megabytes} MB can be read: give a part of it.`;
    const read = await Promise.all(files.map(async (file) => ({ name: file.name, data: await base64(file) })));
    const unread = read.find(({ data }) => data === null);
    return unread ? `The browser cannot read ${unread.name}: choose the file again.` : { files: read };
  }

  on("train-read", async () => {
    const values = await chosen();
    if (typeof values === "string") return say(values);
    say(values.book ? "The book is being fetched." : "The text is on its way.");
    const turn = ++looking, told = await ask("open_text", values);
    if (turn === looking) show(told);
    else own.keep(told);
  });

  // ---- the rest --------------------------------------------------------------------------------------------------------

  const change = () => attempt(say, () => tell("change_plan", { begin: part("train-begin").value, capitals: part("train-capitals").checked, minutes: Number(part("train-minutes").value) }));
  for (const name of ["begin", "minutes", "capitals"]) part("train-" + name).addEventListener("change", change);
  on("train-go", () => tell("train").then(() => part("train-watch").scrollIntoView({ block: "start", behavior: "smooth" })));
  on("train-on", () => tell("train"));
  on("train-stop", async () => {
    say("It is stopping, and keeps the best so far.");
    await tell("stop_training");
  });
  part("train-place").addEventListener("input", ({ target }) => {
    place = Number(target.value) === job.samples.length ? null : Number(target.value);
    showProgress(job);
  });
  part("train-which").addEventListener("change", ({ target }) => open(target.value || null));
  on("train-another", () => open(null));

  // Lets the button `name` run `act`, which deletes something, only when it is pressed a second time.
  function sure(name, act) {
    const button = part(name), words = button.textContent;
    let back;
    const reset = () => {
      clearTimeout(back);
      button.textContent = words;
      delete button.dataset.sure;
    };
    on(name, async () => {
      if (!button.dataset.sure) {
        button.dataset.sure = "yes";
        button.textContent = name === "train-anew" ? "Delete the model, and change them?" : "Delete for good?";
        back = setTimeout(reset, 6000);
        return;
      }
      reset();
      await act();
    });
  }
  sure("train-anew", () => tell("change_plan", job.plan));
  sure("train-delete", async () => {
    const { key } = job;
    await ask("delete_training", { key });
    own.remove(key);
    open(null);
    say("Text and model are deleted.");
  });

  on("train-write", async () => {
    const model = own.keep(job);
    dispatchEvent(new CustomEvent("own-models", { detail: { chosen: model.name } }));
    [...document.querySelectorAll("[role=tab]")].find((tab) => tab.textContent.trim() === "Your story")?.click();
  });
  on("train-download", async () => {
    say("The model is being packed.");
    const { name, data } = await ask("download_model", { key: job.key });
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    saveFile(bytes, "application/zip", name);
    say(`${name} has ${(bytes.length / 1e6).toFixed(1)} MB.`);
  });

  on("train-page", () => savePage(job.model.name, say));
  on("train-publish", async () => {
    say("The model is being published.");
    const values = { key: job.key, name: part("train-hub-name").value, private: part("train-private").checked };
    say(`The model is published: ${await ask("publish_model", values)}`);
  });
  // If visitors can sign in, the button below this part does it and then reloads the page.
  if (account) attempt(say, async () => (part("train-account").hidden = !(await ask("signed_in", {}))));

  const lengths = CHOICES.filter((each) => each < minutes).concat(minutes);
  part("train-minutes").append(new Option("as long as it helps", "0"), ...lengths.map((each) => new Option(each < 1 ? count(60 * each, "second") : count(each, "minute"), String(each))));
  part("train-sample").textContent = `A short text to try it with: “${sample}”`;
  const stay = `Your text and model stay on this server until ${count(hours, "hour")} after your last visit, until the server restarts, or until you delete them. Only this browser has the key to them.`;
  part("train-limits").textContent = `At most ${megabytes} MB of text, about ${Math.round(megabytes)} million letters, and ${count(minutes, "minute")} of training; one training runs at a time. ${stay}`;
  part("train-kept").textContent = stay;
  addEventListener("own-models", list);
  addEventListener("resize", () => job?.state && showProgress(job));
  open(own.list().at(-1)?.key ?? null);
}
