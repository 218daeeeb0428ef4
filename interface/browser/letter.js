// The next letter: the probability of each letter as a bar, after temperature, top-k, top-p and min-p.

const BARS = 8; // bars at most, besides that of the letter in the text
const FEWEST = 4; // letters that always have a bar
const WORTH = 0.002; // probability from which a further letter has a bar

// Returns { letter: probability } after the sampling settings, computed as in model/sampling.py. `letters` are pairs
// [letter, probability], the likeliest first. The temperature is applied first, then the cuts by top-k, top-p and
// min-p. The likeliest letter always stays.
function sampled(letters, { temperature, top_k, top_p, min_p }) {
  const highest = letters[0]?.[1] || 1;
  let kept = letters.map(([letter, share], rank) => {
    const p = temperature > 0 ? (share / highest) ** (1 / temperature) : Number(rank === 0);
    return [letter, top_k && rank >= top_k ? 0 : p];
  });
  const total = kept.reduce((sum, [, p]) => sum + p, 0);
  let before = 0;
  kept = kept.map(([letter, p]) => {
    const stays = before === 0 || before < top_p * total;
    before += p;
    return [letter, stays ? p : 0];
  });
  kept = kept.map(([letter, p]) => [letter, p >= min_p * kept[0][1] ? p : 0]);
  const whole = kept.reduce((sum, [, p]) => sum + p, 0);
  return Object.fromEntries(kept.map(([letter, p]) => [letter, p / whole]));
}

const NAMES = { " ": "space", "\n": "new line", "\t": "tab", "\u202f": "narrow space" };
const visible = (letter) => NAMES[letter] ?? letter;
const percent = (share) => (share >= 0.0995 ? Math.round(share * 100) : (share * 100).toFixed(1)) + " %";

// Shows the likeliest letters in `list`, as buttons that call `choose(letter)`; `there` is the letter in the text.
function drawBars(list, letters, sampling, there, choose) {
  const now = sampled(letters, sampling);
  const shown = letters.slice(0, BARS).filter(([letter, share], i) => i < FEWEST || share >= WORTH || now[letter] >= WORTH);
  if (there && !shown.some(([letter]) => letter === there)) shown.push(...letters.filter(([letter]) => letter === there));
  const focused = [...list.querySelectorAll("button")].indexOf(document.activeElement);
  list.replaceChildren(...shown.map(([letter, share]) => {
    const item = make("li"), button = make("button", { type: "button", className: "letter" });
    button.style.setProperty("--share", percent(now[letter]).replace(" ", ""));
    button.classList.toggle("there", letter === there);
    button.append(make("span", { className: "glyph", textContent: visible(letter) }), make("span", { className: "share", textContent: percent(now[letter]) }));
    button.title = `The model’s own share: ${percent(share)}`;
    if (letter === there) button.append(make("span", { className: "visually-hidden", textContent: ", this is what stands here" }));
    button.addEventListener("click", () => choose(letter));
    item.append(button);
    return item;
  }));
  if (focused >= 0) list.querySelectorAll("button")[focused]?.focus();
}
