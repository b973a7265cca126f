// The playground page as a person uses it: open it, type a program, run it, read the output and the terminal. Knows the
// page only by its test ids.
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const SCREENSHOTS = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));

/** Opens the link that the server printed and waits until its sandbox and shell are there. */
export async function openPlayground(page, server) {
  await page.goto(server.ready.launchUrl);
  await sandboxIs(page, "running");
}

export async function sandboxIs(page, phase) {
  await page.waitForSelector(`[data-testid=status][data-sandbox=${phase}]`);
}

export async function linkIs(page, state) {
  await page.waitForSelector(`[data-testid=status][data-link=${state}]`);
}

/** Fills the form for a new sandbox with what differs from what it says, and sends it. */
export async function createSandbox(page, { image, name } = {}) {
  await page.getByTestId("new-sandbox").click();
  if (image !== undefined) await page.getByTestId("image").selectOption(image);
  if (name !== undefined) await page.getByTestId("create-name").fill(name);
  await page.getByTestId("create-submit").click();
}

/** The id of the sandbox that the page is about. */
export function sandboxId(page) {
  return page.locator("#sandbox-detail").getAttribute("title");
}

/** Replaces the program. */
export async function typeProgram(page, text) {
  await page.locator("[data-testid=editor] .cm-content").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(text);
}

/** Runs the program to its end and says how it ended. */
export async function runProgram(page, text) {
  await typeProgram(page, text);
  await page.getByTestId("run").click();
  return outcome(page);
}

export async function outcome(page) {
  await page.getByTestId("exit-code").waitFor();
  const exitCode = await page.getByTestId("exit-code").innerText();
  return { exitCode, output: await output(page) };
}

export function output(page) {
  return page.getByTestId("output").evaluate((node) => node.textContent);
}

/** The output of one kind: stdout, stderr, stdin, note or problem. */
export function outputOf(page, kind) {
  return page
    .getByTestId("output")
    .evaluate((node, wanted) => [...node.querySelectorAll(`[data-kind=${wanted}]`)].map((span) => span.textContent).join(""), kind);
}

export async function outputHas(page, text) {
  await page.waitForFunction((wanted) => document.querySelector("[data-testid=output]").textContent.includes(wanted), text);
}

/** The lines that the terminal shows. */
export function screen(page) {
  return page.evaluate(() => {
    const rows = document.querySelectorAll("[data-testid=terminal] .xterm-rows > div");
    return [...rows].map((row) => row.textContent.replaceAll("\u00a0", " ").trimEnd());
  });
}

/** Waits for a line of the terminal that matches, and gives the match. */
export async function screenShows(page, pattern) {
  const handle = await page.waitForFunction((source) => {
    const expression = new RegExp(source);
    const rows = document.querySelectorAll("[data-testid=terminal] .xterm-rows > div");
    for (const row of rows) {
      const match = expression.exec(row.textContent.replaceAll("\u00a0", " ").trimEnd());
      if (match !== null) return [...match];
    }
    return false;
  }, pattern.source);
  return handle.jsonValue();
}

/** Gives the shell a line, once it is connected. */
export async function typeInTerminal(page, line) {
  await page.waitForSelector("[data-testid=terminal-state][data-phase=open]");
  await page.locator("[data-testid=terminal] .xterm-helper-textarea").focus();
  await page.keyboard.type(line);
  await page.keyboard.press("Enter");
}

/** Keeps a picture of the page for a person to look at. */
export async function screenshot(page, name) {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}${name}.png`, fullPage: true });
}
