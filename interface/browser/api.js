// Calls the app's endpoints by Gradio's HTTP API: POST call/v2/NAME, then GET call/NAME/ID as a stream of events.

// After this time without a sign of the server, in milliseconds, the connection counts as lost. While the server works,
// Gradio gives a sign every 15 seconds.
const SILENCE = 20000;
const UPLOAD = 50; // bytes of a request that a slow connection sends in a millisecond

class Refused extends Error {} // the server has refused the request; the message says why
class Lost extends Error {} // no answer: the connection or the server has failed

function apiRoot() {
  const config = window.gradio_config ?? {};
  return (config.root ?? location.origin).replace(/\/$/, "") + (config.api_prefix ?? "/gradio_api") + "/call/";
}

// Yields each answer of an endpoint as it arrives, the last one of a stream twice. Throws Refused or Lost.
async function* stream(name, values, signal) {
  const quiet = new AbortController();
  let timer;
  const alive = (longer = 0) => {
    clearTimeout(timer);
    timer = setTimeout(() => quiet.abort(), SILENCE + longer);
  };
  const both = AbortSignal.any([quiet.signal, ...(signal ? [signal] : [])]);
  try {
    const headers = { "Content-Type": "application/json" }, body = JSON.stringify(own.named(values));
    alive(body.length / UPLOAD);
    const asked = await fetch(apiRoot() + "v2/" + name, { method: "POST", headers, body, signal: both });
    if (asked.status >= 500) throw new Lost();
    const ticket = await asked.json();
    if (!asked.ok) throw new Refused(String(ticket.detail ?? "The server refused the request."));
    const answer = await fetch(apiRoot() + name + "/" + ticket.event_id, { signal: both });
    if (!answer.ok) throw new Lost();
    alive();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; ; ) {
      const { value, done } = await reader.read();
      if (done) throw new Lost();
      alive();
      text += value;
      const events = text.split("\n\n");
      text = events.pop();
      for (const event of events) {
        const [, kind, data] = event.match(/^event: (\w+)\ndata: ([^]*)$/) ?? [];
        if (kind === "error") throw failure(JSON.parse(data));
        if (kind === "generating" || kind === "complete") yield JSON.parse(data)[0];
        if (kind === "complete") return;
      }
    }
  } catch (error) {
    if (signal?.aborted || error instanceof Refused) throw error;
    throw new Lost();
  } finally {
    clearTimeout(timer);
    quiet.abort();
  }
}

// Returns the error of an error event. Gradio sends the same kind of event for a request that was refused and for one
// that it does not have, as after a restart.
function failure(told) {
  if (told?.error) return new Refused(told.error);
  if (typeof told === "string") return new Lost();
  return new Refused("Something went wrong in this program. Try again.");
}

// Returns the last answer of an endpoint.
async function ask(name, values, signal) {
  let last;
  for await (const answer of stream(name, values, signal)) last = answer;
  return last;
}

// Runs `act`; if it is refused or the connection is lost, calls `tell` with a sentence.
async function attempt(tell, act) {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Lost)) throw error;
    tell(error instanceof Refused ? error.message : "The connection is lost. Try again when it is back.");
  }
}

// Runs `act` at each press of a button, unless it is still running.
function onPress(button, tell, act) {
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    try {
      await attempt(tell, act);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
