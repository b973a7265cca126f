// xterm.js with what a shell needs of its add-ons, as one module that is loaded when the first terminal opens.

import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { SerializeAddon } from "@xterm/addon-serialize";
import { Terminal } from "@xterm/xterm";
import css from "@xterm/xterm/css/xterm.css";

export { FitAddon, SearchAddon, SerializeAddon, Terminal, css };
