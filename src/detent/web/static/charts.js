// Lets charts zoom and pan: by wheel, drag and keys. Only the viewBox changes; without this script a chart is as the
// report has it. The table behind each chart stays what it is.

const MOST = 40;

function boxOf(svg) {
  const [x, y, width, height] = svg.getAttribute("viewBox").split(/\s+/).map(Number);
  return { x, y, width, height };
}

class Zoom {
  constructor(svg) {
    this.svg = svg;
    this.whole = boxOf(svg);
    this.box = { ...this.whole };
    this.drag = null;
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("aria-keyshortcuts", "+ - 0 ArrowLeft ArrowRight ArrowUp ArrowDown");
    svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    svg.addEventListener("keydown", (event) => this.key(event));
    svg.addEventListener("pointerdown", (event) => this.begin(event));
    svg.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => { this.drag = null; });
    this.tools();
  }

  tools() {
    const row = document.createElement("div");
    row.className = "tools";
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", "Zoom");
    const button = (text, name, act) => {
      const made = document.createElement("button");
      made.type = "button";
      made.textContent = text;
      made.setAttribute("aria-label", name);
      made.title = name;
      made.addEventListener("click", act);
      row.append(made);
      return made;
    };
    button("+", "Zoom in", () => this.by(0.7));
    button("−", "Zoom out", () => this.by(1 / 0.7));
    this.back = button("Reset", "Show the whole chart", () => this.reset());
    this.back.disabled = true;
    this.svg.after(row);
  }

  get zoomed() {
    return this.box.width < this.whole.width * 0.999;
  }

  show(box) {
    const { whole } = this;
    const width = Math.min(Math.max(box.width, whole.width / MOST), whole.width);
    const height = (width / whole.width) * whole.height;
    const x = Math.min(Math.max(box.x, whole.x), whole.x + whole.width - width);
    const y = Math.min(Math.max(box.y, whole.y), whole.y + whole.height - height);
    this.box = { x, y, width, height };
    this.svg.setAttribute("viewBox", [x, y, width, height].map((one) => +one.toFixed(3)).join(" "));
    this.svg.classList.toggle("held-fast", this.zoomed);
    this.back.disabled = !this.zoomed;
  }

  // Zoom about a point of the picture, which stays where it is. at: shares of its width and height.
  by(factor, at = { x: 0.5, y: 0.5 }) {
    const { box } = this;
    const width = Math.min(Math.max(box.width * factor, this.whole.width / MOST), this.whole.width);
    const height = (width / this.whole.width) * this.whole.height;
    this.show({ x: box.x + at.x * (box.width - width), y: box.y + at.y * (box.height - height), width });
  }

  pan(right, down) {
    const { box } = this;
    this.show({ ...box, x: box.x + right * box.width, y: box.y + down * box.height });
  }

  reset() {
    this.show({ ...this.whole });
    this.svg.focus();
  }

  // The page scrolls as ever; a chart that has the focus, or a wheel with Ctrl, zooms.
  wheel(event) {
    if (!event.ctrlKey && document.activeElement !== this.svg) return;
    const outward = event.deltaY > 0;
    if (outward && !this.zoomed) return;
    event.preventDefault();
    const place = this.svg.getBoundingClientRect();
    const at = { x: (event.clientX - place.left) / place.width, y: (event.clientY - place.top) / place.height };
    this.by(outward ? 1.18 : 1 / 1.18, at);
  }

  key(event) {
    const acts = {
      "+": () => this.by(0.7),
      "=": () => this.by(0.7),
      "-": () => this.by(1 / 0.7),
      0: () => this.reset(),
      ArrowLeft: () => this.pan(-0.15, 0),
      ArrowRight: () => this.pan(0.15, 0),
      ArrowUp: () => this.pan(0, -0.15),
      ArrowDown: () => this.pan(0, 0.15),
    };
    const act = acts[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.startsWith("Arrow") && !this.zoomed) return;
    event.preventDefault();
    act();
  }

  begin(event) {
    if (!this.zoomed || event.button !== 0) return;
    this.drag = { x: event.clientX, y: event.clientY, box: this.box };
    this.svg.setPointerCapture(event.pointerId);
  }

  move(event) {
    if (!this.drag) return;
    const place = this.svg.getBoundingClientRect();
    const { box } = this.drag;
    const right = ((this.drag.x - event.clientX) / place.width) * box.width;
    const down = ((this.drag.y - event.clientY) / place.height) * box.height;
    this.show({ ...box, x: box.x + right, y: box.y + down });
  }
}

const known = new WeakMap();

// Charts in this part of the page that are not yet known.
export function enliven(root = document) {
  for (const svg of root.querySelectorAll("figure > svg.chart")) {
    if (!known.has(svg)) known.set(svg, new Zoom(svg));
  }
}

// Where charts are zoomed, by what they show; and the same put back into newer ones.
export function zooms(root) {
  const found = new Map();
  root.querySelectorAll("figure > svg.chart").forEach((svg, place) => {
    const zoom = known.get(svg);
    if (zoom?.zoomed) found.set(place, { ...zoom.box, of: zoom.whole.width });
  });
  return found;
}

export function zoomAgain(root, found) {
  root.querySelectorAll("figure > svg.chart").forEach((svg, place) => {
    const [box, zoom] = [found.get(place), known.get(svg)];
    if (box && zoom && box.of === zoom.whole.width) zoom.show(box);
  });
}

enliven();
