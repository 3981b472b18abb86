import type { Access, Token } from "../api/access.ts";
import { may, me } from "../app.ts";
import { distinct } from "../lib/access.ts";
import { describeRoles, type Me } from "../lib/rights.ts";
import { useEvery, useFetch, useTitle } from "../lib/use.ts";
import { Age, Asked, Loading, Section } from "../ui/basics.tsx";
import { NotAllowed } from "../ui/notallowed.tsx";
import { RolesSection, Rules, UsersSection } from "../ui/roles.tsx";
import { TokensSection } from "../ui/tokens.tsx";

/** Who I am and what I may; who else may what, and by which tokens. */
export function AccessPage() {
  useTitle("Access");
  const allowed = may("get", "tokens", "*");
  const key = useEvery(10_000);
  const tokens = useFetch<{ readonly tokens: readonly Token[] }>(allowed ? "/v1/tokens" : "", key);
  const access = useFetch<Access>(allowed ? "/v1/access" : "", key);
  return (
    <div class="page">
      <header class="page-head"><div class="title-row"><h1>Access</h1></div></header>
      <Section title="You" id="you">{me.value ? <You me={me.value} /> : <Loading />}</Section>
      {!allowed ? <Section title="Tokens, users and roles" id="tokens" flush><NotAllowed what="Who else may what" resource="tokens" /></Section> : <>
        <Asked title="Tokens" id="tokens" fetched={tokens}>{(found) => <TokensSection tokens={found.tokens} again={tokens.again} />}</Asked>
        <Asked title="Users" id="users" fetched={access}>{(found) => (
          <div class="columns even"><UsersSection access={found} tokens={tokens.data?.tokens ?? []} /><RolesSection access={found} /></div>
        )}</Asked>
      </>}
    </div>
  );
}

function You({ me: { user, name, roles, may: rights, until } }: { readonly me: Me }) {
  return (
    <div class="you">
      <dl class="facts">
        <div><dt>User</dt><dd><strong>{user}</strong></dd></div>
        {name !== user && <div><dt>Recorded as</dt><dd>{name}</dd></div>}
        <div><dt>Roles</dt><dd>{describeRoles({ user, name, roles, may: rights, until })}</dd></div>
        <div><dt>Signed in</dt><dd>{until ? <>for <Age since={until} until /> more</> : "without an end"}</dd></div>
      </dl>
      <h3>You may</h3>
      <Rules rights={distinct(rights)} label="What you may" />
    </div>
  );
}
