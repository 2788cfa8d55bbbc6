"""Text to ids and back: SentencePiece, rows of ids, and sampling of other segmentations. Knows lines, no corpora."""

from nmt.tokenizer.ids import BOS_ID, EOS_ID, PAD_ID, UNK_ID, Ids, RaggedIds, Side
from nmt.tokenizer.tokenizer import Tokenizer, Unseen, fingerprint_of

__all__ = ["BOS_ID", "EOS_ID", "PAD_ID", "UNK_ID", "Ids", "RaggedIds", "Side", "Tokenizer", "Unseen", "fingerprint_of"]
