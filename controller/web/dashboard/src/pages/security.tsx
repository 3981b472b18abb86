import { useComputed } from "@preact/signals";

import { path } from "../api/client.ts";
import type { Certificates, Secrets } from "../api/certificates.ts";
import type { Security } from "../api/security.ts";
import { may, store } from "../app.ts";
import { isBlind } from "../lib/derived.ts";
import { useEvery, useFetch, useSlow, useTitle } from "../lib/use.ts";
import type { StackEntry } from "../store/store.ts";
import { Age, Asked, Command, Empty, ErrorNote, Loading, Section } from "../ui/basics.tsx";
import { CertificatesSection } from "../ui/certificates.tsx";
import { EngineSection, FindingsSection } from "../ui/findings.tsx";
import { Icon } from "../ui/icons.tsx";
import { NotAllowed } from "../ui/notallowed.tsx";
import { PublishedSection, ReachSection } from "../ui/reach.tsx";
import { SecretsSection } from "../ui/secrets.tsx";
import { StackHeader } from "../ui/stackheader.tsx";
import { WaiversSection } from "../ui/waivers.tsx";

/** What lets others do what they should not: in the files, in what runs, on the network. */
export function SecurityPage({ entry }: { readonly entry: StackEntry }) {
  useTitle(`Security · ${entry.name}`);
  const { data, error, again } = useFetch<Security>(path("stacks", entry.name, "security"), useNews(entry));
  return (
    <div class="page">
      <StackHeader entry={entry} tab="security" />
      {!data && <Section title="Findings" id="findings">{error ? <ErrorNote error={error} again={again} /> : <Loading />}</Section>}
      {data && <>
        {error && <ErrorNote error={error} again={again} />}
        <Blind entry={entry} found={data} />
        <Barred found={data} />
        {data.scannedAt ? <FindingsSection found={data} at={data.scannedAt} /> : <NotScanned found={data} />}
        {data.waivers.length > 0 && <WaiversSection found={data} />}
        <ReachSection found={data} />
        <PublishedSection found={data} />
      </>}
      <Kept entry={entry} />
      {data && data.engineFindings.length > 0 && <EngineSection found={data} />}
    </div>
  );
}

/** What the controller keeps for the stack: its certificates and its secrets. */
function Kept({ entry }: { readonly entry: StackEntry }) {
  const key = useAnything(entry);
  const certificates = may("get", "certificates", entry.name), secrets = may("get", "secrets", entry.name);
  const issued = useFetch<Certificates>(certificates ? path("stacks", entry.name, "certificates") : "", key);
  const kept = useFetch<Secrets>(secrets ? path("stacks", entry.name, "secrets") : "", key);
  return (
    <>
      {certificates ? <Asked title="Certificates" id="certificates" fetched={issued}>{(found) => <CertificatesSection found={found} />}</Asked>
        : <Section title="Certificates" id="certificates" flush><NotAllowed what="Who has which certificate" resource="certificates" /></Section>}
      {secrets ? <Asked title="Secrets" id="secrets" fetched={kept}>{(found) => <SecretsSection found={found} />}</Asked>
        : <Section title="Secrets" id="secrets" flush><NotAllowed what="Which secrets there are" resource="secrets" /></Section>}
    </>
  );
}

/** Another value now and then, and whenever something happens in the stack. */
function useAnything(entry: StackEntry): string {
  const told = useComputed(() => {
    const last = store.events.list.value.find((one) => one.stack === entry.name);
    return `${last?.time ?? ""} ${last?.seq ?? 0} ${entry.head.value.generation}`;
  });
  return `${useSlow(told.value, 700)} ${useEvery(10_000)}`;
}

/** Another value now and then, and when something was found, or is gone. */
function useNews(entry: StackEntry): string {
  const told = useComputed(() => {
    const last = store.events.list.value.find((one) => one.stack === entry.name && one.reason.startsWith("Finding"));
    return `${last?.seq ?? 0} ${entry.head.value.generation}`;
  });
  return `${useSlow(told.value, 700)} ${useEvery(10_000)}`;
}

function Blind({ entry, found }: { readonly entry: StackEntry; readonly found: Security }) {
  if (!found.trouble && !isBlind(entry)) return null;
  return (
    <div class="note warn" role="status"><Icon name="warn" />
      <div>What runs cannot be looked at{found.trouble && `: ${found.trouble}`}. {found.lookedAt ? <>What was seen of it <Age since={found.lookedAt} /> ago is told.</> : "Nothing is known of it."}</div>
    </div>
  );
}

function Barred({ found: { gate } }: { readonly found: Security }) {
  if (!gate.barred.length) return null;
  return (
    <div class="note bad" role="status"><Icon name="lock" />
      <div>
        <p><strong>{gate.barred.length === 1 ? "One service is" : `${gate.barred.length} services are`} not started</strong>, since <code>security.scan.failOn</code> is {gate.failOn}. What runs of them is left alone.</p>
        <ul class="barred">{gate.barred.map(({ service, why }) => <li key={service}><strong>{service}</strong> <span class="muted">{why.replace(/^not started, since [^:]*: /, "").replace(/; see controller scan$/, "")}</span></li>)}</ul>
      </div>
    </div>
  );
}

function NotScanned({ found }: { readonly found: Security }) {
  return (
    <Section title="Findings" id="findings" flush>
      {found.asked ? <Empty title="It is being scanned for the first time."><p>What is found shows here in a moment.</p></Empty> : (
        <Empty title="Nobody asks for scans of this stack.">
          <p>With these lines in its manifest, files and what runs are scanned whenever something changes:</p>
          <pre class="output teach-code">{"spec:\n  security:\n    scan: {}"}</pre>
          <p class="muted">Once, in a terminal: <Command text={`controller scan -s ${found.name}`} /></p>
        </Empty>
      )}
    </Section>
  );
}
