import { useEffect, useRef, useState } from "preact/hooks";

import type { AuditPage, AuditRecord } from "../api/audit.ts";
import { get } from "../api/client.ts";
import type { Complaint } from "../api/types.ts";
import { complaintOf } from "./acting.ts";
import { hasGap, merge } from "./audit.ts";

const PAGE = 200;

interface Known {
  readonly query: string;
  /** null: nothing was answered yet. */
  readonly records: readonly AuditRecord[] | null;
  /** Where the page after the oldest known begins; null: that was the last. */
  readonly next: string | null;
  readonly error: Complaint | null;
}

export interface Audit extends Known {
  readonly older: () => void;
  readonly again: () => void;
  /** Older ones are on their way. */
  readonly busy: boolean;
}

/** The newest records, anew with each `key`, and as many older ones as somebody asked for. */
export function useAudit(query: string, key: string, allowed: boolean): Audit {
  const [known, setKnown] = useState<Known>({ query, records: null, next: null, error: null });
  const [turn, setTurn] = useState(0);
  const [busy, setBusy] = useState(false);
  const wanted = useRef(query);
  wanted.current = query;
  useEffect(() => {
    if (!allowed) return undefined;
    const abort = new AbortController();
    const fresh = (before: Known): Known => (before.query === query ? before : { query, records: null, next: null, error: null });
    get<AuditPage>(addressOf(query), abort.signal).then(
      (page) => setKnown((before) => withNewest(fresh(before), page)),
      (error: unknown) => abort.signal.aborted || setKnown((before) => ({ ...fresh(before), error: complaintOf(error) })),
    );
    return () => abort.abort();
  }, [query, key, turn, allowed]);
  const older = () => {
    if (known.next === null || busy) return;
    setBusy(true);
    get<AuditPage>(addressOf(query, known.next)).then(
      (page) => wanted.current === query && setKnown((before) => ({ ...before, records: merge(before.records ?? [], page.records), next: page.next, error: null })),
      (error: unknown) => setKnown((before) => ({ ...before, error: complaintOf(error) })),
    ).finally(() => setBusy(false));
  };
  const mine = known.query === query ? known : { query, records: null, next: null, error: null };
  return { ...mine, older, busy, again: () => setTurn((n) => n + 1) };
}

/** What is older and known stays, where nothing can be missing in between. */
function withNewest(before: Known, page: AuditPage): Known {
  const records = before.records ?? [];
  if (!records.length || hasGap(records, page.records)) return { ...before, records: page.records, next: page.next, error: null };
  return { ...before, records: merge(records, page.records), error: null };
}

function addressOf(query: string, before = ""): string {
  return `/v1/audit?limit=${PAGE}${query && `&${query}`}${before && `&before=${encodeURIComponent(before)}`}`;
}
