// What others have said, made harmless where the editor or a terminal would take it for more than text.

const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** For a terminal: control and direction characters become visible, as the command shows them; lines and tabs stay. */
export function visible(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(CONTROL, (mark) => {
    const number = mark.charCodeAt(0);
    return number < 0x100 ? `\\x${number.toString(16).padStart(2, "0")}` : `\\u${number.toString(16).padStart(4, "0")}`;
  });
}

/** For a notification: the editor reads `[text](command:…)` in it as a link that runs a command of the editor. */
export function unlinked(text: string): string {
  return text.replaceAll("](", "] (");
}
