"use strict";
// Two panes over /api/translate. Answers that came too late are dropped; text stays out of addresses.

const WAIT = 300; // milliseconds after the last key
const LIMIT = 50000; // characters of a text
const at = (id) => document.getElementById(id);
const state = { asked: 0, timer: 0, targets: {}, names: {}, lines: [] };

async function ask(path, body, signal) {
  const form = body instanceof FormData;
  const options = body === undefined ? {} : {
    method: "POST", headers: form ? {} : { "Content-Type": "application/json" }, body: form ? body : JSON.stringify(body),
    signal,
  };
  const key = sessionStorage.getItem("key");
  if (key) options.headers = { ...options.headers, Authorization: `Bearer ${key}` };
  const response = await fetch(path, options);
  const answer = await response.json();
  if (response.status === 403 && !ask.refused) {
    const given = window.prompt("This server wants a key:");
    if (given) {
      sessionStorage.setItem("key", given.trim());
      return ask(path, body, signal);
    }
    ask.refused = true;
  }
  if (!response.ok) throw new Error(answer.error || `The server answered ${response.status}.`);
  return answer;
}

function say(text, fault = false) {
  at("status").textContent = text;
  at("status").classList.toggle("fault", fault);
}

function options(select, codes, chosen) {
  select.replaceChildren(...codes.map((code) => new Option(state.names[code] || code, code)));
  if (codes.includes(chosen)) select.value = chosen;
}

function chooseTargets() {
  const source = at("source").value;
  const targets = source === "auto" ? [...new Set(Object.values(state.targets).flat())] : state.targets[source];
  options(at("target"), targets.sort(), at("target").value);
}

async function start() {
  try {
    for (const { code, name, targets } of await ask("/languages")) {
      state.names[code] = name;
      state.targets[code] = targets.filter((target) => target !== code);
    }
    for (const target of Object.values(state.targets).flat()) {
      if (!state.names[target]) state.names[target] = new Intl.DisplayNames(["en"], { type: "language" }).of(target);
    }
  } catch (fault) {
    say(fault.message, true);
    return;
  }
  try {
    at("file").accept = (await ask("/frontend/settings")).supportedFilesFormat.join();
  } catch {
    // then every file can be chosen, and the server says what it does not take
  }
  const sources = Object.keys(state.targets).sort();
  state.names.auto = "Detect language";
  options(at("source"), sources.length > 1 ? ["auto", ...sources] : sources);
  chooseTargets();
  at("glossary").value = localStorage.getItem("glossary") || "";
  if (at("text").value) changed(); // what a browser kept over a reload
  else count();
}

function terms() {
  return at("glossary").value.split("\n").map((line) => line.split(/\t|=/).map((part) => part.trim()))
    .filter((parts) => parts.length === 2 && parts[0] && parts[1]);
}

function request(text) {
  const own = { text, to: at("target").value };
  if (at("source").value !== "auto") own.from = at("source").value;
  const lower = text.toLowerCase();
  const include = terms().filter(([word]) => lower.includes(word.toLowerCase())).map(([, wanted]) => wanted);
  return include.length ? { ...own, include } : own;
}

function count() {
  const length = at("text").value.length;
  at("count").textContent = `${length.toLocaleString("en")} of ${LIMIT.toLocaleString("en")} characters`;
}

function changed() {
  count();
  clearTimeout(state.timer);
  state.timer = setTimeout(translate, WAIT);
}

async function translate() {
  clearTimeout(state.timer);
  const number = ++state.asked;
  const lines = at("text").value.split("\n");
  const places = lines.flatMap((line, i) => (/[\p{L}\p{N}]/u.test(line) ? [i] : []));
  closeChoices();
  if (!places.length) {
    show(lines.map((text) => ({ source: text, text, flags: [], unseen: [] })));
    say("");
    return;
  }
  say("Translating …");
  const began = performance.now();
  try {
    const found = [];
    for (let i = 0; i < places.length; i += 100) {
      const requests = places.slice(i, i + 100).map((place) => request(lines[place]));
      found.push(...(await ask("/api/translate", { requests })).translations);
      if (number !== state.asked) return;
    }
    const of = new Map(places.map((place, i) => [place, found[i]]));
    show(lines.map((line, i) => {
      const own = of.get(i);
      return own ? { source: line, text: own.translation, flags: own.flags, unseen: own.unseen }
        : { source: line, text: line, flags: [], unseen: [] };
    }));
    const from = found[0].from;
    const language = at("source").value === "auto" ? `From ${state.names[from] || from}. ` : "";
    say(`${language}${((performance.now() - began) / 1000).toFixed(2)} s`);
  } catch (fault) {
    if (number === state.asked) say(fault instanceof TypeError ? "The server does not answer." : fault.message, true);
  }
}

function show(lines) {
  state.lines = lines;
  const nodes = lines.flatMap((line, i) => [...(i ? ["\n"] : []), sentence(line, i)]);
  at("translation").replaceChildren(...nodes);
  at("translation").lang = at("target").value;
  const unseen = [...new Set(lines.flatMap((line) => line.unseen))];
  at("doubt").textContent = unseen.length ? `Never seen: ${unseen.slice(0, 8).join(", ")}` : "";
}

function sentence(line, i) {
  const whole = document.createElement("span");
  whole.className = "sentence";
  if (line.flags.some((flag) => flag === "unseen" || flag === "low_probability")) {
    whole.classList.add("doubtful");
    whole.title = "The model is unsure of this sentence.";
  }
  let before = "";
  for (const part of line.text.split(/(\s+)/)) {
    if (/\S/.test(part)) {
      const word = document.createElement("span");
      word.className = "word";
      word.textContent = part;
      word.tabIndex = 0;
      word.setAttribute("role", "button");
      word.setAttribute("aria-label", `${part}: other translations`);
      const prefix = before;
      word.addEventListener("click", () => offer(i, prefix));
      word.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          offer(i, prefix);
        }
      });
      whole.append(word);
    } else {
      whole.append(part);
    }
    before += part;
  }
  return whole;
}

async function offer(i, prefix) {
  const line = state.lines[i];
  if (!/[\p{L}\p{N}]/u.test(line.source)) return;
  const number = state.asked;
  try {
    const body = { ...request(line.source), n_best: 6, ...(prefix.trim() ? { prefix: prefix.trim() } : {}) };
    const { alternatives } = await ask("/api/alternatives", body);
    if (number !== state.asked) return;
    const others = alternatives.filter((text) => text !== line.text);
    at("choices").replaceChildren(...(others.length ? others : ["There is no other."]).map((text) => {
      const item = document.createElement("li");
      if (!others.length) {
        item.textContent = text;
        return item;
      }
      const button = document.createElement("button");
      button.type = "button";
      button.dir = "auto";
      button.textContent = text;
      button.addEventListener("click", () => {
        state.lines[i] = { ...line, text, flags: [], unseen: [] };
        show(state.lines);
        closeChoices();
        at("translation").focus();
      });
      item.append(button);
      return item;
    }));
    at("alternatives").hidden = false;
    (at("choices").querySelector("button") || at("close")).focus();
  } catch (fault) {
    say(fault.message, true);
  }
}

// A document: sent, and a link to its translation.

async function sendDocument(file) {
  if (state.sending) return;
  const body = new FormData();
  body.append("source", at("source").value);
  body.append("target", at("target").value);
  body.append("file", file);
  state.sending = new AbortController();
  at("stop").hidden = false;
  at("file").disabled = true;
  at("results").replaceChildren(`Translating ${file.name} …`);
  try {
    const { translatedFileUrl } = await ask("/translate_file", body, state.sending.signal);
    const link = document.createElement("a");
    link.href = `/download_file/${translatedFileUrl.split("/").pop()}`; // whatever the server is called here
    link.download = "";
    link.textContent = `Download the translation of ${file.name}`;
    at("results").replaceChildren(link);
    at("file").disabled = false;
    link.focus();
  } catch (fault) {
    const why = fault.name === "AbortError" ? "It was stopped." : fault instanceof TypeError ? "The server does not answer."
      : fault.message;
    at("results").replaceChildren(`${file.name}: ${why}`);
  }
  state.sending = null;
  at("stop").hidden = true;
  at("file").disabled = false;
  at("file").value = ""; // so that the same can be chosen again
}

function dropped(event) {
  const [file] = event.dataTransfer.files;
  document.body.classList.remove("dropping");
  if (!file) return; // text, which goes where it is dropped
  event.preventDefault();
  sendDocument(file);
}

function over(event) {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  document.body.classList.add("dropping");
}

function closeChoices() {
  at("alternatives").hidden = true;
}

at("text").addEventListener("input", changed);
at("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) translate();
});
at("source").addEventListener("change", () => { chooseTargets(); translate(); });
at("target").addEventListener("change", translate);
at("swap").addEventListener("click", () => {
  const [source, target] = [at("source").value, at("target").value];
  if (!(target in state.targets)) {
    say(`Nothing translates from ${state.names[target]}.`, true);
    return;
  }
  const text = state.lines.map((line) => line.text).join("\n");
  at("source").value = target;
  chooseTargets();
  if (source !== "auto") at("target").value = source;
  at("text").value = text;
  changed();
});
at("clear").addEventListener("click", () => { at("text").value = ""; changed(); at("text").focus(); });
at("close").addEventListener("click", closeChoices);
at("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(state.lines.map((line) => line.text).join("\n"));
    say("Copied.");
  } catch {
    say("The browser does not let this page copy; select the text and copy it.", true);
  }
});
at("file").addEventListener("change", () => { if (at("file").files.length) sendDocument(at("file").files[0]); });
at("stop").addEventListener("click", () => { if (state.sending) state.sending.abort(); });
document.addEventListener("dragover", over);
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
document.addEventListener("drop", dropped);
at("glossary").addEventListener("input", () => { localStorage.setItem("glossary", at("glossary").value); changed(); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") closeChoices(); });
start();
