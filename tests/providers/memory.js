// Where oidc-provider keeps its records: as its own adapter does, but without forgetting beyond a thousand of them.

const models = [];
// Grants of which nothing may be found any more, not even what is only just being saved.
const ended = new Set();

export class Memory {
  constructor() {
    this.records = new Map();
    models.push(this);
  }

  async upsert(id, payload, expiresIn) {
    this.records.set(id, { payload, until: Date.now() + (expiresIn ?? Infinity) * 1000 });
  }

  async find(id) {
    const payload = this.records.get(id)?.payload;
    return ended.has(payload?.grantId) ? undefined : payload;
  }

  async findByUid(uid) {
    return [...this.records.values()].find(({ payload }) => payload.uid === uid)?.payload;
  }

  async consume(id) {
    this.records.get(id).payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    this.records.delete(id);
  }

  async revokeByGrantId(grantId) {
    ended.add(grantId);
  }
}

// As if everybody had withdrawn their consent.
export function endAllGrants() {
  for (const { records } of models) {
    for (const { payload } of records.values()) {
      if (payload.grantId) ended.add(payload.grantId);
    }
  }
}

function sweep() {
  for (const { records } of models) {
    for (const [id, { payload, until }] of records) {
      if (until < Date.now() || ended.has(payload.grantId)) records.delete(id);
    }
  }
}
setInterval(sweep, 60_000).unref();
