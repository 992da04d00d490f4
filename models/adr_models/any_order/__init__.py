"""Models of discrete variables in any order, and their causal baseline."""
