// How long certificates last, whether they are served, and how far the change of an authority is. Pure.

import type { Certificate, Certificates, Phase, Secret, Secrets } from "../api/certificates.ts";
import { age, count } from "./format.ts";
import type { Role } from "./phases.ts";

const SEEN: Readonly<Record<Certificate["seen"], readonly [Role, string]>> = {
  served: ["good", "a handshake with each replica showed it"], "taken up": ["good", "each replica was told, or began after it was there"],
  pending: ["busy", "not each replica has read it yet"], other: ["bad", "another one is served, or none"],
};

/** Whether its service has it: role, word, and what that means. */
export function seenOf(one: Certificate): readonly [role: Role, word: string, meaning: string] {
  if (!one.serial) return ["bad", "none", "there is no certificate"];
  const [role, meaning] = SEEN[one.seen] ?? ["dim", ""];
  return [role, one.seen === "other" ? "not served" : one.seen, meaning];
}

/** `6d3h`, until an instant; never less than nothing. */
export function leftOf(until: string, now: number): string {
  return age((Date.parse(until) - now) / 1000);
}

/** A word where its end is near: renewed in time, it has a third of its life left at least. */
export function endingOf(one: Certificate, now: number): readonly [role: Role, word: string] | null {
  if (!one.endsAt) return null;
  const ends = Date.parse(one.endsAt);
  if (ends <= now) return ["bad", "over"];
  const life = one.startsAt ? ends - Date.parse(one.startsAt) : 0;
  return ends - now < 0.3 * life ? ["warn", "ends soon"] : null;
}

export function isWrong(one: Certificate, now: number): boolean {
  return seenOf(one)[0] === "bad" || one.faults.length > 0 || Boolean(one.message) || endingOf(one, now) !== null;
}

/** All of them in a sentence. */
export function headlineOf({ certificates, message }: Certificates, now: number): readonly [role: Role, words: string] {
  const wrong = certificates.filter((one) => isWrong(one, now)).length;
  if (wrong) return ["bad", `${wrong} of ${count(certificates.length, "certificate")} ${wrong === 1 ? "needs" : "need"} a look`];
  if (message) return ["bad", "No certificate can be issued"];
  const late = certificates.filter((one) => one.seen === "pending").length;
  if (late) return ["busy", `${late} of ${count(certificates.length, "certificate")} on the way to ${late === 1 ? "its service" : "their services"}`];
  return ["good", certificates.length === 1 ? "The certificate is served and in its time" : `All ${certificates.length} certificates are served and in their time`];
}

/** The change of an authority, one after the other. */
export const PHASES: readonly (readonly [Exclude<Phase, "none">, string])[] = [
  ["add", "everybody is given the new authority, beside the old one"], ["switch", "certificates come from the new authority, with new keys"],
  ["outlive", "the last certificate of the old authority has to end"], ["drop", "the old authority goes"],
];

export const AUTHORITY: Readonly<Record<Certificates["authorities"][number]["role"], string>> = { issuer: "issues certificates", coming: "comes", going: "goes" };

/** Stands for the ingress among the services that have certificates. */
export const INGRESS = "@ingress";

/** The manifest's word by which there are some. */
export function askedBy({ certificates }: Certificates): string {
  return certificates.length && certificates.every((one) => one.service === INGRESS) ? "ingress.tls" : "tls.mode: internal";
}

/** Of a serial or an id: enough to tell one from another. */
export function shortOf(digits: string): string {
  return digits.slice(0, 12);
}

/** Who is given it, in words where nobody is. */
export function usersOf(one: Secret): string {
  return one.users.length ? "" : one.managed ? "nobody" : "not in secrets.managed";
}

/** It is under another key than new values are. */
export function isUnderOld(one: Secret, { keyId }: Secrets): boolean {
  return one.keyId !== null && keyId !== null && one.keyId !== keyId;
}
