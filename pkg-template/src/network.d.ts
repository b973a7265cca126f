// What a sandbox serves, and what may go in and out of it.
import type { RunOptions, Sandbox } from "./index.js";

/** A front for a public service. */
export interface EndpointSpec {
  /** Where TLS ends: at the server, or in the sandbox. Default: `"https"`, at the server. */
  kind?: "https" | "tls_passthrough" | undefined;
  /** `"share_token"`: callers must show {@link Sandbox.endpointShareToken}. Default: `"open"`. */
  auth?: "open" | "share_token" | undefined;
  /** How long an answer may take to begin. Default: the server's. */
  requestTimeoutSeconds?: number | undefined;
}

/** A port that a sandbox serves. */
export interface ServiceSpec {
  port: number;
  name?: string | undefined;
  protocol?: "tcp" | "udp" | "sctp" | undefined;
  /** From where it is reached; private ones need the server's credentials. Default: from inside only. */
  visibility?: "public" | "private" | "custom" | undefined;
  endpoint?: EndpointSpec | undefined;
}

/** A port as older SDKs wrote it. */
export type ExposedPort = number | { containerPort?: number; port?: number; name?: string; protocol?: string };

export type PortRange = number | { port: number; endPort?: number | undefined; protocol?: "tcp" | "udp" | "sctp" | undefined };
export type Cidr = string | { cidr: string; except?: readonly string[] | undefined };
export type TenantScope = "same_user" | "same_org" | "sandbox_network";

type None<Key extends string> = { [K in Key]?: undefined };

/** One destination. */
export type EgressRule = { ports?: readonly PortRange[] | undefined } & (
  | ({ any: true } & None<"cidr" | "httpsHostname" | "httpsHostnameExcept" | "tenant">)
  | ({ cidr: Cidr } & None<"any" | "httpsHostname" | "httpsHostnameExcept" | "tenant">)
  | ({ httpsHostname: string; httpsHostnameExcept?: readonly string[] | undefined } & None<"any" | "cidr" | "tenant">)
  | ({ tenant: TenantScope } & None<"any" | "cidr" | "httpsHostname" | "httpsHostnameExcept">)
);

/** One source. */
export type IngressRule = { ports?: readonly PortRange[] | undefined } & (
  | ({ any: true } & None<"cidr" | "tenant">)
  | ({ cidr: Cidr } & None<"any" | "tenant">)
  | ({ tenant: TenantScope } & None<"any" | "cidr">)
);

/** Rules allow; what none allows is refused. Unset means the server's default. */
export interface NetworkOptions {
  /** Nothing out, whatever the rules say. */
  denyEgress?: boolean | undefined;
  /** Nothing in, whatever the rules say. */
  denyIngress?: boolean | undefined;
  egress?: readonly EgressRule[] | null | undefined;
  ingress?: readonly IngressRule[] | null | undefined;
  dnsEgress?: "allow" | "deny" | undefined;
  /** @deprecated use {@link RunOptions.services} with `visibility` */
  ingressMode?: "public" | "internal" | undefined;
  /** @deprecated use {@link RunOptions.services} */
  exposedPorts?: readonly ExposedPort[] | null | undefined;
  /** @deprecated use {@link NetworkOptions.egress} */
  egressMode?: "internet" | "isolated" | "none" | "org" | "user" | undefined;
}

/** A port that a sandbox serves, and where it is reached. */
export interface Service {
  readonly port: number;
  readonly name: string;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly visibility?: "public" | "private" | "custom";
  readonly url?: string;
  readonly endpoint?: {
    readonly kind: "https" | "tls_passthrough";
    readonly auth?: "open" | "share_token";
    /** `host:port`, where TLS ends in the sandbox. */
    readonly address?: string;
    readonly requestTimeoutSeconds?: number;
  };
}
