"""A toy task, learned to the end: everything from text to scores works together."""

import sacrebleu

from nmt import Translator
from nmt.data.prepare import prepare
from nmt.decode.export import export_run
from nmt.train.trainer import train
from tests.unit.conftest import toy_pairs


def test_numbers_are_learned(toy_recipe):
    recipe = toy_recipe(
        model__d_model=64, model__d_ff=128, train__max_steps=800, train__eval_every=800, train__save_every=800,
        train__log_every=100,
        train__optimizer="adamw", train__learning_rate=4e-3, train__weight_decay=0, train__warmup_steps=60,
        train__schedule="cosine", train__ema_decay=0.9,
        train__batch_tokens=400, model__dropout=0.05, train__threads=2,
    )  # fmt: skip
    run = train(recipe, prepare(recipe), "nmt train toy.yaml")
    unseen = toy_pairs(100, 99)
    ours = Translator.load(run)
    assert ours.engine_name == "nmt fp32"
    assert ours.why_own == f"there is no export for CTranslate2; nmt export --run {run}"
    hyps = [t.text for t in ours.translate([s for s, _ in unseen])]
    assert sacrebleu.corpus_bleu(hyps, [[t for _, t in unseen]]).score >= 97

    _, compared = export_run(run)
    assert compared is not None and (compared.lines, compared.same, compared.sentences) == (20, 20, 20)
    assert compared.bleu["nmt"] == compared.bleu["float32"] > 90
    theirs = Translator.load(run)
    assert theirs.engine_name == "ctranslate2 float32" and not theirs.why_own
    found = theirs.translate([s for s, _ in unseen])
    assert sum(t.text == hyp for t, hyp in zip(found, hyps, strict=True)) >= 99  # searches end differently at times
