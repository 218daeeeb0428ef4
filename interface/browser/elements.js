// Helpers of all pages: elements, files to save, and the browser's store.

const make = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);

// Lets the browser save a file.
function saveFile(content, type, name) {
  const link = make("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// Requests a model as one HTML file and saves it; `told(text)` shows the progress.
async function savePage(model, told) {
  told("Making the file: this takes some seconds.");
  const { name, page } = await ask("save_page", { model });
  saveFile(page, "text/html", name);
  told(`${name} is made: open it in a browser.`);
}

// Returns a store of the browser, `kind` localStorage or sessionStorage. If the browser refuses it, as in a frame of
// another site, returns a store with the same methods that lasts until the page is closed.
function storeOf(kind) {
  try {
    window[kind].getItem("");
    return window[kind];
  } catch {
    return ((window.keptInPage ??= {})[kind] ??= pageStore());
  }
}

function pageStore() {
  const kept = new Map();
  return {
    get length() { return kept.size; },
    key: (i) => [...kept.keys()][i],
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => { kept.set(key, value); },
    removeItem: (key) => { kept.delete(key); },
  };
}

const lasting = storeOf("localStorage"), ofTab = storeOf("sessionStorage");
