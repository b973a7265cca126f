// What is known about a sandbox without asking: one getter each over what the core heard last.

export class Facts {
  get sandboxId() {
    return this._info?.sandboxId;
  }

  get status() {
    return this._info?.status ?? "pending";
  }

  get statusUpdatedAt() {
    return date(this._info?.statusUpdatedAtMs);
  }

  get statusReason() {
    return this._info?.statusReason;
  }

  get exitCode() {
    return this._info?.exitCode;
  }

  get returncode() {
    return this.exitCode;
  }

  get createdAt() {
    return date(this._info?.createdAtMs);
  }

  get startedAt() {
    return date(this._info?.startedAtMs);
  }

  /** The name people see. */
  get displayName() {
    return this._info?.displayName;
  }

  get image() {
    return this._info?.image;
  }

  get tags() {
    return this._info?.tags ?? [];
  }

  get annotations() {
    return this._info?.annotations ?? {};
  }

  get runnerId() {
    return this._info?.runnerId;
  }

  get towerId() {
    return this.runnerId;
  }

  get runnerGroupId() {
    return this._info?.runnerGroupId;
  }

  get towerGroupId() {
    return this.runnerGroupId;
  }

  /** There are no runways any more. */
  get runwayId() {
    return undefined;
  }

  get fileSystemSnapshotId() {
    return this.snapshotIds[0];
  }

  get volumeIds() {
    return this._info?.volumeIds ?? [];
  }

  get runtimeClass() {
    return this._info?.runtimeClass;
  }

  get resourceRequests() {
    return this._info?.resourceRequests;
  }

  get resourceLimits() {
    return this._info?.resourceLimits;
  }

  /** What it serves, and where. */
  get services() {
    return this._info?.services ?? [];
  }

  /** The services that have a URL. */
  get serviceUrls() {
    return this.services.filter(({ url }) => url).map(({ port, name, url }) => ({ port, name, url }));
  }

  /** The services whose TLS ends at the server. */
  get serviceEndpoints() {
    return this.services.filter(({ endpoint }) => endpoint?.kind === "https");
  }

  /** The services whose TLS ends in the sandbox. */
  get serviceAddresses() {
    const passed = this.services.filter(({ endpoint }) => endpoint?.address);
    return passed.map(({ port, name, endpoint }) => ({ port, name, address: endpoint.address }));
  }

  /** Lets callers reach services that ask for it. A secret; known only where the sandbox was created. */
  get endpointShareToken() {
    return this._info?.shareToken;
  }

  toJSON() {
    const { sandboxId, status, image, tags, createdAt, startedAt, exitCode } = this;
    return { sandboxId, status, image, tags, createdAt, startedAt, exitCode };
  }
}

const date = (ms) => (ms === undefined ? undefined : new Date(ms));
