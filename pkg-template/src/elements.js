// `<jetway-terminal>` and `<jetway-run>`: custom elements that others drop into a page. Importing this defines them and
// does nothing else; where there is no DOM it does not even that. The library itself and xterm.js come when one starts.

import { configureElements } from "./element_place.js";
import { JetwayRun } from "./element_run.js";
import { JetwayTerminal } from "./element_terminal.js";

const { customElements } = globalThis;
if (customElements && !customElements.get("jetway-terminal")) customElements.define("jetway-terminal", JetwayTerminal);
if (customElements && !customElements.get("jetway-run")) customElements.define("jetway-run", JetwayRun);

export { JetwayRun, JetwayTerminal, configureElements };
