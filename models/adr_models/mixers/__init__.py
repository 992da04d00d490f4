"""How tokens see each other: retention in its three forms, softmax attention, rotary positions."""
