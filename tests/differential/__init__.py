"""The evaluator of bash launch scripts, judged by real bash."""
