// For development only: answers /v1 as the controller does, from example worlds that live. Which one, a cookie says:
// /dev/SCENARIO chooses. Also sends the server's Content-Security-Policy, where the assets are built.

import type { IncomingMessage, ServerResponse } from "node:http";

import type { Plugin } from "vite";

import { answer } from "./answers.ts";
import { worldOf } from "./scenarios.ts";

export const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

export function replay(): Plugin {
  return {
    name: "replay",
    configureServer: (server) => void server.middlewares.use(handle(false)),
    configurePreviewServer: (server) => void server.middlewares.use(handle(true)),
  };
}

function handle(strict: boolean) {
  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const url = new URL(request.url ?? "/", "http://localhost");
    if (strict) response.setHeader("Content-Security-Policy", POLICY);
    if (url.pathname.startsWith("/dev/")) {
      response.writeHead(302, { "Set-Cookie": `scenario=${url.pathname.slice(5)}; Path=/`, Location: url.searchParams.get("to") ?? "/" }).end();
      return;
    }
    if (!url.pathname.startsWith("/v1/")) return next();
    const scenario = /scenario=([\w-]+)/.exec(request.headers.cookie ?? "")?.[1] ?? "crashloop";
    void answer(worldOf(scenario), scenario, url, request, response);
  };
}
