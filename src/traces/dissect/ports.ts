import { dns, dnsOverTcp } from './dns.ts';
import { fieldId } from './fields.ts';
import { http, looksLikeHttp } from './http.ts';
import { looksLikeTls, tls } from './tls.ts';
import { vxlan } from './vxlan.ts';
import type { Walk } from './walk.ts';

// Which application a port belongs to: the numbers that Wireshark comes with, for the protocols that are dissected here.

const DNS = fieldId('dns');
const MDNS = fieldId('mdns');
const LLMNR = fieldId('llmnr');
const HTTP_PORTS = new Set([80, 1900, 2710, 2869, 3128, 3132, 5985, 8080, 8088, 11371]);
const TLS_PORTS = new Set([443]);
const DNS_PORT = 53;
const MDNS_PORT = 5353;
const LLMNR_PORT = 5355;
const VXLAN_PORT = 4789;

/** The lower port is looked up first; where neither says anything, the bytes do. */
export function tcpPayload(walk: Walk, at: number, source: number, destination: number): void {
  const { wanted } = walk;
  for (const port of [Math.min(source, destination), Math.max(source, destination)]) {
    if (HTTP_PORTS.has(port)) {
      if (!wanted.http || http(walk, at)) return;
    } else if (TLS_PORTS.has(port)) {
      if (wanted.tls) tls(walk, at);
      return;
    } else if (port === DNS_PORT) {
      if (wanted.dns) dnsOverTcp(walk, at);
      return;
    }
  }
  if (looksLikeTls(walk, at)) {
    if (wanted.tls) tls(walk, at);
    return;
  }
  if (looksLikeHttp(walk, at) && (!wanted.http || http(walk, at))) return;
  walk.data(at);
}

export function udpPayload(walk: Walk, at: number, source: number, destination: number): void {
  const { wanted } = walk;
  for (const port of [Math.min(source, destination), Math.max(source, destination)]) {
    const protocol = port === DNS_PORT ? DNS : port === MDNS_PORT ? MDNS : port === LLMNR_PORT ? LLMNR : -1;
    if (protocol >= 0) {
      if (wanted.dns) dns(walk, at, protocol);
      return;
    }
  }
  if (destination === VXLAN_PORT || source === VXLAN_PORT) vxlan(walk, at);
  else walk.data(at);
}
