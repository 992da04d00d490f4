/** A picture on a canvas that the mouse, a finger or the keyboard erases from. */

/** Two greys that stand for what is erased, and the colour of the cursor. */
const ERASED = [[112, 112, 112], [160, 160, 160]];
const CURSOR = [74, 125, 255];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * `picture` is what there was, `mask` what is erased of it, and `answer` what was made in its place. Who erases after an answer
 * begins anew with that one.
 */
export class Eraser {
  /** @param {HTMLCanvasElement} canvas @param {() => number} radius of the brush in pixels @param {() => void} changed */
  constructor(canvas, radius, changed) {
    this.canvas = canvas;
    this.radius = radius;
    this.changed = changed;
    this.cursor = null;
    this.last = null;
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.cursor = null;
      this.last = this.place(event);
      this.erase(this.last, this.last);
    };
    canvas.onpointermove = (event) => {
      if (!this.last || !event.buttons) return;
      const place = this.place(event);
      this.erase(this.last, place);
      this.last = place;
    };
    canvas.onpointerup = canvas.onpointercancel = () => {
      this.last = null;
    };
    canvas.onkeydown = (event) => this.key(event);
    canvas.onblur = () => {
      this.cursor = null;
      this.show();
    };
  }

  /** @param {{pixels: Uint8Array, height: number, width: number}} picture in colour */
  begin({ pixels, height, width }) {
    this.picture = { pixels, height, width };
    this.mask = new Uint8Array(height * width);
    this.answer = null;
    [this.canvas.width, this.canvas.height] = [width, height];
    this.show();
    this.changed();
  }

  /** @param {Uint8Array} pixels */
  answered(pixels) {
    this.answer = pixels;
    this.show();
  }

  undo() {
    this.begin(this.picture);
  }

  get erased() {
    return this.mask.includes(1);
  }

  /** Where the pointer is, in pixels of the picture. */
  place({ offsetX, offsetY }) {
    const { clientWidth, clientHeight, width, height } = this.canvas;
    return [Math.floor((offsetX / clientWidth) * width), Math.floor((offsetY / clientHeight) * height)];
  }

  /** Arrows move a cursor, with shift they erase as they go, and so does the space bar where it is. */
  key(event) {
    const arrow = ARROWS[event.key];
    if (!arrow && event.key !== " ") return;
    event.preventDefault();
    const { width, height } = this.picture;
    const [x, y] = this.cursor ?? [width >> 1, height >> 1];
    const [dx, dy] = arrow ?? [0, 0];
    this.cursor = [Math.min(Math.max(x + dx, 0), width - 1), Math.min(Math.max(y + dy, 0), height - 1)];
    if (!arrow || event.shiftKey) this.erase(this.cursor, this.cursor);
    else this.show();
  }

  /** Erases along a line. */
  erase([x0, y0], [x1, y1]) {
    if (this.answer) {
      this.picture = { ...this.picture, pixels: this.answer };
      this.mask.fill(0);
      this.answer = null;
    }
    const { width, height } = this.picture;
    const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
    const radius = this.radius() - 0.5;
    for (let i = 0; i <= steps; i += 1) {
      const [cx, cy] = [x0 + ((x1 - x0) * i) / steps, y0 + ((y1 - y0) * i) / steps];
      for (let y = Math.max(Math.ceil(cy - radius), 0); y <= Math.min(cy + radius, height - 1); y += 1) {
        for (let x = Math.max(Math.ceil(cx - radius), 0); x <= Math.min(cx + radius, width - 1); x += 1) {
          if ((x - cx) ** 2 + (y - cy) ** 2 <= radius ** 2) this.mask[y * width + x] = 1;
        }
      }
    }
    this.show();
    this.changed();
  }

  show() {
    if (!this.picture) return;
    const { pixels, width, height } = this.picture;
    const image = new ImageData(width, height);
    for (let i = 0; i < width * height; i += 1) {
      const grey = ERASED[(i + Math.floor(i / width)) % 2];
      image.data.set(this.mask[i] && !this.answer ? grey : (this.answer ?? pixels).subarray(3 * i, 3 * i + 3), 4 * i);
      image.data[4 * i + 3] = 255;
    }
    if (this.cursor) image.data.set(CURSOR, 4 * (this.cursor[1] * width + this.cursor[0]));
    this.canvas.getContext("2d").putImageData(image, 0, 0);
  }
}
