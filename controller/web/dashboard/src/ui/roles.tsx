import type { Access, Token } from "../api/access.ts";
import { wordsOf } from "../lib/access.ts";
import { count } from "../lib/format.ts";
import type { Right } from "../lib/rights.ts";
import { Empty, Section } from "./basics.tsx";

/** Rules in words: what may be done, with what, where. */
export function Rules({ rights, label }: { readonly rights: readonly Right[]; readonly label: string }) {
  if (!rights.length) return <p class="muted">nothing</p>;
  return (
    <ul class="rules" aria-label={label}>
      {rights.map((one) => {
        const { verbs, resources, where } = wordsOf(one);
        return <li key={JSON.stringify(one)}><strong>{verbs}</strong>{resources && ` ${resources}`} <span class="muted">{where}</span></li>;
      })}
    </ul>
  );
}

/** Who has which roles, as the manifest says. */
export function UsersSection({ access, tokens }: { readonly access: Access; readonly tokens: readonly Token[] }) {
  const known = new Set(access.roles.map((one) => one.name));
  const valid = (user: string) => tokens.filter((one) => one.user === user && one.state === "valid").length;
  return (
    <Section title="Users" id="users" flush aside={<span class="muted small-text"><code>access.users</code></span>}>
      {access.users.length ? (
        <table class="table users">
          <caption class="visually-hidden">Users and their roles</caption>
          <thead><tr><th scope="col">User</th><th scope="col">Roles</th><th scope="col">Tokens</th></tr></thead>
          <tbody>{access.users.map((one) => (
            <tr key={one.name}>
              <th scope="row">{one.name}</th>
              <td data-label="Roles" class="wrap">{one.roles.length ? one.roles.map((role, at) => <span key={role}>{at > 0 && ", "}{known.has(role) ? role : <span class="word bad" title="there is no such role">{role} (unknown)</span>}</span>) : <span class="muted">none: may nothing</span>}</td>
              <td data-label="Tokens">{valid(one.name) ? `${valid(one.name)} valid` : <span class="muted">none valid</span>}</td>
            </tr>
          ))}</tbody>
        </table>
      ) : (
        <Empty title="The manifest names no users.">
          <p>With these lines in a <code>Controller</code> manifest a token of theirs may what their roles allow:</p>
          <pre class="output teach-code">{"spec:\n  access:\n    users: {ada: [operator]}"}</pre>
        </Empty>
      )}
    </Section>
  );
}

export function RolesSection({ access }: { readonly access: Access }) {
  return (
    <Section title="Roles" id="roles" flush aside={<span class="muted small-text">{count(access.roles.length, "role")}; they add up, nothing is taken away</span>}>
      <ul class="roles">
        {access.roles.map((role) => (
          <li key={role.name}><h3>{role.name}</h3><Rules rights={role.rules} label={`What ${role.name} may`} /></li>
        ))}
      </ul>
    </Section>
  );
}
