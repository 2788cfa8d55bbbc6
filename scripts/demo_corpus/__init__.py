"""The bilingual grammar that scripts/make_demo_corpus.py draws its sentences from.

Each module builds on those before it: `morphology` inflects words, `lexicon` lists them, `grammar` makes phrases,
`clauses` throws the dice; `one_clause`, `two_clauses` and `questions` hold the templates, `templates` their shares.
"""
