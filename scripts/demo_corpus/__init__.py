"""The bilingual grammar and phrase book that scripts/make_demo_corpus.py draws its sentences from.

`nouns`, `adjectives`, `verbs` and `expressions` are tables of words; each other module builds on those before it:
`morphology` inflects words, `lexicon` reads the tables, `grammar` makes phrases, `clauses` throws the dice; `clock`,
`daily`, `one_clause`, `two_clauses` and `questions` hold the templates, `phrasebook` fills the phrases in
phrases/*.txt, `templates` gives the shares. `surface` writes sentences as people type them.
"""
