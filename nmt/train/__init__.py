"""The training loop and what it alone needs: loss, optimizer, schedule, ranks, validation."""
