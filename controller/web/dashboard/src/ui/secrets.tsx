import type { Secret, Secrets } from "../api/certificates.ts";
import { isUnderOld, usersOf } from "../lib/certificates.ts";
import { hrefOf } from "../lib/router.ts";
import { Age, Command, Empty, Prose, Section, Tag } from "./basics.tsx";
import { Icon } from "./icons.tsx";

/** Names, versions and ages of secrets, and who is given them. A value is nowhere. */
export function SecretsSection({ found }: { readonly found: Secrets }) {
  const { secrets, locked, keyId, name } = found;
  return (
    <Section title="Secrets" id="secrets" flush aside={keyId && <span class="muted small-text" title="The key that new values are encrypted with">key <code>{keyId}</code></span>}>
      {locked && <Locked why={locked} />}
      {secrets.length > 0 ? (
        <table class="table secrets">
          <caption class="visually-hidden">Secrets of {name}</caption>
          <thead><tr><th scope="col">Secret</th><th scope="col">Version</th><th scope="col">Age</th><th scope="col">Set by</th><th scope="col">Used by</th><th scope="col">Key</th></tr></thead>
          <tbody>{secrets.map((one) => <Row key={one.name} one={one} found={found} />)}</tbody>
        </table>
      ) : !locked && (
        <Empty title="The controller keeps no secrets of this stack.">
          <p>With these lines in its manifest a Compose secret's value is kept encrypted, and given to who uses it:</p>
          <pre class="output teach-code">{"spec:\n  security:\n    secrets: {managed: [db_password]}"}</pre>
          <p class="muted">Its value, in a terminal: <Command text={`controller secrets set db_password -s ${name} < FILE`} /></p>
        </Empty>
      )}
    </Section>
  );
}

/** Said first and in full: nothing that is encrypted can be opened. */
function Locked({ why }: { readonly why: string }) {
  return (
    <div class="section-note"><div class="note bad" role="alert"><Icon name="lock" />
      <div>
        <p><strong>The vault is locked</strong>: <Prose text={why} />.</p>
        <p>Mend: give <code>controller run</code> the key that it was encrypted with in <code>ENCRYPTION_KEY_FILE</code>. Until then no value can be set, changed or given to who has not got it; containers keep what they have, and nothing is written over.</p>
      </div>
    </div></div>
  );
}

function Row({ one, found }: { readonly one: Secret; readonly found: Secrets }) {
  const old = isUnderOld(one, found);
  return (
    <tr>
      <th scope="row">{one.name}</th>
      <td data-label="Version">{one.version ? <span class="num">{one.version}</span> : <Tag role="bad" icon="cross" title="controller secrets set">no value yet</Tag>}</td>
      <td data-label="Age" class={one.setAt ? "" : "none"}>{one.setAt && <Age since={one.setAt} />}</td>
      <td data-label="Set by" class={one.setBy ? "" : "none"}>{one.setBy}</td>
      <td data-label="Used by" class="wrap">{one.users.map((user, at) => <span key={user}>{at > 0 && ", "}<a href={hrefOf.service(found.name, user)}>{user}</a></span>)}{!one.users.length && <span class="muted">{usersOf(one)}</span>}</td>
      <td data-label="Key" class={one.keyId ? "" : "none"}>{one.keyId && <><code>{one.keyId}</code>{old && <> <Tag role="warn" icon="warn" title="controller secrets rotate-key goes on with it">an older key</Tag></>}</>}</td>
    </tr>
  );
}
