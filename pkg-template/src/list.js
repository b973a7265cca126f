// The sandboxes that a filter names: a promise of all of them, and an iteration that fetches pages as they are needed.

export class SandboxList {
  #open;
  #wrap;
  #all;

  /** @internal */
  constructor(open, wrap) {
    this.#open = open;
    this.#wrap = wrap;
  }

  /** One array per page. */
  async *byPage() {
    const pages = await this.#open();
    for (;;) {
      const page = await pages.nextPage();
      if (page === undefined) return;
      yield page.map(this.#wrap);
    }
  }

  async *[Symbol.asyncIterator]() {
    for await (const page of this.byPage()) yield* page;
  }

  then(fulfilled, rejected) {
    return this.#collect().then(fulfilled, rejected);
  }

  catch(rejected) {
    return this.#collect().catch(rejected);
  }

  finally(act) {
    return this.#collect().finally(act);
  }

  #collect() {
    this.#all ??= (async () => {
      const all = [];
      for await (const page of this.byPage()) all.push(...page);
      return all;
    })();
    return this.#all;
  }
}
