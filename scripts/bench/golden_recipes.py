"""The recipes that goldens.py runs: a demo, Multi30k, and two tables with a vocabulary for each language."""

# Keys whose defaults may change are spelled out: a new default is not a new behaviour.
COMMON = """\
seed: 1
decode: {beam_size: 4, length_penalty: 1.0, batch_tokens: 4096}
evaluate: {metrics: [bleu, chrf, chrf++, ter], bleu_tokenize: 13a}
"""
TRAIN = """\
  metric: bleu
  clip_norm: 1.0
  weight_decay: 0.1
  ema_decay: 0.99
  average_best: 0
  patience: 0
  keep: 5
  min_learning_rate: 0
  max_steps: 20
  warmup_steps: 5
  schedule: cosine
  eval_every: 10
  save_every: 10
  log_every: 1
  samples: 2
  device: cpu
  precision: fp32
  threads: 1
"""
RECIPES = {
    "demo": """\
name: demo
data:
  source_lang: en
  target_lang: fr
  root: text
  train: {source: train.en, target: train.fr}
  valid: {source: valid.en, target: valid.fr}
  test:
    demo: {source: test.en, target: test.fr}
  prepared_dir: prepared
tokenizer: {kind: bpe, vocab_size: 2400, normalization: nmt_nfkc, character_coverage: 1.0}
model: {preset: tiny, num_encoder_layers: 2, num_decoder_layers: 2, d_model: 64, dropout: 0.05}
train:
  label_smoothing: 0
  batch_tokens: 1024
  optimizer: adamw
  learning_rate: 5e-3
""",
    "multi30k": """\
name: multi30k
data:
  source_lang: en
  target_lang: fr
  root: {multi30k}
  train: {source: train.en.gz, target: train.fr.gz}
  valid: {holdout: 30}
  test:
    flickr: {source: test_2016_flickr.en.gz, target: test_2016_flickr.fr.gz}
  prepared_dir: prepared
tokenizer: {kind: bpe, vocab_size: 4000, normalization: nmt_nfkc, character_coverage: 1.0}
model: {preset: tiny, num_encoder_layers: 1, num_decoder_layers: 1, d_model: 64, d_ff: 128,
  positions: learned, dropout: 0.2}
train:
  label_smoothing: 0.1
  batch_tokens: 1024
  optimizer: muon
  learning_rate: 6e-3
""",
    "table": """\
name: table
data:
  source_lang: en
  target_lang: fr
  root: text
  train:
    - {path: first.tsv, source: 0, target: 1}
    - {path: second.jsonl, source: text.en, target: text.fr}
  valid: {holdout: 30}
  test:
    lines: {source: test.en, target: test.fr}
    rows: {path: test.tsv, source: 1, target: 0}
  filters: {max_chars: 60, max_ratio: 3.0, drop_blank: true, drop_duplicates: true, drop_identical: true}
  prepared_dir: prepared
tokenizer: {kind: bpe, shared: false, vocab_size: 1200, normalization: nmt_nfkc, character_coverage: 1.0, sampling: 0.1}
model:
  {preset: tiny, d_model: 64, d_ff: 96, num_encoder_layers: 2, num_decoder_layers: 1, activation: swiglu,
   norm: post, tie_embeddings: target, dropout: 0.1, attention_dropout: 0.1}
train:
  label_smoothing: 0.1
  batch_tokens: 1100
  max_tokens: 400
  optimizer: muon
  learning_rate: 5e-3
""",
}
