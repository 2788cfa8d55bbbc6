"""Text made by runs: back-translation, self-training, distillation, diversification; with where it came from.

`plan` says what a recipe's `data.synthetic` asks for, and gives the recipe with it as corpora of `data.train`; `make`
makes what is not there yet. What was made is read by nmt/data/synthetic.py: nothing below this package knows how.
"""
