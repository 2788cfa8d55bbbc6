"""How good translations are, where they are weak, and whether one system is better: tables, pages, comparisons."""
