// Runs the learner's calculator as a program of its own; node reports in TAP.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

const calc = (...words) =>
  execFileSync(process.execPath, ["calc.mjs", ...words], { encoding: "utf8", timeout: 5000 }).trim();

test("adds", () => assert.equal(calc("add", "2", "3"), "5"));
test("subtracts", () => assert.equal(calc("subtract", "2", "3"), "-1"));
