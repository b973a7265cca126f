// Runtimes that do not know `await using` yet get its symbols, so that code compiled for them finds our methods.

Symbol.dispose ??= Symbol.for("Symbol.dispose");
Symbol.asyncDispose ??= Symbol.for("Symbol.asyncDispose");
