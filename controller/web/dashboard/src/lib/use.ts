// Small hooks: what is fetched, what the page wide as it is shows, a signal per component.

import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

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

export interface AskedFor<T> {
  readonly data: T | null;
  readonly error: Complaint | null;
  /** Since when it is on its way; null: it is not. */
  readonly since: number | null;
  readonly start: () => void;
  readonly forget: () => void;
}

/** What is fetched only when somebody wants it, since it takes a while. */
export function useAsked<T>(address: string): AskedFor<T> {
  const [state, setState] = useState<Pick<AskedFor<T>, "data" | "error" | "since">>(NOT_ASKED);
  const abort = useRef<AbortController | null>(null);
  const forget = () => {
    abort.current?.abort();
    setState(NOT_ASKED);
  };
  const start = () => {
    abort.current?.abort();
    const mine = (abort.current = new AbortController());
    setState((before) => ({ data: before.data, error: null, since: Date.now() }));
    get<T>(address, mine.signal).then(
      (data) => setState({ data, error: null, since: null }),
      (error: unknown) => mine.signal.aborted || setState({ data: null, error: complaintOf(error), since: null }),
    );
  };
  useEffect(() => () => abort.current?.abort(), [address]);
  return { ...state, start, forget };
}

const NOT_ASKED = { data: null, error: null, since: null } as const;

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
