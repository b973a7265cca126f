/** Cloud Sandbox's low-level client, models and exceptions, over Jetway's own services. */

import {
  AuthenticationError, type Client, type ClientOptions, RateLimitError as CoreRateLimitError, SandboxError as CoreSandboxError,
  SandboxNotFoundError, SandboxTimeoutError, SandboxUnavailableError,
} from "./index.js";

/** Where and as whom. */
export interface CloudPlace {
  /** The server. Default: as a {@link Client}'s. */
  baseUrl?: string | undefined;
  /** Has a token made for this user, and refreshed. The server must let that be done, see `jetway serve --dev-tokens`. */
  userId?: string | undefined;
  role?: "user" | "admin" | undefined;
  /** A token that is there already. */
  token?: string | undefined;
  /** Credentials by which tokens are made. */
  auth?: ClientOptions["auth"];
  client?: Client | undefined;
}

export interface CloudCreateOptions extends CloudPlace {
  image?: string | undefined;
  cpuCount?: number | undefined;
  memoryMb?: number | undefined;
  /** How long the session lasts. Default: 24. */
  ttlHours?: number | undefined;
  metadata?: Record<string, string> | undefined;
}

/** A workspace that outlives the sandbox it is bound to. */
export class Session {
  private constructor();
  readonly id: string;
  readonly userId: string;
  readonly sandboxId: string | undefined;
  readonly status: "active" | "paused" | "expired" | "unspecified";
  readonly image: string;
  readonly cpuCount: number;
  readonly memoryMb: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
  readonly lastActiveAt: Date | undefined;
  readonly expiresAt: Date | undefined;
  readonly pausedAt: Date | undefined;
  /** Whether files were saved for it: what is left should its sandbox be lost. */
  readonly workspaceSaved: boolean;
  /** Paused because nobody used it; the next use wakes it. */
  readonly asleep: boolean;
  /** How it came back, on the answer of a resume. */
  readonly resumed: Resumed | undefined;
}

/** `thawed`: its processes go on. `restored`: its files are in a new sandbox. `empty`: there was nothing to bring back. */
export type Resumed = "thawed" | "restored" | "empty";

export class ExecResult {
  private constructor();
  /** 124 when its time limit ended it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
  readonly timedOut: boolean;
  readonly error: string | undefined;
  /** What code showed. */
  readonly results: readonly object[];
  readonly success: boolean;
}

export class FileInfo {
  private constructor();
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly isDir: boolean;
  readonly modTime: Date;
}

export class SandboxInfo {
  private constructor();
  readonly sandboxId: string;
  readonly containerId: string;
  readonly sessionId: string | undefined;
  readonly status: string;
}

export interface Token {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly tokenType: "Bearer";
  /** Seconds. */
  readonly expiresIn: number;
  readonly expiresInMs: number | undefined;
}

export interface SandboxStats {
  readonly idle: number;
  readonly active: number;
  readonly creating: number;
  readonly max: number;
  readonly total: number;
  readonly available: number;
  readonly inUse: number;
}

export interface TokenRequest {
  userId: string;
  role?: "user" | "admin" | undefined;
  scope?: { sandboxIds?: readonly string[] | undefined; tags?: readonly string[] | undefined; methods?: readonly string[] | undefined } | undefined;
  ttlMs?: number | undefined;
}

export interface ExecuteOptions {
  sandboxId: string;
  code?: string | undefined;
  /** Default: python. */
  language?: string | undefined;
  command?: readonly string[] | undefined;
  workDir?: string | undefined;
  env?: Record<string, string> | undefined;
  timeoutMs?: number | undefined;
  /** Seconds. */
  timeout?: number | undefined;
}

/** Cloud Sandbox's calls in camelCase. Throws Cloud Sandbox's errors. */
export class SandboxClient {
  constructor(options?: { baseUrl?: string | undefined; token?: string | undefined; auth?: ClientOptions["auth"]; client?: Client | undefined });
  getToken(userId: string, role?: "user" | "admin"): Promise<Token>;
  getToken(request: TokenRequest): Promise<Token>;
  refreshToken(refreshToken: string): Promise<Token>;
  setToken(token: string): void;
  createSession(options?: { image?: string; cpuCount?: number; memoryMb?: number; ttlHours?: number; metadata?: Record<string, string>; sandboxId?: string }): Promise<Session>;
  getSession(sessionId: string): Promise<Session>;
  listSessions(): Promise<Session[]>;
  deleteSession(sessionId: string): Promise<true>;
  pauseSession(sessionId: string): Promise<Session>;
  resumeSession(sessionId: string): Promise<Session>;
  /** For the session that was made or resumed here last, unless another is named. */
  acquireSandbox(options?: { sessionId?: string | undefined; image?: string | undefined }): Promise<SandboxInfo>;
  releaseSandbox(sandboxId: string): Promise<true>;
  getSandboxStats(): Promise<SandboxStats>;
  execute(options: ExecuteOptions): Promise<ExecResult>;
  listFiles(sandboxId: string, path?: string): Promise<FileInfo[]>;
  readFile(sandboxId: string, path: string, options: { encoding: "utf8" }): Promise<string>;
  readFile(sandboxId: string, path: string): Promise<Uint8Array<ArrayBuffer>>;
  writeFile(sandboxId: string, path: string, content: string | BufferSource | Blob | ReadableStream<Uint8Array>): Promise<true>;
  deleteFile(sandboxId: string, path: string): Promise<true>;
}

interface CloudFields {
  /** The HTTP status that the REST routes answer with. */
  readonly statusCode: number | undefined;
  readonly response: { readonly error: string; readonly reason: string | undefined; readonly message: string; readonly metadata: object };
}

/** Every one of Cloud Sandbox's errors is an instance of this, and of the core's class that it matches. */
export class SandboxError extends CoreSandboxError implements CloudFields {
  readonly statusCode: number | undefined;
  readonly response: CloudFields["response"];
}
export class AuthError extends AuthenticationError implements CloudFields {
  readonly statusCode: number | undefined;
  readonly response: CloudFields["response"];
}
export class TimeoutError extends SandboxTimeoutError implements CloudFields {
  readonly statusCode: number | undefined;
  readonly response: CloudFields["response"];
}
export class NotFoundError extends SandboxNotFoundError implements CloudFields {
  readonly statusCode: number | undefined;
  readonly response: CloudFields["response"];
}
export class RateLimitError extends CoreRateLimitError implements CloudFields {
  readonly statusCode: number | undefined;
  readonly response: CloudFields["response"];
}
export class ServiceUnavailableError extends SandboxUnavailableError implements CloudFields {
  readonly statusCode: number | undefined;
  readonly response: CloudFields["response"];
}
