// Wires the page: strokes to the network, its logits to the C core, both to what is shown.

import { loadCore } from "./core.js";
import { digits, percent, shownUlp, ulp } from "./numbers.js";
import { pixelsOf } from "./pixels.js";
import { openModel, version } from "./runtime.js";
import { Sheet } from "./sheet.js";

const CLASSES = 10;
const SURE = [20, 0, 0];

const element = (id) => document.getElementById(id);
const show = (id, text) => (element(id).textContent = text);

/** One row per class: its number, a bar, its value. Gives a function that sets a row. */
function makeBars(list) {
  const rows = Array.from({ length: CLASSES }, (_, digit) => {
    const row = document.createElement("li");
    row.innerHTML = `<span>${digit}</span><span class="track"><span class="bar"></span></span><span class="value">–</span>`;
    list.append(row);
    return { row, bar: row.querySelector(".bar"), value: row.querySelector(".value") };
  });
  return (digit, share, text, current = false) => {
    const { row, bar, value } = rows[digit];
    bar.style.transform = `scaleX(${Math.abs(share)})`;
    bar.classList.toggle("plus", share > 0);
    bar.classList.toggle("minus", share < 0);
    value.textContent = text;
    row.toggleAttribute("aria-current", current);
  };
}

function makeLabels(changed) {
  for (let digit = 0; digit < CLASSES; digit++) {
    const label = document.createElement("label");
    label.innerHTML = `<input type="radio" name="label" value="${digit}"><span>${digit}</span>`;
    element("labels").append(label);
  }
  element("labels").addEventListener("change", changed);
}

function makeTable() {
  return Array.from({ length: CLASSES }, (_, digit) => {
    const row = element("twice").insertRow();
    row.innerHTML = `<th scope="row">${digit}</th><td>–</td><td>–</td><td>–</td><td>–</td>`;
    return row.querySelectorAll("td");
  });
}

function makeInputs(changed) {
  const inputs = SURE.map((value, k) => {
    const label = document.createElement("label");
    label.textContent = k === 0 ? "logit 0 (right)" : `logit ${k}`;
    const input = document.createElement("input");
    Object.assign(input, { type: "number", step: "any", value, id: `sure-${k}` });
    input.addEventListener("input", changed);
    label.append(input);
    element("sure-inputs").append(label);
    return input;
  });
  return () => inputs.map((input) => input.valueAsNumber);
}

let runs = 0; // that are under way

/** Runs `work` with the newest arguments, one run after the other, and drops those in between. */
function latest(work) {
  let waiting = null;
  let running = false;
  return async (...given) => {
    waiting = given;
    if (running) return;
    running = true;
    runs += 1;
    try {
      while (waiting) {
        const next = waiting;
        waiting = null;
        await work(...next);
      }
    } catch (error) {
      failed(error);
    } finally {
      running = false;
      runs -= 1;
    }
  };
}

function failed(error) {
  const state = element("state");
  state.hidden = false;
  state.classList.add("failed");
  state.textContent = `This page cannot go on: ${error.message ?? error}`;
  console.error(error);
}

function argmax(values) {
  return values.reduce((best, value, k) => (value > values[best] ? k : best), 0);
}

async function main() {
  const [core, network, example, samples] = await Promise.all([
    loadCore(),
    openModel("digits.onnx"),
    openModel("example.onnx"),
    fetch("samples.json").then((answer) => answer.json()),
  ]);

  const setProbability = makeBars(element("bars"));
  const setGradient = makeBars(element("gradient"));
  const table = makeTable();
  let chosen = null; // the label, once the visitor has picked one

  const read = latest(async (strokes) => {
    if (strokes.length === 0) return forget();
    const pixels = pixelsOf(strokes);
    let found = await network(pixels, chosen ?? 0);
    const prediction = argmax(found.logits);
    const label = chosen ?? prediction;
    if (label !== (chosen ?? 0)) found = await network(pixels, label);
    const { loss, gradient } = core.crossEntropy(found.logits, label);
    showAnswer(found.probabilities, prediction);
    showLoss(found.loss[0], loss, label);
    showGradient(gradient);
    showTwice(found, core.softmax(found.logits));
    // For the tests: what the network was given and what came out, of the newest strokes.
    window.page.last = { ...found, pixels, label, prediction };
  });

  function forget() {
    show("answer", "Nothing is drawn yet.");
    for (let digit = 0; digit < CLASSES; digit++) {
      setProbability(digit, 0, "–");
      setGradient(digit, 0, "–");
      table[digit].forEach((cell) => (cell.textContent = "–"));
    }
    for (const id of ["loss-runtime", "loss-core", "loss-ulp"]) show(id, "–");
    show("advice", "The gradient in the logits is p − y: what to change, and by how much.");
    if (chosen === null) mark(null);
    window.page.last = null;
  }

  function mark(label) {
    for (const input of element("labels").querySelectorAll("input")) {
      input.checked = Number(input.value) === label;
    }
  }

  function showAnswer(probabilities, prediction) {
    const answer = `<b>${prediction}</b> with ${percent(probabilities[prediction])}`;
    if (element("answer").innerHTML !== answer) element("answer").innerHTML = answer;
    probabilities.forEach((p, digit) => setProbability(digit, p, percent(p), digit === prediction));
  }

  function showLoss(runtime, ours, label) {
    mark(label);
    show("loss-runtime", digits(runtime));
    show("loss-core", digits(ours));
    show("loss-ulp", shownUlp(ulp(runtime, ours)));
  }

  function showGradient(gradient) {
    gradient.forEach((g, digit) => setGradient(digit, g, g.toExponential(1)));
    const up = argmax(gradient.map((g) => -g));
    const down = argmax(gradient);
    show("advice", `The gradient p − y says: raise the logit of ${up} by ${digits(-gradient[up])} times the ` +
      `learning rate, lower above all that of ${down}, by ${digits(gradient[down])}.`);
  }

  function showTwice({ logits, probabilities }, ours) {
    table.forEach((cells, digit) => {
      const [theirs, own] = [probabilities[digit], ours[digit]];
      const texts = [logits[digit].toFixed(4), digits(theirs), digits(own), shownUlp(ulp(theirs, own))];
      texts.forEach((text, k) => (cells[k].textContent = text));
    });
  }

  const compare = latest(async () => {
    const logits = Float32Array.from(sureLogits());
    const ids = ["exact", "runtime", "core", "gradient", "runtime-ulp", "core-ulp"].map((id) => `sure-${id}`);
    if (!logits.every(Number.isFinite)) {
      ids.forEach((id) => show(id, "three numbers, please"));
      return;
    }
    const others = Math.exp(logits[1] - logits[0]) + Math.exp(logits[2] - logits[0]);
    const exact = Math.log1p(others);
    const runtime = (await example(logits, 0)).loss[0];
    const ours = core.crossEntropy(logits, 0);
    const rounded = (value) => Number(value.toPrecision(3));
    const texts = [
      exact.toExponential(7),
      digits(runtime),
      digits(ours.loss),
      digits(ours.gradient[0]),
      shownUlp(rounded(ulp(runtime, exact))),
      shownUlp(rounded(ulp(ours.loss, exact))),
    ];
    ids.forEach((id, k) => show(id, texts[k]));
  });

  const sheet = new Sheet(element("sheet"), read, (text) => show("pen", text));
  const sureLogits = makeInputs(compare);
  makeLabels((event) => {
    chosen = Number(event.target.value);
    read(sheet.strokes);
  });
  window.page = { last: null, sheet, get idle() { return runs === 0; } };
  let next = 0;
  element("example").addEventListener("click", () => {
    chosen = null;
    sheet.show(structuredClone(samples.strokes[next++ % samples.strokes.length]));
  });
  element("clear").addEventListener("click", () => {
    chosen = null;
    sheet.clear();
    element("sheet").focus();
  });
  show("versions", `onnxruntime-web ${version}; softxent ${samples.version} in WebAssembly.`);
  await compare();
  element("state").hidden = true;
}

main().catch(failed);
