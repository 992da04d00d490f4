"""Training and evaluation of ADR: data sets, recipes, the loop, adr-train and adr-eval."""
