// Code that remembers in Node, in a process of its own: config in by argument, figures out by standard output.
import { measureCode } from "./code.mjs";

console.log(JSON.stringify(await measureCode(JSON.parse(process.argv[2]))));
process.exit(0);
