import assert from "node:assert/strict";
import { test } from "node:test";

import { Frames } from "../src/api/frames.ts";

const TEXT = 'retry: 1000\n\nevent: stack\ndata: {"a":1}\n\nevent: service\ndata: {"b":": "}\nid: e-7\n\n: still here\n\nid: e-9\n\nevent: event\ndata: "x"\n\n';

test("frames come whole, whatever pieces the text comes in", () => {
  for (const size of [1, 2, 7, 40, TEXT.length]) {
    const frames = new Frames();
    const found = [];
    for (let at = 0; at < TEXT.length; at += size) found.push(...frames.take(TEXT.slice(at, at + size)));
    assert.deepEqual(found, [
      { kind: "stack", data: '{"a":1}', id: "" },
      { kind: "service", data: '{"b":": "}', id: "e-7" },
      { kind: "event", data: '"x"', id: "e-9" },
    ]);
    assert.equal(frames.lastId, "e-9");
  }
});

test("what was begun and broken off is not gone on with", () => {
  const frames = new Frames();
  assert.deepEqual([...frames.take("event: stack\nda")], []);
  frames.reset();
  assert.deepEqual([...frames.take("data: 1\n\n")], [{ kind: "message", data: "1", id: "" }]);
});
