// The API's address, as a person sets it. A token goes to that origin and nowhere else, and over a network only by TLS.

export interface Address {
  /** `https://host:port`: what a token belongs to. */
  readonly origin: string;
  readonly secure: boolean;
  /** On this machine. */
  readonly loopback: boolean;
}

export type Addressed = { readonly address: Address } | { readonly fault: string };

export function addressOf(text: string): Addressed {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    return { fault: `'${text}' is no address: it begins with http:// or https://, such as http://127.0.0.1:7070` };
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return { fault: `'${text}' is no address of the API: it begins with http:// or https://` };
  if (url.username || url.password) return { fault: "the address holds a name or a password: the token goes into the secret storage, by 'Controller: Set API Token'" };
  if (url.pathname !== "/" || url.search || url.hash) return { fault: `'${text}' is more than an address: write ${url.origin}` };
  const loopback = isLoopback(url.hostname);
  if (url.protocol === "http:" && !loopback) return { fault: `${url.origin} is not on this machine: a token goes there over https:// only` };
  return { address: { origin: url.origin, secure: url.protocol === "https:", loopback } };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}
