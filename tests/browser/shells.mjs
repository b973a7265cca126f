// `<jetway-terminal>` as a person uses it: what its screen shows, typing, its state. Works for the page's own terminals
// and for those in other people's pages.

/** Waits until the terminal that is shown is in a state. */
export function elementState(page, state) {
  return page.waitForFunction((wanted) => {
    const shown = [...document.querySelectorAll("jetway-terminal")].find((it) => it.checkVisibility());
    return shown?.state === wanted;
  }, state);
}

/** The lines of the screen that is shown; with `all`, those above it, too. */
export function elementLines(page, { all = false } = {}) {
  return page.evaluate((whole) => {
    const element = [...document.querySelectorAll("jetway-terminal")].find((it) => it.checkVisibility());
    const buffer = element?.terminal?.buffer.active;
    if (!buffer) return [];
    const lines = [];
    for (let at = whole ? 0 : buffer.baseY; at < buffer.length; at++) lines.push(buffer.getLine(at).translateToString(true).trimEnd());
    return lines;
  }, all);
}

/** Waits for a line that matches, and gives the match. */
export async function elementShows(page, pattern) {
  const handle = await page.waitForFunction(
    ([source, flags]) => {
      const expression = new RegExp(source, flags);
      const element = [...document.querySelectorAll("jetway-terminal")].find((it) => it.checkVisibility());
      const buffer = element?.terminal?.buffer.active;
      if (!buffer) return false;
      for (let at = 0; at < buffer.length; at++) {
        const match = expression.exec(buffer.getLine(at).translateToString(true).trimEnd());
        if (match) return [...match];
      }
      return false;
    },
    [pattern.source, pattern.flags],
  );
  return handle.jsonValue();
}

/** Gives the shell a line, once it is connected. */
export async function elementTypes(page, line) {
  await elementState(page, "open");
  await elementFocus(page);
  await page.keyboard.type(line);
  await page.keyboard.press("Enter");
}

export function elementFocus(page) {
  return page.evaluate(() => [...document.querySelectorAll("jetway-terminal")].find((it) => it.checkVisibility()).focus());
}
