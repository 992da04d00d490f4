"""English text to what a voice says: sentences, words, phones, and how long each phone takes."""
