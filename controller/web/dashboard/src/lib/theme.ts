// Dark or light: as the system has it, until a person chooses.

import { signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";
const KEY = "controller.theme";

export const theme = signal<Theme>(load());

function load(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "auto";
  } catch {
    return "auto";
  }
}

export function applyTheme(): void {
  const value = theme.peek();
  if (value === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = value;
}

export function isDark(): boolean {
  const value = theme.value;
  return value === "dark" || (value === "auto" && window.matchMedia("(prefers-color-scheme: dark)").matches);
}

export function toggleTheme(): void {
  theme.value = isDark() ? "light" : "dark";
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // it holds for this visit
  }
  applyTheme();
}
