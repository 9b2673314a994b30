"""What a run is judged by: series, summaries, the report."""
