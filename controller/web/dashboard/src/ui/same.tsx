import type { ComponentChild } from "preact";
import { useMemo } from "preact/hooks";

/** Drawn anew only when something of `of` is another. */
export function Same({ of, draw }: { readonly of: readonly unknown[]; readonly draw: () => ComponentChild }) {
  return <>{useMemo(draw, of)}</>;
}
