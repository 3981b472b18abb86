// Tokens of the API, in the editor's secret storage: one for each address, shown to that address alone.

import * as vscode from "vscode";

import { addressOf } from "../core/address.ts";
import { say } from "./say.ts";
import { apiSettings } from "./settings.ts";

const key = (origin: string): string => `controller.token ${origin}`;

export class Tokens {
  constructor(private readonly secrets: vscode.SecretStorage) {}

  async of(origin: string): Promise<string | undefined> {
    return this.secrets.get(key(origin));
  }

  onChange(act: () => void): vscode.Disposable {
    return this.secrets.onDidChange((event) => event.key.startsWith(key("")) && act());
  }

  /** Asks for one; who listens is told when it is there. */
  async ask(): Promise<void> {
    const addressed = addressOf(apiSettings().address);
    if ("fault" in addressed) {
      void say.error(`controller.api.address: ${addressed.fault}`);
      return;
    }
    const { origin } = addressed.address;
    const token = await vscode.window.showInputBox({
      title: `Token for ${origin}`, password: true, ignoreFocusOut: true,
      prompt: "As 'controller token create USER' prints it. It is kept in the secret storage of the editor and shown to this address only.",
      validateInput: (text) => (/^[\x21-\x7e]+$/.test(text.trim()) ? undefined : "A token has no spaces and no letters beyond ASCII"),
    });
    if (token?.trim()) await this.secrets.store(key(origin), token.trim());
  }

  async forget(): Promise<void> {
    const addressed = addressOf(apiSettings().address);
    if ("fault" in addressed) return;
    await this.secrets.delete(key(addressed.address.origin));
    void say.info(`The token for ${addressed.address.origin} is forgotten. Stacks are asked of the command line.`);
  }
}
