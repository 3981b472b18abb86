// Server-sent events (WHATWG HTML, 9.2), taken apart from text that comes in any pieces. Lines end with a line feed, as
// the controller ends them.

export interface Frame {
  readonly kind: string;
  readonly data: string;
  /** The last one that was said. */
  readonly id: string;
}

export class Frames {
  /** From where to go on. */
  lastId = "";
  private rest = "";

  *take(text: string): Generator<Frame> {
    const blocks = (this.rest + text).split("\n\n");
    this.rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const frame = this.read(block);
      if (frame) yield frame;
    }
  }

  /** What was begun is not gone on with. */
  reset(): void {
    this.rest = "";
  }

  private read(block: string): Frame | null {
    let kind = "message";
    let data: string | null = null;
    for (const line of block.split("\n")) {
      const end = line.indexOf(": ");
      const value = line.slice(end + 2);
      switch (line.slice(0, Math.max(0, end))) {
        case "event": kind = value; break;
        case "data": data = data === null ? value : `${data}\n${value}`; break;
        case "id": this.lastId = value; break;
      }
    }
    return data === null ? null : { kind, data, id: this.lastId };
  }
}
