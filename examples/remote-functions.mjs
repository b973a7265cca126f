// Functions of this program that run in sandboxes: one call, many calls, what they may refer to, what fails how.
import { Session } from "jetway";

// Each call gets a sandbox with these settings to itself, which is stopped when the call is over.
const session = new Session({ image: "host", maxLifetimeSeconds: 120 });

try {
  const add = session.function((x, y) => x + y);
  console.log("in a sandbox:", await add(2, 3));
  console.log("here, for a test:", add.local(2, 3));

  // What surrounds a function stays behind. What it needs is bound; functions can be, too.
  const rate = 0.19;
  const round = (amount) => Math.round(amount * 100) / 100;
  const tax = (price) => round(price * rate);
  await session.function(tax)(9.99).catch((error) => console.log("unbound:", error.message));
  console.log("bound:", await session.function(tax, { bind: { rate, round } })(9.99));

  // One sandbox per item, no more than two at a time; the results have the order of the items.
  const isPrime = session.function((n) => {
    for (let d = 2; d * d <= n; d += 1) if (n % d === 0) return false;
    return n > 1;
  });
  const numbers = [97, 561, 7919, 8911];
  const primes = await Promise.all(isPrime.map(numbers.map((n) => [n]), { concurrency: 2 }));
  for (const [at, n] of numbers.entries()) console.log(n, primes[at] ? "is prime" : "is not");

  // Dates, maps, sets, big integers and typed arrays keep their types when they are asked to.
  const count = session.function((words) => new Map([...new Set(words)].map((word) => [word, words.filter((w) => w === word).length])), {
    serialization: "structured",
  });
  console.log("counted:", await count(["to", "be", "or", "not", "to", "be"]));

  // What is thrown there arrives here, with its stack in the lines of the function.
  await session.function(function risky() { throw new RangeError("too far"); })().catch((error) => {
    console.log(`threw: ${error.exceptionType}: ${error.exceptionMessage}`);
    console.log(error.remoteStack.split("\n")[1].trim().replace(/:\d+\)$/, ")"));
  });

  // Python, by its source.
  const stats = session.python(`
import statistics

def stats(numbers):
    return {"mean": statistics.mean(numbers), "stdev": round(statistics.stdev(numbers), 3)}
`);
  console.log("from Python:", await stats([1, 2, 3, 4]));
} finally {
  await session.close();
}
console.log("sandboxes left:", session.sandboxCount);
