"""What a run can train: one module a task, with its batches and losses."""
