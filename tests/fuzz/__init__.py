"""Hostile inputs, made from a seed, against everything that takes input: see docs/reliability.md.

python -m tests.fuzz --count 10000
python -m tests.fuzz --target graph --seed 123 --count 1 --debug
"""
