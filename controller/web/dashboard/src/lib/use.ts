// Small hooks: what is fetched, what the page wide as it is shows, a signal per component.

import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

import { get } from "../api/client.ts";
import type { Complaint } from "../api/types.ts";
import { complaintOf } from "./acting.ts";

export interface Fetched<T> {
  readonly data: T | null;
  readonly error: Complaint | null;
  readonly again: () => void;
}

/** Fetches when the address, or `key`, changes; what was there stays until the new is. Empty address: nothing. */
export function useFetch<T>(address: string, key: unknown = ""): Fetched<T> {
  const [state, setState] = useState<{ address: string; data: T | null; error: Complaint | null }>({ address, data: null, error: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!address) return undefined;
    const abort = new AbortController();
    get<T>(address, abort.signal).then(
      (data) => setState({ address, data, error: null }),
      (error: unknown) => {
        if (!abort.signal.aborted) setState((before) => ({ address, data: before.address === address ? before.data : null, error: complaintOf(error) }));
      },
    );
    return () => abort.abort();
  }, [address, key, turn]);
  const mine = state.address === address;
  return { data: mine ? state.data : null, error: mine ? state.error : null, again: () => setTurn((n) => n + 1) };
}

export function useMedia(query: string): Signal<boolean> {
  const found = useSignal(window.matchMedia(query).matches);
  useEffect(() => {
    const list = window.matchMedia(query);
    const change = () => (found.value = list.matches);
    list.addEventListener("change", change);
    return () => list.removeEventListener("change", change);
  }, [query]);
  return found;
}

/** A number that grows every so often, while the page is seen. */
export function useEvery(milliseconds: number): number {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setTurn((n) => n + 1), milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
  return turn;
}

/** What the page is called. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · controller` : "controller";
  }, [title]);
}

/** A value that changes all the time, once it has been still for so long. */
export function useSlow<T>(value: T, milliseconds: number): T {
  const [slow, setSlow] = useState(value);
  useEffect(() => {
    if (Object.is(slow, value)) return undefined;
    const timer = setTimeout(() => setSlow(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, slow]);
  return slow;
}
