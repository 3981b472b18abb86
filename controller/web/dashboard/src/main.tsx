import { render } from "preact";

import { enter, session, store } from "./app.ts";
import { watchTroubles } from "./lib/derived.ts";
import { followLinks, location } from "./lib/router.ts";
import { applyTheme } from "./lib/theme.ts";
import { AccessPage } from "./pages/access.tsx";
import { AlertsPage } from "./pages/alerts.tsx";
import { AuditPage } from "./pages/audit.tsx";
import { EventsPage } from "./pages/events.tsx";
import { Login } from "./pages/login.tsx";
import { Overview } from "./pages/overview.tsx";
import { PlanPage } from "./pages/plan.tsx";
import { ResourcesPage } from "./pages/resources.tsx";
import { RevisionsPage } from "./pages/revisions.tsx";
import { SecurityPage } from "./pages/security.tsx";
import { ServicePage } from "./pages/service.tsx";
import { StackPage } from "./pages/stack.tsx";
import { Announcer } from "./ui/announcer.tsx";
import { Empty, Loading } from "./ui/basics.tsx";
import { Asking } from "./ui/dialog.tsx";
import { KeyHelp, listenToKeys, overlay } from "./ui/keys.tsx";
import { Notes } from "./ui/notes.tsx";
import { Palette } from "./ui/palette.tsx";
import { Shell } from "./ui/shell.tsx";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/pages.css";
import "./styles/resources.css";
import "./styles/security.css";
import "./styles/audit.css";

function App() {
  if (session.value === "out") return <Login />;
  if (session.value === "unknown") return null;
  return (
    <>
      <Shell>{store.known.value ? <Page /> : <div class="page"><h1 class="visually-hidden">controller</h1><Loading /></div>}</Shell>
      <Notes />
      <Asking />
      <Announcer />
      {overlay.value === "palette" && <Palette />}
      {overlay.value === "keys" && <KeyHelp />}
    </>
  );
}

function Page() {
  const [page, name = "", view, more = ""] = location.value.parts;
  if (page === undefined) return <Overview />;
  if (page === "alerts") return <AlertsPage />;
  if (page === "events") return <EventsPage />;
  if (page === "audit") return <AuditPage />;
  if (page === "access") return <AccessPage />;
  const entry = page === "stacks" ? store.stack(name) : undefined;
  if (!entry) return <NotThere what={page === "stacks" ? `The stack ${name}` : "This page"} />;
  if (view === undefined) return <StackPage key={name} entry={entry} />;
  if (view === "plan") return <PlanPage key={name} entry={entry} />;
  if (view === "revisions") return <RevisionsPage key={name} entry={entry} number={more} />;
  if (view === "resources") return <ResourcesPage key={name} entry={entry} />;
  if (view === "security") return <SecurityPage key={name} entry={entry} />;
  const service = view === "services" ? store.service(name, more) : undefined;
  return service ? <ServicePage key={`${name}/${more}`} entry={service} /> : <NotThere what={`The service ${more} of ${name}`} />;
}

function NotThere({ what }: { readonly what: string }) {
  return (
    <div class="page"><h1 class="visually-hidden">Not found</h1>
      <Empty title={`${what} is not known here.`}><p><a href="/">To the overview</a></p></Empty>
    </div>
  );
}

applyTheme();
followLinks();
listenToKeys();
watchTroubles();
const root = document.getElementById("app");
if (root) render(<App />, root);
// A link that is pasted into the page that wants it changes nothing but the fragment.
window.addEventListener("hashchange", () => void enter());
void enter();
