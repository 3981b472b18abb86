// Routes by path. Links are ordinary links: a click on one of ours changes the page without loading it anew.

import { signal } from "@preact/signals";

export const location = signal(read());

export interface Where {
  readonly path: string;
  readonly query: string;
  readonly parts: readonly string[];
}

function read(): Where {
  const { pathname, search } = window.location;
  const parts = pathname.split("/").filter(Boolean).map(decode);
  return { path: pathname, query: search, parts };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function go(href: string, replace = false): void {
  window.history[replace ? "replaceState" : "pushState"](null, "", href);
  const moved = location.peek().path !== window.location.pathname;
  location.value = read();
  if (moved) window.scrollTo(0, 0);
  // Who listens hears where they are; who uses keys starts at the top.
  if (moved) requestAnimationFrame(() => document.getElementById("main")?.focus({ preventScroll: true }));
  if (window.location.hash) requestAnimationFrame(showPlace);
}

/** The part of the page that the address names comes into sight. */
export function showPlace(): void {
  document.getElementById(window.location.hash.slice(1))?.closest("section")?.scrollIntoView();
}

export function href(...parts: readonly string[]): string {
  return `/${parts.map(encodeURIComponent).join("/")}`;
}

export const hrefOf = {
  stack: (stack: string, ...more: readonly string[]) => href("stacks", stack, ...more),
  service: (stack: string, service: string) => href("stacks", stack, "services", service),
  resources: (stack: string, place = "") => href("stacks", stack, "resources") + (place && `#${place}`),
};

/** Keeps what is filtered in the address, so that it can be sent to somebody. */
export function setQuery(values: Readonly<Record<string, string>>): void {
  const query = new URLSearchParams(location.peek().query);
  for (const [name, value] of Object.entries(values)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  go(location.peek().path + (text ? `?${text}` : ""), true);
}

export function queryValue(name: string): string {
  return new URLSearchParams(location.value.query).get(name) ?? "";
}

export function followLinks(): void {
  window.addEventListener("popstate", () => (location.value = read()));
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    const to = link?.getAttribute("href");
    if (!to?.startsWith("/") || to.startsWith("/v1/") || link?.hasAttribute("download") || link?.getAttribute("target")) return;
    event.preventDefault();
    go(to);
  });
}
