// Chromium for one test file, and a watch over every page: console errors, other origins, policy violations. Must not
// know what is on the page.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const EXECUTABLE = process.env.JETWAY_CHROMIUM ?? "/usr/bin/chromium";

/** Starts the browser. `--no-sandbox` because tests may run as root, where Chromium's own sandbox refuses to. */
export function startBrowser() {
  return chromium.launch({ executablePath: EXECUTABLE, args: ["--no-sandbox"] });
}

/** A page in a context of its own, and the watch that recorded everything it did. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  return { context, page, watch: new Watch(page) };
}

/** What a page complained about and whom it talked to. */
export class Watch {
  #errors = [];
  #origins = new Set();
  #tolerated = [];
  #allowed = new Set();

  constructor(page) {
    page.on("console", (message) => {
      if (message.type() === "error") this.#errors.push(message.text());
    });
    page.on("pageerror", (error) => this.#errors.push(`uncaught: ${error.stack ?? error}`));
    page.on("request", (request) => this.#visited(request.url()));
    page.on("websocket", (socket) => this.#visited(socket.url()));
  }

  /** Expects errors that match, because the test itself takes the server away or the cookie. */
  tolerate(pattern) {
    this.#tolerated.push(pattern);
  }

  /** Lets the page talk to one more host, because a person asked it to show what a sandbox serves. */
  allow(host) {
    this.#allowed.add(host);
  }

  /** Fails for a console error or an uncaught one. */
  assertNoComplaints() {
    const errors = this.#errors.filter((text) => !this.#tolerated.some((pattern) => pattern.test(text)));
    assert.deepEqual(errors, [], "the page's console has errors");
  }

  /** Fails for a console error, an uncaught one, a policy violation (Chromium reports it there) or another origin. */
  assertClean(url) {
    this.assertNoComplaints();
    const others = [...this.#origins].filter((host) => !this.#allowed.has(host));
    assert.deepEqual(others, [new URL(url).host], "the page talked to another origin");
  }

  #visited(address) {
    const { protocol, host } = new URL(address);
    if (protocol !== "data:" && protocol !== "blob:") this.#origins.add(host);
  }
}
