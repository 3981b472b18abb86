import type { Token } from "../api/access.ts";
import { path, request } from "../api/client.ts";
import { may } from "../app.ts";
import { asking, attempt } from "../lib/acting.ts";
import { roleOfToken, sortTokens } from "../lib/access.ts";
import { count, joined } from "../lib/format.ts";
import { Age, Command, Empty, Section, Tag } from "./basics.tsx";
import { Icon, type IconName } from "./icons.tsx";

const ICONS: Readonly<Record<Token["state"], IconName>> = { valid: "check", expired: "hourglass", revoked: "cross" };

/** What was issued, until when, and what became of it; a token itself is nowhere. */
export function TokensSection({ tokens, again }: { readonly tokens: readonly Token[]; readonly again: () => void }) {
  const sorted = sortTokens(tokens);
  const valid = sorted.filter((one) => one.state === "valid"), over = sorted.filter((one) => one.state !== "valid");
  return (
    <Section title="Tokens" id="tokens" flush aside={tokens.length > 0 && <span class="muted small-text">{valid.length} valid</span>}>
      {valid.length > 0 ? <Table label="Tokens that are valid" tokens={valid} again={again} /> : (
        <Empty title={tokens.length ? "No token is valid now." : "No token was issued here."}>
          <p class="muted">One for somebody, in a terminal; it is shown there once, and kept nowhere: <Command text="controller token create ada --role viewer" /></p>
        </Empty>
      )}
      {over.length > 0 && (
        <details class="fold">
          <summary><Icon name="chevron" /> {count(over.length, "token")} that {over.length === 1 ? "is" : "are"} over</summary>
          <Table label="Tokens that are over" tokens={over} again={again} />
        </details>
      )}
    </Section>
  );
}

function Table({ label, tokens, again }: { readonly label: string; readonly tokens: readonly Token[]; readonly again: () => void }) {
  return (
    <table class="table tokens">
      <caption class="visually-hidden">{label}</caption>
      <thead><tr><th scope="col">User</th><th scope="col">State</th><th scope="col">Roles</th><th scope="col">Stacks</th><th scope="col">Issued</th><th scope="col">Expires</th><th scope="col">Id</th><th scope="col"><span class="visually-hidden">Actions</span></th></tr></thead>
      <tbody>{tokens.map((one) => <Row key={one.id} one={one} again={again} />)}</tbody>
    </table>
  );
}

function Row({ one, again }: { readonly one: Token; readonly again: () => void }) {
  const valid = one.state === "valid";
  const role = roleOfToken(one, Date.now());
  return (
    <tr>
      <th scope="row">{one.user}</th>
      <td data-label="State"><Tag role={role} icon={role === "warn" ? "hourglass" : ICONS[one.state]}>{one.state}{role === "warn" && ", ends soon"}</Tag></td>
      <td data-label="Roles">{one.roles ? one.roles.join(", ") : <span class="muted">by the manifest</span>}</td>
      <td data-label="Stacks" class="wrap">{one.stacks.length ? joined(one.stacks) : <span class="muted">all</span>}</td>
      <td data-label="Issued"><Age since={one.issuedAt} /> ago</td>
      <td data-label={one.revokedAt ? "Revoked" : valid ? "Expires" : "Expired"}>{one.revokedAt ? <>revoked <Age since={one.revokedAt} /> ago</> : valid ? <>in <Age since={one.expiresAt} until /></> : <><Age since={one.expiresAt} /> ago</>}</td>
      <td data-label="Id"><code>{one.id}</code></td>
      <td class="right">{valid && may("revoke", "tokens", "*") && <button type="button" class="button small" aria-label={`Revoke token ${one.id} of ${one.user}`} onClick={() => ask(one, again)}>Revoke…</button>}</td>
    </tr>
  );
}

function ask(one: Token, again: () => void): void {
  const confirmation = {
    title: `Revoke this token of ${one.user}?`, button: "Revoke", role: "bad" as const, names: [one.id],
    says: ["It opens nothing from the next request on; sessions and streams that it opened end with it.", "There is no way back: another one is made in a terminal, and has to be handed over."],
  };
  asking.value = { confirmation, yes: () => void attempt(`Revoke token ${one.id}`, "", () => request("DELETE", path("tokens", one.id))).then(again) };
}
