"""The recipe: typed sections, defaults, checks, loading. A recipe file states only what differs from the defaults.

Unknown keys are refused with a suggestion, all faults are reported at once, and the resolved recipe can be dumped,
fingerprinted and loaded again. Sections know values, no files of text, no tensors.
"""

from nmt.recipe.corpus import Corpus
from nmt.recipe.data import DataSection, Filters, TextNoise, TokenizerSection
from nmt.recipe.decode import DecodeSection
from nmt.recipe.evaluate import EvaluateSection
from nmt.recipe.experts import ExpertsSection
from nmt.recipe.load import load_recipe, make_recipe
from nmt.recipe.model import PRESETS, ModelSection
from nmt.recipe.objective import ObjectiveSection
from nmt.recipe.passes import ConsistencySection
from nmt.recipe.recipe import Recipe, fingerprint
from nmt.recipe.task import Task
from nmt.recipe.train import TrainSection

__all__ = [
    "PRESETS", "ConsistencySection", "Corpus", "DataSection", "DecodeSection", "EvaluateSection", "ExpertsSection",
    "Filters", "ModelSection", "ObjectiveSection", "Recipe", "Task", "TextNoise", "TokenizerSection", "TrainSection",
    "fingerprint", "load_recipe", "make_recipe",
]  # fmt: skip
