/** The sentence that is heard, as its words are said, with the one that is being said marked. */
export class Caption {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.waiting = [];
    this.shown = [];
    place.replaceChildren();
  }

  /** The words of a sentence that begins; of one chunk in a sentence all the others have none. */
  add(words) {
    if (words.length) this.waiting.push(words);
  }

  /** What is heard at so many seconds from the beginning. */
  at(seconds) {
    while (this.waiting.length && this.waiting[0][0].start <= seconds) this.begin(this.waiting.shift());
    for (const { start, end, element } of this.shown) {
      const now = start <= seconds && seconds < end;
      if (element.hasAttribute("aria-current") !== now) element.toggleAttribute("aria-current", now);
    }
  }

  begin(words) {
    this.shown = words.map((word) => ({ ...word, element: document.createElement("span") }));
    // The name of a letter comes as "b.".
    for (const { word, element } of this.shown) element.textContent = word.replace(/\.$/, "");
    this.place.replaceChildren(...this.shown.flatMap(({ element, mark }) => [element, `${mark} `]));
  }
}
