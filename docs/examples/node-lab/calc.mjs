// Write a calculator: `node calc.mjs add 2 3` prints 5, `node calc.mjs subtract 2 3` prints -1.
