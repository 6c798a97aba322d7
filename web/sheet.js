// The sheet of paper: strokes drawn by mouse, pen, touch or keyboard, in units of its width.

const PEN = 0.09; // width of a line, of the sheet's width
const STEP = 0.05; // of the keyboard's pen

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Sheet {
  /** Calls `changed(strokes)` after every change, and `said(text)` with what the keyboard's pen does. */
  constructor(canvas, changed, said) {
    this.canvas = canvas;
    this.changed = changed;
    this.said = said;
    this.strokes = [];
    this.drawing = null; // the stroke of the pointer that is down
    this.cursor = null; // the keyboard's pen: { at, down }
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => (this.drawing = null));
    }
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => this.lift());
    new ResizeObserver(() => this.paint()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  clear() {
    this.show([]);
  }

  show(strokes) {
    this.strokes = strokes;
    this.drawing = null;
    this.update();
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  begin(event) {
    if (event.button !== 0 || this.drawing) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.lift();
    this.drawing = { id: event.pointerId, stroke: [this.point(event)] };
    this.strokes.push(this.drawing.stroke);
    this.update();
  }

  move(event) {
    if (!this.drawing || event.pointerId !== this.drawing.id) return;
    // What happened since the last frame; browsers without it give the event itself.
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.drawing.stroke.push(this.point(each));
    this.update();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) this.steer(arrow, event.shiftKey ? 2 : 1);
    else if (event.key === " " || event.key === "Enter") this.toggle();
    else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else return;
    event.preventDefault();
  }

  steer(arrow, steps) {
    this.cursor ??= { at: [0.5, 0.5], down: false };
    const inside = (value) => Math.min(Math.max(value, PEN / 2), 1 - PEN / 2);
    this.cursor.at = this.cursor.at.map((v, axis) => inside(v + arrow[axis] * STEP * steps));
    if (this.cursor.down) this.strokes.at(-1).push([...this.cursor.at]);
    this.update();
  }

  toggle() {
    this.cursor ??= { at: [0.5, 0.5], down: false };
    this.cursor.down = !this.cursor.down;
    if (this.cursor.down) this.strokes.push([[...this.cursor.at]]);
    this.said(this.cursor.down ? "Pen down." : "Pen up.");
    this.update();
  }

  lift() {
    this.cursor = null;
    this.said("");
    this.paint();
  }

  update() {
    this.paint();
    this.changed(this.strokes);
  }

  paint() {
    const size = Math.round(this.canvas.clientWidth * devicePixelRatio);
    if (size === 0) return;
    if (this.canvas.width !== size) this.canvas.width = this.canvas.height = size;
    const pen = this.canvas.getContext("2d");
    const colors = getComputedStyle(this.canvas);
    pen.setTransform(size, 0, 0, size, 0, 0);
    pen.clearRect(0, 0, 1, 1);
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = PEN;
    pen.strokeStyle = colors.color;
    for (const stroke of this.strokes) {
      pen.beginPath();
      pen.moveTo(...stroke[0]);
      for (const point of stroke.length > 1 ? stroke.slice(1) : stroke) pen.lineTo(...point);
      pen.stroke();
    }
    if (this.cursor) {
      pen.beginPath();
      pen.arc(...this.cursor.at, PEN * 0.6, 0, 2 * Math.PI);
      pen.lineWidth = 0.012;
      pen.strokeStyle = colors.getPropertyValue("--accent");
      pen.stroke();
    }
  }
}
