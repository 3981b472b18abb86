import { useState } from "preact/hooks";

import { checkSession, logIn, refusal } from "../app.ts";
import { complaintOf } from "../lib/acting.ts";
import { useTitle } from "../lib/use.ts";
import { Command } from "../ui/basics.tsx";
import { Icon } from "../ui/icons.tsx";
import { Mark } from "../ui/shell.tsx";

export function Login() {
  useTitle("Sign in");
  const [token, setToken] = useState("");
  const [error, setError] = useState("");
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setError("");
    try {
      await logIn({ token: token.trim() });
      setToken("");
      await checkSession();
    } catch (failure) {
      setError(complaintOf(failure).message);
    }
  };
  return (
    <main id="main" class="login" tabIndex={-1}>
      <div class="login-card">
        <Mark />
        <h1>Sign in</h1>
        <p>This dashboard shows and changes what runs on this machine, so it wants to know that you may.</p>
        {refusal.value && <p class="note bad" role="alert"><Icon name="warn" /><span>{refusal.value}</span></p>}
        <h2>With a link</h2>
        <p>In a terminal on the machine, as the user who runs the controller:</p>
        <Command text="controller token link" />
        <p class="muted">It prints a link that opens the dashboard once.</p>
        <h2>Or with a token</h2>
        <form onSubmit={(event) => void submit(event)}>
          <label class="field"><span>One that you were given (<code>controller token create</code>), or what is in <code>api.token</code> in the state folder</span>
            <input type="password" value={token} autoComplete="off" spellcheck={false} required aria-invalid={error !== ""} onInput={(event) => setToken(event.currentTarget.value)} />
          </label>
          {error && <p class="note bad" role="alert"><Icon name="warn" /><span>{error}</span></p>}
          <button type="submit" class="button primary">Sign in</button>
        </form>
        <p class="muted small-text">The state folder is <code>/var/lib/controller</code> for root, else <code>~/.local/state/controller</code>.</p>
      </div>
    </main>
  );
}
