"""Text to text and to numbers: lines, sentences, words, phrases, scores. No ids, no models, no recipes."""
