// Languages by the name of a file: how it is called, coloured and run. Must not know the editor or the sandbox. The
// grammars are loaded when a file of theirs is first shown.
import type { Extension } from "@codemirror/state";

/** What is known about a kind of file. */
export interface Language {
  readonly id: string;
  /** The command that runs a file; absent for files that are not programs. */
  readonly command?: (path: string) => readonly string[];
  /** The interpreter that keeps its state, where there is one for this language. */
  readonly context?: "python" | "javascript" | "bash";
  readonly indent: string;
  readonly grammar: () => Promise<Extension>;
}

const PLAIN: Language = { id: "text", indent: "  ", grammar: async () => [] };

const LANGUAGES: Readonly<Record<string, Language>> = {
  python: {
    id: "python",
    // -u: without a terminal Python would hold its output back in blocks.
    command: (path) => ["python3", "-u", path],
    context: "python",
    indent: "    ",
    grammar: async () => (await import("@codemirror/lang-python")).python(),
  },
  javascript: {
    id: "javascript",
    command: (path) => ["node", path],
    context: "javascript",
    indent: "  ",
    grammar: async () => (await import("@codemirror/lang-javascript")).javascript(),
  },
  typescript: {
    id: "typescript",
    command: (path) => ["node", "--experimental-strip-types", "--no-warnings", path],
    indent: "  ",
    grammar: async () => (await import("@codemirror/lang-javascript")).javascript({ typescript: true }),
  },
  shell: {
    id: "shell",
    command: (path) => ["sh", path],
    context: "bash",
    indent: "  ",
    grammar: async () => {
      const [{ StreamLanguage }, { shell }] = await Promise.all([
        import("@codemirror/language"),
        import("@codemirror/legacy-modes/mode/shell"),
      ]);
      return StreamLanguage.define(shell);
    },
  },
  html: { id: "html", indent: "  ", grammar: async () => (await import("@codemirror/lang-html")).html() },
  css: { id: "css", indent: "  ", grammar: async () => (await import("@codemirror/lang-css")).css() },
  json: { id: "json", indent: "  ", grammar: async () => (await import("@codemirror/lang-json")).json() },
  markdown: { id: "markdown", indent: "  ", grammar: async () => (await import("@codemirror/lang-markdown")).markdown() },
};

const BY_ENDING: Readonly<Record<string, string>> = {
  py: "python",
  js: "javascript",
  mjs: "javascript",
  cjs: "javascript",
  ts: "typescript",
  mts: "typescript",
  sh: "shell",
  bash: "shell",
  html: "html",
  htm: "html",
  css: "css",
  json: "json",
  ipynb: "json",
  md: "markdown",
};

/** The language of a file, by the ending of its name. */
export function languageOf(path: string): Language {
  const ending = /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  return LANGUAGES[BY_ENDING[ending] ?? ""] ?? PLAIN;
}
