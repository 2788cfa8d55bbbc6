"""Raw text to ids on disk, and ids to batches: corpora, audit, filters, preparing, the plan of an epoch. No models."""
