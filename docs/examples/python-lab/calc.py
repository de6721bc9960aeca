"""Write a calculator: `python3 calc.py add 2 3` prints 5, `python3 calc.py subtract 2 3` prints -1."""
