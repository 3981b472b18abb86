// One half of this browser's session: it lies in the storage of this page's origin, and is shown in a header. The other
// half is a cookie that no script can read. A cookie goes to every port of this host: alone it opens nothing, nor does
// what a script could take from here.

const NAME = "controller.session";

let key = recall();

/** "": there is none. */
export function sessionKey(): string {
  return key;
}

export function keepSession(made: string): void {
  key = made;
  store(made);
}

/** The one that another tab has got meanwhile is its own. */
export function dropSession(): void {
  const mine = key;
  key = "";
  if (recall() === mine) store("");
}

/** Whether another tab has got one that this page has not heard of yet. */
export function takeNewer(): boolean {
  const kept = recall();
  if (!kept || kept === key) return false;
  key = kept;
  return true;
}

export function headers(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return key ? { ...more, Authorization: `Bearer ${key}` } : { ...more };
}

/** Another tab has signed in or out. */
export function whenElsewhere(act: () => void): void {
  window.addEventListener("storage", (event) => {
    if (event.key !== NAME && event.key !== null) return;
    key = recall();
    act();
  });
}

function store(made: string): void {
  try {
    if (made) localStorage.setItem(NAME, made);
    else localStorage.removeItem(NAME);
  } catch {
    // A browser that stores nothing has the session as long as the page.
  }
}

function recall(): string {
  try {
    return localStorage.getItem(NAME) ?? "";
  } catch {
    return "";
  }
}
